/* A command started inside a plan, and its whole life: signals, job control, exit code, the tree it leaves.
 *
 * Two processes: the front, which the caller waits for and which passes signals on, and behind it the
 * supervisor, whose child the command is. When the front dies, the supervisor kills the tree; when the
 * supervisor dies, the front does. When the command ends and others of its tree live on, the front returns
 * the command's exit code and the supervisor goes on serving until the tree is empty. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "plan/plan.h"
#include "record/record.h"

/* Exit codes of our own, beside those of the command and 128+signal. */
#define LAUNCH_EXIT_LIMIT 124      /* a limit of the policy ended the command */
#define LAUNCH_EXIT_FAILED 125     /* reeve itself failed, nothing ran */
#define LAUNCH_EXIT_CANNOT_RUN 126 /* found, but could not be run */
#define LAUNCH_EXIT_NOT_FOUND 127

/* A new policy, asked for through the control socket. */
struct launch_reload_item {
	const char *key, *value; /* "policy" and a file, or as policy_add_flag */
};

struct launch_reload {
	struct launch_reload_item *items; /* NULL: what the run was started with, read anew */
	size_t count;
	const char *cwd; /* where relative paths start; NULL with no items */
	FILE *errors;    /* what is wrong with it is told here */
};

struct launch_options {
	const struct plan *plan;
	const struct reeve_features *features;
	char *const *argv;         /* NULL-terminated; argv[0] is looked up in PATH when it has no slash */
	struct recorder *recorder; /* used by the supervisor process only, after launch_run was called */
	const int *kept;           /* descriptors of the recorder's sinks: stay open in the supervisor */
	size_t kept_count;
	bool privileged;         /* as the plan was made */
	const char *name_server; /* asked for host names of the policy; NULL: those of /etc/resolv.conf */
	bool best_effort;        /* host names that cannot be resolved open nothing, and that is told */
	const char *private_tmp; /* the folder made for ${REEVE_TMP}: `finished` puts it away; NULL: none */
	/* Called in the supervisor process when the last of the tree has ended. */
	void (*finished)(void *user);
	/* Called in the supervisor process when the first command has ended with the exit code that the front
	 * will return (tree_lives tells whether others live on), before it does: writes summaries. */
	void (*ended)(void *user, int code, bool tree_lives);
	/* Plans another policy for what is running, with plan_options.worn. 0 with a plan that becomes the
	 * launch's, or -errno. NULL: the policy cannot be changed. Called in the server process, one at a time.
	 */
	int (*reload)(void *user, const struct launch_reload *reload, struct plan **ret);
	/* Who is asked what would be refused, where the plan asks: the peer of this socket, the terminal when it is
	 * negative. It becomes the launch's. */
	int ask_socket;
	unsigned ask_seconds;
	const char *home; /* of hints; NULL: none */
	void (*write_rule)(void *user, const struct record *record);
	const char *policy_text; /* what the policy was made of, for people: "--use workspace -p x.yaml" */
	void *user;
};

/* Runs the command and returns the exit code for the caller to exit with. Errors of our own are told on
 * stderr with a "reeve: " in front. */
int launch_run(const struct launch_options *options);
