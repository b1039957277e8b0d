/* Rules about system calls: words to calls, and one rule for each call in the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/calls.h"
#include "policy/conditions.h"

/* Above this lie the numbers of another ABI, which a policy cannot speak of. */
enum { HIGHEST_NUMBER = 0x3fffffff };

static int add_mention(
        struct policy_builder *builder, const struct policy_syscall_rule *rule, bool from_group)
{
	struct call_mention mention = {*rule, from_group};

	return ARRAY_PUSH(&builder->calls, mention);
}

/* A question stops the call, and some must never stop, since a signal before it would be seen: they are among
 * those that act on the caller alone. */
static bool never_stops(const struct syscalls_name *call)
{
	int nr = call->nr[syscalls_native()];
	const struct syscalls_row *row = nr < 0 ? NULL : syscalls_row_by_nr(syscalls_native(), (unsigned)nr);

	return nr >= 0 && (!row || row->answer == SYSCALLS_NEVER);
}

static int add_named(struct policy_builder *builder, struct policy_syscall_rule *rule,
        const struct syscalls_name *call, bool from_group)
{
	if (rule->verdict == POLICY_ASK && never_stops(call))
		return policy_diagnose(builder, &rule->place,
		        "nobody can be asked about '%s': it acts on the process alone or must never wait; "
		        "'deny' and 'kill' can hold it",
		        call->name);
	rule->name = call->name;
	memcpy(rule->nr, call->nr, sizeof(rule->nr));
	return add_mention(builder, rule, from_group);
}

static int add_number(struct policy_builder *builder, struct policy_syscall_rule *rule, const char *text)
{
	unsigned long number = 0;
	const char *name;

	for (const char *at = text; *at; at++) {
		if (*at < '0' || *at > '9' || number > HIGHEST_NUMBER)
			number = HIGHEST_NUMBER + 1ul;
		else
			number = number * 10 + (unsigned long)(*at - '0');
	}
	if (number > HIGHEST_NUMBER) {
		struct policy_quote quote = policy_quote(text, strlen(text));

		return policy_diagnose(
		        builder, &rule->place, "'%s' is no number of a system call", quote.text);
	}
	name = syscalls_name_of(syscalls_native(), (unsigned)number);
	if (name && syscalls_by_name(name))
		return add_named(builder, rule, syscalls_by_name(name), false);
	for (int arch = 0; arch < SYSCALLS_ARCHES; arch++)
		rule->nr[arch] = -1;
	rule->nr[syscalls_native()] = (int)number;
	return add_mention(builder, rule, false);
}

