/* A program that must not run. What counts is whether it says its first line. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

#define DENIED "denied-program"
#define ALLOWED "allowed-program"

struct ran {
	bool said;  /* what an allowed program says */
	int error;  /* the exec's errno */
	int signal; /* that ended it */
};

/* Runs `start`, which execs, in a process of its own. */
static struct ran run(void (*start)(void), const char *how)
{
	struct ran ran = {0};
	int out[2], status;
	char text[512];
	ssize_t n, all = 0;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		broken("pipe");
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		start();
		_exit(errno < 120 ? 100 + errno : 100);
	}
	close(out[1]);
	while ((n = read(out[0], text + all, sizeof(text) - 1 - (size_t)all)) > 0)
		all += n;
	close(out[0]);
	if (memmem(text, (size_t)all, MARKER, strlen(MARKER)))
		leaked("the denied program ran: %s", how);
	waitpid(pid, &status, 0);
	ran.said = memmem(text, (size_t)all, "allowed", 7) != NULL;
	ran.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	ran.error = WIFEXITED(status) && WEXITSTATUS(status) > 100 ? WEXITSTATUS(status) - 100 : 0;
	return ran;
}

static char *const none[] = {NULL};
static const char *program;

static void plain(void)
{
	execve(program, (char *const[]){(char *)program, NULL}, none);
}

static void by_dirfd(void)
{
	int here = open(".", O_PATH);

	syscall(SYS_execveat, here, program, none, none, 0);
	syscall(SYS_execveat, here, program, none, none, AT_SYMLINK_NOFOLLOW);
}

static void by_descriptor(void)
{
	int fd = open(program, O_PATH);

	syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
}

static void by_proc(void)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open(program, O_PATH));
	execve(path, none, none);
	snprintf(path, sizeof(path), "/dev/fd/%d", open(program, O_PATH));
	execve(path, none, none);
}

static void by_loader(void)
{
	static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"};

	for (int i = 0; i < 2; i++)
		execve(loaders[i], (char *const[]){(char *)loaders[i], (char *)program, NULL}, none);
}

/* A copy needs reading. */
static void by_copy(void)
{
	int from = open(program, O_RDONLY), to = memfd_create("copy", 0);
	char bytes[65536];
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)n) != n)
			return;
	if (from >= 0)
		syscall(SYS_execveat, to, "", none, none, AT_EMPTY_PATH);
}

static void by_shell(void)
{
	execl("/bin/sh", "sh", "-c", "exec ./" DENIED, NULL);
}

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0755);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		broken("%s: %s", name, strerror(errno));
	close(fd);
}

/* Our own program, with another name where its loader's stands. False when it has no loader. */
static bool write_with_loader(const char *name, const char *loader)
{
	int fd = open("/proc/self/exe", O_RDONLY), out;
	struct stat st;
	bool done = false;
	unsigned char *bytes;

	if (fd < 0 || fstat(fd, &st) < 0)
		broken("/proc/self/exe: %s", strerror(errno));
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		broken("mmap: %s", strerror(errno));
	for (int i = 0; i < ((Elf64_Ehdr *)bytes)->e_phnum; i++) {
		Elf64_Phdr *head = (Elf64_Phdr *)(bytes + ((Elf64_Ehdr *)bytes)->e_phoff) + i;

		if (head->p_type != PT_INTERP || head->p_filesz <= strlen(loader))
			continue;
		memset(bytes + head->p_offset, 0, head->p_filesz);
		memcpy(bytes + head->p_offset, loader, strlen(loader));
		done = true;
	}
	out = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	if (write(out, bytes, (size_t)st.st_size) != st.st_size)
		broken("%s: %s", name, strerror(errno));
	close(out);
	close(fd);
	return done;
}

static void loader(void)
{
	if (!write_with_loader("patched", "./" DENIED))
		return tell("this program has no loader");
	program = "./patched";
	run(plain, "as the loader of another program");
}

