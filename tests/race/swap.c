/* What a pointer leads to is swapped while the call is looked at: the string, the structure, a link, a
 * folder. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

/* Of one length, so that every mixture is one of the two, or no file at all. */
#define GOOD "public"
#define BAD "secret"

struct race {
	char *path; /* what the swapper changes and the opener opens */
	volatile bool over;
	struct counts counts;
};

static void count(struct counts *counts, int fd, const char *how)
{
	int error = errno;

	if (look(fd, how))
		counts->good++;
	else if (error == EACCES)
		counts->refused++;
	else
		counts->other++;
}

static void open_until_over(struct race *race, const char *how)
{
	while (attack_goes_on())
		count(&race->counts, open(race->path, O_RDONLY), how);
	race->over = true;
	window(how, race->counts.good, race->counts.refused);
}

static void *swap_string(void *argument)
{
	struct race *race = argument;
	unsigned seed = 1;

	while (!race->over) {
		memcpy(race->path, BAD, sizeof(BAD) - 1);
		for (unsigned n = rand_r(&seed) % 300; n; n--)
			__asm__ volatile("" ::: "memory");
		memcpy(race->path, GOOD, sizeof(GOOD) - 1);
		for (unsigned n = rand_r(&seed) % 300; n; n--)
			__asm__ volatile("" ::: "memory");
	}
	return NULL;
}

static int swap_string_as_process(void *argument)
{
	swap_string(argument);
	return 0;
}

static void by_thread(void)
{
	static char path[] = GOOD;
	struct race race = {.path = path};
	pthread_t thread;

	pthread_create(&thread, NULL, swap_string, &race);
	open_until_over(&race, "the string is swapped by a thread");
	pthread_join(thread, NULL);
}

static void by_shared_process(void)
{
	static char path[] = GOOD, stack[65536] __attribute__((aligned(16)));
	static struct race race = {.path = path};
	pid_t pid = clone(swap_string_as_process, stack + sizeof(stack), CLONE_VM | SIGCHLD, &race);

	if (pid < 0)
		broken("clone: %s", strerror(errno));
	open_until_over(&race, "the string is swapped by a process with the same memory");
	waitpid(pid, NULL, 0);
}

static void by_shared_page(void)
{
	int fd = memfd_create("page", 0);
	struct race *race;
	pid_t pid;

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		broken("memfd: %s", strerror(errno));
	race = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	race->path = (char *)(race + 1);
	strcpy(race->path, GOOD);
	pid = fork();
	if (pid == 0) {
		swap_string(race);
		_exit(0);
	}
	open_until_over(race, "the string is swapped in a shared page");
	waitpid(pid, NULL, 0);
}

/* The parent writes into its child, which every ptrace restriction allows. */
static void by_written_memory(void)
{
	static char path[] = GOOD;
	static struct race race = {.path = path};
	static char texts[2][sizeof(GOOD)] = {GOOD, BAD};
	pid_t pid = fork();
	unsigned long written = 0;
	int status;

	if (pid == 0) {
		open_until_over(&race, "the string is written by another process");
		_exit(race.counts.good && race.counts.refused ? 0 : ATTACK_NO_WINDOW);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct iovec from = {.iov_base = texts[written & 1], .iov_len = sizeof(GOOD)};
		struct iovec to = {.iov_base = path, .iov_len = sizeof(GOOD)};

		written += process_vm_writev(pid, &from, 1, &to, 1, 0) > 0;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : ATTACK_NO_WINDOW);
	window("memory of a child written", written, written);
}

/* ---- struct open_how: what is asked changes, not where ---- */

static struct open_how shared_how;

static void *swap_how(void *argument)
{
	struct race *race = argument;

	while (!race->over) {
		shared_how.flags = O_RDWR | O_TRUNC;
		for (int n = 0; n < 100; n++)
			__asm__ volatile("" ::: "memory");
		shared_how.flags = O_RDONLY;
		for (int n = 0; n < 100; n++)
			__asm__ volatile("" ::: "memory");
	}
	return NULL;
}

