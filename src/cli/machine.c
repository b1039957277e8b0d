#include "cli/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/progress.h"
#include "kernel/credentials.h"
#include "launch/fit.h"

int machine_plan(struct policy *policy, struct plan_options *options, enum machine_use use,
        struct reeve_features *ret_features, struct plan **ret)
{
	struct reeve_features features = {0};
	struct plan *plan = NULL;
	char error_text[1024] = "";
	const char *what;
	int r;

	options->privileged = credentials_are_privileged();
	progress_begin("looking at the files that the policy names");
	r = fit_new_plan(policy, options, use == MACHINE_ASKS, &features, &plan, &what);
	progress_end();
	if (r < 0)
		fprintf(stderr, "reeve: %s: %s\n", what, strerror(-r));
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
	struct plan_options options = {.privileged = credentials_are_privileged(),
	        .best_effort = best_effort,
	        .lacks = plan_lacks(features->landlock_abi)};
	struct plan *plan = NULL;
	char text[1024] = "";
	int r = fit_without_sockets(policy, &options, &plan);

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
