/* Rules on a system call become tests in an order in which the first that holds decides:
 *
 *     what kills, denies, asks  each behind tests of the rules that lie inside of it, which lead over it
 *     what allows               leads to the refusals, or over those that it opens
 *     the rule without conditions
 *     refusals that a rule opens
 *     what always holds
 *
 * and for allowed calls that are recorded the last two once more, with a notification where nothing refuses.
 */
#include "plan/rules.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/calls.h"

#define ERRNO(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))

/* Where a test leads that does not decide; numbers of tests when all are in their places. */
enum {
	TO_REST = UINT16_MAX,
	TO_LOGGED_REST = UINT16_MAX - 1,
	TO_CASES = UINT16_MAX - 2,
};

struct joining {
	const struct policy_syscall_rule *rules;
	size_t count;
	struct plan_call *call;
	const struct plan_options *options;
	struct draft_cases *cases;
	bool has_logged; /* some allowed call is recorded */
};

static struct filter_case case_of(const struct policy_test *test)
{
	_Static_assert((int)POLICY_EQUAL == (int)FILTER_EQUAL && (int)POLICY_ABOVE == (int)FILTER_ABOVE &&
	                       (int)POLICY_FROM == (int)FILTER_FROM,
	        "comparisons");
	_Static_assert((int)POLICY_ENDS == (int)FILTER_ENDS && (int)POLICY_AND == (int)FILTER_AND &&
	                       (int)POLICY_OR == (int)FILTER_OR,
	        "links");
	return (struct filter_case){.arg = test->arg,
	        .wide = test->wide,
	        .negated = test->negated,
	        .is_signed = test->is_signed,
	        .compare = test->compare,
	        .link = test->link,
	        .mask = test->mask,
	        .value = test->value};
}

/* The rule's condition, or one that always holds; `end` says where it leads. */
static void add_condition(
        struct draft_cases *cases, const struct policy_syscall_rule *rule, const struct filter_case *end)
{
	struct filter_case test = {0};

	for (size_t i = 0; i + 1 < rule->test_count; i++) {
		test = case_of(&rule->tests[i]);
		draft_add(cases, &test);
	}
	if (rule->test_count)
		test = case_of(&rule->tests[rule->test_count - 1]);
	test.action = end->action;
	test.goes_on = end->goes_on;
	test.skip = end->skip;
	draft_add(cases, &test);
}

static uint32_t action_of(struct joining *joining, const struct policy_syscall_rule *rule)
{
	if (rule->verdict == POLICY_ASK || rule->log || joining->options->verbose_denials) {
		joining->call->ruled = true;
		return SECCOMP_RET_USER_NOTIF;
	}
	return rule->verdict == POLICY_KILL ? SECCOMP_RET_KILL_PROCESS : ERRNO(rule->error);
}

/* A rule: what is inside of it leads over it. */
static void add_rule(
        struct joining *joining, const struct policy_syscall_rule *rule, const struct filter_case *end)
{
	size_t left = rule->test_count ? rule->test_count : 1, exceptions = 0, added = 0;

	for (size_t i = 0; i < joining->count; i++)
		exceptions +=
		        policy_call_is_inside(&joining->rules[i], rule) ? joining->rules[i].test_count : 0;
	for (size_t i = 0; i < joining->count; i++) {
		const struct policy_syscall_rule *inner = &joining->rules[i];

		if (!policy_call_is_inside(inner, rule))
			continue;
		added += inner->test_count;
		add_condition(joining->cases, inner,
		        &(struct filter_case){
		                .goes_on = true, .skip = (uint16_t)(exceptions - added + left)});
	}
	add_condition(joining->cases, rule, end);
}

static struct filter_case end_of(struct joining *joining, const struct policy_syscall_rule *rule)
{
	if (rule->verdict != POLICY_ALLOW)
		return (struct filter_case){.action = action_of(joining, rule)};
	if (rule->log)
		joining->call->ruled = joining->has_logged = true;
	return (struct filter_case){.goes_on = true, .skip = rule->log ? TO_LOGGED_REST : TO_REST};
}

static void add_rules_of(struct joining *joining, enum policy_verdict verdict)
{
	for (size_t i = 0; i < joining->count; i++) {
		const struct policy_syscall_rule *rule = &joining->rules[i];
		struct filter_case end;

		if (rule->verdict != verdict || !rule->test_count)
			continue;
		end = end_of(joining, rule);
		add_rule(joining, rule, &end);
	}
}

static void add_rules(struct joining *joining)
{
	const struct policy_syscall_rule *last;
	struct filter_case end;

	if (joining->count == 0)
		return;
	add_rules_of(joining, POLICY_KILL);
	add_rules_of(joining, POLICY_DENY);
	add_rules_of(joining, POLICY_ASK);
	add_rules_of(joining, POLICY_ALLOW);
	/* Those with conditions come first. */
	last = &joining->rules[joining->count - 1];
	if (last->test_count)
		return;
	end = end_of(joining, last);
	add_condition(joining->cases, last, &end);
}

