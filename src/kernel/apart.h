/* Threads with descriptor tables of their own: what others open, close and wait for the end of is none of theirs. */
#pragma once

#include <pthread.h>
#include <stddef.h>

/* Starts a thread with all signals blocked and, of the calling one's descriptors, copies of these `count` alone, sorted
 * and under the same numbers. It has them when this returns: the caller may close its own. 0 or -errno. */
int apart_start(const int *keep, size_t count, void *(*run)(void *user), void *user, pthread_t *ret);
