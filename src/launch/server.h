/* The server: the process behind the front. It is the parent of the command and of what the command leaves,
 * holds the performing threads, and outlives the front when others of the tree live on. */
#pragma once

#include "launch/child.h"
#include "launch/launch.h"
#include "launch/streams.h"

/* What the server tells the front. */
enum server_event {
	SERVER_STOPPED,   /* the command stopped; value: the signal */
	SERVER_CONTINUED, /* and SIGCONT with it, again and again until the front has answered */
	SERVER_EXITED,    /* value: the exit code for reeve; nothing follows */
};

struct server_message {
	enum server_event event;
	int value;
	int stop;        /* with SERVER_STOPPED: its number */
	bool tree_lives; /* with SERVER_EXITED: the server goes on, and is not to be waited for */
};

/* What the front asks of the server: to pass on a signal that it got. Two other numbers are said in the same
 * way. */
#define SERVER_REQUEST_HEARD 0    /* SERVER_CONTINUED arrived */
#define SERVER_REQUEST_AWAKE (-1) /* the front was stopped and goes on; `code` is the number of that stop */

struct server_request {
	int signal;
	int code; /* as in siginfo_t */
	pid_t sender;
};

struct server_start {
	const struct launch_options *options;
	const struct child_origin *origin;
	struct cgroup *cgroup; /* removed at the end */
	struct streams *streams;
	int front;  /* a SOCK_SEQPACKET socket to the front */
	int dialog; /* a socket to whoever is asked, or -1 */
	int errors; /* a copy of stderr, or -1 */
};

/* Never returns. */
_Noreturn void server_run(const struct server_start *start);