static int unknown_word(struct policy_builder *builder, const struct policy_syscall_rule *rule,
        const char *text, const char *sort, const char *const *words)
{
	struct policy_quote quote = policy_quote(text, strlen(text));
	const char *nearest = policy_nearest(text, words);

	return policy_diagnose(builder, &rule->place, "no %s is called '%s'%s%s%s", sort, quote.text,
	        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* Told once for the group: which of its calls nobody can be asked about, or NULL. */
static const char *unaskable_of(const char *const *names)
{
	for (; *names; names++) {
		const struct syscalls_name *call = syscalls_by_name(*names);

		if (call && never_stops(call))
			return *names;
	}
	return NULL;
}

static int add_group(struct policy_builder *builder, struct policy_syscall_rule *rule, const char *text)
{
	const char *const *names;
	const char *unaskable;

	if (syscalls_group(text, &names) < 0)
		return unknown_word(builder, rule, text, "group of system calls", syscalls_groups());
	unaskable = rule->verdict == POLICY_ASK ? unaskable_of(names) : NULL;
	if (unaskable)
		return policy_diagnose(builder, &rule->place,
		        "nobody can be asked about all of '%s': its '%s' acts on the process alone or must "
		        "never wait; name the calls that are meant",
		        text, unaskable);
	for (; *names; names++) {
		const struct syscalls_name *call = syscalls_by_name(*names);
		int r = call ? add_named(builder, rule, call, true) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int unknown_call(
        struct policy_builder *builder, const struct policy_syscall_rule *rule, const char *text)
{
	AUTO_FREE const char **names = calloc(syscalls_all_count + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < syscalls_all_count; i++)
		names[i] = syscalls_all[i].name;
	return unknown_word(builder, rule, text, "system call", names);
}

/* "socket(family=AF_NETLINK)". */
static int add_conditions(struct policy_builder *builder, struct policy_syscall_rule *rule, const char *text)
{
	CLEANUP(conditions_done) struct conditions conditions = {0};
	size_t length = strcspn(text, "("), end = strlen(text);
	struct policy_quote quote;
	int r;

	while (end > 0 && text[end - 1] == ' ')
		end--;
	r = policy_begin_conditions(builder, &conditions, &rule->place, text, length);
	if (r < 0 || conditions.is_wrong)
		return r;
	quote = policy_quote(text, strlen(text));
	if (text[end - 1] != ')')
		return policy_diagnose(builder, &rule->place, "'%s' lacks a ')' at its end", quote.text);
	r = conditions_read_text(builder, &conditions, &rule->place, text + length + 1, end - length - 2);
	if (r < 0 || conditions.is_wrong)
		return r;
	return policy_add_conditions(builder, &conditions, rule);
}

int policy_begin_conditions(struct policy_builder *builder, struct conditions *conditions,
        const struct policy_place *place, const char *name, size_t length)
{
	struct policy_syscall_rule rule = {.place = *place};
	AUTO_FREE char *word = NULL;
	const struct syscalls_name *call;

	while (length > 0 && name[length - 1] == ' ')
		length--;
	word = strndup(name, length);
	if (!word)
		return -ENOMEM;
	call = syscalls_by_name(word);
	if (call) {
		conditions->call = call->name;
		return 0;
	}
	conditions->is_wrong = true;
	if (word[0] == '@')
		return policy_diagnose(
		        builder, place, "a group takes no conditions: its calls have different arguments");
	return unknown_call(builder, &rule, word);
}

int policy_add_conditions(
        struct policy_builder *builder, struct conditions *conditions, const struct policy_syscall_rule *rule)
{
	struct policy_syscall_rule added = *rule;
	int r = conditions_finish(builder, conditions, &added);

	return r < 0 ? r : add_named(builder, &added, syscalls_by_name(conditions->call), false);
}

int policy_add_call(struct policy_builder *builder, const struct policy_syscall_rule *rule, const char *text)
{
	struct policy_syscall_rule added = *rule;
	const struct syscalls_name *call;

	added.text = text;
	if (text[0] == '@' && !strchr(text, '('))
		return add_group(builder, &added, text);
	if (text[0] >= '0' && text[0] <= '9')
		return add_number(builder, &added, text);
	if (strchr(text, '('))
		return add_conditions(builder, &added, text);
	call = syscalls_by_name(text);
	if (call)
		return add_named(builder, &added, call, false);
	return unknown_call(builder, &added, text);
}

bool policy_start_call(struct policy_syscall_rule *rule, const char *key)
{
	static const struct {
		const char *key, *flag;
		enum policy_verdict verdict;
		int error;
	} starts[] = {{"allow", "allow-call", POLICY_ALLOW, 0}, {"deny", "deny-call", POLICY_DENY, EPERM},
	        {"kill", "kill-call", POLICY_KILL, 0}, {"ask", "ask-call", POLICY_ASK, EPERM}};

	for (size_t i = 0; i < ELEMENTS(starts); i++) {
		if (strcmp(key, rule->place.flag ? starts[i].flag : starts[i].key) != 0)
			continue;
		rule->verdict = starts[i].verdict;
		rule->error = starts[i].error;
		return true;
	}
	return false;
}

/* Where the word ends: at a comma outside of parentheses. */
static size_t word_length(const char *text)
{
	size_t length = 0;
	int depth = 0;

	for (; text[length]; length++) {
		depth += (text[length] == '(') - (text[length] == ')');
		if (text[length] == ',' && depth <= 0)
			break;
	}
	return length;
}

int policy_add_call_text(
        struct policy_builder *builder, const struct policy_syscall_rule *rule, const char *text)
{
	for (;;) {
		size_t length, end;
		char *word;
		int r;

		text += strspn(text, " ");
		length = end = word_length(text);
		while (end > 0 && text[end - 1] == ' ')
			end--;
		if (end == 0)
			return policy_diagnose(builder, &rule->place,
			        "a system call is missing; expected for example 'ptrace', '@debug' or "
			        "'socket(family=AF_NETLINK)'");
		word = store_text(&builder->store, text, end);
		if (!word)
			return -ENOMEM;
		r = policy_add_call(builder, rule, word);
		if (r < 0 || !text[length])
			return r;
		text += length + 1;
	}
}

static int compare_calls(const struct policy_syscall_rule *a, const struct policy_syscall_rule *b)
{
	int arch = syscalls_native();

	if (!a->name || !b->name)
		return a->name || b->name ? !a->name - !b->name
		                          : (a->nr[arch] > b->nr[arch]) - (a->nr[arch] < b->nr[arch]);
	return strcmp(a->name, b->name);
}

static void list_test(const struct policy_test *test, uint64_t ret[8])
{
	ret[0] = test->arg;
	ret[1] = test->wide;
	ret[2] = test->negated;
	ret[3] = test->is_signed;
	ret[4] = test->compare;
	ret[5] = test->link;
	ret[6] = test->mask;
	ret[7] = test->value;
}

static int compare_tests(const struct policy_syscall_rule *a, const struct policy_syscall_rule *b)
{
	if (a->test_count != b->test_count)
		return a->test_count < b->test_count ? -1 : 1;
	for (size_t i = 0; i < a->test_count; i++) {
		uint64_t left[8], right[8];
		int r;

		/* The structure has padding. */
		list_test(&a->tests[i], left);
		list_test(&b->tests[i], right);
		r = memcmp(left, right, sizeof(left));
		if (r != 0)
			return r;
	}
	return 0;
}

/* By call; of one call those with conditions first, then what counts of those without. */
static int compare_mentions(const void *left, const void *right)
{
	const struct call_mention *a = left, *b = right;
	int r = compare_calls(&a->rule, &b->rule);

	if (r == 0)
		r = !a->rule.test_count - !b->rule.test_count;
	if (r == 0)
		r = a->from_group - b->from_group;
	if (r == 0)
		r = (int)b->rule.verdict - (int)a->rule.verdict;
	if (r == 0)
		r = compare_tests(&a->rule, &b->rule);
	return r != 0 ? r : policy_place_compare(&a->rule.place, &b->rule.place);
}

/* Whether, behind `before`, a mention has nothing more to say. */
static bool is_settled(const struct call_mention *mention, const struct call_mention *before)
{
	if (compare_calls(&mention->rule, &before->rule) != 0 ||
	        !mention->rule.test_count != !before->rule.test_count)
		return false;
	if (!mention->rule.test_count)
		return true;
	return mention->rule.verdict == before->rule.verdict &&
	       compare_tests(&mention->rule, &before->rule) == 0;
}

void policy_settle_calls(struct policy_builder *builder)
{
	struct call_mention *calls = builder->calls.items;
	size_t kept = 0;

	_Static_assert(POLICY_KILL > POLICY_DENY && POLICY_DENY > POLICY_ASK && POLICY_ASK > POLICY_ALLOW,
	        "the order of verdicts");
	if (builder->calls.count == 0)
		return;
	qsort(calls, builder->calls.count, sizeof(*calls), compare_mentions);
	for (size_t i = 0; i < builder->calls.count; i++)
		if (i == 0 || !is_settled(&calls[i], &calls[kept - 1]))
			calls[kept++] = calls[i];
	builder->calls.count = kept;
}
