/* Control messages of a performed send. */
#pragma once

#include "kernel/sockets.h"
#include "supervise/decode.h"
#include "supervise/exchange.h"

#define CONTROL_MOST 253 /* descriptors in one message */

/* Our copy: the task's descriptors in it are replaced by ours. */
struct control {
	char *bytes;
	size_t size;
	int fds[CONTROL_MOST];
	size_t fd_count;
	char *process; /* where the number of the process stands that it is said to come from, or NULL */
};

/* 0; REEVE_GONE; -errno of the call; 2 when it is refused, and replied. control_done frees what there is in each
 * case. */
#define CONTROL_REFUSED 2
int control_read(struct exchange *x, const struct sockets_kind *kind, const struct decoded_message *message,
        struct control *ret);
/* Who sends is us, and where another process cannot be named our own number has to stand there, as it does where the
 * kernel adds it. False when it stands there already. */
bool control_name_ourselves(struct control *control);

void control_done(struct control *control);
