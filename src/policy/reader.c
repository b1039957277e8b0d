/* The schema of a policy: what may stand where. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/builder.h"
#include "policy/conditions.h"
#include "policy/document.h"
#include "policy/limits.h"
#include "policy/streams.h"

struct reader {
	struct policy_builder *builder;
	const struct policy_text *text;
};

static struct policy_place place_of(const struct reader *reader, const struct document_node *node)
{
	return (struct policy_place){reader->text->name, node->line, node->column, NULL};
}

#define COMPLAIN(reader, node, ...)                                                                          \
	__extension__({                                                                                      \
		struct policy_place place_ = place_of(reader, node);                                         \
		policy_diagnose((reader)->builder, &place_, __VA_ARGS__);                                    \
	})

/* What stands there, for "found ...". */
static struct policy_quote found(const struct document_node *node)
{
	struct policy_quote quote = {"nothing"}, text;

	if (node->kind == DOCUMENT_LIST)
		strcpy(quote.text, "a list");
	else if (node->kind == DOCUMENT_MAP)
		strcpy(quote.text, "a map");
	else if (node->length > 0 || !node->is_plain) {
		text = policy_quote(node->text, node->length);
		snprintf(quote.text, sizeof(quote.text), "%s'%.48s'", node->is_plain ? "" : "the string ",
		        text.text);
	}
	return quote;
}

static bool is_word(const struct document_node *node, const char *word)
{
	return node->kind == DOCUMENT_SCALAR && node->length == strlen(word) &&
	       memcmp(node->text, word, node->length) == 0;
}

static bool is_one_of(const struct document_node *node, const char *const *words)
{
	for (; *words; words++)
		if (is_word(node, *words))
			return true;
	return false;
}

/* Whether a scalar is a string; what YAML takes for a truth value or nothing at all is not. */
static bool is_string(const struct document_node *node)
{
	static const char *const others[] = {"", "null", "true", "false", NULL};

	return node->kind == DOCUMENT_SCALAR && !(node->is_plain && is_one_of(node, others));
}

struct keys {
	const char *const *known;   /* what may stand here */
	const char *const *planned; /* what the language has and this version lacks */
};

static bool stood_before(const struct document_node *map, const struct document_node *key)
{
	for (const struct document_node *other = map->first; other != key; other = other->next->next)
		if (other->length == key->length && memcmp(other->text, key->text, key->length) == 0)
			return true;
	return false;
}

enum { KNOWN_SIZE = 256 };

/* "; did you mean 'read'?", or what there is. */
static void write_known(const char *text, const char *const *known, char *ret, size_t size)
{
	const char *nearest = policy_nearest(text, known);
	size_t used = 0;

	if (nearest) {
		snprintf(ret, size, "; did you mean '%s'?", nearest);
		return;
	}
	ret[0] = '\0';
	for (size_t i = 0; known[i] && used < size; i++) {
		const char *before = i == 0 ? "; there are " : known[i + 1] ? ", " : " and ";
		int n = snprintf(ret + used, size - used, "%s%s", before, known[i]);

		used += n > 0 ? (size_t)n : 0;
	}
}

/* Complains of keys that are unknown or stand twice. */
static int check_keys(struct reader *reader, const struct document_node *map, const struct keys *keys)
{
	int r = 0;

	for (const struct document_node *key = map->first; r == 0 && key; key = key->next->next) {
		struct policy_quote quote = policy_quote(key->text, key->length);

		if (stood_before(map, key)) {
			r = COMPLAIN(reader, key, "'%s' stands here twice", quote.text);
		} else if (is_one_of(key, keys->planned)) {
			r = COMPLAIN(reader, key,
			        "'%s' is part of the policy language but not in this version", quote.text);
		} else if (!is_one_of(key, keys->known)) {
			char known[KNOWN_SIZE];

			write_known(key->text, keys->known, known, sizeof(known));
			r = COMPLAIN(reader, key, "unknown key '%s'%s", quote.text, known);
		}
	}
	return r;
}

