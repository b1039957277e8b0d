/* Unplugged sockets for a target: the process that makes them (kernel/unplugged.h) is made for the first one, and ends
 * with the supervision. Where there cannot be one, that is found out once. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "kernel/sockets.h"
#include "kernel/unplugged.h"

enum unplugging_state {
	UNPLUGGING_UNTRIED,
	UNPLUGGING_READY,
	UNPLUGGING_NONE, /* nor will there be any */
};

struct unplugging {
	_Atomic(enum unplugging_state) state; /* what follows is written before it is ready, and not changed then */
	struct unplugged process;
	pthread_mutex_t lock; /* one asks at a time */
	pthread_cond_t changed;
	pthread_t thread;
	bool has_thread, is_over;
	bool is_lost; /* it answers no more; what it has made lives on */
};

/* Where it must not be tried, `never`. */
void unplugging_init(struct unplugging *unplugging, bool never);

/* When no thread uses it any more. */
void unplugging_done(struct unplugging *unplugging);

/* Whether the next one does not have to wait for the process. */
bool unplugging_is_ready(const struct unplugging *unplugging);

/* A socket of this kind, close-on-exec. 0; UNPLUGGING_NOT_HERE: the machine gives none; UNPLUGGING_LOST: the process
 * has died, or does not answer; -errno: what making it gave. */
#define UNPLUGGING_NOT_HERE 1
#define UNPLUGGING_LOST 2
int unplugging_socket(struct unplugging *unplugging, const struct island_socket *wish, int *ret);

/* Whether a socket of this kind is one of them. */
bool unplugging_has(const struct unplugging *unplugging, int fd, const struct sockets_kind *kind);
