/* What a filter has to answer, evaluated from its description in the plainest way. */
#pragma once

#include "plan/filter.h"

static inline bool expected_match(const struct filter_case *test, const struct seccomp_data *data)
{
	uint64_t arg = data->args[test->arg];
	bool equal = test->wide ? (arg & test->mask) == test->value
	                        : ((uint32_t)arg & (uint32_t)test->mask) == (uint32_t)test->value;

	return equal != test->negated;
}

static inline uint32_t expected_of_call(const struct filter_call *call, const struct seccomp_data *data)
{
	for (size_t i = 0; i < call->case_count; i++) {
		if (expected_match(&call->cases[i], data))
			return call->cases[i].action;
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