static const struct document_node *value_of(const struct document_node *map, const char *name)
{
	for (const struct document_node *key = map->first; key; key = key->next->next)
		if (is_word(key, name))
			return key->next;
	return NULL;
}

/* The one key of `choices` that the map has. NULL when there is none or more than one: that is diagnosed,
 * unless some planned key stands in its place, which was diagnosed already. */
static int pick_key(struct reader *reader, const struct document_node *map, const char *const *choices,
        const struct keys *keys, const char *expected, const struct document_node **ret)
{
	const struct document_node *picked = NULL;
	bool has_other = false;

	*ret = NULL;
	for (const struct document_node *key = map->first; key; key = key->next->next) {
		has_other = has_other || is_one_of(key, keys->planned) || !is_one_of(key, keys->known);
		if (!is_one_of(key, choices))
			continue;
		if (picked && !is_word(key, picked->text))
			return COMPLAIN(reader, key, "'%s' beside '%s': each item of the list has one of %s",
			        key->text, picked->text, expected);
		picked = picked ? picked : key;
	}
	if (!picked && !has_other)
		return COMPLAIN(reader, map, "an item without any of %s", expected);
	*ret = picked;
	return 0;
}

static int read_truth(struct reader *reader, const struct document_node *map, const char *name, bool *ret)
{
	const struct document_node *value = value_of(map, name);

	if (!value)
		return 0;
	if (value->kind == DOCUMENT_SCALAR && value->is_plain &&
	        (is_word(value, "true") || is_word(value, "false"))) {
		*ret = is_word(value, "true");
		return 0;
	}
	return COMPLAIN(reader, value, "'%s' expects true or false, found %s", name, found(value).text);
}

/* Whether a rule may say which error its refusal ends in. */
static bool has_errno(enum policy_verdict verdict)
{
	return verdict == POLICY_DENY || verdict == POLICY_ASK;
}

/* `denies` is what it goes with, if this rule is no such. */
static int read_errno(struct reader *reader, const struct document_node *map, const char *denies, int *ret)
{
	const struct document_node *value = value_of(map, "errno");
	const char *nearest;
	int number;

	if (!value)
		return 0;
	if (denies)
		return COMPLAIN(reader, value, "'errno' goes with %s only", denies);
	if (!is_string(value))
		return COMPLAIN(reader, value,
		        "'errno' expects the name of an error, such as EPERM, found %s", found(value).text);
	number = policy_error_number(value->text, &nearest);
	if (number < 0 || strlen(value->text) != value->length)
		return COMPLAIN(reader, value,
		        "'errno' expects the name of an error, such as EPERM, found %s%s%s%s",
		        found(value).text, nearest ? "; did you mean '" : "", nearest ? nearest : "",
		        nearest ? "'?" : "");
	*ret = number;
	return 0;
}

/* Calls `add` for a string, or for each of a list of strings. */
static int each_string(struct reader *reader, const struct document_node *value, const char *name,
        int (*add)(struct reader *reader, const struct document_node *string, void *user), void *user)
{
	const struct document_node *item = value->kind == DOCUMENT_LIST ? value->first : value;
	int r = 0;

	if (value->kind == DOCUMENT_MAP)
		return COMPLAIN(
		        reader, value, "'%s' expects a string or a list of strings, found a map", name);
	while (r == 0 && item && !policy_has_told_enough(reader->builder)) {
		if (is_string(item))
			r = add(reader, item, user);
		else
			r = COMPLAIN(reader, item, "'%s' expects strings, found %s%s", name, found(item).text,
			        item->kind == DOCUMENT_SCALAR && item->length > 0
			                ? "; quote it if it is a name"
			                : "");
		item = value->kind == DOCUMENT_LIST ? item->next : NULL;
	}
	return r;
}

static int add_path_string(struct reader *reader, const struct document_node *string, void *user)
{
	struct policy_file_rule rule = *(const struct policy_file_rule *)user;

	rule.place = place_of(reader, string);
	return policy_add_path(reader->builder, &rule, string->text, string->length);
}