static void programs(void)
{
	static const struct {
		void (*start)(void);
		const char *how;
	} ways[] = {{plain, "execve"}, {by_dirfd, "execveat"}, {by_descriptor, "AT_EMPTY_PATH"},
	        {by_proc, "/proc/self/fd"}, {by_loader, "the loader"}, {by_copy, "a copy in memory"},
	        {by_shell, "the shell"}};
	struct ran ran;

	program = DENIED;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		run(ways[i].start, ways[i].how);
	unlink("p");
	if (symlink(DENIED, "p") < 0)
		broken("symlink");
	program = "p";
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		run(ways[i].start, "through a link");
	write_file("script", "#!./" DENIED "\n");
	program = "./script";
	run(plain, "as a script's interpreter");
	write_file("script2", "#!./script\n");
	program = "./script2";
	run(plain, "as a script's script's interpreter");
	write_file("script3", "#!./p x\n");
	program = "./script3";
	run(plain, "as a script's interpreter, through a link");
	loader();
	program = ALLOWED;
	ran = run(plain, "allowed");
	if (!ran.said)
		broken("the allowed program did not run: %s", strerror(ran.error));
}

/* ---- in races ---- */

static volatile bool over;

static void *exchange(void *argument)
{
	while (!over)
		syscall(SYS_renameat2, AT_FDCWD, "e1", AT_FDCWD, "e2", 2);
	return NULL;
}

static void count(const struct ran *ran, struct counts *counts)
{
	if (ran->said)
		counts->good++;
	else if (ran->error == EACCES)
		counts->refused++;
	else if (ran->signal == SIGKILL)
		counts->other++;
}

static void programs_race(void)
{
	struct counts counts = {0};
	pthread_t thread;

	unlink("e1");
	unlink("e2");
	if (symlink(ALLOWED, "e1") < 0 || symlink(DENIED, "e2") < 0)
		broken("symlink");
	program = "e1";
	pthread_create(&thread, NULL, exchange, NULL);
	while (attack_goes_on()) {
		struct ran ran = run(plain, "swapped in a race");

		count(&ran, &counts);
	}
	over = true;
	pthread_join(thread, NULL);
	tell("ended before their first instruction: %lu", counts.other);
	window("programs in a race: ran, refused or ended", counts.good, counts.refused + counts.other);
}

static char shared_path[] = "./ap";

static void *swap_path(void *argument)
{
	unsigned seed = 3;

	/* As long the one as the other: whoever is stopped at any place leaves either. */
	while (!over) {
		shared_path[2] = 'd';
		for (unsigned n = rand_r(&seed) % 400; n; n--)
			__asm__ volatile("" ::: "memory");
		shared_path[2] = 'a';
		for (unsigned n = rand_r(&seed) % 400; n; n--)
			__asm__ volatile("" ::: "memory");
	}
	return NULL;
}

static int exec_shared(void *argument)
{
	dup2(*(int *)argument, 1);
	execve(shared_path, none, none);
	_exit(errno == EACCES ? 1 : 2);
}

/* The string is in memory that the caller's process shares. */
static void path_race(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct counts counts = {0};
	pthread_t thread;

	unlink("ap");
	unlink("dp");
	if (symlink(ALLOWED, "ap") < 0 || symlink(DENIED, "dp") < 0)
		broken("symlink");
	pthread_create(&thread, NULL, swap_path, NULL);
	while (attack_goes_on()) {
		char text[128];
		int out[2], status;
		ssize_t n;
		pid_t pid;

		if (pipe2(out, O_CLOEXEC) < 0)
			broken("pipe");
		pid = clone(exec_shared, stack + sizeof(stack), CLONE_VM | SIGCHLD, &out[1]);
		waitpid(pid, &status, 0);
		close(out[1]);
		n = read(out[0], text, sizeof(text));
		close(out[0]);
		if (n > 0 && memmem(text, (size_t)n, MARKER, strlen(MARKER)))
			leaked("the denied program ran: its path was swapped");
		counts.good += n > 0;
		counts.refused += WIFEXITED(status) && WEXITSTATUS(status) == 1;
		counts.other += WIFSIGNALED(status);
	}
	over = true;
	pthread_join(thread, NULL);
	window("swapped program paths: ran, refused or ended", counts.good, counts.refused + counts.other);
	tell("ended before their first instruction: %lu", counts.other);
}

