#include "kernel/mates.h"

#include <stdbool.h>
#include <unistd.h>

#define TAKEN (-1)

/* First the process that made the others. */
static pid_t mates[MATES_MOST];

static bool take(pid_t *place)
{
	pid_t nobody = 0;

	return __atomic_compare_exchange_n(place, &nobody, TAKEN, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

pid_t *mates_place(void)
{
	__atomic_store_n(&mates[0], getpid(), __ATOMIC_SEQ_CST);
	for (size_t i = 1; i < MATES_MOST; i++)
		if (take(&mates[i]))
			return &mates[i];
	return NULL;
}

void mates_leave(pid_t *place)
{
	__atomic_store_n(place, 0, __ATOMIC_SEQ_CST);
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