static int add_call_string(struct reader *reader, const struct document_node *string, void *user)
{
	struct policy_syscall_rule rule = *(const struct policy_syscall_rule *)user;

	rule.place = place_of(reader, string);
	if (strlen(string->text) != string->length || string->length == 0)
		return COMPLAIN(reader, string, "no system call is called %s", found(string).text);
	return policy_add_call(reader->builder, &rule, string->text);
}

static int add_address_string(struct reader *reader, const struct document_node *string, void *user)
{
	struct policy_address_rule rule = *(const struct policy_address_rule *)user;

	rule.place = place_of(reader, string);
	return policy_add_address(reader->builder, &rule, string->text, string->length);
}

/* ---- conditions: {socket: {family: [AF_NETLINK], type: {ne: SOCK_STREAM}}} ---- */

static struct condition_word word_of(const struct reader *reader, const struct document_node *node)
{
	return (struct condition_word){node->text, node->length, place_of(reader, node)};
}

/* The values of a condition: a scalar, or a list of them. */
static int read_values(struct reader *reader, const struct document_node *node, const char *name,
        struct condition *condition, struct conditions *conditions)
{
	const struct document_node *item = node->kind == DOCUMENT_LIST ? node->first : node;
	struct condition_word *words =
	        store_take(&reader->builder->store, (node->count + 1) * sizeof(*words));

	if (!words)
		return -ENOMEM;
	condition->values = words;
	for (; item; item = node->kind == DOCUMENT_LIST ? item->next : NULL) {
		if (!is_string(item)) {
			conditions->is_wrong = true;
			return COMPLAIN(reader, item, "'%s' expects numbers and names of constants, found %s",
			        name, found(item).text);
		}
		words[condition->count++] = word_of(reader, item);
	}
	return 0;
}

static int add_condition(struct reader *reader, const struct document_node *values, const char *name,
        struct condition *condition, struct conditions *conditions)
{
	int r = read_values(reader, values, name, condition, conditions);

	return r < 0 || conditions->is_wrong ? r : conditions_add(reader->builder, conditions, condition);
}

const char *const policy_test_keys[] = {
        "eq", "in", "ne", "gt", "ge", "lt", "le", "has", "lacks", "mask", NULL};
static const char *const nothing[] = {NULL};

static int read_test(struct reader *reader, const struct document_node *key, const struct document_node *mask,
        struct condition condition, struct conditions *conditions)
{
	static const enum condition_sort sorts[] = {CONDITION_IS, CONDITION_IS, CONDITION_IS_NOT,
	        CONDITION_ABOVE, CONDITION_FROM, CONDITION_BELOW, CONDITION_UP_TO, CONDITION_HAS,
	        CONDITION_LACKS};
	struct condition_word mask_word;

	for (size_t i = 0; i < ELEMENTS(sorts); i++)
		if (is_word(key, policy_test_keys[i]))
			condition.sort = sorts[i];
	condition.place = place_of(reader, key);
	if (mask && condition.sort != CONDITION_IS && condition.sort != CONDITION_IS_NOT) {
		conditions->is_wrong = true;
		return COMPLAIN(reader, key, "'mask' goes with eq, in and ne only, not with '%s'", key->text);
	}
	if (mask) {
		mask_word = word_of(reader, mask);
		condition.mask = &mask_word;
	}
	return add_condition(reader, key->next, key->text, &condition, conditions);
}

/* {gt: 5, lt: 9}, {mask: 0xf, eq: 3} */
static int read_tests(struct reader *reader, const struct document_node *map,
        const struct condition *condition, struct conditions *conditions)
{
	static const struct keys keys = {policy_test_keys, nothing};
	size_t errors = policy_builder_diagnostics(reader->builder)->count, tests = 0;
	const struct document_node *mask = value_of(map, "mask");
	int r = check_keys(reader, map, &keys);

	if (r == 0 && mask && !is_string(mask))
		r = COMPLAIN(reader, mask, "'mask' expects a number, found %s", found(mask).text);
	conditions->is_wrong |= policy_builder_diagnostics(reader->builder)->count > errors;
	for (const struct document_node *key = map->first; r == 0 && key; key = key->next->next) {
		if (conditions->is_wrong)
			return 0;
		if (is_word(key, "mask"))
			continue;
		tests++;
		r = read_test(reader, key, mask, *condition, conditions);
	}
	if (r < 0 || tests > 0 || conditions->is_wrong)
		return r;
	conditions->is_wrong = true;
	return COMPLAIN(reader, map, "a condition without any of eq, in, ne, gt, ge, lt, le, has, lacks");
}

