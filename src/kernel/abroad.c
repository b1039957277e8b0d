#include "kernel/abroad.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/mates.h"
#include "kernel/process.h"

#define STACK (512 * 1024)
#define GUARD (64 * 1024) /* the largest page that there is */

struct journey {
	void (*run)(void *user);
	void *user;
	pid_t parent;
	bool has_run;
	uint32_t alive; /* the kernel clears it, and wakes, when the process's first thread ends */
};

static int there(void *argument)
{
	struct journey *journey = argument;

	if (process_die_with_parent(journey->parent) < 0)
		return 0;
	prctl(PR_SET_NAME, "reeve-abroad");
	journey->has_run = true;
	journey->run(journey->user);
	/* The end of this thread alone: others may be about to end by themselves. */
	return 0;
}

/* Until then our thread-local storage is not ours: only the last of these calls fails, which sets errno. */
__attribute__((noinline, no_sanitize("address", "undefined", "thread"))) static void sleep_until_back(
        struct journey *journey)
{
	uint32_t alive;

	while ((alive = __atomic_load_n(&journey->alive, __ATOMIC_ACQUIRE)))
		syscall(SYS_futex, &journey->alive, FUTEX_WAIT, alive, NULL, NULL, 0);
}

static int go(struct journey *journey, char *stack)
{
	int status = 0;
	pid_t pid = mates_make(
	        there, stack + STACK, CLONE_FILES | CLONE_CHILD_CLEARTID, journey, &journey->alive);

	if (pid < 0)
		return pid;
	sleep_until_back(journey);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	mates_leave(pid);
	if (WIFSIGNALED(status))
		kill(getpid(), SIGKILL);
	return journey->has_run ? 0 : -ESRCH;
}

int abroad_run(void (*run)(void *user), void *user)
{
	struct journey journey = {.run = run, .user = user, .parent = getpid(), .alive = 1};
	/* Not a part of our own: how much of that there is, is the program's to say. */
	char *stack =
	        mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int r;

	if (stack == MAP_FAILED)
		return -errno;
	r = mprotect(stack, GUARD, PROT_NONE) < 0 ? -errno : go(&journey, stack);
	munmap(stack, STACK);
	return r;
}
