#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/path.h"
#include "policy/builder.h"
#include "policy/defaults.h"
#include "policy/streams.h"

#define MOST_REDIRECTS 40 /* as many as links are followed */

int policy_builder_new(const struct policy_context *context, struct policy_builder **ret)
{
	struct policy_builder *builder = calloc(1, sizeof(*builder));

	if (!builder)
		return -ENOMEM;
	builder->context = *context;
	*ret = builder;
	return 0;
}

void policy_builder_free(struct policy_builder *builder)
{
	if (!builder)
		return;
	for (size_t i = 0; i < builder->diagnostics.count; i++)
		free(builder->diagnostics.items[i].message);
	free(builder->diagnostics.items);
	free(builder->files.items);
	free(builder->calls.items);
	free(builder->addresses.items);
	free(builder->redirects.items);
	free(builder->sources.items);
	store_done(&builder->store);
	free(builder);
}

const struct policy_diagnostics *policy_builder_diagnostics(const struct policy_builder *builder)
{
	return &builder->diagnostics;
}

bool policy_start_rule(struct policy_file_rule *rule, const char *key)
{
	static const struct {
		const char *key;
		enum policy_verdict verdict;
		unsigned access;
		int error;
	} starts[] = {
	        {"read", POLICY_ALLOW, POLICY_READ, 0},
	        {"write", POLICY_ALLOW, POLICY_READ | POLICY_WRITE, 0},
	        {"exec", POLICY_ALLOW, POLICY_READ | POLICY_EXEC, 0},
	        {"deny", POLICY_DENY, POLICY_READ | POLICY_WRITE | POLICY_EXEC, EACCES},
	        {"hide", POLICY_HIDE, POLICY_READ | POLICY_WRITE | POLICY_EXEC, ENOENT},
	        {"ask", POLICY_ASK, POLICY_READ | POLICY_WRITE | POLICY_EXEC, EACCES},
	        {"redirect", POLICY_REDIRECT, POLICY_READ | POLICY_WRITE | POLICY_EXEC, 0},
	};

	for (size_t i = 0; i < ELEMENTS(starts); i++) {
		if (strcmp(starts[i].key, key) != 0)
			continue;
		rule->verdict = starts[i].verdict;
		rule->access = starts[i].access;
		rule->error = starts[i].error;
		return true;
	}
	return false;
}

int policy_add_path(
        struct policy_builder *builder, const struct policy_file_rule *rule, const char *text, size_t length)
{
	struct policy_file_rule added = *rule;
	int r = policy_expand(builder, &rule->place, text, length, &added.path, &added.is_glob);

	if (r < 0 || !added.path)
		return r;
	if (added.create && added.is_glob)
		return policy_diagnose(builder, &rule->place,
		        "'create' makes a folder, and '%s' is a pattern: name the folder in a rule of its "
		        "own",
		        policy_quote(text, length).text);
	added.text = store_text(&builder->store, text, length);
	if (!added.text)
		return -ENOMEM;
	return ARRAY_PUSH(&builder->files, added);
}

static int no_pattern(
        struct policy_builder *builder, const struct policy_place *place, const char *key, bool is_glob)
{
	return is_glob ? policy_diagnose(
	                         builder, place, "'%s' of a redirect expects a path, not a pattern", key)
	               : 0;
}

