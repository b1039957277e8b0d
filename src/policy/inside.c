/* Whether all calls that one rule is about are among those of another. Both are conjunctions of clauses, a
 * clause being tests of one argument of which one must hold. What is answered "yes" is so; where the
 * conditions are too intricate to tell, the answer is "no". */
#include <string.h>

#include "base/cleanup.h"
#include "policy/calls.h"

/* What is known of an argument, from clauses of a single test. Numbers are as the kernel compares them: for
 * signed ones the sign bit is turned, so that their order is that of unsigned ones. */
struct known {
	uint64_t mask, value; /* bits that are known, and how they are */
	uint64_t low, high;   /* bounds of signed or unsigned order */
	bool has_bounds, bounds_signed;
	uint64_t bounds_mask;
};

struct clause {
	const struct policy_test *tests;
	size_t count;
};

static uint64_t top_bit(const struct policy_test *test)
{
	return test->wide ? 1ull << 63 : 1ull << 31;
}

static uint64_t width(const struct policy_test *test)
{
	return test->wide ? UINT64_MAX : UINT32_MAX;
}

static uint64_t ordered(const struct policy_test *test, uint64_t value)
{
	return test->is_signed ? value ^ top_bit(test) : value;
}

/* Steps through the clauses of a rule. */
static bool next_clause(const struct policy_syscall_rule *rule, size_t *at, struct clause *ret)
{
	size_t end = *at;

	if (*at >= rule->test_count)
		return false;
	while (rule->tests[end].link == POLICY_OR)
		end++;
	*ret = (struct clause){&rule->tests[*at], end - *at + 1};
	*at = end + 1;
	return true;
}

/* The range in order that a comparison means. False for tests of equality. */
static bool range_of(const struct policy_test *test, uint64_t *ret_low, uint64_t *ret_high)
{
	uint64_t value = ordered(test, test->value);

	*ret_low = 0;
	*ret_high = width(test);
	if (test->compare == POLICY_EQUAL)
		return false;
	if (!test->negated && test->compare == POLICY_FROM)
		*ret_low = value;
	else if (!test->negated && value == width(test))
		*ret_low = 1, *ret_high = 0; /* nothing is above */
	else if (!test->negated)
		*ret_low = value + 1;
	else if (test->compare == POLICY_ABOVE)
		*ret_high = value;
	else if (value == 0)
		*ret_low = 1, *ret_high = 0; /* nothing is below */
	else
		*ret_high = value - 1;
	return true;
}

static void learn(struct known *known, const struct policy_test *test)
{
	uint64_t low, high;

	if (test->compare == POLICY_EQUAL) {
		if (test->negated)
			return;
		known->mask |= test->mask & width(test);
		known->value |= test->value;
		return;
	}
	if (!range_of(test, &low, &high))
		return;
	if (!known->has_bounds) {
		*known = (struct known){
		        known->mask, known->value, low, high, true, test->is_signed, test->mask};
		return;
	}
	if (known->bounds_signed != test->is_signed || known->bounds_mask != test->mask)
		return;
	known->low = low > known->low ? low : known->low;
	known->high = high < known->high ? high : known->high;
}

/* Whether a value that is known to the last bit passes the test. */
static bool passes(const struct policy_test *test, uint64_t value)
{
	struct policy_syscall_rule rule = {.tests = test, .test_count = 1};
	struct policy_test alone = *test;
	uint64_t args[6] = {0};

	alone.link = POLICY_ENDS;
	rule.tests = &alone;
	args[test->arg] = value;
	return policy_call_matches(&rule, args);
}

/* Whether what is known makes the test hold. */
static bool follows(const struct known *known, const struct policy_test *test)
{
	uint64_t mask = test->mask & width(test), low, high;

	if ((known->mask & mask) == mask)
		return passes(test, known->value);
	if (range_of(test, &low, &high))
		return known->has_bounds && known->bounds_signed == test->is_signed &&
		       known->bounds_mask == test->mask && low <= high && known->low >= low &&
		       known->high <= high;
	if (!test->negated)
		return false;
	/* One bit that differs is enough to be different; so is a place outside of the bounds. */
	if ((known->value ^ test->value) & known->mask & mask)
		return true;
	return known->has_bounds && known->bounds_mask == test->mask && mask == (width(test) & test->mask) &&
	       (mask & (mask + 1)) == 0 &&
	       ((known->bounds_signed ? test->value ^ top_bit(test) : test->value) < known->low ||
	               (known->bounds_signed ? test->value ^ top_bit(test) : test->value) > known->high);
}

