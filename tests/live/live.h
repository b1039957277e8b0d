/* What the programs of this folder share: they make calls and say, one line each, what came out and what it
 * did. Nothing that differs from run to run is said: no numbers of processes, addresses or times. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static inline const char *outcome(long r)
{
	static char text[32];

	if (r >= 0)
		snprintf(text, sizeof(text), "%ld", r);
	else
		snprintf(text, sizeof(text), "%s", strerrorname_np(errno) ? strerrorname_np(errno) : "?");
	return text;
}

static inline void say_stat(const struct stat *st)
{
	printf(" mode=%06o uid=%u gid=%u nlink=%lu", st->st_mode, st->st_uid, st->st_gid,
	        (unsigned long)st->st_nlink);
	if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode))
		printf(" size=%ld", (long)st->st_size);
	if (S_ISCHR(st->st_mode))
		printf(" rdev=%u:%u", major(st->st_rdev), minor(st->st_rdev));
}

static inline void say(const char *label, long r)
{
	printf("%s: %s\n", label, outcome(r));
}

/* A result, and what the path is afterwards. The look itself must not matter where looks are supervised. */
static inline void say_path(const char *label, long r, const char *path)
{
	struct stat st;

	printf("%s: %s", label, outcome(r));
	if (lstat(path, &st) < 0)
		printf(" %s", outcome(-1));
	else
		say_stat(&st);
	putchar('\n');
}

/* A descriptor: its number, flags, what it refers to, where it stands; and is closed. */
static inline void say_fd(const char *label, long fd)
{
	struct stat st;
	char text[24] = "";
	ssize_t n;

	printf("%s: %s", label, outcome(fd));
	if (fd >= 0) {
		printf(" fl=%o cloexec=%d", fcntl((int)fd, F_GETFL), fcntl((int)fd, F_GETFD));
		if (fstat((int)fd, &st) == 0)
			say_stat(&st);
		if (S_ISREG(st.st_mode) && st.st_size > 0 && (fcntl((int)fd, F_GETFL) & O_PATH) == 0) {
			printf(" at=%ld", (long)lseek((int)fd, 0, SEEK_CUR));
			n = pread((int)fd, text, sizeof(text) - 1, 0);
			printf(" text=%s", n < 0 ? outcome(-1) : text);
		}
		close((int)fd);
	}
	putchar('\n');
}

static inline void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) < 0)
		printf("cannot prepare %s: %s\n", path, outcome(-1));
	close(fd);
}

/* Runs `part` in a process of its own and says how that ended. */
static inline void apart(const char *label, void (*part)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		part();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("%s: ends with %d\n", label, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
}

/* Until the task `tid` of this process, or the process, waits for something. */
static inline void until_asleep(pid_t tid)
{
	char path[64], text[256];

	for (int i = 0; i < 120000; i++) {
		char *state = NULL;
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/stat", tid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (n > 0) {
			text[n] = '\0';
			state = strrchr(text, ')');
		}
		if (state && (state[2] == 'S' || state[2] == 'D'))
			return;
		usleep(500);
	}
}