static int read_condition(
        struct reader *reader, const struct document_node *argument, struct conditions *conditions)
{
	struct condition condition = {.argument = argument->text,
	        .argument_length = argument->length,
	        .place = place_of(reader, argument),
	        .sort = CONDITION_IS};

	if (argument->next->kind == DOCUMENT_MAP)
		return read_tests(reader, argument->next, &condition, conditions);
	return add_condition(reader, argument->next, argument->text, &condition, conditions);
}

/* One call with its conditions; `key` is the call's name. */
static int read_conditional_call(
        struct reader *reader, const struct document_node *key, const struct policy_syscall_rule *written)
{
	CLEANUP(conditions_done) struct conditions conditions = {0};
	struct policy_syscall_rule rule = *written;
	int r;

	rule.place = place_of(reader, key);
	r = policy_begin_conditions(reader->builder, &conditions, &rule.place, key->text, key->length);
	if (r < 0 || conditions.is_wrong)
		return r;
	if (key->next->kind != DOCUMENT_MAP || key->next->count == 0)
		return COMPLAIN(reader, key->next,
		        "'%s' expects conditions on its arguments, such as {arg0: 1}, found %s", key->text,
		        key->next->kind == DOCUMENT_MAP ? "an empty map" : found(key->next).text);
	for (const struct document_node *at = key->next->first; r == 0 && at; at = at->next->next)
		r = stood_before(key->next, at) ? COMPLAIN(reader, at, "'%s' stands here twice", at->text)
		                                : read_condition(reader, at, &conditions);
	if (r < 0 || conditions.is_wrong || policy_has_told_enough(reader->builder))
		return r;
	return conditions.tests.count ? policy_add_conditions(reader->builder, &conditions, &rule) : 0;
}

/* A word, a map of conditions, or a list of both. */
static int each_call(struct reader *reader, const struct document_node *value, const char *name,
        struct policy_syscall_rule *rule)
{
	const struct document_node *item = value->kind == DOCUMENT_LIST ? value->first : value;
	int r = 0;

	while (r == 0 && item && !policy_has_told_enough(reader->builder)) {
		const struct document_node *key = item->kind == DOCUMENT_MAP ? item->first : NULL;

		for (; r == 0 && key; key = key->next->next)
			r = read_conditional_call(reader, key, rule);
		if (is_string(item))
			r = add_call_string(reader, item, rule);
		else if (item->kind != DOCUMENT_MAP || !item->first)
			r = COMPLAIN(reader, item,
			        "'%s' expects names of system calls, or maps of conditions, found %s", name,
			        item->kind == DOCUMENT_MAP ? "an empty map" : found(item).text);
		item = value->kind == DOCUMENT_LIST ? item->next : NULL;
	}
	return r;
}

static const char *const file_choices[] = {"read", "write", "exec", "deny", "hide", "ask", "redirect", NULL};
static const char *const file_keys[] = {"read", "write", "exec", "deny", "hide", "ask", "redirect", "errno",
        "log", "optional", "create", NULL};
static const char *const file_planned[] = {"temporary", NULL};
static const char *const call_choices[] = {"allow", "deny", "kill", "ask", NULL};
static const char *const call_keys[] = {"allow", "deny", "kill", "ask", "errno", "log", NULL};
static const char *const call_planned[] = {NULL};
static const char *const address_choices[] = {
        "connect", "listen", "deny-connect", "deny-listen", "ask-connect", "ask-listen", NULL};
static const char *const address_keys[] = {"connect", "listen", "deny-connect", "deny-listen", "ask-connect",
        "ask-listen", "errno", "log", NULL};
