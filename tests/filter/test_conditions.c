/* Random rules on system calls and random calls. What the filter answers is what policy_call_decide says, and
 * that is compared with an evaluation of what the rules were made from: a rule is about less than another
 * when on every argument all of a good sample of values that it takes are taken by the other, too. Where the
 * conditions are too intricate the policy may be stricter than that, and never less strict. The seed is
 * printed; test SEED runs it again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "plan/plan.h"
#include "policy/calls.h"
#include "syscalls/arguments.h"

enum { POLICIES = 1000, CALLS_EACH = 2000, MOST_RULES = 8, MOST_CONDITIONS = 3, MOST_VALUES = 3 };

enum sort { EQ, NE, GT, GE, LT, LE, HAS, LACKS, MASKED, SORTS };
static const char *const words[] = {"eq", "ne", "gt", "ge", "lt", "le", "has", "lacks", "eq"};

struct condition {
	struct syscalls_argument argument;
	enum sort sort;
	int64_t values[MOST_VALUES];
	int64_t mask;
	size_t count;
};

struct rule {
	enum policy_verdict verdict;
	bool is_logged;
	size_t call;
	struct condition conditions[MOST_CONDITIONS];
	size_t count;
};

static const char *const calls[] = {"lseek", "semget", "kill", "mkdir", "fcntl"};
static uint64_t seed;

static uint64_t random_bits(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static unsigned below(unsigned limit)
{
	return (unsigned)(random_bits() % limit);
}

/* ---- the plain evaluation ---- */

static bool is_signed(const struct syscalls_argument *argument)
{
	return argument->type == SYSCALLS_TYPE_INT || argument->type == SYSCALLS_TYPE_LONG;
}

/* What the kernel makes of a register. */
static __int128 seen(const struct syscalls_argument *argument, uint64_t value)
{
	if (argument->mask == UINT64_MAX)
		return is_signed(argument) ? (__int128)(int64_t)value : (__int128)value;
	if (argument->mask == UINT32_MAX)
		return is_signed(argument) ? (__int128)(int32_t)value : (__int128)(uint32_t)value;
	return (__int128)(value & argument->mask);
}

static bool takes(const struct condition *condition, uint64_t value)
{
	__int128 number = seen(&condition->argument, value);
	bool any = false;

	for (size_t i = 0; i < condition->count; i++) {
		__int128 with = seen(&condition->argument, (uint64_t)condition->values[i]);

		switch (condition->sort) {
		case EQ:
		case NE:
			any |= number == with;
			break;
		case GT:
			return number > with;
		case GE:
			return number >= with;
		case LT:
			return number < with;
		case LE:
			return number <= with;
		case HAS:
			any |= (number & with) == with;
			break;
		case LACKS:
			any |= (number & with) != 0;
			break;
		default:
			any |= (number & condition->mask) == with;
			break;
		}
	}
	return condition->sort == NE || condition->sort == LACKS ? !any : any;
}

static bool takes_on(const struct rule *rule, int index, uint64_t value)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->conditions[i].argument.index == index && !takes(&rule->conditions[i], value))
			return false;
	return true;
}

static bool matches(const struct rule *rule, const uint64_t args[6])
{
	for (int i = 0; i < 6; i++)
		if (!takes_on(rule, i, args[i]))
			return false;
	return true;
}

static const int64_t sample[] = {-40, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
        11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 40, 63, 64,
        1000, INT32_MAX, INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN, 1ll << 32, (1ll << 40) + 3};

static bool is_empty(const struct rule *rule)
{
	for (int index = 0; index < 6; index++) {
		bool any = false;

		for (size_t i = 0; i < ELEMENTS(sample); i++)
			any |= takes_on(rule, index, (uint64_t)sample[i]);
		if (!any)
			return true;
	}
	return false;
}

static bool is_covered(const struct rule *inner, const struct rule *outer)
{
	for (int index = 0; index < 6; index++)
		for (size_t i = 0; i < ELEMENTS(sample); i++)
			if (takes_on(inner, index, (uint64_t)sample[i]) &&
			        !takes_on(outer, index, (uint64_t)sample[i]))
				return false;
	return true;
}

