/* The resolver of a run whose policy has host names. */
#pragma once

#include "names/names.h"
#include "plan/plan.h"
#include "record/record.h"

struct hosts_options {
	const struct plan *plan;
	struct recorder *recorder;
	const char *server; /* as names_options.server */
	bool best_effort;   /* what cannot be had is recorded, and the names open nothing */
	const int *kept;    /* descriptors of the recorder's sinks */
	size_t kept_count;
};

/* Starts it, on a thread that is in no domain yet. 0, with NULL when none is needed or, with best effort, none can be
 * had; -errno of names_start, with why as a text that the caller frees (NULL when memory is short). */
int hosts_start(const struct hosts_options *options, struct names **ret, char **ret_why);
