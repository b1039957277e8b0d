#include "kernel/mates.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
/* Its own clone is made for forks, and breaks what shares memory and starts threads. */
int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#define clone __clone
#endif

#define TAKEN (-1)

/* First the process that made the others. */
static pid_t mates[MATES_MOST];

static bool take(pid_t *place)
{
	pid_t nobody = 0;

	return __atomic_compare_exchange_n(place, &nobody, TAKEN, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static pid_t *find_place(void)
{
	__atomic_store_n(&mates[0], getpid(), __ATOMIC_SEQ_CST);
	for (size_t i = 1; i < MATES_MOST; i++)
		if (take(&mates[i]))
			return &mates[i];
	return NULL;
}

pid_t mates_make(int (*run)(void *argument), void *stack, int flags, void *argument, void *cleared)
{
	pid_t *place = find_place(), pid;

	if (!place)
		return -EAGAIN;
	pid = clone(run, stack, flags | CLONE_VM | CLONE_PARENT_SETTID, argument, place, NULL, cleared);
	if (pid < 0) {
		int error = errno;

		__atomic_store_n(place, 0, __ATOMIC_SEQ_CST);
		return -error;
	}
	return pid;
}

/* One place: the number may be another's by now, which has one more. */
void mates_leave(pid_t pid)
{
	for (size_t i = 1; i < MATES_MOST; i++) {
		pid_t here = pid;

		if (__atomic_compare_exchange_n(
		            &mates[i], &here, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return;
	}
}

size_t mates_list(pid_t ret[MATES_MOST])
{
	pid_t self = getpid();
	bool is_one = false;
	size_t count = 0;

	for (size_t i = 0; i < MATES_MOST; i++) {
		pid_t pid = __atomic_load_n(&mates[i], __ATOMIC_SEQ_CST);

		is_one |= pid == self;
		if (pid > 0)
			ret[count++] = pid;
	}
	/* A fork of one of them has the list, and not the memory. */
	return is_one ? count : 0;
}
