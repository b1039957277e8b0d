#include "cli/machine.h"

#include <stdio.h>
#include <string.h>

#include "kernel/credentials.h"
#include "kernel/probe.h"

/* A plan that no supervisor serves is not asked what only a supervisor needs: the default starts faster. */
static int look_at_kernel(const struct plan *plan, enum machine_use use, struct reeve_features *ret)
{
	int r = plan->supervises ? reeve_probe(ret) : probe_alone(ret);

	if (r < 0)
		fprintf(stderr, "reeve: cannot find out what this kernel can do: %s\n", strerror(-r));
	else if (use == MACHINE_ASKS)
		ret->listener_exists = false;
	return r;
}

int machine_plan(struct policy *policy, struct plan_options *options, enum machine_use use,
        struct reeve_features *ret_features, struct plan **ret)
{
	struct reeve_features features = {0};
	struct credentials credentials;
	struct plan *plan = NULL;
	char error_text[1024] = "";
	int r;

	/* What cannot be told is taken for privileged: then more is watched. */
	options->privileged =
	        credentials_get(&credentials) < 0 || credentials.fsuid == 0 || credentials.effective != 0;
	r = plan_new(policy, options, &plan);
	if (r < 0) {
		fprintf(stderr, "reeve: cannot plan the policy: %s\n", strerror(-r));
		return r;
	}
	r = look_at_kernel(plan, use, &features);
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