static const char *const address_planned[] = {NULL};
static const char *const top_keys[] = {
        "reeve", "use", "files", "network", "syscalls", "streams", "limits", NULL};
static const char *const top_planned[] = {NULL};
static const char *const stream_keys[] = {"file", "rotate", "keep", NULL};

/* For the schema that editors use: a set of keys that is not here is not in it. */
const struct policy_key_set policy_key_sets[] = {
        {"", top_keys, NULL},
        {"files", file_keys, file_choices},
        {"network", address_keys, address_choices},
        {"syscalls", call_keys, call_choices},
        {"streams", policy_stream_names, NULL},
        {"stream", stream_keys, NULL},
        {"limits", policy_limit_names, NULL},
        {0},
};

/* What a redirect is of, in words. */
struct redirect_words {
	const char *key, *shape, *end;
};

/* {from: ..., to: ...}. 0 with `*ret_read` false when it is wrong, which is then diagnosed. */
static int read_ends(struct reader *reader, const struct document_node *map, const struct redirect_words *say,
        struct policy_words ret[2], bool *ret_read)
{
	static const char *const known[] = {"from", "to", NULL}, *const planned[] = {NULL};
	static const struct keys keys = {known, planned};
	int r = check_keys(reader, map, &keys);

	*ret_read = false;
	for (size_t i = 0; i < 2 && r == 0; i++) {
		const struct document_node *end = value_of(map, known[i]);

		if (!end)
			return COMPLAIN(reader, map, "'%s' expects %s; '%s' is missing", say->key, say->shape,
			        known[i]);
		if (!is_string(end))
			return COMPLAIN(reader, end, "'%s' expects %s, found %s", known[i], say->end,
			        found(end).text);
		ret[i] = (struct policy_words){place_of(reader, end), end->text, end->length};
	}
	*ret_read = r == 0;
	return r;
}

static int read_redirect(struct reader *reader, const struct document_node *key)
{
	static const struct redirect_words say = {"redirect", "{from: PATH, to: PATH}", "a path"};
	const struct document_node *map = key->next;
	struct policy_place place = place_of(reader, key);
	struct policy_words words[2];
	bool is_read;
	int r;

	if (map->kind != DOCUMENT_MAP)
		return COMPLAIN(reader, map, "'redirect' expects %s, found %s", say.shape, found(map).text);
	r = read_ends(reader, map, &say, words, &is_read);
	return r < 0 || !is_read ? r : policy_add_redirect(reader->builder, &place, &words[0], &words[1]);
}

static int read_address_redirect(
        struct reader *reader, const struct document_node *item, const struct document_node *map)
{
	static const struct redirect_words say = {"connect", "{from: ADDRESS, to: ADDRESS}", "an address"};
	struct policy_place place = place_of(reader, map);
	const struct document_node *log = value_of(item, "log");
	struct policy_words words[2];
	bool is_read;
	int r;

	if (log)
		return COMPLAIN(reader, log,
		        "'log' goes with rules that decide; a connection that is redirected is logged by the "
		        "rule for where it leads");
	r = read_ends(reader, map, &say, words, &is_read);
	return r < 0 || !is_read ? r
	                         : policy_add_address_redirect(reader->builder, &place, &words[0], &words[1]);
}

