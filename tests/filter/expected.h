/* What a filter has to answer, evaluated from its description in the plainest way. */
#pragma once

#include "plan/filter.h"

static inline bool expected_order(const struct filter_case *test, uint64_t arg)
{
	bool above, same;

	if (test->wide) {
		above = test->is_signed ? (int64_t)arg > (int64_t)test->value : arg > test->value;
		same = arg == test->value;
	} else {
		uint32_t value = (uint32_t)test->value;

		above = test->is_signed ? (int32_t)arg > (int32_t)value : (uint32_t)arg > value;
		same = (uint32_t)arg == value;
	}
	return above || (test->compare == FILTER_FROM && same);
}

static inline bool expected_match(const struct filter_case *test, const struct seccomp_data *data)
{
	uint64_t arg = data->args[test->arg];
	bool holds;

	if (test->compare != FILTER_EQUAL)
		holds = expected_order(test, arg & test->mask);
	else
		holds = test->wide ? (arg & test->mask) == test->value
		                   : ((uint32_t)arg & (uint32_t)test->mask) == (uint32_t)test->value;
	return holds != test->negated;
}

/* The condition that starts at `i`, and where the next one does. */
static inline bool expected_condition(
        const struct filter_call *call, const struct seccomp_data *data, size_t i, size_t *ret_last)
{
	bool all = true, any = false;

	for (;; i++) {
		any = any || expected_match(&call->cases[i], data);
		if (call->cases[i].link == FILTER_OR)
			continue;
		all = all && any;
		any = false;
		if (call->cases[i].link == FILTER_ENDS)
			break;
	}
	*ret_last = i;
	return all;
}

static inline uint32_t expected_of_call(const struct filter_call *call, const struct seccomp_data *data)
{
	size_t last;

	for (size_t i = 0; i < call->case_count; i = last + 1) {
		if (!expected_condition(call, data, i, &last))
			continue;
		if (!call->cases[last].goes_on)
			return call->cases[last].action;
		last += call->cases[last].skip;
	}
	return call->action;
}

static inline uint32_t expected_of_part(
        const struct filter_part *part, uint32_t foreign_action, const struct seccomp_data *data)
{
	unsigned nr = (unsigned)data->nr;

	if (nr == UINT32_MAX)
		return part->unknown_action;
	if (part->arch == SYSCALLS_X86_64 && (nr & 0x40000000))
		return foreign_action;
	if (nr > part->highest)
		return part->unknown_action;
	for (size_t i = 0; i < part->call_count; i++) {
		if (part->calls[i].nr == nr)
			return expected_of_call(&part->calls[i], data);
	}
	return part->default_action;
}

static inline uint32_t expected_action(const struct filter_part *parts, size_t count, uint32_t foreign_action,
        const struct seccomp_data *data)
{
	for (size_t i = 0; i < count; i++) {
		if (syscalls_audit_arch(parts[i].arch) == data->arch)
			return expected_of_part(&parts[i], foreign_action, data);
	}
	return foreign_action;
}
