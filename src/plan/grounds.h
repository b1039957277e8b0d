/* What Landlock can stand on: the places that exist and that rules grant freely. */
#pragma once

#include "plan/plan.h"

struct grounds {
	const struct match_entry **items; /* by path; of the plan */
	size_t count;
};

/* Of a plan that is bound. 0 or -ENOMEM; to be done with in both cases. */
int grounds_init(struct grounds *grounds, const struct plan *plan);
void grounds_done(struct grounds *grounds);

/* Whether another rule grants at least as much to all that this one, bound as `bound`, can mean. */
bool grounds_cover(const struct grounds *grounds, const struct policy_file_rule *rule, const char *bound);