/* A rule with conditions is about less than one without, whatever they are. */
static bool is_inside(const struct rule *inner, const struct rule *outer)
{
	if (!inner->count || !outer->count)
		return inner->count > outer->count;
	return is_covered(inner, outer) && !is_covered(outer, inner);
}

/* The verdict, or -1 when no rule is about the call. */
static int decide(const struct rule *rules, size_t count, size_t call, const uint64_t args[6])
{
	int found = -1;

	for (size_t i = 0; i < count; i++) {
		bool is_overruled = false;

		if (rules[i].call != call || !matches(&rules[i], args))
			continue;
		for (size_t k = 0; k < count; k++)
			is_overruled |= rules[k].call == call && matches(&rules[k], args) &&
			                is_inside(&rules[k], &rules[i]);
		if (!is_overruled && (int)rules[i].verdict > found)
			found = (int)rules[i].verdict;
	}
	return found;
}

/* ---- random policies ---- */

static void random_condition(size_t call, struct condition *condition)
{
	int highest = 0;

	while (highest < 6 && syscalls_argument_at(calls[call], highest, &condition->argument))
		highest++;
	syscalls_argument_at(calls[call], (int)below((unsigned)highest), &condition->argument);
	condition->sort = below(SORTS);
	condition->mask = 1 + below(15);
	condition->count = condition->sort >= GT && condition->sort <= LE ? 1 : 1 + below(MOST_VALUES);
	for (size_t i = 0; i < condition->count; i++) {
		int64_t value = below(13);

		if (condition->sort == HAS || condition->sort == LACKS)
			value = 1 + below(15);
		else if (condition->sort == MASKED)
			value &= condition->mask;
		else if (is_signed(&condition->argument) && below(3) == 0)
			value = -(int64_t)below(4);
		condition->values[i] = value;
	}
}

static void random_rule(struct rule *rule)
{
	do {
		*rule = (struct rule){.call = below(ELEMENTS(calls)), .is_logged = below(6) == 0};
		rule->verdict = (const enum policy_verdict[]){
		        POLICY_ALLOW, POLICY_DENY, POLICY_KILL, POLICY_ASK}[below(4)];
		if (rule->verdict == POLICY_ASK && rule->call == 0)
			rule->verdict = POLICY_DENY; /* nobody is asked about lseek */
		rule->count = below(MOST_CONDITIONS + 1);
		for (size_t i = 0; i < rule->count; i++)
			random_condition(rule->call, &rule->conditions[i]);
	} while (is_empty(rule));
}

static void write_condition(FILE *out, const struct condition *condition)
{
	fprintf(out, "%s: {", condition->argument.name);
	if (condition->sort == MASKED)
		fprintf(out, "mask: %" PRId64 ", ", condition->mask);
	fprintf(out, "%s: [", words[condition->sort]);
	for (size_t i = 0; i < condition->count; i++)
		fprintf(out, "%s%" PRId64, i ? ", " : "", condition->values[i]);
	fputs("]}", out);
}

/* Several conditions on one argument cannot stand in one map: they are told by their places "arg0" to "arg5",
 * or the rule has fewer. */
static void drop_same(struct rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		for (size_t k = i + 1; k < rule->count;)
			if (rule->conditions[i].argument.index == rule->conditions[k].argument.index)
				rule->conditions[k] = rule->conditions[--rule->count];
			else
				k++;
}

static void write_rule(FILE *out, const struct rule *rule)
{
	static const char *const verdicts[] = {[POLICY_ALLOW] = "allow",
	        [POLICY_ASK] = "ask",
	        [POLICY_DENY] = "deny",
	        [POLICY_KILL] = "kill"};

	fprintf(out, "  - {%s: ", verdicts[rule->verdict]);
	if (!rule->count)
		fputs(calls[rule->call], out);
	else
		fprintf(out, "{%s: {", calls[rule->call]);
	for (size_t i = 0; i < rule->count; i++) {
		fputs(i ? ", " : "", out);
		write_condition(out, &rule->conditions[i]);
	}
	fprintf(out, "%s%s}\n", rule->count ? "}}" : "", rule->is_logged ? ", log: true" : "");
}

static struct plan *plan_of(const char *text, size_t length)
{
	const struct policy_context context = {.cwd = "/"};
	const struct plan_options options = {0};
	struct policy_builder *builder = NULL;
	struct policy *policy = NULL;
	struct plan *plan = NULL;