static void structure(void)
{
	struct race race = {0};
	pthread_t thread;

	pthread_create(&thread, NULL, swap_how, &race);
	while (attack_goes_on()) {
		int fd = (int)syscall(
		        SYS_openat2, AT_FDCWD, "../readonly/file", &shared_how, sizeof(shared_how));

		if (fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
			leaked("a read-only file was opened for writing");
		count(&race.counts, fd, "open_how");
	}
	race.over = true;
	pthread_join(thread, NULL);
	window("open_how is swapped", race.counts.good, race.counts.refused);
}

/* ---- names ---- */

static void put_link(const char *to, const char *name)
{
	char temporary[64];

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	unlink(temporary);
	if (symlink(to, temporary) < 0 || rename(temporary, name) < 0)
		broken("link %s: %s", name, strerror(errno));
}

struct names {
	const char *one, *other; /* exchanged with each other */
	const char *path;
	struct counts counts;
	volatile bool over;
};

static void *exchange_names(void *argument)
{
	struct names *names = argument;

	while (!names->over)
		syscall(SYS_renameat2, AT_FDCWD, names->one, AT_FDCWD, names->other, RENAME_EXCHANGE);
	return NULL;
}

static void *open_names(void *argument)
{
	struct names *names = argument;

	while (attack_goes_on())
		count(&names->counts, open(names->path, O_RDONLY), names->path);
	return NULL;
}

static void race_names(struct names *names)
{
	pthread_t swapper, openers[2];

	attack_begin();
	pthread_create(&swapper, NULL, exchange_names, names);
	for (int i = 0; i < 2; i++)
		pthread_create(&openers[i], NULL, open_names, names);
	for (int i = 0; i < 2; i++)
		pthread_join(openers[i], NULL);
	names->over = true;
	pthread_join(swapper, NULL);
	window(names->path, names->counts.good, names->counts.refused);
}

/* A file and a link to the denied file change places, at the end, in the middle and at the start of the path.
 */
static void links(void)
{
	struct names final = {.one = "f1", .other = "f2", .path = "f1"};
	struct names middle = {.one = "m/v1", .other = "m/v2", .path = "m/v1/key"};
	struct names first = {.one = "t1", .other = "t2", .path = "t1/deep/a/b/key"};

	attack_time /= 3;
	close(open("f1", O_CREAT | O_WRONLY, 0644));
	put_link(BAD, "f2");
	race_names(&final);
	mkdir("m", 0755);
	mkdir("m/v1", 0755);
	close(open("m/v1/key", O_CREAT | O_WRONLY, 0644));
	put_link("../vault", "m/v2");
	race_names(&middle);
	mkdir("t1", 0755);
	mkdir("t1/deep", 0755);
	mkdir("t1/deep/a", 0755);
	mkdir("t1/deep/a/b", 0755);
	close(open("t1/deep/a/b/key", O_CREAT | O_WRONLY, 0644));
	put_link("../work", "t2");
	race_names(&first);
}

/* Folders that change places, each with another link inside. */
static void folders(void)
{
	struct names names = {.one = "way1", .other = "way2", .path = "way1/in/key"};
	struct names up = {.one = "up1/x", .other = "up2/deeper/x", .path = "up1/x/../../vault/key"};

	attack_time /= 2;
	mkdir("way1", 0755);
	mkdir("way1/in", 0755);
	close(open("way1/in/key", O_CREAT | O_WRONLY, 0644));
	mkdir("way2", 0755);
	put_link("../vault", "way2/in");
	race_names(&names);
	/* ".." leads elsewhere, depending on where the folder is just now. */
	mkdir("up1", 0755);
	mkdir("up1/x", 0755);
	mkdir("up2", 0755);
	mkdir("up2/deeper", 0755);
	mkdir("up2/deeper/x", 0755);
	mkdir("up2/vault", 0755);
	close(open("up2/vault/key", O_CREAT | O_WRONLY, 0644));
	attack_begin();
	{
		pthread_t swapper;
		int x = open("up1/x", O_PATH);

		pthread_create(&swapper, NULL, exchange_names, &up);
		while (attack_goes_on())
			count(&up.counts, openat(x, "../../vault/key", O_RDONLY), "..");
		up.over = true;
		pthread_join(swapper, NULL);
	}
	window("a folder moves below \"..\"", up.counts.good, up.counts.refused);
}

const struct attack swap_attacks[] = {
        {"swap-thread", by_thread},
        {"swap-process", by_shared_process},
        {"swap-page", by_shared_page},
        {"swap-written", by_written_memory},
        {"swap-how", structure},
        {"swap-links", links},
        {"swap-folders", folders},
        {0},
};
