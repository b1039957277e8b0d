/* Processes that share our memory. The kernel lets each of them look into every other as into itself: what /proc shows
 * of one is as little for others as what it shows of us. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define MATES_MOST 64

/* A place for the number of a process that is about to be made with our memory: clone writes it there
 * (CLONE_PARENT_SETTID), before that process runs. NULL: there are too many. */
pid_t *mates_place(void);

/* That process is no more, or was not made. */
void mates_leave(pid_t *place);

/* All of them, and we are one: how many. 0: our memory is our own. */
size_t mates_list(pid_t ret[MATES_MOST]);
