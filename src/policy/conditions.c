/* Conditions on arguments, from words to tests. */
#include "policy/conditions.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { MOST_TESTS = 512 };

void conditions_done(struct conditions *conditions)
{
	free(conditions->tests.items);
	free(conditions->text.items);
	*conditions = (struct conditions){0};
}

/* ---- values ---- */

static const char *nearest_constant(const struct syscalls_argument *argument, const char *word)
{
	size_t count, used = 0;
	const struct syscalls_constant *all = syscalls_constants(&count);
	AUTO_FREE const char **names = calloc(count + 1, sizeof(*names));

	if (!names)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!argument->sort[0] || strcmp(all[i].sort, argument->sort) == 0)
			names[used++] = all[i].name;
	return policy_nearest(word, names);
}

/* Decimal, or hexadecimal with "0x", with a sign. False when it is no number, or one of more than 64 bits. */
static bool read_number(const char *text, size_t length, uint64_t *ret, bool *ret_negative)
{
	char digits[32], *end;
	bool negative = length > 0 && text[0] == '-';
	unsigned long long number;

	text += negative;
	length -= negative;
	if (length == 0 || length >= sizeof(digits) || !isdigit((unsigned char)text[0]))
		return false;
	/* What other languages read as octal is not read in another way here. */
	if (length > 1 && text[0] == '0' && text[1] != 'x')
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	errno = 0;
	number = strtoull(digits, &end, text[0] == '0' && length > 2 ? 16 : 10);
	if (*end || errno || (negative && number > 1ull << 63))
		return false;
	*ret = negative ? -(uint64_t)number : number;
	*ret_negative = negative;
	return true;
}

static bool fits(const struct syscalls_argument *argument, uint64_t value, bool negative)
{
	if (!syscalls_is_narrow(argument))
		return true;
	if (negative)
		return argument->mask == UINT32_MAX && (int64_t)value >= INT32_MIN;
	return (value & ~argument->mask) == 0;
}

static int read_term(const char *call, const struct syscalls_argument *argument, const char *text,
        size_t length, uint64_t *ret, char *error, size_t size)
{
	const struct syscalls_constant *constant = syscalls_constant(argument->sort, text, length);
	struct policy_quote quote = policy_quote(text, length);
	const char *nearest;
	bool negative = false;

	if (constant && argument->sort[0] && strcmp(constant->sort, argument->sort) != 0) {
		snprintf(error, size, "'%s' is no value for '%s' of %s; write its number if it is meant",
		        quote.text, argument->name, call);
		return -EINVAL;
	}
	if (constant) {
		*ret = constant->value;
		negative = (int64_t)*ret < 0;
	} else if (!read_number(text, length, ret, &negative)) {
		nearest = nearest_constant(argument, quote.text);
		snprintf(error, size, "'%s' is neither a number (10, -1, 0x1f) nor a known constant%s%s%s",
		        quote.text, nearest ? "; did you mean '" : "", nearest ? nearest : "",
		        nearest ? "'?" : "");
		return -EINVAL;
	}
	if (!fits(argument, *ret, negative)) {
		snprintf(error, size, "'%s' does not fit: the kernel looks at %d bits of '%s' of %s",
		        quote.text, __builtin_popcountll(argument->mask), argument->name, call);
		return -EINVAL;
	}
	*ret &= argument->mask;
	return 0;
}

int conditions_value(const char *call, const struct syscalls_argument *argument, const char *text,
        size_t length, uint64_t *ret, char *error, size_t error_size)
{
	uint64_t value = 0, term;

	if (argument->type == SYSCALLS_TYPE_POINTER && length > 0 && !isdigit((unsigned char)text[0])) {
		snprintf(error, error_size,
		        "'%s' of %s is a pointer: what it points to can change after it was looked at, so a "
		        "rule compares no contents%s",
		        argument->name, call,
		        strstr(argument->name, "path") ? " (rules under 'files' hold paths)" : "");
		return -EINVAL;
	}
	for (const char *end = text + length;; text++) {
		const char *bar = memchr(text, '|', (size_t)(end - text));
		const char *stop = bar ? bar : end;
		const char *last = stop;
		int r;

		while (text < last && *text == ' ')
			text++;
		while (last > text && last[-1] == ' ')
			last--;
		r = read_term(call, argument, text, (size_t)(last - text), &term, error, error_size);
		if (r < 0)
			return r;
		value |= term;
		if (!bar)
			break;
		text = bar;
	}
	*ret = value;
	return 0;
}

/* ---- tests ---- */

