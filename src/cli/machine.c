#include "cli/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/progress.h"
#include "kernel/credentials.h"
#include "kernel/probe.h"
#include "launch/runtime.h"

static int tell_plan_error(int r)
{
	fprintf(stderr, "reeve: cannot plan the policy: %s\n", strerror(-r));
	return r;
}

static int tell_probe_error(int r)
{
	fprintf(stderr, "reeve: cannot find out what this kernel can do: %s\n", strerror(-r));
	return r;
}

/* Nobody who is held by a plan may reach the sockets that change it. */
static int make_plan(struct policy *policy, struct plan_options *options, struct plan **ret)
{
	char *closed[RUNTIME_PLACES + 1] = {0};
	int r;

	runtime_closed(closed);
	options->closed = (const char *const *)closed;
	r = plan_new(policy, options, ret);
	options->closed = NULL;
	for (size_t i = 0; closed[i]; i++)
		free(closed[i]);
	return r;
}

/* Where nobody can listen, and sockets are all that somebody would have to listen for, the policy is planned
 * again, without them. The plan is NULL when that fails. */
static int fit_plan(struct policy *policy, struct plan_options *options,
        const struct reeve_features *features, struct plan **plan)
{
	if (!(*plan)->supervises || !(*plan)->network.is_all_that_supervises ||
	        (features->user_notification && features->inject && !features->listener_exists))
		return 0;
	plan_free(TAKE_PTR(*plan));
	options->lacks |= PLAN_LACKS_LISTENER;
	return make_plan(policy, options, plan);
}

/* A plan that no supervisor serves is not asked what only a supervisor needs. */
static int look_and_plan(struct policy *policy, struct plan_options *options, enum machine_use use,
        struct reeve_features *features, struct plan **plan)
{
	int r = probe_alone(features);

	if (r < 0)
		return tell_probe_error(r);
	options->lacks = plan_lacks(features->landlock_abi);
	r = make_plan(policy, options, plan);
	if (r < 0)
		return tell_plan_error(r);
	if (!(*plan)->supervises)
		return 0;
	r = reeve_probe(features);
	if (r < 0)
		return tell_probe_error(r);
	if (use == MACHINE_ASKS)
		features->listener_exists = false;
	r = fit_plan(policy, options, features, plan);
	return r < 0 ? tell_plan_error(r) : 0;
}

/* What cannot be told is taken for privileged: then more is watched. */
static bool is_privileged(void)
{
	struct credentials credentials;

	return credentials_get(&credentials) < 0 || credentials.fsuid == 0 || credentials.effective != 0;
}

int machine_plan(struct policy *policy, struct plan_options *options, enum machine_use use,
        struct reeve_features *ret_features, struct plan **ret)
{
	struct reeve_features features = {0};
	struct plan *plan = NULL;
	char error_text[1024] = "";
	int r;

	options->privileged = is_privileged();
	progress_begin("looking at the files that the policy names");
	r = look_and_plan(policy, options, use, &features, &plan);
	progress_end();
	if (r == 0) {
		r = plan_check_kernel(plan, &features, options, error_text, sizeof(error_text));
		if (r < 0)
			fprintf(stderr, "reeve: %s\n", error_text);
	}
	if (r < 0) {
		plan_free(plan);
		return r;
	}
	if (ret_features)
		*ret_features = features;
	*ret = plan;
	return 0;
}

/* Checks one plan of the policy: what it lacks as far as it goes on without (`ret_notes`), or what ends it
 * (`ret_error`). Either may come out NULL. 0, -ENOMEM, -errno of planning. */
static int check(struct policy *policy, const struct reeve_features *features, bool best_effort,
        char **ret_notes, char **ret_error)
{
	struct plan_options options = {.privileged = is_privileged(),
	        .best_effort = best_effort,
	        .lacks = plan_lacks(features->landlock_abi)};
	struct plan *plan = NULL;
	char text[1024] = "";
	int r = make_plan(policy, &options, &plan);

	if (r == 0)
		r = fit_plan(policy, &options, features, &plan);
	if (r < 0)
		return r;
	*ret_notes = *ret_error = NULL;
	if (plan_check_kernel(plan, features, &options, text, sizeof(text)) < 0) {
		*ret_error = strdup(text);
		r = *ret_error ? 0 : -ENOMEM;
	}
	if (plan->notes && r == 0) {
		*ret_notes = strdup(plan->notes);
		r = *ret_notes ? 0 : -ENOMEM;
	}
	plan_free(plan);
	return r;
}

int machine_losses(struct policy *policy, const struct reeve_features *features, char **ret)
{
	AUTO_FREE char *notes = NULL;
	AUTO_FREE char *end = NULL;
	AUTO_FREE char *unused = NULL;
	AUTO_FREE char *error = NULL;
	int r = check(policy, features, false, &unused, &error);

	/* The first thing that it lacks ends a strict plan: all of them are told by one that goes on. */
	if (r == 0 && error)
		r = check(policy, features, true, &notes, &end);
	if (r < 0)
		return r;
	if (!error) {
		*ret = NULL;
		return 0;
	}
	if (!notes && !end)
		*ret = strdup(error);
	else if (asprintf(ret, "%s%s", notes ? notes : "", end ? end : "") < 0)
		*ret = NULL;
	return *ret ? 0 : -ENOMEM;
}