	if (policy_builder_new(&context, &builder) == 0 &&
	        policy_add_text(builder, "random", text, length) == 0 &&
	        policy_builder_finish(builder, &policy) == 0)
		plan_new(policy, &options, &plan);
	for (size_t i = 0; !plan && i < policy_builder_diagnostics(builder)->count; i++)
		puts(policy_builder_diagnostics(builder)->items[i].message);
	policy_builder_free(builder);
	policy_unref(policy);
	return plan;
}

/* ---- comparing ---- */

static uint64_t random_argument(void)
{
	uint64_t value = (uint64_t)sample[below(ELEMENTS(sample))];

	if (below(4) == 0)
		value = random_bits();
	return below(4) ? value : value ^ 1ull << (32 + below(32));
}

static uint32_t action_of(const struct policy_syscall_rule *rule)
{
	if (!rule)
		return SECCOMP_RET_ALLOW;
	if (rule->log || rule->verdict == POLICY_ASK)
		return SECCOMP_RET_USER_NOTIF;
	if (rule->verdict == POLICY_KILL)
		return SECCOMP_RET_KILL_PROCESS;
	return rule->verdict == POLICY_DENY ? SECCOMP_RET_ERRNO | (uint32_t)rule->error : SECCOMP_RET_ALLOW;
}

static size_t stricter;

static int compare(const struct plan *plan, const struct rule *rules, size_t count)
{
	size_t call = below(ELEMENTS(calls));
	const struct syscalls_name *name = syscalls_by_name(calls[call]);
	struct seccomp_data data = {
	        .nr = name->nr[syscalls_native()], .arch = syscalls_audit_arch(syscalls_native())};
	const uint64_t *args = (const uint64_t *)data.args;
	const struct policy_syscall_rule *rule;
	uint32_t action = 0;
	int expected, got;

	if (data.nr < 0)
		return 0;
	for (size_t i = 0; i < 6; i++)
		data.args[i] = random_argument();
	rule = policy_call_decide(plan->policy, data.nr, args);
	expected = decide(rules, count, call, args);
	got = rule ? (int)rule->verdict : -1;
	if (filter_simulate(&plan->filter, &data, &action) == 0 && action == action_of(rule) &&
	        (got == -1) == (expected == -1) && got >= expected) {
		stricter += got > expected;
		return 0;
	}
	printf("%s: the filter says %#x, the policy %d (%s), expected %d\n", calls[call], action, got,
	        rule ? rule->text : "no rule", expected);
	for (size_t i = 0; i < 6; i++)
		printf("argument %zu: %#" PRIx64 "\n", i, args[i]);
	return 1;
}

static int check_policy(void)
{
	struct rule rules[MOST_RULES];
	size_t count = 1 + below(MOST_RULES), size = 0;
	AUTO_FREE char *text = NULL;
	struct plan *plan;
	FILE *out;
	int failures = 0;

	for (size_t i = 0; i < count; i++) {
		random_rule(&rules[i]);
		drop_same(&rules[i]);
		/* Few calls, so that rules meet. */
		if (i && below(2) && rules[i - 1].count && rules[i].count) {
			rules[i] = rules[i - 1];
			rules[i].verdict = below(2) ? POLICY_ALLOW : POLICY_DENY;
			random_condition(rules[i].call, &rules[i].conditions[rules[i].count - 1]);
			drop_same(&rules[i]);
			if (is_empty(&rules[i]))
				rules[i] = rules[i - 1];
		}
	}
	out = open_memstream(&text, &size);
	fputs("reeve: 1\nsyscalls:\n", out);
	for (size_t i = 0; i < count; i++)
		write_rule(out, &rules[i]);
	fclose(out);
	plan = plan_of(text, size);
	if (!plan) {
		puts(text);
		return 1;
	}
	for (int i = 0; i < CALLS_EACH && failures == 0; i++)
		failures += compare(plan, rules, count);
	plan_free(plan);
	if (failures)
		puts(text);
	return failures;
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	for (int i = 0; i < POLICIES; i++)
		if (check_policy())
			return 1;
	printf("%d calls agree; in %zu the policy was stricter\n", POLICIES * CALLS_EACH, stricter);
	return stricter > POLICIES * CALLS_EACH / 50;
}
