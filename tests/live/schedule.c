/* Priorities, placement and limits: of the caller, of a child, of a thread, of nobody. */
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "live.h"

#define WHO_PROCESS 1 /* of ioprio_set */

struct attributes { /* struct sched_attr as it was first */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static long on(const char *who, const char *what, long r)
{
	printf("%s %s: %s\n", who, what, outcome(r));
	return r;
}

static void place(const char *who, pid_t pid)
{
	unsigned long mask = 1, none = 0, wide[32] = {1};

	on(who, "affinity", syscall(SYS_sched_setaffinity, pid, sizeof(mask), &mask));
	on(who, "affinity, wide", syscall(SYS_sched_setaffinity, pid, sizeof(wide), wide));
	on(who, "affinity, short", syscall(SYS_sched_setaffinity, pid, 1, &mask));
	on(who, "affinity, none", syscall(SYS_sched_setaffinity, pid, sizeof(none), &none));
	on(who, "affinity, no mask", syscall(SYS_sched_setaffinity, pid, sizeof(mask), NULL));
	on(who, "affinity, bad mask", syscall(SYS_sched_setaffinity, pid, sizeof(mask), (void *)8));
	mask = 0;
	on(who, "affinity is", syscall(SYS_sched_getaffinity, pid, sizeof(mask), &mask) > 0);
	printf("%s: %#lx\n", who, mask);
}

static void rank(const char *who, pid_t pid)
{
	struct sched_param param = {0};

	on(who, "nice", syscall(SYS_setpriority, PRIO_PROCESS, pid, 3));
	on(who, "nicer", syscall(SYS_setpriority, PRIO_PROCESS, pid, 5));
	on(who, "nice is", syscall(SYS_getpriority, PRIO_PROCESS, pid));
	on(who, "i/o", syscall(SYS_ioprio_set, WHO_PROCESS, pid, 2 << 13 | 6));
	on(who, "i/o idle", syscall(SYS_ioprio_set, WHO_PROCESS, pid, 3 << 13));
	on(who, "i/o wrong", syscall(SYS_ioprio_set, WHO_PROCESS, pid, 7 << 13));
	on(who, "i/o is", syscall(SYS_ioprio_get, WHO_PROCESS, pid));
	on(who, "batch", syscall(SYS_sched_setscheduler, pid, SCHED_BATCH, &param));
	on(who, "policy is", syscall(SYS_sched_getscheduler, pid));
	on(who, "wrong policy", syscall(SYS_sched_setscheduler, pid, 77, &param));
	on(who, "no parameters", syscall(SYS_sched_setscheduler, pid, SCHED_BATCH, NULL));
	on(who, "bad parameters", syscall(SYS_sched_setscheduler, pid, SCHED_BATCH, (void *)8));
	on(who, "parameters", syscall(SYS_sched_setparam, pid, &param));
	param.sched_priority = 9;
	on(who, "wrong parameters", syscall(SYS_sched_setparam, pid, &param));
}

static void attribute(const char *who, pid_t pid)
{
	struct attributes attributes = {.size = sizeof(attributes), .policy = SCHED_OTHER, .nice = 7};
	struct {
		struct attributes known;
		uint64_t more[4];
	} larger = {{.size = sizeof(larger), .nice = 8}, {0}};

	on(who, "attributes", syscall(SYS_sched_setattr, pid, &attributes, 0));
	on(who, "nice is", syscall(SYS_getpriority, PRIO_PROCESS, pid));
	attributes.size = 0;
	attributes.nice = 9;
	on(who, "attributes, size 0", syscall(SYS_sched_setattr, pid, &attributes, 0));
	on(who, "nice is", syscall(SYS_getpriority, PRIO_PROCESS, pid));
	attributes.size = 12;
	on(who, "attributes, short", syscall(SYS_sched_setattr, pid, &attributes, 0));
	on(who, "attributes, larger", syscall(SYS_sched_setattr, pid, &larger, 0));
	larger.more[3] = 1;
	on(who, "attributes, unknown", syscall(SYS_sched_setattr, pid, &larger, 0));
	on(who, "attributes, flags", syscall(SYS_sched_setattr, pid, &larger, 1));
	on(who, "no attributes", syscall(SYS_sched_setattr, pid, NULL, 0));
	on(who, "bad attributes", syscall(SYS_sched_setattr, pid, (void *)8, 0));
}

static void limit(const char *who, pid_t pid)
{
	struct rlimit new = {100, 200}, wrong = {2, 1}, old = {0};

	on(who, "limit", syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &new, &old));
	new.rlim_cur = 90;
	on(who, "limit", syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &new, &old));
	printf("%s: it was %lu, %lu\n", who, (unsigned long)old.rlim_cur, (unsigned long)old.rlim_max);
	on(who, "limit, wrong", syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &wrong, &old));
	on(who, "limit, unknown", syscall(SYS_prlimit64, pid, 99, &new, &old));
	on(who, "limit, bad", syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, (void *)8, &old));
	on(who, "limit, nowhere to tell", syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &new, (void *)8));
	on(who, "limit is", syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, &old));
	printf("%s: it is %lu, %lu\n", who, (unsigned long)old.rlim_cur, (unsigned long)old.rlim_max);
}

static void all(const char *who, pid_t pid)
{
	place(who, pid);
	rank(who, pid);
	attribute(who, pid);
	limit(who, pid);
}

static void own(void)
{
	all("zero", 0);
}

static void by_number(void)
{
	all("own number", getpid());
}

static int ends[2];

static void *wait_for_end(void *ret_tid)
{
	char byte;

	*(pid_t *)ret_tid = (pid_t)syscall(SYS_gettid);
	if (write(ends[1], "", 1) != 1 || read(ends[0], &byte, 0) < 0)
		printf("no pipe\n");
	pause();
	return NULL;
}

static void of_thread(void)
{
	pthread_t thread;
	pid_t tid = 0;
	char byte;

	if (pipe(ends) < 0 || pthread_create(&thread, NULL, wait_for_end, &tid) != 0 ||
	        read(ends[0], &byte, 1) != 1)
		printf("no thread\n");
	all("thread", tid);
}

static void of_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	all("child", pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	all("nobody", pid);
}

static void of_grandchild(void)
{
	int pipe_fds[2];
	pid_t pid = -1;

	if (pipe(pipe_fds) < 0)
		return;
	if (fork() == 0) {
		pid = fork();
		if (pid == 0)
			for (;;)
				pause();
		_exit(write(pipe_fds[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	wait(NULL); /* it belongs to somebody else now */
	if (read(pipe_fds[0], &pid, sizeof(pid)) != sizeof(pid))
		printf("no grandchild\n");
	all("grandchild", pid);
	kill(pid, SIGKILL);
}

static void of_nobody(void)
{
	all("minus one", -1);
}

static void inside_numbers(void)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		all("first of its numbers", 1);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(void)
{
	apart("zero", own);
	apart("own number", by_number);
	apart("thread", of_thread);
	apart("child", of_child);
	apart("grandchild", of_grandchild);
	apart("nobody", of_nobody);
	if (getuid() != 0)
		apart("numbers", inside_numbers);
	return 0;
}