int policy_add_redirect(struct policy_builder *builder, const struct policy_place *place,
        const struct policy_words *from, const struct policy_words *to)
{
	struct policy_file_rule rule = {.place = *place};
	bool from_is_glob = false, to_is_glob = false;
	size_t size = from->length + to->length + sizeof(" to ");
	char *text;
	int r;

	policy_start_rule(&rule, "redirect");
	r = policy_expand(builder, &from->place, from->text, from->length, &rule.path, &from_is_glob);
	if (r == 0)
		r = no_pattern(builder, &from->place, "from", from_is_glob);
	if (r == 0)
		r = policy_expand(builder, &to->place, to->text, to->length, &rule.to, &to_is_glob);
	if (r == 0)
		r = no_pattern(builder, &to->place, "to", to_is_glob);
	if (r < 0 || !rule.path || !rule.to || from_is_glob || to_is_glob)
		return r;
	if (strcmp(rule.path, "/") == 0)
		return policy_diagnose(
		        builder, &from->place, "'/' cannot be redirected; name what lies in it");
	if (path_is_within(rule.to, rule.path))
		return policy_diagnose(builder, &to->place, "'%s' lies in what is redirected to it, '%s'",
		        rule.to, rule.path);
	for (size_t i = 0; i < builder->files.count; i++) {
		const struct policy_file_rule *other = &builder->files.items[i];
		char where[256];

		if (other->verdict == POLICY_REDIRECT && strcmp(other->path, rule.path) == 0 &&
		        strcmp(other->to, rule.to) != 0)
			return policy_diagnose(builder, place, "'%s' is redirected to '%s' already, at %s",
			        rule.path, other->to, policy_place_text(&other->place, where, sizeof(where)));
	}
	text = store_take(&builder->store, size);
	if (!text)
		return -ENOMEM;
	snprintf(text, size, "%.*s to %.*s", (int)from->length, from->text, (int)to->length, to->text);
	rule.text = text;
	return ARRAY_PUSH(&builder->files, rule);
}

static bool says_the_same(const struct policy_file_rule *a, const struct policy_file_rule *b)
{
	return strcmp(a->path, b->path) == 0 && a->is_glob == b->is_glob && a->verdict == b->verdict &&
	       a->access == b->access && a->error == b->error &&
	       (!a->to || !b->to || strcmp(a->to, b->to) == 0) && a->log == b->log &&
	       a->optional == b->optional && a->create == b->create;
}

/* Drops rules that say what an earlier one says; those that stay keep their order. */
static int drop_duplicates(struct policy_builder *builder)
{
	struct policy_file_rule *rules = builder->files.items;
	AUTO_FREE uint32_t *table = NULL; /* of those that stay, their numbers from 1 on */
	size_t count = builder->files.count, kept = 0, size = 16;

	while (size < 2 * count)
		size *= 2;
	table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		size_t at = hash_text(rules[i].path) & (size - 1);

		while (table[at] && !says_the_same(&rules[table[at] - 1], &rules[i]))
			at = (at + 1) & (size - 1);
		if (table[at])
			continue;
		rules[kept++] = rules[i];
		table[at] = (uint32_t)kept;
	}
	builder->files.count = kept;
	return 0;
}

/* The block is filled in two rounds of the same code: the first measures, with `bytes` NULL. */
struct packing {
	char *bytes;
	size_t used;
};

static const char *pack_text(struct packing *packing, const char *text)
{
	size_t size;
	char *copy;

	if (!text)
		return NULL;
	size = strlen(text) + 1;
	copy = packing->bytes ? packing->bytes + packing->used : NULL;
	if (copy)
		memcpy(copy, text, size);
	packing->used += size;
	return copy;
}

static void pack_place(
        struct packing *packing, struct policy_place *place, const char **last_source, const char **last_copy)
{
	/* Neighbours come from one source: its name is there once. */
	if (place->source == *last_source) {
		place->source = *last_copy;
	} else {
		*last_source = place->source;
		*last_copy = place->source = pack_text(packing, place->source);
	}
	place->flag = pack_text(packing, place->flag);
}

static const struct policy_test *pack_tests(
        struct packing *packing, const struct policy_test *tests, size_t count)
{
	const size_t alignment = _Alignof(struct policy_test);
	struct policy_test *copy;

	if (!count)
		return NULL;
	packing->used = (packing->used + alignment - 1) / alignment * alignment;
	copy = packing->bytes ? (struct policy_test *)(packing->bytes + packing->used) : NULL;
	if (copy)
		memcpy(copy, tests, count * sizeof(*tests));
	packing->used += count * sizeof(*tests);
	return copy;
}

static const char *pack_bytes(struct packing *packing, const char *bytes, size_t length)
{
	char *copy = packing->bytes ? packing->bytes + packing->used : NULL;

	if (!bytes)
		return NULL;
	if (copy)
		memcpy(copy, bytes, length);
	packing->used += length;
	return copy;
}

