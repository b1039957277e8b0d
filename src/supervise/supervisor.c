#include "supervise/supervisor.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/credentials.h"
#include "kernel/landlock.h"
#include "names/names.h"
#include "supervise/pool.h"

struct supervisor {
	struct shared shared;
	const struct plan *first; /* the caller's */
	int kept[SHARED_KEPT]; /* a copy: every performing thread, also one that starts later, keeps these */
	struct pool *pool;
	struct plan *reloaded; /* in force, and ours */
	bool wakes_synchronously;
	int (*obtain)(void *obtainer, int *ret_listener, int ret_needed[SUPERVISOR_NEEDED]);
	void (*ready)(void *obtainer, int r);
	void *obtainer;
};

int supervisor_enter_domain(const struct plan *plan)
{
	AUTO_CLOSE int ruleset = -EBADF;
	int r;

	if (!plan_has_outer_domain(plan))
		return 0;
	ruleset = plan_ruleset(plan, false, true);
	if (ruleset < 0)
		return ruleset;
	r = credentials_no_new_privileges();
	return r < 0 ? r : landlock_restrict_thread(ruleset);
}

static int begin(struct shared *shared)
{
	struct supervisor *supervisor = (struct supervisor *)shared;
	int r = supervisor->obtain(supervisor->obtainer, &shared->listener, shared->needed);

	if (r < 0)
		return r;
	/* A hint about placement only: where the kernel lacks it, all works without. */
	if (supervisor->wakes_synchronously)
		reeve_listener_wake_synchronously(shared->listener, true);
	return credentials_keep(supervisor->kept, &shared->kept_count, SHARED_KEPT, shared->listener);
}

static void begun(struct shared *shared, int r)
{
	struct supervisor *supervisor = (struct supervisor *)shared;

	supervisor->ready(supervisor->obtainer, r);
}

_Static_assert(offsetof(struct supervisor, shared) == 0, "what is shared is found again");

int supervisor_start(const struct supervisor_options *options, struct supervisor **ret)
{
	struct supervisor *supervisor = calloc(1, sizeof(*supervisor));
	int r = 0;

	if (!supervisor)
		return -ENOMEM;
	supervisor->shared = (struct shared){.plan = options->plan,
	        .recorder = options->recorder,
	        .questions = options->questions,
	        .names = options->names,
	        .listener = -EBADF,
	        .begin = begin,
	        .begun = begun,
	        .needed = {-EBADF, -EBADF},
	        .kept = supervisor->kept,
	        .failed = options->failed,
	        .decide = options->decide,
	        .user = options->user,
	        .privileged = options->privileged,
	        /* Nobody tells when they do, where sockets are all that is looked at. */
	        .credentials_differ = options->strangers ||
	                              (options->privileged && options->plan->network.is_all_that_supervises),
	        .roots_differ = options->strangers,
	        .sorts = PTHREAD_RWLOCK_INITIALIZER};
	/* Without Landlock nobody is kept from the process that makes them. */
	unplugging_init(&supervisor->shared.unplugging, !options->plan->uses_landlock);
	supervisor->first = options->plan;
	supervisor->wakes_synchronously = options->features->synchronous_wake;
	supervisor->obtain = options->obtain;
	supervisor->ready = options->ready;
	supervisor->obtainer = options->obtainer;
	for (size_t i = 0; i < options->kept_count && r == 0; i++)
		r = credentials_keep(
		        supervisor->kept, &supervisor->shared.kept_count, SHARED_KEPT, options->kept[i]);
	if (r == 0)
		r = pool_start(&supervisor->shared, options->is_watched, &supervisor->pool);
	if (r < 0) {
		free(supervisor);
		return r;
	}
	*ret = supervisor;
	return 0;
}

void supervisor_watch(struct supervisor *supervisor)
{
	pool_watch(supervisor->pool);
}

static void tell_names(struct supervisor *supervisor, const struct plan *plan)
{
	if (supervisor->shared.names)
		names_use(supervisor->shared.names, plan->policy, plan->addresses);
}

int supervisor_reload(struct supervisor *supervisor, struct plan *plan)
{
	const struct plan *before = supervisor->reloaded ? supervisor->reloaded : supervisor->first;
	int r;

	tell_names(supervisor, plan);
	r = pool_swap_plan(supervisor->pool, plan, supervisor->reloaded);
	if (r < 0) {
		tell_names(supervisor, before);
		plan_free(plan);
	} else {
		supervisor->reloaded = plan;
	}
	return r;
}

void supervisor_settle(struct supervisor *supervisor)
{
	if (!supervisor)
		return;
	pool_settle(supervisor->pool);
	unplugging_done(&supervisor->shared.unplugging);
	tell_names(supervisor, supervisor->first);
}

void supervisor_finish(struct supervisor *supervisor)
{
	if (!supervisor)
		return;
	supervisor_settle(supervisor);
	pool_finish(supervisor->pool);
	plan_free(supervisor->reloaded);
	free(supervisor);
}
