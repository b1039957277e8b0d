/* A policy planned for the machine that we run on. */
#pragma once

#include <reeve/reeve.h>

#include "plan/plan.h"

enum machine_use {
	MACHINE_RUNS, /* the plan will be worn */
	MACHINE_ASKS, /* only asked about: an existing listener is no hindrance */
};

/* What is wrong goes to stderr. `ret_features` may be NULL. `options->privileged` is found out and set. 0 or
 * -errno.
 */
int machine_plan(struct policy *policy, struct plan_options *options, enum machine_use use,
        struct reeve_features *ret_features, struct plan **ret);

/* What a policy loses on a machine with these features: a line each, or NULL when it holds as it is written. 0 or
 * -errno. The caller frees the text. */
int machine_losses(struct policy *policy, const struct reeve_features *features, char **ret);