static void pack_limits_and_streams(
        const struct policy_builder *builder, struct packing *packing, struct policy *policy)
{
	const char *last_source = NULL, *last_copy = NULL;

	for (size_t i = 0; i < POLICY_LIMITS; i++) {
		struct policy_limit limit = builder->limits[i];

		if (!limit.is_set)
			continue;
		pack_place(packing, &limit.place, &last_source, &last_copy);
		limit.text = pack_text(packing, limit.text);
		if (policy)
			policy->limits[i] = limit;
	}
	if (builder->own_network) {
		struct policy_place place = builder->own_network_place;

		pack_place(packing, &place, &last_source, &last_copy);
		if (policy)
			policy->own_network_place = place;
	}
	for (size_t i = 0; i < POLICY_STREAMS; i++) {
		struct policy_stream stream = builder->streams[i];

		if (!stream.is_set)
			continue;
		pack_place(packing, &stream.place, &last_source, &last_copy);
		stream.text = pack_text(packing, stream.text);
		stream.path = pack_text(packing, stream.path);
		if (policy)
			policy->streams[i] = stream;
	}
}

static void pack_address(struct packing *packing, struct policy_address_rule *rule, const char **last_source,
        const char **last_copy)
{
	pack_place(packing, &rule->place, last_source, last_copy);
	rule->text = pack_text(packing, rule->text);
	rule->host = pack_text(packing, rule->host);
	rule->path = pack_text(packing, rule->path);
	rule->name = pack_bytes(packing, rule->name, rule->name_length);
}

static void pack(const struct policy_builder *builder, struct packing *packing,
        struct policy_file_rule *files, struct policy_syscall_rule *calls,
        struct policy_address_rule *addresses, struct policy_address_redirect *redirects)
{
	const char *last_source = NULL, *last_copy = NULL;

	for (size_t i = 0; i < builder->files.count; i++) {
		struct policy_file_rule rule = builder->files.items[i];

		pack_place(packing, &rule.place, &last_source, &last_copy);
		rule.text = pack_text(packing, rule.text);
		rule.path = pack_text(packing, rule.path);
		rule.to = pack_text(packing, rule.to);
		if (files)
			files[i] = rule;
	}
	for (size_t i = 0; i < builder->calls.count; i++) {
		struct policy_syscall_rule rule = builder->calls.items[i].rule;

		pack_place(packing, &rule.place, &last_source, &last_copy);
		rule.text = pack_text(packing, rule.text);
		rule.tests = pack_tests(packing, rule.tests, rule.test_count);
		if (calls)
			calls[i] = rule;
	}
	for (size_t i = 0; i < builder->addresses.count; i++) {
		struct policy_address_rule rule = builder->addresses.items[i];

		pack_address(packing, &rule, &last_source, &last_copy);
		if (addresses)
			addresses[i] = rule;
	}
	for (size_t i = 0; i < builder->redirects.count; i++) {
		struct policy_address_redirect redirect = builder->redirects.items[i];

		pack_address(packing, &redirect.from, &last_source, &last_copy);
		pack_address(packing, &redirect.to, &last_source, &last_copy);
		if (redirects)
			redirects[i] = redirect;
	}
}

