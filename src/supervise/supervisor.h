/* The supervisor: performing threads behind a listener. It does not care who started the target. */
#pragma once

#include <reeve/reeve.h>

#include "plan/plan.h"
#include "record/record.h"

struct names;
struct supervisor;

struct supervisor_options {
	const struct plan *plan;
	const struct reeve_features *features;
	struct recorder *recorder;
	struct names *names; /* for a plan with host names: outlives the supervisor; NULL: they open nothing */
	int listener;    /* borrowed until supervisor_finish */
	const int *kept; /* descriptors that the threads keep beside the listener: the sinks of records */
	size_t kept_count;
	/* Called once, from a performing thread, when serving is no longer possible: nobody answers from then
	 * on, so the target has to be ended. */
	void (*failed)(void *user, int error);
	void *user;
	bool privileged; /* performing threads may do more than a task could */
	bool strangers;  /* the target was started by somebody else: credentials and roots may differ already
	                  */
};

/* Puts the calling thread into the plan's domain, so that the target that it forks and the performing threads
 * that it starts live in it: the backstop under all that is performed. Nothing for plans that perform
 * nothing. 0 or -errno. */
int supervisor_enter_domain(const struct plan *plan);

/* Starts serving, on threads made by the calling one. 0 or -errno. */
int supervisor_start(const struct supervisor_options *options, struct supervisor **ret);

/* Another plan for the calls that arrive from now on, which takes it and frees it in time; the one that serving
 * started with stays the caller's. It must be one that plan_compare finds nothing against. For one thread at a
 * time. 0, or -ENOMEM: then the plan is freed and nothing changed. */
int supervisor_reload(struct supervisor *supervisor, struct plan *plan);

/* Waits until no task wears the filter any more and all threads have ended, then frees. NULL is fine. */
void supervisor_finish(struct supervisor *supervisor);