static int complain(struct policy_builder *builder, struct conditions *conditions,
        const struct policy_place *place, const char *message)
{
	conditions->is_wrong = true;
	return policy_diagnose(builder, place, "%s", message);
}

static int unknown_argument(
        struct policy_builder *builder, struct conditions *conditions, const struct condition *condition)
{
	struct policy_quote quote = policy_quote(condition->argument, condition->argument_length);
	struct syscalls_argument arguments[6];
	const char *names[7] = {NULL}, *nearest;
	char list[6 * 26 + 1] = "", *end = list;
	size_t count = 0;

	for (; count < 6 && syscalls_argument_at(conditions->call, (int)count, &arguments[count]); count++) {
		names[count] = arguments[count].name;
		end = stpcpy(stpcpy(end, count ? ", " : ""), names[count]);
	}
	nearest = policy_nearest(quote.text, names);
	conditions->is_wrong = true;
	if (nearest)
		return policy_diagnose(builder, &condition->place,
		        "%s has no argument '%s'; did you mean '%s'?", conditions->call, quote.text, nearest);
	return policy_diagnose(builder, &condition->place, "%s has no argument '%s'; it has %s%s",
	        conditions->call, quote.text, count ? list : "none", count ? ", or arg0 to arg5" : "");
}

/* 0 with `*ret_known` false when it was diagnosed. */
static int read_value(struct policy_builder *builder, struct conditions *conditions,
        const struct syscalls_argument *argument, const struct condition_word *word, uint64_t *ret,
        bool *ret_known)
{
	char error[320];
	int r = conditions_value(
	        conditions->call, argument, word->text, word->length, ret, error, sizeof(error));

	*ret_known = r == 0;
	return r == 0 ? 0 : complain(builder, conditions, &word->place, error);
}

static int add_test(struct conditions *conditions, const struct policy_test *test)
{
	if (conditions->tests.count >= MOST_TESTS)
		return -E2BIG;
	return ARRAY_PUSH(&conditions->tests, *test);
}

static struct policy_test test_of(
        const struct condition *condition, const struct syscalls_argument *argument, uint64_t value)
{
	struct policy_test test = {.arg = (uint8_t)argument->index,
	        .wide = !syscalls_is_narrow(argument),
	        .is_signed = argument->type == SYSCALLS_TYPE_INT || argument->type == SYSCALLS_TYPE_LONG,
	        .mask = argument->mask,
	        .value = value};

	switch (condition->sort) {
	case CONDITION_IS:
		break;
	case CONDITION_IS_NOT:
		test.negated = true;
		break;
	case CONDITION_ABOVE:
	case CONDITION_UP_TO:
		test.compare = POLICY_ABOVE;
		test.negated = condition->sort == CONDITION_UP_TO;
		break;
	case CONDITION_FROM:
	case CONDITION_BELOW:
		test.compare = POLICY_FROM;
		test.negated = condition->sort == CONDITION_BELOW;
		break;
	case CONDITION_HAS:
		test.mask = value;
		break;
	case CONDITION_LACKS:
		test.mask = value;
		test.value = 0;
		break;
	}
	return test;
}

static int add_value(struct policy_builder *builder, struct conditions *conditions,
        const struct condition *condition, const struct syscalls_argument *argument, size_t i, uint64_t mask)
{
	const struct condition_word *word = &condition->values[i];
	struct policy_test test;
	uint64_t value;
	bool known;
	int r = read_value(builder, conditions, argument, word, &value, &known);

	if (r < 0 || !known)
		return r;
	if ((condition->sort == CONDITION_HAS || condition->sort == CONDITION_LACKS) && value == 0)
		return complain(
		        builder, conditions, &word->place, "0 has no bits that could be there or not");
	if (condition->mask && (value & ~mask))
		return complain(builder, conditions, &word->place,
		        "this has bits that the mask takes away: it could never match");
	test = test_of(condition, argument, value);
	if (condition->mask)
		test.mask = mask;
	/* Several values are alternatives; none of them for what says "not". */
	test.link =
	        condition->sort == CONDITION_IS || condition->sort == CONDITION_HAS ? POLICY_OR : POLICY_AND;
	r = add_test(conditions, &test);
	if (r == -E2BIG)
		return complain(builder, conditions, &word->place, "too many values in one rule");
	return r;
}

static int add_text(struct conditions *conditions, const char *text, size_t length)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < length; i++)
		r = ARRAY_PUSH(&conditions->text, text[i]);
	return r;
}

