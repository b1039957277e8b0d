/* The supervisor: performing threads behind a listener. It does not care who started the target. */
#pragma once

#include <reeve/reeve.h>

#include "plan/plan.h"
#include "record/record.h"

struct names;
struct supervisor;

#define SUPERVISOR_NEEDED 2

/* A call, for whoever wants to decide before the policy does. */
struct supervisor_call {
	pid_t tid;
	const char *name, *operation;
	const uint64_t *arguments; /* six registers */
	char *path;                /* as the task wrote it, of PATH_MAX bytes; may be written anew; NULL: none */
	const char *second;
	uint64_t flags;
	/* The answer: */
	bool has_value;
	int64_t value;
	int error;       /* otherwise, and */
	const char *why; /* for the record, static */
};

/* True when it answered, false when the policy decides. It may block. */
typedef bool supervisor_decide(void *user, struct supervisor_call *call);

struct supervisor_options {
	const struct plan *plan;
	const struct reeve_features *features;
	struct recorder *recorder;
	struct questions *questions; /* NULL: nobody can be asked. Borrowed for ever */
	struct names *names; /* for a plan with host names: outlives the supervisor; NULL: they open nothing */
	/* Called on the first performing thread, which waits in it for the listener, borrowed until supervisor_finish.
	 * 0 or -errno. `ret_needed` are descriptors, or -EBADF, that the thread has still when it calls */
	int (*obtain)(void *obtainer, int *ret_listener, int ret_needed[SUPERVISOR_NEEDED]);
	/* what is told how serving began, as 0 or -errno, when supervisor_start has long returned. */
	void (*ready)(void *obtainer, int r);
	void *obtainer;
	const int *kept; /* descriptors that the threads keep beside the listener: the sinks of records */
	size_t kept_count;
	/* Called once, from a performing thread, when serving is no longer possible: nobody answers from then
	 * on, so the target has to be ended. */
	void (*failed)(void *user, int error);
	supervisor_decide *decide; /* or NULL; called on performing threads */
	void *user;
	bool privileged; /* performing threads may do more than a task could */
	bool is_watched; /* the thread that starts it goes on with supervisor_watch: no other is made for that */
	bool strangers;  /* the target was started by somebody else: credentials and roots may differ already
	                  */
};

/* Puts the calling thread into the plan's domain, so that the target that it forks and the performing threads
 * that it starts live in it: the backstop under all that is performed. Nothing for plans that perform
 * nothing. 0 or -errno. */
int supervisor_enter_domain(const struct plan *plan);

/* Starts serving, on threads made by the calling one, and does not wait for a listener. 0 or -errno. */
int supervisor_start(const struct supervisor_options *options, struct supervisor **ret);

/* Sees to it that somebody serves while a call takes long, until no task wears the filter any more. On the thread that
 * promised to, and before supervisor_finish can return. */
void supervisor_watch(struct supervisor *supervisor);

/* Another plan for the calls that arrive from now on, which takes it and frees it in time; the one that serving
 * started with stays the caller's. It must be one that plan_compare finds nothing against. For one thread at a
 * time. 0, or -ENOMEM: then the plan is freed and nothing changed. */
int supervisor_reload(struct supervisor *supervisor, struct plan *plan);

/* Waits until no task wears the filter any more and nobody serves or records. For one whose process ends next:
 * nothing is freed, and the threads are not waited for. NULL is fine. */
void supervisor_settle(struct supervisor *supervisor);

/* Waits until no task wears the filter any more and all threads have ended, then frees. NULL is fine. */
void supervisor_finish(struct supervisor *supervisor);