static int read_file_item(struct reader *reader, const struct document_node *item)
{
	static const struct keys keys = {file_keys, file_planned};
	struct policy_file_rule rule = {.verdict = POLICY_ALLOW};
	const struct document_node *key, *value;
	int r = check_keys(reader, item, &keys);

	if (r == 0)
		r = pick_key(reader, item, file_choices, &keys,
		        "read, write, exec, deny, hide, ask, redirect", &key);
	if (r < 0 || !key)
		return r;
	policy_start_rule(&rule, key->text);
	r = read_errno(reader, item, has_errno(rule.verdict) ? NULL : "'deny' and 'ask'", &rule.error);
	if (r == 0)
		r = read_truth(reader, item, "log", &rule.log);
	if (r == 0)
		r = read_truth(reader, item, "optional", &rule.optional);
	value = value_of(item, "optional");
	if (r == 0 && value && rule.verdict != POLICY_ALLOW)
		r = COMPLAIN(reader, value, "'optional' goes with read, write and exec only");
	if (r == 0)
		r = read_truth(reader, item, "create", &rule.create);
	value = value_of(item, "create");
	if (r == 0 && value && !is_word(key, "write"))
		r = COMPLAIN(reader, value, "'create' goes with write only");
	value = value_of(item, "log");
	if (r == 0 && value && rule.verdict == POLICY_REDIRECT)
		r = COMPLAIN(reader, value,
		        "'log' goes with rules that decide; the access to what is there instead is logged by "
		        "the rule for that");
	if (r == 0 && rule.verdict == POLICY_REDIRECT)
		return read_redirect(reader, key);
	return r < 0 ? r : each_string(reader, key->next, key->text, add_path_string, &rule);
}

static int read_call_item(struct reader *reader, const struct document_node *item)
{
	static const struct keys keys = {call_keys, call_planned};
	struct policy_syscall_rule rule = {.verdict = POLICY_ALLOW};
	const struct document_node *key;
	int r = check_keys(reader, item, &keys);

	if (r == 0)
		r = pick_key(reader, item, call_choices, &keys, "allow, deny, kill, ask", &key);
	if (r < 0 || !key)
		return r;
	policy_start_call(&rule, key->text);
	r = read_errno(reader, item, has_errno(rule.verdict) ? NULL : "'deny' and 'ask'", &rule.error);
	if (r == 0)
		r = read_truth(reader, item, "log", &rule.log);
	return r < 0 ? r : each_call(reader, key->next, key->text, &rule);
}

/* An address, a redirect, or a list of both. */
static int each_connect(
        struct reader *reader, const struct document_node *item, struct policy_address_rule *rule)
{
	const struct document_node *value = value_of(item, "connect");
	const struct document_node *at = value->kind == DOCUMENT_LIST ? value->first : value;
	int r = 0;

	while (r == 0 && at && !policy_has_told_enough(reader->builder)) {
		if (at->kind == DOCUMENT_MAP)
			r = read_address_redirect(reader, item, at);
		else if (is_string(at))
			r = add_address_string(reader, at, rule);
		else
			r = COMPLAIN(reader, at,
			        "'connect' expects addresses, or {from: ADDRESS, to: ADDRESS}, found %s%s",
			        found(at).text,
			        at->kind == DOCUMENT_SCALAR && at->length > 0 ? "; quote it if it is a name"
			                                                      : "");
		at = value->kind == DOCUMENT_LIST ? at->next : NULL;
	}
	return r;
}

/* As files have it; here it is said of what is connected to. */
static int suggest_connect(struct reader *reader, const struct document_node *item, bool *ret_suggested)
{
	for (const struct document_node *key = item->first; key; key = key->next->next) {
		*ret_suggested = is_word(key, "redirect");
		if (*ret_suggested)
			return COMPLAIN(reader, key,
			        "unknown key 'redirect'; addresses are redirected by 'connect: {from: "
			        "ADDRESS, to: ADDRESS}'");
	}
	return 0;
}

static int read_address_item(struct reader *reader, const struct document_node *item)
{
	static const struct keys keys = {address_keys, address_planned};
	struct policy_address_rule rule = {.verdict = POLICY_ALLOW};
	const struct document_node *key;
	bool suggested = false;
	int r = suggest_connect(reader, item, &suggested);

	if (r < 0 || suggested)
		return r;
	r = check_keys(reader, item, &keys);
	if (r == 0)
		r = pick_key(reader, item, address_choices, &keys,
		        "connect, listen, deny-connect, deny-listen, ask-connect, ask-listen", &key);
	if (r < 0 || !key)
		return r;
	policy_start_address(&rule, key->text);
	r = read_errno(reader, item,
	        has_errno(rule.verdict) ? NULL : "deny-connect, deny-listen, ask-connect and ask-listen",
	        &rule.error);
	if (r == 0)
		r = read_truth(reader, item, "log", &rule.log);
	if (r == 0 && is_word(key, "connect"))
		return each_connect(reader, item, &rule);
	return r < 0 ? r : each_string(reader, key->next, key->text, add_address_string, &rule);
}

