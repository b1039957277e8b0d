#include "kernel/process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/listing.h"
#include "base/watched.h"

int process_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

int process_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

void process_signal_thread(pid_t process, pid_t thread, int signal)
{
	syscall(SYS_tgkill, process, thread, signal);
}

int process_file_limit(pid_t tid, uint64_t *ret)
{
	struct rlimit limit;

	if (prlimit(tid, RLIMIT_FSIZE, NULL, &limit) < 0)
		return -errno;
	*ret = limit.rlim_cur;
	return 0;
}

pid_t process_copy(int end_signal)
{
	pid_t pid = (pid_t)syscall(SYS_clone, end_signal, NULL, NULL, NULL, NULL);

	return pid < 0 ? -errno : pid;
}

#define CHILD_STACK (64 * 1024)

struct running {
	void (*run)(void *user);
	void *user;
};

static int run_in_child(void *argument)
{
	const struct running *running = argument;

	running->run(running->user);
	_exit(1);
}

pid_t process_run(bool in_our_memory, void (*run)(void *user), void *user)
{
	struct running running = {run, user};
	char stack[CHILD_STACK] __attribute__((aligned(16)));
	pid_t pid = in_our_memory && !MEMORY_IS_WATCHED ? clone(run_in_child, stack + sizeof(stack),
	                                                          CLONE_VM | CLONE_VFORK | SIGCHLD, &running)
	                                                : fork();

	if (pid == 0)
		run_in_child(&running);
	return pid < 0 ? -errno : pid;
}

