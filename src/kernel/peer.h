/* Who is at the other end of a UNIX socket. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct peer {
	pid_t pid;
	uid_t uid;
	bool gained_nothing; /* PR_SET_NO_NEW_PRIVS is on */
	unsigned filters;    /* how many seccomp filters it wears */
};

/* The process that connected, or the one that listens. 0; -ESRCH when it is gone or cannot be seen from here:
 * whoever asks must refuse it then. */
int peer_look(int socket, struct peer *ret);

/* Whether the peer wears more than we do: a task of some supervised tree always does, and for ever. */
bool peer_is_confined(const struct peer *peer);
