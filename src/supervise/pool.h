/* The performing threads. One of them waits for the next notification, or a few while several tasks call; the
 * others are spare. When one that waits takes a call that blocks, or is seen to be stuck, a spare takes its place,
 * so that whenever a notification can arrive some thread is waiting. Idle, nothing runs. */
#pragma once

#include "supervise/exchange.h"

struct pool;

/* Starts the threads as children of the calling one: they share its Landlock domain. They serve until no task
 * wears the filter any more. `is_watched`: somebody calls pool_watch. 0 or -errno. */
int pool_start(struct shared *shared, bool is_watched, struct pool **ret);

/* Sees receivers that are stuck in a call nobody knew would block. Returns when the pool has ended. */
void pool_watch(struct pool *pool);

/* Waits until the last target is gone and nobody serves any more. Frees nothing: threads may still be ending. */
void pool_settle(struct pool *pool);

/* Waits until the last target is gone and all threads have ended, then frees. */
void pool_finish(struct pool *pool);

/* Puts another plan in force for the exchanges that begin from now on. `old` (NULL: nothing to free) is freed as
 * soon as no exchange can use it any more, at the next swap or at the end. 0 or -ENOMEM: nothing changed. */
int pool_swap_plan(struct pool *pool, const struct plan *plan, struct plan *old);

/* The worker is about to block: another takes its place before it does. */
void pool_will_block(struct worker *worker);
