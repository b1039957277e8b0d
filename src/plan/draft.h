/* What one system call's number leads to, while the plan is being made. A call is first looked at by the policy's
 * own rules on it, then by what is refused unless a rule opens it, then by what always holds. */
#pragma once

#include "base/array.h"
#include "plan/filter.h"

struct draft_cases {
	struct filter_case *items; /* owned */
	size_t count, capacity;
	bool failed; /* memory was short: the plan cannot be made */
};

#define DRAFT_ANY_ARGUMENT (-1)

struct draft {
	unsigned nr;
	bool hot;
	/* Refusals that a rule opens: one that allows the call where `opened_by` is DRAFT_ANY_ARGUMENT, else one
	 * that allows it with a condition on the argument `opened_by`. */
	struct draft_cases refusals;
	int opened_by;
	/* What holds whatever a rule allows. */
	struct draft_cases cases;
	uint32_t action; /* when no case of either list matches */
};

/* Appends one test. What is lacking in memory is told by the list, at the end. */
void draft_add(struct draft_cases *cases, const struct filter_case *test);

/* `(arg & mask) == value` leads to `action`. */
void draft_add_equal(struct draft_cases *cases, int arg, bool wide, uint64_t mask, uint64_t value, uint32_t action);

/* Whatever the arguments are: nothing after it is reached. */
void draft_add_always(struct draft_cases *cases, uint32_t action);