/* ---- traced by a sibling, which could hold it where it wants ---- */

static void traced(void)
{
	static const char *const programs[] = {DENIED, ALLOWED, "./script"};

	write_file("script", "#!./" DENIED "\n");
	for (int i = 0; i < 3; i++) {
		int out[2], status;
		char text[128];
		ssize_t n;
		pid_t pid;

		if (pipe2(out, O_CLOEXEC) < 0)
			broken("pipe");
		pid = fork();
		if (pid == 0) {
			dup2(out[1], 1);
			if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
				_exit(3);
			raise(SIGSTOP);
			execve(programs[i], none, none);
			_exit(errno == EACCES ? 1 : 2);
		}
		close(out[1]);
		while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, pid, 0, 0);
		n = read(out[0], text, sizeof(text));
		close(out[0]);
		if (n > 0 && memmem(text, (size_t)n, MARKER, strlen(MARKER)))
			leaked("%s ran while traced", programs[i]);
		tell("traced %s: %s", programs[i],
		        n > 0                                           ? "ran"
		        : WIFEXITED(status) && WEXITSTATUS(status) == 1 ? "refused"
		                                                        : "ended");
	}
}

/* Several threads exec at once; only one can win, and only what is allowed. */
static void *exec_thread(void *argument)
{
	execve(argument, none, none);
	return NULL;
}

static void exec_from_threads(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, exec_thread, (void *)(i & 1 ? "e1" : "e2"));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void threads_race(void)
{
	struct counts counts = {0};
	pthread_t thread;

	unlink("e1");
	unlink("e2");
	if (symlink(ALLOWED, "e1") < 0 || symlink(DENIED, "e2") < 0)
		broken("symlink");
	pthread_create(&thread, NULL, exchange, NULL);
	while (attack_goes_on()) {
		struct ran ran = run(exec_from_threads, "one of several threads");

		counts.good += ran.said;
		counts.refused += !ran.said;
	}
	over = true;
	pthread_join(thread, NULL);
	window("threads that exec at once: ran, began", counts.good, counts.good + counts.refused);
}

/* Killed as it begins: while it is looked at, it belongs to whoever looks, and its parent must hear all the
 * same. */

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}, NULL);
}

/* The status of a child that must end now. */
static int end_of(pid_t pid)
{
	int status;

	for (int i = 0; i < 5000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		sleep_us(i < 200 ? 50 : 1000);
	}
	leaked("a program that was killed as it began is kept from its parent");
}

static pid_t begin_allowed(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		program = ALLOWED;
		dup2(open("/dev/null", O_WRONLY), 1);
		plain();
		_exit(100);
	}
	return pid;
}

static long us_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000;
}

static void killed_as_it_begins(void)
{
	struct counts counts = {0};
	long whole = 1000; /* how long one takes that is let be, by and by */

	for (unsigned seed = 1; attack_goes_on(); seed = seed * 1103515245 + 12345) {
		struct timespec start;
		int status;
		pid_t pid;

		clock_gettime(CLOCK_MONOTONIC, &start);
		pid = begin_allowed();
		if (seed >> 16 & 7) {
			sleep_us((long)(seed >> 20) * whole / 4096);
			kill(pid, SIGKILL);
		}
		status = end_of(pid);
		if (WIFEXITED(status))
			whole += (us_since(&start) - whole) / 8;
		counts.good += WIFEXITED(status);
		counts.refused += WIFSIGNALED(status);
	}
	window("programs that begin: ran to their end, were killed", counts.good, counts.refused);
}

const struct attack exec_attacks[] = {
        {"exec", programs},
        {"exec-loader", loader},
        {"exec-race", programs_race},
        {"exec-path-race", path_race},
        {"exec-traced", traced},
        {"exec-threads", threads_race},
        {"exec-killed", killed_as_it_begins},
        {0},
};