int policy_builder_finish(struct policy_builder *builder, struct policy **ret)
{
	struct packing packing = {NULL, 0};
	struct policy_address_redirect *redirects;
	struct policy_address_rule *addresses;
	struct policy_default *defaults;
	struct policy_syscall_rule *calls;
	struct policy_file_rule *files;
	struct policy *policy;
	size_t size;
	int r;

	r = policy_settle_streams(builder);
	if (r == 0)
		r = policy_settle_redirects(builder);
	if (r < 0)
		return r;
	if (builder->diagnostics.count > 0)
		return -EINVAL;
	r = drop_duplicates(builder);
	if (r < 0)
		return r;
	policy_settle_calls(builder);
	pack(builder, &packing, NULL, NULL, NULL, NULL);
	pack_limits_and_streams(builder, &packing, NULL);
	size = sizeof(*policy) + builder->files.count * sizeof(*files) +
	       builder->calls.count * sizeof(*calls) + builder->addresses.count * sizeof(*addresses) +
	       builder->redirects.count * sizeof(*redirects) + policy_default_count() * sizeof(*defaults);
	policy = calloc(1, size + packing.used);
	if (!policy)
		return -ENOMEM;
	files = (struct policy_file_rule *)(policy + 1);
	calls = (struct policy_syscall_rule *)(files + builder->files.count);
	addresses = (struct policy_address_rule *)(calls + builder->calls.count);
	redirects = (struct policy_address_redirect *)(addresses + builder->addresses.count);
	defaults = (struct policy_default *)(redirects + builder->redirects.count);
	for (size_t i = 0; i < policy_default_count(); i++)
		policy_default_at(i, &defaults[i]);
	policy->defaults = defaults;
	policy->default_count = policy_default_count();
	packing = (struct packing){(char *)policy + size, 0};
	pack(builder, &packing, files, calls, addresses, redirects);
	pack_limits_and_streams(builder, &packing, policy);
	policy->references = 1;
	policy->files = files;
	policy->file_count = builder->files.count;
	policy->own_network = builder->own_network;
	policy->no_unplugged = builder->no_unplugged;
	policy->syscalls = calls;
	policy->syscall_count = builder->calls.count;
	policy->addresses = addresses;
	policy->address_count = builder->addresses.count;
	policy->redirects = redirects;
	policy->redirect_count = builder->redirects.count;
	policy->wants_private_tmp = builder->wants_private_tmp;
	policy->block = policy;
	*ret = policy;
	return 0;
}

static const struct policy_file_rule *redirect_of(const struct policy *policy, const char *path)
{
	const struct policy_file_rule *found = NULL;

	for (size_t i = 0; i < policy->file_count; i++) {
		const struct policy_file_rule *rule = &policy->files[i];

		if (rule->verdict == POLICY_REDIRECT && path_is_within(path, rule->path) &&
		        (!found || strlen(found->path) < strlen(rule->path)))
			found = rule;
	}
	return found;
}

int policy_redirect(const struct policy *policy, char *path, size_t size)
{
	const struct policy_file_rule *rule;

	for (int i = 0; (rule = redirect_of(policy, path)); i++) {
		AUTO_FREE char *rest = strdup(path + strlen(rule->path));

		if (!rest)
			return -ENOMEM;
		if (i == MOST_REDIRECTS)
			return -ELOOP;
		if ((size_t)snprintf(path, size, "%s%s", strcmp(rule->to, "/") == 0 && *rest ? "" : rule->to,
		            rest) >= size)
			return -ENAMETOOLONG;
	}
	return 0;
}

struct policy *policy_ref(struct policy *policy)
{
	__atomic_add_fetch(&policy->references, 1, __ATOMIC_RELAXED);
	return policy;
}

void policy_unref(struct policy *policy)
{
	if (policy && __atomic_sub_fetch(&policy->references, 1, __ATOMIC_ACQ_REL) == 0)
		free(policy->block);
}

bool policy_asks(const struct policy *policy)
{
	for (size_t i = 0; i < policy->file_count; i++)
		if (policy->files[i].verdict == POLICY_ASK)
			return true;
	for (size_t i = 0; i < policy->address_count; i++)
		if (policy->addresses[i].verdict == POLICY_ASK)
			return true;
	for (size_t i = 0; i < policy->syscall_count; i++)
		if (policy->syscalls[i].verdict == POLICY_ASK)
			return true;
	return false;
}

int policy_place_compare(const struct policy_place *a, const struct policy_place *b)
{
	int r = strcmp(a->source ? a->source : "", b->source ? b->source : "");

	if (r == 0)
		r = (a->line > b->line) - (a->line < b->line);
	if (r == 0)
		r = (a->column > b->column) - (a->column < b->column);
	return r != 0 ? r : strcmp(a->flag ? a->flag : "", b->flag ? b->flag : "");
}

const char *policy_place_text(const struct policy_place *place, char *ret, size_t size)
{
	if (place->flag)
		snprintf(ret, size, "%s", place->flag);
	else if (place->line == 0)
		snprintf(ret, size, "%s", place->source);
	else if (place->column == 0)
		snprintf(ret, size, "%s:%u", place->source, place->line);
	else
		snprintf(ret, size, "%s:%u:%u", place->source, place->line, place->column);
	return ret;
}
