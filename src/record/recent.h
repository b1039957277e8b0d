/* The last records, as lines, for whoever looks at a running supervision. Whoever follows and is too slow
 * loses the oldest, and is told how many: nobody is held up. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RECENT_LINES 512

struct recent {
	pthread_mutex_t lock;
	pthread_cond_t added;
	char *lines[RECENT_LINES]; /* owned; by number modulo the size */
	uint64_t next;             /* the number of the line to come */
	_Atomic unsigned wanting_all;
};

void recent_init(struct recent *recent);
void recent_done(struct recent *recent);

void recent_add(struct recent *recent, const char *line);

/* The line numbered `*position` or, when it is gone, the first that is there; `*position` moves behind it.
 * Waits until there is one, at most `milliseconds`. 0; 1: none came; -ENOMEM. `*ret_lost`: how many were
 * passed over. */
int recent_next(struct recent *recent, uint64_t *position, int milliseconds, char **ret_line,
        uint64_t *ret_lost);
