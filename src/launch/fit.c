#include "launch/fit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/probe.h"
#include "launch/runtime.h"

int fit_without_sockets(struct policy *policy, struct plan_options *options, struct plan **ret)
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

int fit_plan(struct policy *policy, struct plan_options *options, const struct reeve_features *features,
        struct plan **plan)
{
	if (!(*plan)->supervises || !(*plan)->network.is_all_that_supervises ||
	        (features->user_notification && features->inject && !features->listener_exists))
		return 0;
	plan_free(TAKE_PTR(*plan));
	options->lacks |= PLAN_LACKS_LISTENER;
	return fit_without_sockets(policy, options, plan);
}

static const char *why_not_planned(int r)
{
	return r == -E2BIG ? "the rules on system calls are more than one filter of the kernel has room for"
	                   : "cannot plan the policy";
}

int fit_new_plan(struct policy *policy, struct plan_options *options, bool asks,
        struct reeve_features *features, struct plan **ret, const char **ret_what)
{
	int r = probe_alone(features);

	*ret_what = "cannot find out what this kernel can do";
	if (r < 0)
		return r;
	options->lacks = plan_lacks(features->landlock_abi);
	r = fit_without_sockets(policy, options, ret);
	*ret_what = why_not_planned(r);
	if (r < 0 || !(*ret)->supervises)
		return r;
	*ret_what = "cannot find out what this kernel can do";
	r = probe_expects(features) ? 0 : probe_listening(features);
	if (r < 0)
		return r;
	if (asks)
		features->listener_exists = false;
	r = fit_plan(policy, options, features, ret);
	*ret_what = why_not_planned(r);
	return r;
}
