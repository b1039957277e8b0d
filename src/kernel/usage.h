/* What the processes below one use together: below the calling one, or below another that only waits for them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
	uint64_t tasks;    /* processes and threads; those that have ended and wait for their parents are none */
	uint64_t cpu;      /* milliseconds, with what was used by children that were waited for */
	uint64_t resident; /* bytes; what several share is counted for each */
};

/* 0 or -errno. */
int usage_measure(pid_t root, struct usage *ret);

/* Bytes in memory that belong to no file, what several share counted once. As far as this process may look.
 * 0 or -errno. */
int usage_memory(pid_t root, uint64_t *ret);

/* Tasks of a user on the whole machine, as far as they can be seen. */
uint64_t usage_tasks_of(uid_t uid);