static void add_openers(struct joining *joining, int opened_by)
{
	for (size_t i = 0; i < joining->count; i++)
		if (policy_call_opens(&joining->rules[i], opened_by))
			add_condition(joining->cases, &joining->rules[i],
			        &(struct filter_case){.goes_on = true, .skip = TO_CASES});
}

static uint32_t logged(uint32_t action)
{
	return action == SECCOMP_RET_ALLOW ? SECCOMP_RET_USER_NOTIF : action;
}

/* Appends a list; what it allows is recorded when asked for. */
static void append(struct draft_cases *cases, const struct draft_cases *list, bool is_logged)
{
	for (size_t i = 0; i < list->count; i++) {
		struct filter_case test = list->items[i];

		if (is_logged && test.link == FILTER_ENDS && !test.goes_on)
			test.action = logged(test.action);
		draft_add(cases, &test);
	}
	cases->failed |= list->failed;
}

/* Puts the number of tests in between into those of the tests from `first` on that lead to `where`. */
static void set_place(struct draft_cases *cases, size_t first, unsigned where, size_t place)
{
	for (size_t i = first; i < cases->count && i < place; i++)
		if (cases->items[i].goes_on && cases->items[i].skip == where)
			cases->items[i].skip = (uint16_t)(place - i - 1);
}

/* What comes after the rules. */
static void add_rest(struct joining *joining, const struct draft *call, unsigned where, bool is_logged)
{
	struct draft_cases *cases = joining->cases;
	size_t begin = cases->count;

	set_place(cases, 0, where, begin);
	if (call->refusals.count)
		add_openers(joining, call->opened_by);
	append(cases, &call->refusals, is_logged);
	set_place(cases, begin, TO_CASES, cases->count);
	append(cases, &call->cases, is_logged);
}

static bool always_holds(const struct filter_case *test)
{
	return test->link == FILTER_ENDS && test->compare == FILTER_EQUAL && !test->negated && !test->mask &&
	       !test->value;
}

/* A call whose arguments do not matter in the end is one for which the kernel remembers the answer. */
static uint32_t simplify(struct draft_cases *cases, uint32_t action)
{
	size_t i = 0;

	while (i < cases->count && always_holds(&cases->items[i])) {
		if (!cases->items[i].goes_on) {
			action = cases->items[i].action;
			i = cases->count;
		} else {
			i += 1u + cases->items[i].skip;
		}
	}
	if (i == cases->count)
		cases->count = 0;
	return action;
}

uint32_t rules_join_rest(struct plan *plan, struct draft *call, struct draft_cases *ret)
{
	struct joining joining = {.cases = ret};
	uint32_t action = call->action;

	joining.rules = policy_call_rules(plan->policy, (int)call->nr, &joining.count);
	add_rest(&joining, call, TO_REST, false);
	free(call->refusals.items);
	free(call->cases.items);
	call->refusals = call->cases = (struct draft_cases){0};
	return simplify(ret, action);
}

uint32_t rules_join(
        struct plan *plan, const struct plan_options *options, struct draft *call, struct draft_cases *ret)
{
	struct joining joining = {.call = &plan->calls[call->nr], .options = options, .cases = ret};
	uint32_t action = call->action;

	joining.rules = policy_call_rules(plan->policy, (int)call->nr, &joining.count);
	add_rules(&joining);
	add_rest(&joining, call, TO_REST, false);
	if (joining.has_logged) {
		draft_add_always(ret, action);
		add_rest(&joining, call, TO_LOGGED_REST, true);
		action = logged(action);
	}
	free(call->refusals.items);
	free(call->cases.items);
	call->refusals = call->cases = (struct draft_cases){0};
	if (joining.call->ruled && joining.call->action == PLAN_CALL_NONE)
		joining.call->action = PLAN_CALL_RULE;
	return simplify(ret, action);
}

void rules_add_defaults(struct plan *plan, const struct plan_options *options, struct draft *call)
{
	const struct policy *policy = plan->policy;
	enum syscalls_arch arch = syscalls_native();

	for (size_t i = 0; i < policy->default_count; i++) {
		const struct policy_default *refusal = &policy->defaults[i];
		uint32_t action = ERRNO(refusal->rule.error);

		if (refusal->rule.nr[arch] != (int)call->nr || (refusal->for_root && !options->privileged))
			continue;
		if (options->verbose_denials) {
			plan->calls[call->nr].ruled = true;
			action = SECCOMP_RET_USER_NOTIF;
		}
		call->opened_by = refusal->rule.test_count ? refusal->rule.tests[0].arg : DRAFT_ANY_ARGUMENT;
		add_condition(&call->refusals, &refusal->rule, &(struct filter_case){.action = action});
	}
}
