#include "cli/machine.h"

#include <stdio.h>
#include <string.h>

#include "kernel/credentials.h"

int machine_plan(struct policy *policy, struct plan_options *options, enum machine_use use,
        struct reeve_features *ret_features, struct plan **ret)
{
	struct reeve_features features = {0};
	struct credentials credentials;
	char error_text[1024] = "";
	int r = reeve_probe(&features);

	if (r < 0) {
		fprintf(stderr, "reeve: cannot find out what this kernel can do: %s\n", strerror(-r));
		return r;
	}
	/* What cannot be told is taken for privileged: then more is watched. */
	options->privileged =
	        credentials_get(&credentials) < 0 || credentials.fsuid == 0 || credentials.effective != 0;
	if (use == MACHINE_ASKS)
		features.listener_exists = false;
	r = plan_new(policy, &features, options, error_text, sizeof(error_text), ret);
	if (r < 0)
		fprintf(stderr, "reeve: %s\n", error_text[0] ? error_text : strerror(-r));
	else if (ret_features)
		*ret_features = features;
	return r;
}