static const char *example_of(const char *section)
{
	if (strcmp(section, "files") == 0)
		return "read: /usr";
	return strcmp(section, "network") == 0 ? "connect: 127.0.0.1:8080" : "deny: ptrace";
}

/* Words stand for themselves, alone or among rules. */
static bool is_network_word(const struct document_node *node, const char *section)
{
	bool is_one = false;

	for (const char *const *word = policy_network_words; *word; word++)
		is_one |= is_word(node, *word);
	return is_one && strcmp(section, "network") == 0;
}

static int add_network_word(struct reader *reader, const struct document_node *word)
{
	struct policy_place place = place_of(reader, word);

	return policy_add_network(reader->builder, &place, word->text, word->length);
}

static int read_section(struct reader *reader, const struct document_node *top, const char *name,
        int (*read_item)(struct reader *reader, const struct document_node *item))
{
	const struct document_node *list = value_of(top, name);
	int r = 0;

	if (!list)
		return 0;
	if (strcmp(name, "network") == 0 && is_string(list))
		return add_network_word(reader, list);
	if (list->kind != DOCUMENT_LIST)
		return COMPLAIN(reader, list, "'%s' expects a list of rules, found %s%s", name,
		        found(list).text, list->kind == DOCUMENT_MAP ? "; each rule begins with '- '" : "");
	for (const struct document_node *item = list->first; r == 0 && item; item = item->next) {
		if (policy_has_told_enough(reader->builder))
			break;
		if (item->kind == DOCUMENT_MAP)
			r = read_item(reader, item);
		else if (is_network_word(item, name))
			r = add_network_word(reader, item);
		else
			r = COMPLAIN(reader, item, "'%s' expects rules such as '%s', found %s", name,
			        example_of(name), found(item).text);
	}
	return r;
}

static int read_limits(struct reader *reader, const struct document_node *top)
{
	static const char *const none[] = {NULL};
	const struct keys keys = {policy_limit_names, none};
	const struct document_node *map = value_of(top, "limits");
	int r = 0;

	if (!map)
		return 0;
	if (map->kind != DOCUMENT_MAP)
		return COMPLAIN(reader, map,
		        "'limits' expects a map such as {memory: 2G, wall-time: 10m}, found %s",
		        found(map).text);
	r = check_keys(reader, map, &keys);
	for (const struct document_node *key = map->first; r == 0 && key; key = key->next->next) {
		int kind = policy_limit_by_name(key->text, key->length);
		struct policy_place place = place_of(reader, key->next);

		if (kind >= 0 && key->next->kind != DOCUMENT_SCALAR)
			r = COMPLAIN(reader, key->next, "'%s' expects one value, found %s", key->text,
			        found(key->next).text);
		else if (kind >= 0)
			r = policy_add_limit(reader->builder, (enum policy_limit_kind)kind, &place,
			        key->next->text, key->next->length);
	}
	return r;
}

/* The one word behind `name`, or NULL: none, or told. */
static int pick_word(struct reader *reader, const struct document_node *map, const char *name,
        const struct document_node **ret)
{
	const struct document_node *value = value_of(map, name);

	*ret = NULL;
	if (value && value->kind != DOCUMENT_SCALAR)
		return COMPLAIN(reader, value, "'%s' expects one value, found %s", name, found(value).text);
	*ret = value;
	return 0;
}

static int read_stream_map(
        struct reader *reader, const struct document_node *map, enum policy_stream_kind kind)
{
	static const char *const none[] = {NULL};
	static const struct keys keys = {stream_keys, none};
	const struct document_node *file = NULL, *rotate = NULL, *keep = NULL;
	struct policy_stream stream = {0};
	struct policy_place place;
	int r = check_keys(reader, map, &keys);

