/* A plan that fits the machine that we run on. */
#pragma once

#include <reeve/reeve.h>

#include "plan/plan.h"

/* plan_new, with the places closed where the sockets are that change running supervisions. 0 or -errno. */
int fit_without_sockets(struct policy *policy, struct plan_options *options, struct plan **ret);

/* Where nobody can listen, and sockets are all that somebody would have to listen for, the policy is planned again,
 * without them. 0 or -errno: *plan is NULL then. */
int fit_plan(struct policy *policy, struct plan_options *options, const struct reeve_features *features,
        struct plan **plan);

/* Looks at the kernel and plans; a plan that no supervisor serves is not asked what only a supervisor needs. `asks`:
 * it will not be worn, so that an existing listener is no hindrance. 0 or -errno, with what could not be done in
 * *ret_what. */
int fit_new_plan(struct policy *policy, struct plan_options *options, bool asks,
        struct reeve_features *ret_features, struct plan **ret, const char **ret_what);
