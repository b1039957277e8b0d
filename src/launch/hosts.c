#include "launch/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char *why_none(int r)
{
	switch (r) {
	case -EDESTADDRREQ:
		return "what was given as name server is no address";
	case -EPERM:
	case -EACCES:
		return "this machine lets no ordinary user make a network namespace (see reeve doctor)";
	case -ENOSPC:
	case -EUSERS:
		return "this machine's limit on network or user namespaces is reached";
	case -EINVAL:
		return "this kernel has no network namespaces";
	default:
		return strerror(-r);
	}
}

int hosts_start(const struct hosts_options *options, struct names **ret, char **ret_why)
{
	const struct plan *plan = options->plan;
	struct names_options names = {.policy = plan->policy,
	        .matcher = plan->addresses,
	        .recorder = options->recorder,
	        .permissive = plan->permissive,
	        .kept = options->kept,
	        .kept_count = options->kept_count,
	        .server = options->server};
	char text[256];
	int r;

	*ret = NULL;
	if (!host_any(names.policy) || !plan->supervises)
		return 0;
	r = names_start(&names, ret);
	if (r < 0 && options->best_effort && r != -EDESTADDRREQ) {
		snprintf(text, sizeof(text), "host names of the policy open nothing: %s", why_none(r));
		recorder_note(options->recorder, "best-effort", text);
		return 0;
	}
	if (r < 0 && asprintf(ret_why, "no resolver for the policy's host names: %s", why_none(r)) < 0)
		*ret_why = NULL;
	return r;
}
