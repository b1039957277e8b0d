/* Which rule decides on a system call with its arguments. */
#include <string.h>

#include "base/cleanup.h"
#include "policy/calls.h"

static uint64_t operand(const struct policy_test *test, uint64_t value)
{
	value &= test->mask;
	return test->wide ? value : (uint32_t)value;
}

static bool is_above(const struct policy_test *test, uint64_t value)
{
	if (test->is_signed)
		return test->wide ? (int64_t)value > (int64_t)test->value
		                  : (int32_t)value > (int32_t)test->value;
	return value > test->value;
}

static bool holds(const struct policy_test *test, const uint64_t args[6])
{
	uint64_t value = operand(test, args[test->arg]);
	bool is_same = value == test->value, result = is_same;

	if (test->compare == POLICY_ABOVE)
		result = is_above(test, value);
	else if (test->compare == POLICY_FROM)
		result = is_same || is_above(test, value);
	return result != test->negated;
}

bool policy_call_matches(const struct policy_syscall_rule *rule, const uint64_t args[6])
{
	bool any = false;

	for (size_t i = 0; i < rule->test_count; i++) {
		any = any || holds(&rule->tests[i], args);
		if (rule->tests[i].link == POLICY_OR)
			continue;
		if (!any)
			return false;
		any = false;
	}
	return true;
}

const struct policy_syscall_rule *policy_call_rules(const struct policy *policy, int nr, size_t *ret_count)
{
	int arch = syscalls_native();
	size_t first = 0, end;

	while (first < policy->syscall_count && policy->syscalls[first].nr[arch] != nr)
		first++;
	for (end = first; end < policy->syscall_count && policy->syscalls[end].nr[arch] == nr;)
		end++;
	*ret_count = end - first;
	return end > first ? &policy->syscalls[first] : NULL;
}

/* Whether a rule that is about less of the call says something else. */
static bool is_overruled(const struct policy_syscall_rule *rules, size_t count,
        const struct policy_syscall_rule *rule, const uint64_t args[6])
{
	for (size_t i = 0; i < count; i++)
		if (&rules[i] != rule && policy_call_matches(&rules[i], args) &&
		        policy_call_is_inside(&rules[i], rule))
			return true;
	return false;
}

const struct policy_syscall_rule *policy_call_decide(
        const struct policy *policy, int nr, const uint64_t args[6])
{
	const struct policy_syscall_rule *found = NULL;
	size_t count;
	const struct policy_syscall_rule *rules = policy_call_rules(policy, nr, &count);

	for (size_t i = 0; i < count; i++) {
		if (found && rules[i].verdict <= found->verdict)
			continue;
		if (policy_call_matches(&rules[i], args) && !is_overruled(rules, count, &rules[i], args))
			found = &rules[i];
	}
	return found;
}

bool policy_call_opens(const struct policy_syscall_rule *rule, int argument)
{
	if (!policy_grants(rule->verdict))
		return false;
	if (argument < 0)
		return true;
	/* Who allows a call in passing did not mean those of its arguments that are refused on purpose. */
	for (size_t i = 0; i < rule->test_count; i++)
		if (rule->tests[i].arg == argument)
			return true;
	return false;
}

static bool is_open(const struct policy *policy, int argument, int nr, const uint64_t args[6])
{
	size_t count;
	const struct policy_syscall_rule *rules = policy_call_rules(policy, nr, &count);

	for (size_t i = 0; i < count; i++)
		if (policy_call_opens(&rules[i], argument) && policy_call_matches(&rules[i], args))
			return true;
	return false;
}

const struct policy_default *policy_call_default(
        const struct policy *policy, int nr, const uint64_t args[6], bool privileged)
{
	for (size_t i = 0; i < policy->default_count; i++) {
		const struct policy_default *refusal = &policy->defaults[i];
		int argument = refusal->rule.test_count ? refusal->rule.tests[0].arg : -1;

		if (refusal->rule.nr[syscalls_native()] != nr || (refusal->for_root && !privileged))
			continue;
		if (policy_call_matches(&refusal->rule, args) && !is_open(policy, argument, nr, args))
			return refusal;
	}
	return NULL;
}