void process_hide_memory(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int process_become_reaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int process_die_with_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

ssize_t process_read(pid_t pid, const char *what, char *ret, size_t size)
{
	char path[64];
	AUTO_CLOSE int fd = -EBADF;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return n;
}

pid_t process_parent(pid_t pid)
{
	char text[512];
	const char *after;
	int parent;

	if (process_read(pid, "stat", text, sizeof(text)) <= 0)
		return -ESRCH;
	after = strrchr(text, ')');
	if (!after || sscanf(after + 1, " %*c %d", &parent) != 1)
		return -ESRCH;
	return parent;
}

char process_state(pid_t tid)
{
	char text[512];
	const char *after;

	if (process_read(tid, "stat", text, sizeof(text)) <= 0)
		return '\0';
	after = strrchr(text, ')');
	return after && after[1] == ' ' ? after[2] : '\0';
}

/* Who ends a tree may have to do so while a lock of the heap is held by somebody that was killed: nothing
 * here allocates, but from the kernel. */
struct family {
	struct member {
		pid_t pid, parent;
		bool is_below; /* the root */
	} * members;
	size_t count, size;
};

static int grow_family(struct family *family)
{
	size_t size = family->size ? 2 * family->size : 1024, bytes = sizeof(*family->members);
	void *grown = family->size
	                      ? mremap(family->members, family->size * bytes, size * bytes, MREMAP_MAYMOVE)
	                      : mmap(NULL, size * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                                -1, 0);

	if (grown == MAP_FAILED)
		return -ENOMEM;
	family->members = grown;
	family->size = size;
	return 0;
}

static void free_family(struct family *family)
{
	if (family->size)
		munmap(family->members, family->size * sizeof(*family->members));
}

static int add_member(struct family *family, pid_t pid)
{
	pid_t parent = process_parent(pid);

	if (parent < 0)
		return 0;
	if (family->count == family->size && grow_family(family) < 0)
		return -ENOMEM;
	family->members[family->count++] = (struct member){.pid = pid, .parent = parent};
	return 0;
}

static bool is_below(const struct family *family, pid_t root, pid_t parent)
{
	if (parent == root)
		return true;
	for (size_t i = 0; i < family->count; i++)
		if (family->members[i].pid == parent)
			return family->members[i].is_below;
	return false;
}

/* A parent's number may be the higher one: again until nothing is new. */
static void mark(struct family *family, pid_t root)
{
	bool is_news = true;

	while (is_news) {
		is_news = false;
		for (size_t i = 0; i < family->count; i++) {
			struct member *member = &family->members[i];

			if (member->is_below || !is_below(family, root, member->parent))
				continue;
			member->is_below = is_news = true;
		}
	}
}

/* All that are below the root now; the caller frees them. */
static void find_family(struct family *family, pid_t root)
{
	AUTO_CLOSE int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct listing listing;
	const char *name;

	listing_begin(proc, &listing);
	while ((name = listing_next(&listing)))
		if (isdigit((unsigned char)*name) && add_member(family, (pid_t)atoi(name)) < 0)
			break;
	mark(family, root);
}

void process_signal_descendants(int signal)
{
	struct family family = {0};

	find_family(&family, getpid());
	for (size_t i = 0; i < family.count; i++)
		if (family.members[i].is_below)
			kill(family.members[i].pid, signal);
	free_family(&family);
}

/* A list of numbers in /proc, taken apart as it is read. */
struct numbers {
	int fd;
	size_t at, size;
	char buffer[1024];
};

/* -1: there is no more. */
static int next_byte(struct numbers *numbers)
{
	if (numbers->at == numbers->size) {
		ssize_t n = read(numbers->fd, numbers->buffer, sizeof(numbers->buffer));

		if (n <= 0)
			return -1;
		numbers->at = 0;
		numbers->size = (size_t)n;
	}
	return (unsigned char)numbers->buffer[numbers->at++];
}

static bool next_number(struct numbers *numbers, pid_t *ret)
{
	int byte = next_byte(numbers);
	pid_t number = 0;

	while (byte == ' ' || byte == '\n')
		byte = next_byte(numbers);
	if (!isdigit(byte))
		return false;
	for (; isdigit(byte); byte = next_byte(numbers))
		number = 10 * number + (byte - '0');
	*ret = number;
	return true;
}

/* As the kernel lists them. */
static void open_children(pid_t process, struct numbers *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", process, process);
	ret->fd = open(path, O_RDONLY | O_CLOEXEC);
	ret->at = ret->size = 0;
}

/* The children that we have by now: much faster than a look at every process, so that one which forks and
 * ends again and again is caught. */
static void kill_listed_children(void)
{
	struct numbers children;
	pid_t pid;

	open_children(getpid(), &children);
	while (next_number(&children, &pid))
		if (pid > 1)
			kill(pid, SIGKILL);
	cleanup_close(&children.fd);
}

void process_kill_descendants(void)
{
	const struct timespec moment = {.tv_nsec = 500000};

	/* As long as any of them lives, the first of its line is our child: only having none is the end. */
	for (unsigned round = 0;; round++) {
		pid_t pid;

		/* Their ends make those of them that live on our children. */
		if (round % 16 == 0)
			process_signal_descendants(SIGKILL);
		kill_listed_children();
		while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return;
		if (round % 16 == 15)
			nanosleep(&moment, NULL);
	}
}

/* Somebody else reaps them: a number is only good once the process behind it is held and is still what it
 * was. */
static void kill_held(pid_t pid, pid_t parent)
{
	AUTO_CLOSE int fd = process_open(pid);

	if (fd >= 0 && process_parent(pid) == parent)
		process_signal(fd, SIGKILL);
}

/* Whether there were any. */
static bool kill_family(pid_t root)
{
	struct family family = {0};
	bool found = false;

	find_family(&family, root);
	for (size_t i = 0; i < family.count; i++) {
		if (!family.members[i].is_below)
			continue;
		found = true;
		kill_held(family.members[i].pid, family.members[i].parent);
	}
	free_family(&family);
	return found;
}

static void kill_children_of(pid_t root)
{
	struct numbers children;
	pid_t pid;

	open_children(root, &children);
	while (next_number(&children, &pid))
		kill_held(pid, root);
	cleanup_close(&children.fd);
}

void process_kill_below(pid_t root)
{
	const struct timespec moment = {.tv_nsec = 500000};

	for (unsigned round = 0;; round++) {
		if (round % 16 == 0 && !kill_family(root))
			return;
		kill_children_of(root);
		if (round % 16 == 15)
			nanosleep(&moment, NULL);
	}
}

int process_switches(pid_t pid, unsigned long *ret)
{
	const struct timespec moment = {.tv_nsec = 500000};
	char text[8192];
	const char *voluntary, *other;

	/* "0" is one that is still on a processor, or waits for one. */
	for (int i = 0; i < 20 && process_read(pid, "wchan", text, sizeof(text)) == 1 && text[0] == '0'; i++)
		nanosleep(&moment, NULL);
	if (process_read(pid, "status", text, sizeof(text)) <= 0)
		return -ESRCH;
	voluntary = strstr(text, "\nvoluntary_ctxt_switches:");
	other = strstr(text, "\nnonvoluntary_ctxt_switches:");
	if (!voluntary || !other)
		return -EIO;
	*ret = strtoul(strchr(voluntary, ':') + 1, NULL, 10) + strtoul(strchr(other, ':') + 1, NULL, 10);
	return 0;
}
