/* Whether a plan can take another's place while a target wears that one. */
#pragma once

#include "plan/plan.h"

/* `next` was made with plan_options.worn = `worn`. 0: it can be swapped in the supervisor. 1: what the filter
 * and the Landlock domain hold would have to change, which they cannot; `*ret_restart` then says which rules
 * ask for that, a line each, for the caller to free. -ENOMEM. */
int plan_compare(const struct plan *worn, const struct plan *next, char **ret_restart);
