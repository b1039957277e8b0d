/* Counts of a run: by operation and outcome, and the slowest call. Adding is atomic and takes no lock unless
 * a call is the slowest so far. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "syscalls/table.h"

enum counts_outcome {
	COUNTS_ALLOWED,
	COUNTS_DENIED,
	COUNTS_HIDDEN,
	COUNTS_KILLED,
	COUNTS_REFUSED,
	COUNTS_PERMITTED, /* refused by the policy, and done all the same */
	COUNTS_OUTCOMES,
};

#define COUNTS_ROWS (SYSCALLS_OPERATIONS + 1) /* the last one: operations of another name */

struct counts_slowest {
	uint64_t nanoseconds;
	const char *operation; /* a constant; NULL: nothing was timed */
	char call[32], object[4096];
};

struct counts {
	const char *names[COUNTS_ROWS];
	atomic_uint_fast64_t by[COUNTS_ROWS][COUNTS_OUTCOMES];
	atomic_uint_fast64_t notifications, timed, nanoseconds, slowest_nanoseconds;
	pthread_mutex_t lock; /* of slowest */
	struct counts_slowest slowest;
};

void counts_init(struct counts *counts);
void counts_done(struct counts *counts);

/* `call` and `object` may be NULL; nanoseconds 0: not timed. */
void counts_add(struct counts *counts, const char *operation, enum counts_outcome outcome,
        uint64_t nanoseconds, const char *call, const char *object);

uint64_t counts_total(const struct counts *counts, enum counts_outcome outcome);
void counts_slowest(struct counts *counts, struct counts_slowest *ret);

/* "allowed", ... */
const char *counts_outcome_name(enum counts_outcome outcome);