/* The condition in the form of a flag. */
static int tell(struct conditions *conditions, const struct condition *condition)
{
	static const char *const signs[] = {"=", "!=", ">", ">=", "<", "<=", "&", "!&"};
	const char *sign = signs[condition->sort];
	int r = conditions->text.count ? add_text(conditions, ", ", 2) : 0;

	if (r == 0)
		r = add_text(conditions, condition->argument, condition->argument_length);
	if (r == 0 && condition->mask) {
		r = add_text(conditions, "&", 1);
		if (r == 0)
			r = add_text(conditions, condition->mask->text, condition->mask->length);
	}
	if (r == 0)
		r = add_text(conditions, sign, strlen(sign));
	if (r == 0 && condition->count > 1)
		r = add_text(conditions, "[", 1);
	for (size_t i = 0; r == 0 && i < condition->count; i++) {
		r = i ? add_text(conditions, ",", 1) : 0;
		if (r == 0)
			r = add_text(conditions, condition->values[i].text, condition->values[i].length);
	}
	return r == 0 && condition->count > 1 ? add_text(conditions, "]", 1) : r;
}

int conditions_add(
        struct policy_builder *builder, struct conditions *conditions, const struct condition *condition)
{
	struct syscalls_argument argument;
	size_t before = conditions->tests.count;
	uint64_t mask = 0;
	bool known = true;
	int r = 0;

	if (syscalls_argument(conditions->call, condition->argument, condition->argument_length, &argument) <
	        0)
		return unknown_argument(builder, conditions, condition);
	if (condition->count == 0)
		return complain(builder, conditions, &condition->place, "a list without values");
	if (condition->count > 1 && condition->sort >= CONDITION_ABOVE && condition->sort <= CONDITION_UP_TO)
		return complain(builder, conditions, &condition->place, "a comparison has one value");
	if (condition->mask)
		r = read_value(builder, conditions, &argument, condition->mask, &mask, &known);
	if (r < 0 || !known)
		return r;
	for (size_t i = 0; r == 0 && i < condition->count; i++)
		r = add_value(builder, conditions, condition, &argument, i, mask);
	/* The alternatives end with the last value. */
	if (conditions->tests.count > before)
		conditions->tests.items[conditions->tests.count - 1].link = POLICY_AND;
	return r == 0 ? tell(conditions, condition) : r;
}

int conditions_finish(
        struct policy_builder *builder, struct conditions *conditions, struct policy_syscall_rule *rule)
{
	size_t size = conditions->tests.count * sizeof(*conditions->tests.items);
	size_t length = strlen(conditions->call) + conditions->text.count + 3;
	struct policy_test *tests = store_take(&builder->store, size);
	char *text = store_take(&builder->store, length);

	if (!tests || !text)
		return -ENOMEM;
	conditions->tests.items[conditions->tests.count - 1].link = POLICY_ENDS;
	memcpy(tests, conditions->tests.items, size);
	snprintf(text, length, "%s(%.*s)", conditions->call, (int)conditions->text.count,
	        conditions->text.items);
	rule->tests = tests;
	rule->test_count = conditions->tests.count;
	rule->text = text;
	return 0;
}

/* ---- the form of flags ---- */

enum { MOST_VALUES = 128 };

struct scanner {
	const char *at, *end;
	struct policy_place place;
};

static void skip_spaces(struct scanner *scanner)
{
	while (scanner->at < scanner->end && *scanner->at == ' ')
		scanner->at++;
}

static bool take(struct scanner *scanner, const char *token)
{
	size_t length = strlen(token);

	skip_spaces(scanner);
	if ((size_t)(scanner->end - scanner->at) < length || memcmp(scanner->at, token, length) != 0)
		return false;
	scanner->at += length;
	skip_spaces(scanner);
	return true;
}

/* What stands there up to one of the letters in `stops`, without spaces around it. */
static struct condition_word take_word(struct scanner *scanner, const char *stops)
{
	struct condition_word word = {.place = scanner->place};

	skip_spaces(scanner);
	word.text = scanner->at;
	while (scanner->at < scanner->end && !strchr(stops, *scanner->at))
		scanner->at++;
	word.length = (size_t)(scanner->at - word.text);
	while (word.length > 0 && word.text[word.length - 1] == ' ')
		word.length--;
	return word;
}

