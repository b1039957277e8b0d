#include "record/counts.h"

#include <stdio.h>
#include <string.h>

void counts_init(struct counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	for (int i = 0; i < SYSCALLS_OPERATIONS; i++)
		counts->names[i] = syscalls_operation_name(i);
	counts->names[SYSCALLS_OPERATIONS] = "other";
	pthread_mutex_init(&counts->lock, NULL);
}

void counts_done(struct counts *counts)
{
	pthread_mutex_destroy(&counts->lock);
}

/* Callers pass the very constants of the table: comparing pointers nearly always ends it. */
static size_t row_of(const struct counts *counts, const char *operation)
{
	if (!operation)
		return SYSCALLS_OPERATIONS;
	for (size_t i = 0; i < SYSCALLS_OPERATIONS; i++)
		if (counts->names[i] == operation)
			return i;
	for (size_t i = 0; i < SYSCALLS_OPERATIONS; i++)
		if (strcmp(counts->names[i], operation) == 0)
			return i;
	return SYSCALLS_OPERATIONS;
}

static void note_slowest(struct counts *counts, const char *operation, uint64_t nanoseconds, const char *call,
        const char *object)
{
	pthread_mutex_lock(&counts->lock);
	if (nanoseconds > counts->slowest.nanoseconds) {
		counts->slowest.nanoseconds = nanoseconds;
		counts->slowest.operation = operation;
		snprintf(counts->slowest.call, sizeof(counts->slowest.call), "%s", call ? call : "");
		snprintf(counts->slowest.object, sizeof(counts->slowest.object), "%s", object ? object : "");
		atomic_store_explicit(&counts->slowest_nanoseconds, nanoseconds, memory_order_relaxed);
	}
	pthread_mutex_unlock(&counts->lock);
}

void counts_add(struct counts *counts, const char *operation, enum counts_outcome outcome,
        uint64_t nanoseconds, const char *call, const char *object)
{
	size_t row = row_of(counts, operation);

	atomic_fetch_add_explicit(&counts->by[row][outcome], 1, memory_order_relaxed);
	if (nanoseconds == 0)
		return;
	atomic_fetch_add_explicit(&counts->timed, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&counts->nanoseconds, nanoseconds, memory_order_relaxed);
	if (nanoseconds > atomic_load_explicit(&counts->slowest_nanoseconds, memory_order_relaxed))
		note_slowest(counts, counts->names[row], nanoseconds, call, object);
}

uint64_t counts_total(const struct counts *counts, enum counts_outcome outcome)
{
	uint64_t total = 0;

	for (size_t i = 0; i < COUNTS_ROWS; i++)
		total += atomic_load(&counts->by[i][outcome]);
	return total;
}

void counts_slowest(struct counts *counts, struct counts_slowest *ret)
{
	pthread_mutex_lock(&counts->lock);
	*ret = counts->slowest;
	pthread_mutex_unlock(&counts->lock);
}

const char *counts_outcome_name(enum counts_outcome outcome)
{
	static const char *const names[] = {"allowed", "denied", "hidden", "killed", "refused", "permitted"};

	return names[outcome];
}
