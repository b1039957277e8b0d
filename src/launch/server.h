/* The server: the process behind the front. It is the parent of the command and of what the command leaves, holds
 * the performing threads, and outlives the front when others of the tree live on. */
#pragma once

#include "launch/child.h"
#include "launch/launch.h"

/* What the server tells the front. */
enum server_event {
	SERVER_STOPPED,   /* the command stopped; value: the signal */
	SERVER_CONTINUED,
	SERVER_EXITED,    /* value: the exit code for reeve; nothing follows */
};

struct server_message {
	enum server_event event;
	int value;
};

/* What the front asks of the server: a signal number for the command, as an int. */

/* Never returns. `front` is a SOCK_SEQPACKET socket to the front; `errors` a copy of stderr, or -1. */
_Noreturn void server_run(const struct launch_options *options, const struct child_origin *origin, int front, int errors);
