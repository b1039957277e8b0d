/* The child, between its making and exec: it only makes system calls, and reports the step that failed. It may run in
 * the memory of whoever made it, who waits. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "launch/limits.h"
#include "launch/streams.h"
#include "plan/plan.h"

/* Where a command is looked for without PATH. */
#define CHILD_STANDARD_PATH "/usr/local/bin:/bin:/usr/bin"

enum child_step {
	CHILD_READY, /* not a failure: the filter is on; `number` is the listener's descriptor, or -1 */
	CHILD_PARENT,
	CHILD_LIMITS,
	CHILD_STREAMS,
	CHILD_DOMAIN,
	CHILD_FILTER,
	CHILD_EXEC,
};

struct child_report {
	enum child_step step;
	int error;
	int number;
	pid_t pid; /* its own */
};

/* What was there before we changed anything: the child gets it back. */
struct child_origin {
	sigset_t mask;
	bool ignored_child;   /* SIGCHLD was ignored */
	bool handles_signals; /* whoever uses us may, with functions of its own */
	struct rlimit files;
};

struct child_options {
	const struct plan *plan;
	char *const *argv;
	char **script; /* argv for the shell, should the command be a script of no interpreter: two places,
	                  then argv[1]... */
	char *const *environment;
	const struct child_origin *origin;
	const struct limits_own *limits;
	const struct streams *streams; /* or NULL */
	pid_t parent;
	int ruleset; /* to be put on, or -EBADF */
	unsigned filter_flags;
	bool needs_listener;
	int reports; /* struct child_report are written here; close-on-exec; above 2 */
	int go;      /* one byte comes here when the listener is served; above 2 */
};

/* Never returns. */
_Noreturn void child_run(const struct child_options *options);
