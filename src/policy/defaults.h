/* What every policy refuses unless a rule opens it (defaults.def). */
#pragma once

#include "policy/policy.h"

size_t policy_default_count(void);

/* `i` is below the count. All that it points to lives for ever. */
void policy_default_at(size_t i, struct policy_default *ret);