static bool same_test(const struct policy_test *a, const struct policy_test *b)
{
	return a->wide == b->wide && a->negated == b->negated && a->is_signed == b->is_signed &&
	       a->compare == b->compare && a->mask == b->mask && a->value == b->value;
}

static bool some_follows(
        const struct known *known, const struct policy_test *from, const struct clause *clause)
{
	for (size_t i = 0; i < clause->count; i++)
		if (follows(known, &clause->tests[i]) || (from && same_test(from, &clause->tests[i])))
			return true;
	return false;
}

static struct known known_of(const struct policy_syscall_rule *rule, uint8_t arg)
{
	struct known known = {.high = UINT64_MAX};
	struct clause clause;

	for (size_t at = 0; next_clause(rule, &at, &clause);)
		if (clause.count == 1 && clause.tests[0].arg == arg)
			learn(&known, &clause.tests[0]);
	return known;
}

/* Whether each alternative of one clause of the rule, with all else that is known, leads to the clause asked
 * for. */
static bool clause_follows(const struct policy_syscall_rule *rule, const struct clause *asked)
{
	struct known known = known_of(rule, asked->tests[0].arg);
	struct clause clause;

	if (some_follows(&known, NULL, asked))
		return true;
	for (size_t at = 0; next_clause(rule, &at, &clause);) {
		bool all = clause.tests[0].arg == asked->tests[0].arg;

		for (size_t i = 0; all && i < clause.count; i++) {
			struct known more = known;

			learn(&more, &clause.tests[i]);
			all = some_follows(&more, &clause.tests[i], asked);
		}
		if (all)
			return true;
	}
	return false;
}

static bool is_covered(const struct policy_syscall_rule *inner, const struct policy_syscall_rule *outer)
{
	struct clause clause;

	for (size_t at = 0; next_clause(outer, &at, &clause);)
		if (!clause_follows(inner, &clause))
			return false;
	return true;
}

/* ---- that one is about more ---- */

static bool takes(const struct policy_syscall_rule *rule, uint8_t arg, uint64_t value)
{
	struct clause clause;

	for (size_t at = 0; next_clause(rule, &at, &clause);) {
		bool any = clause.tests[0].arg != arg;

		for (size_t i = 0; !any && i < clause.count; i++)
			any = passes(&clause.tests[i], value);
		if (!any)
			return false;
	}
	return true;
}

static bool is_witness(const struct policy_syscall_rule *inner, const struct policy_syscall_rule *outer,
        uint8_t arg, uint64_t value)
{
	return takes(outer, arg, value) && !takes(inner, arg, value);
}

/* A value that `outer` takes and `inner` does not, close to one that is written somewhere. */
static bool has_witness_near(const struct policy_syscall_rule *inner, const struct policy_syscall_rule *outer,
        uint8_t arg, uint64_t value)
{
	if (is_witness(inner, outer, arg, value) || is_witness(inner, outer, arg, value - 1) ||
	        is_witness(inner, outer, arg, value + 1) || is_witness(inner, outer, arg, ~value))
		return true;
	for (int bit = 0; bit < 64; bit++)
		if (is_witness(inner, outer, arg, value ^ 1ull << bit))
			return true;
	return false;
}

static bool has_witness(const struct policy_syscall_rule *inner, const struct policy_syscall_rule *outer)
{
	const struct policy_syscall_rule *const rules[] = {inner, outer};

	for (size_t i = 0; i < inner->test_count; i++) {
		uint8_t arg = inner->tests[i].arg;
		struct known known = known_of(outer, arg);

		if (has_witness_near(inner, outer, arg, known.value) ||
		        has_witness_near(inner, outer, arg, known.value | ~known.mask))
			return true;
		for (size_t k = 0; k < ELEMENTS(rules); k++)
			for (size_t t = 0; t < rules[k]->test_count; t++)
				if (rules[k]->tests[t].arg == arg &&
				        has_witness_near(
				                inner, outer, arg, rules[k]->tests[t].value | known.value))
					return true;
	}
	return false;
}

/* Where both are about the same calls, neither is inside: that there is something between must be seen. */
bool policy_call_is_inside(const struct policy_syscall_rule *inner, const struct policy_syscall_rule *outer)
{
	if (!outer->test_count || !inner->test_count)
		return inner->test_count > outer->test_count;
	return is_covered(inner, outer) && has_witness(inner, outer);
}
