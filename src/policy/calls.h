/* What a policy's rules say of one system call with its arguments. Pure. */
#pragma once

#include "policy/policy.h"

/* Whether the rule is about a call with these arguments (its number is not looked at). */
bool policy_call_matches(const struct policy_syscall_rule *rule, const uint64_t args[6]);

/* Whether `inner` is about some but not all of what `outer` is about, both being rules on one call. Where that is
 * too intricate to tell: false. */
bool policy_call_is_inside(const struct policy_syscall_rule *inner, const struct policy_syscall_rule *outer);

/* The rules on the call with this native number: a run of policy->syscalls, those with conditions before the one
 * without. NULL and 0 when there are none. */
const struct policy_syscall_rule *policy_call_rules(const struct policy *policy, int nr, size_t *ret_count);

/* The rule that decides on the call, or NULL when none is about it. Defaults are not looked at. */
const struct policy_syscall_rule *policy_call_decide(
        const struct policy *policy, int nr, const uint64_t args[6]);

/* The default refusal of the call with these arguments that no rule opens, or NULL. `privileged`: for root. */
const struct policy_default *policy_call_default(
        const struct policy *policy, int nr, const uint64_t args[6], bool privileged);

/* Whether a rule that allows or asks opens refusals of the call as a whole or, with an argument's number that is not negative,
 * those that look at that argument. */
bool policy_call_opens(const struct policy_syscall_rule *rule, int argument);
