/* A policy's rules on one system call, as what the filter does with it. Inside this room only. */
#pragma once

#include "plan/draft.h"
#include "plan/plan.h"

/* Puts the call's default refusals, if any, among those that a rule opens. */
void rules_add_defaults(struct plan *plan, const struct plan_options *options, struct draft *call);

/* The call as a whole: the policy's rules, the refusals that they may open, and what always holds, behind each
 * other in `ret`. Marks the call in the plan when the supervisor has a say in its rules. `call` is used up. The action
 * that is left when nothing matches. */
uint32_t rules_join(struct plan *plan, const struct plan_options *options, struct draft *call,
        struct draft_cases *ret);

/* As rules_join, without the policy's rules themselves: what is left when one that refuses the call does not stand.
 * What they open stays open. */
uint32_t rules_join_rest(struct plan *plan, struct draft *call, struct draft_cases *ret);