static bool take_sign(struct scanner *scanner, enum condition_sort *ret)
{
	static const struct {
		const char *sign;
		enum condition_sort sort;
	} signs[] = {{"!=", CONDITION_IS_NOT}, {"!&", CONDITION_LACKS}, {">=", CONDITION_FROM},
	        {"<=", CONDITION_UP_TO}, {"=", CONDITION_IS}, {">", CONDITION_ABOVE}, {"<", CONDITION_BELOW},
	        {"&", CONDITION_HAS}};

	for (size_t i = 0; i < ELEMENTS(signs); i++) {
		if (!take(scanner, signs[i].sign))
			continue;
		*ret = signs[i].sort;
		return true;
	}
	return false;
}

/* Values up to the comma behind the condition. False when it is not well formed. */
static bool take_values(struct scanner *scanner, struct condition_word values[MOST_VALUES], size_t *ret_count)
{
	size_t count = 0;

	if (!take(scanner, "[")) {
		values[0] = take_word(scanner, ",[]()=<>!&");
		*ret_count = 1;
		return values[0].length > 0;
	}
	do {
		if (count == MOST_VALUES)
			return false;
		values[count] = take_word(scanner, ",[]()=<>!&");
		if (values[count++].length == 0)
			return false;
	} while (take(scanner, ","));
	*ret_count = count;
	return take(scanner, "]");
}

static bool take_condition(struct scanner *scanner, struct condition *condition, struct condition_word *mask,
        struct condition_word values[MOST_VALUES])
{
	struct condition_word argument = take_word(scanner, ",[]()=<>!& ");

	condition->argument = argument.text;
	condition->argument_length = argument.length;
	if (argument.length == 0 || !take_sign(scanner, &condition->sort) ||
	        !take_values(scanner, values, &condition->count))
		return false;
	/* "arg1&0xf=3": what looked like flags was the mask. */
	if (condition->sort == CONDITION_HAS && condition->count == 1 && scanner->at < scanner->end &&
	        *scanner->at != ',') {
		*mask = values[0];
		condition->mask = mask;
		return take_sign(scanner, &condition->sort) &&
		       (condition->sort == CONDITION_IS || condition->sort == CONDITION_IS_NOT) &&
		       take_values(scanner, values, &condition->count);
	}
	return true;
}

int conditions_read_text(struct policy_builder *builder, struct conditions *conditions,
        const struct policy_place *place, const char *text, size_t length)
{
	struct scanner scanner = {.at = text, .end = text + length, .place = *place};
	int r;

	do {
		struct condition_word values[MOST_VALUES], mask;
		struct condition condition = {.place = *place, .values = values};

		if (!take_condition(&scanner, &condition, &mask, values))
			return complain(builder, conditions, place,
			        "conditions look like 'socket(family=AF_NETLINK)', 'kill(pid<0)', "
			        "'clone(flags&CLONE_NEWUSER)', 'ioctl(request=[TIOCSTI,TIOCLINUX])'");
		r = conditions_add(builder, conditions, &condition);
		if (r < 0)
			return r;
	} while (take(&scanner, ","));
	skip_spaces(&scanner);
	if (scanner.at < scanner.end)
		return complain(builder, conditions, place, "something stands behind the conditions");
	return 0;
}

int conditions_read_values(const char *call, const char *text, uint64_t ret[6], char *error, size_t size)
{
	struct scanner scanner = {.at = text, .end = text + strlen(text)};
	struct syscalls_argument argument;
	uint64_t value;
	int r;

	if (!*text)
		return 0;
	if (!take(&scanner, "(") || text[strlen(text) - 1] != ')') {
		snprintf(error, size, "expected arguments in parentheses, such as (family=AF_NETLINK)");
		return -EINVAL;
	}
	do {
		struct condition_word values[MOST_VALUES];
		struct condition condition = {.values = values};
		struct condition_word mask;

		if (!take_condition(&scanner, &condition, &mask, values) || condition.sort != CONDITION_IS ||
		        condition.mask || condition.count != 1) {
			snprintf(error, size, "expected the arguments' values, such as (family=AF_NETLINK)");
			return -EINVAL;
		}
		if (syscalls_argument(call, condition.argument, condition.argument_length, &argument) < 0) {
			snprintf(error, size, "%s has no argument '%s'", call,
			        policy_quote(condition.argument, condition.argument_length).text);
			return -EINVAL;
		}
		r = conditions_value(call, &argument, values[0].text, values[0].length, &value, error, size);
		if (r < 0)
			return r;
		ret[argument.index] = value;
	} while (take(&scanner, ","));
	if (!take(&scanner, ")") || scanner.at < scanner.end) {
		snprintf(error, size, "something stands behind the arguments");
		return -EINVAL;
	}
	return 0;
}
