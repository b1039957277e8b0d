/* What a run holds beside the supervisor: limits, the files of its output, a resolver, a network of its own.
 * The process is not ours: what has to be looked at is what is below a keeper (launch/keeper.h), on a thread
 * of its own. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include <reeve/reeve.h>

#include "launch/keeper.h"
#include "launch/limits.h"
#include "launch/streams.h"
#include "names/names.h"
#include "plan/plan.h"

struct holding {
	const struct plan *plan;
	struct recorder *recorder;
	bool best_effort;
	char *why; /* what is in the way, for people; NULL: the errno says it */
	struct streams streams;
	struct cgroup cgroup;
	struct limits limits;
	struct limits_own own; /* the command's */
	struct keeper keeper;
	bool has_network; /* its own, or that of all */
	struct names *names;
	int kept[NAMES_DESCRIPTORS]; /* what performing threads need of them */
	size_t kept_count;
	/* The thread that looks, and what it is told. */
	pthread_t looker;
	bool is_looking, has_looked;
	int wake; /* eventfd */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pid_t kept_root; /* the tree is below this one; -1: there is none yet */
	bool has_status; /* the command has ended with this status, which has not been looked at yet, */
	int status;
	bool is_over;       /* and so has all else */
	const char *struck; /* the limit that ended it, or NULL */
	bool has_ended;     /* holding_end was called */
};

void holding_init(struct holding *holding);

/* On the caller's thread, which is in no domain. 0; -ENOTSUP and others with `why`, or -errno. */
int holding_prepare(struct holding *holding, const struct plan *plan, struct recorder *recorder,
        const struct reeve_spawn_options *options);

/* Whether the network of its own takes a user namespace, into which a process with threads cannot go: what
 * serves the command has to live in another process then. */
bool holding_needs_process(const struct holding *holding);

/* Into the network of its own, if the plan has one: of the calling thread and those that it starts, or of the
 * calling process, which must have no other then. 0, or -errno with `why`. */
int holding_enter_network(struct holding *holding);

/* On the command's parent, a thread of its own, before it enters the domain: into the network, if that was
 * not done yet, and the resolver is started. 0 or -errno. */
int holding_enter(struct holding *holding, const char *name_server);

/* The start is over: what is the command's is closed, and the limits are looked at from now on. */
void holding_started(struct holding *holding);

/* The command has ended: what it has written is in the files, and it is known whether a limit ended it. */
void holding_command_ended(struct holding *holding, int status);

/* The limit that ended the command or what it left, or NULL. */
const char *holding_limit(struct holding *holding);

/* Waits until all of the tree have ended, where there are limits, which hold until then. */
void holding_wait_for_tree(struct holding *holding);

/* Nobody performs any more: the rest of the output is written, and names are not resolved. `tree_has_ended`:
 * who still writes is not waited for. */
void holding_end(struct holding *holding, bool tree_has_ended);

/* On a thread of the command's parent's process that is in no domain: frees what belongs to that process. */
void holding_leave(struct holding *holding);

/* On a thread that is in no domain: frees all. */
void holding_done(struct holding *holding);
