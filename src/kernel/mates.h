/* Processes that share our memory. The kernel lets each of them look into every other as into itself: what /proc shows
 * of one is as little for others as what it shows of us. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define MATES_MOST 64

/* Makes one that runs `run`, from the top of `stack` down: the process or -errno (-EAGAIN: there are too many). `flags`
 * are those of clone beside the memory; `cleared` is for CLONE_CHILD_CLEARTID, or NULL. It is in the list before it
 * runs. */
pid_t mates_make(int (*run)(void *argument), void *stack, int flags, void *argument, void *cleared);

/* That process is no more. */
void mates_leave(pid_t pid);

/* All of them, and we are one: how many. 0: our memory is our own. */
size_t mates_list(pid_t ret[MATES_MOST]);
