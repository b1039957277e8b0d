/* A command from fork to exec inside a plan, and the supervisor that serves it. */
#pragma once

#include "launch/child.h"
#include "launch/keeper.h"
#include "supervise/supervisor.h"

struct start_options {
	const struct plan *plan;
	const struct reeve_features *features;
	/* No other command is served from this process: the child may have our memory until it executes, and nobody is
	 * there yet to look into it. */
	bool is_only;
	char *const *argv;
	char *const *environment;
	const char *directory; /* where it starts, or NULL */
	int descriptors[3];    /* what becomes 0, 1 and 2 where that is above 0 */
	const struct child_origin *origin;
	const struct limits_own *limits;
	const struct streams *streams;        /* or NULL */
	struct keeper *keeper; /* becomes the command's parent in the place of the calling thread; NULL: none shall */
	struct supervisor_options supervisor; /* without what obtains its listener */
};

/* How it went. The caller owns `child`, `listener` and `supervisor`, also after a failure. */
struct start_report {
	pid_t pid;                     /* of the command, or -1: also where a keeper came to nothing */
	int child;                     /* its pidfd, or -EBADF */
	int listener;                  /* what it serves, or -EBADF */
	struct supervisor *supervisor; /* NULL: nothing notifies, or it came to nothing */
	enum child_step step;          /* for 1: what failed, */
	int error;                     /* and why */
};

/* Makes the calling thread the parent, in the plan's domain: it must live as long as the command, which is killed
 * with it. 0 when the command runs; 1 when the child failed at a step, and ends by itself with its exit code; -errno:
 * a child that there is has been killed. A child with a pid is left to be
 * waited for, by its keeper where it has one. */
int start_command(const struct start_options *options, struct start_report *ret);
