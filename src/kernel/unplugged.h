/* Unplugged sockets: of UDP, made in a network namespace that has a loopback and is connected to nothing, as on a
 * machine whose network is unplugged. Nothing that is sent from one leaves it.
 *
 * As on an island (kernel/island.h) a small process lives there and makes them. It is a child of the thread that makes
 * it, and ends with that thread, however that ends; until then no descriptor of ours keeps it. Threads with descriptor
 * tables of their own reach it by its number.
 *
 * Who has CAP_NET_ADMIN over the network that we are on could tie the other one to it, and who has CAP_SYS_ADMIN could go
 * to one where that is so. There the sockets are mute and deaf as well, for good: not even each other they reach. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/island.h"

struct unplugged {
	pid_t process;    /* without an exit signal */
	int handle;       /* its pidfd */
	int channel;      /* in it, the number of the end through which it is asked */
	uint64_t asked_through; /* sockets_number of that end */
	uint64_t cookie;  /* island_cookie_of its sockets */
};

/* Whether the network belongs to a user namespace that the user owns, and with that to every program of the user: for
 * all who lack the capabilities to make and to start one. */
bool unplugged_is_owned(void);

/* Makes one, on a thread that waits for no other child and has nothing open that the process should not have. 0;
 * -EPERM, -ENOSPC, ... where the machine gives no such namespaces; other -errno. */
int unplugged_make(struct unplugged *ret);

/* Ends it, on the thread that made it. */
void unplugged_done(struct unplugged *unplugged);

/* A socket of this kind, for any thread in the domain of the one that made it; callers take turns. 0; the error that
 * making it gave, positive; -errno: there will be none any more. */
int unplugged_socket(const struct unplugged *unplugged, const struct island_socket *wish, int *ret);
