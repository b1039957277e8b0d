/* What the parts of the library's second level share: the public types behind their names. */
#pragma once

#include <stdatomic.h>

#include <reeve/reeve.h>

#include "plan/plan.h"
#include "policy/policy.h"

struct reeve_policy {
	atomic_uint references;
	char *cwd, *home;
	struct reeve_policy *like; /* whose folder it shares, or NULL */
	char *tmp; /* what ${REEVE_TMP} is, or NULL */
	int tmp_lock;
	struct policy_builder *builder;
	struct policy *finished; /* once it was planned */
	char *errors;
};

struct reeve_policy *library_policy_ref(struct reeve_policy *policy);

/* Its private folder, or NULL. */
const char *library_policy_tmp(const struct reeve_policy *policy);

/* The finished policy, borrowed. 0, -EINVAL, -ENOMEM. */
int library_policy_finish(struct reeve_policy *policy, struct policy **ret);

struct reeve_plan {
	atomic_uint references;
	struct reeve_policy *policy;
	struct plan *plan;
	struct plan_options options;
	struct reeve_features features;
};

struct reeve_plan *library_plan_ref(struct reeve_plan *plan);