	if (r == 0)
		r = pick_word(reader, map, "rotate", &rotate);
	if (r == 0)
		r = pick_word(reader, map, "keep", &keep);
	if (r == 0)
		r = pick_word(reader, map, "file", &file);
	if (r == 0 && rotate) {
		place = place_of(reader, rotate);
		r = policy_read_rotate(reader->builder, &place, rotate->text, rotate->length, &stream.rotate);
	}
	if (r == 0 && keep) {
		place = place_of(reader, keep);
		r = rotate ? policy_read_keep(reader->builder, &place, keep->text, keep->length, &stream.keep)
		           : COMPLAIN(reader, keep, "'keep' goes with 'rotate' only");
	}
	if (r < 0)
		return r;
	if (!file)
		return value_of(map, "file") ? 0 : COMPLAIN(reader, map, "a stream without 'file'");
	stream.place = place_of(reader, file);
	return policy_add_stream(reader->builder, kind, &stream, file->text, file->length);
}

static int read_streams(struct reader *reader, const struct document_node *top)
{
	static const char *const none[] = {NULL};
	const struct keys keys = {policy_stream_names, none};
	const struct document_node *map = value_of(top, "streams");
	int r = 0;

	if (!map)
		return 0;
	if (map->kind != DOCUMENT_MAP)
		return COMPLAIN(reader, map, "'streams' expects a map such as {stdout: build.log}, found %s",
		        found(map).text);
	r = check_keys(reader, map, &keys);
	for (const struct document_node *key = map->first; r == 0 && key; key = key->next->next) {
		int kind = policy_stream_by_name(key->text, key->length);
		const struct policy_stream stream = {.place = place_of(reader, key->next)};

		if (kind < 0)
			continue;
		if (key->next->kind == DOCUMENT_MAP)
			r = read_stream_map(reader, key->next, (enum policy_stream_kind)kind);
		else if (is_string(key->next))
			r = policy_add_stream(reader->builder, (enum policy_stream_kind)kind, &stream,
			        key->next->text, key->next->length);
		else
			r = COMPLAIN(reader, key->next,
			        "'%s' expects a file, or {file: NAME, rotate: 10M}, found %s", key->text,
			        found(key->next).text);
	}
	return r;
}

static int add_use_string(struct reader *reader, const struct document_node *string, void *user)
{
	struct policy_place place = place_of(reader, string);

	return policy_use(reader->builder, &place, reader->text->directory, string->text, string->length);
}

static int check_version(struct reader *reader, const struct document_node *top)
{
	const struct document_node *version = value_of(top, "reeve");

	if (!version)
		return reader->text->may_lack_version
		               ? 0
		               : COMPLAIN(reader, top, "a policy names its version: 'reeve: 1' is missing");
	if (!is_word(version, "1") || !version->is_plain)
		return COMPLAIN(reader, version,
		        "'reeve' expects 1, the version of the policy language, found %s",
		        found(version).text);
	return 0;
}

int policy_read_text(struct policy_builder *builder, const struct policy_text *text)
{
	static const struct keys keys = {top_keys, top_planned};
	struct reader reader = {builder, text};
	struct document_node *top;
	const struct document_node *use;
	int r = text->tree ? document_unpack(builder, text->tree, &top) : document_read(builder, text, &top);

	if (r < 0 || !top)
		return r;
	if (top->kind != DOCUMENT_MAP)
		return COMPLAIN(&reader, top, "a policy is a map that begins with 'reeve: 1', found %s",
		        found(top).text);
	r = check_version(&reader, top);
	if (r == 0)
		r = check_keys(&reader, top, &keys);
	use = value_of(top, "use");
	if (r == 0 && use)
		r = each_string(&reader, use, "use", add_use_string, NULL);
	if (r == 0)
		r = read_section(&reader, top, "files", read_file_item);
	if (r == 0)
		r = read_section(&reader, top, "network", read_address_item);
	if (r == 0)
		r = read_section(&reader, top, "syscalls", read_call_item);
	if (r == 0)
		r = read_streams(&reader, top);
	return r < 0 ? r : read_limits(&reader, top);
}
