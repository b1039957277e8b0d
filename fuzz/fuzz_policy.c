/* Any bytes as a policy: they are read or complained of, and what was read can be decided by.
 * With clang: meson setup -Dc_args=-fsanitize=fuzzer-no-link,address -Dc_link_args=-fsanitize=address
 * -Db_lundef=false BUILD; then in BUILD: ninja fuzz/fuzz-policy. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/match.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *lookup(void *user, const char *name)
{
	if (strcmp(name, "HOME") == 0)
		return "/home/*";
	return strcmp(name, "REEVE_TMP") == 0 ? "/tmp/private" : NULL;
}

static void require(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static struct matcher *matcher_of(const struct policy *policy, bool is_reversed)
{
	AUTO_FREE struct match_entry *entries = calloc(policy->file_count + 1, sizeof(*entries));
	struct matcher *matcher = NULL;

	require(entries != NULL, "memory");
	for (size_t i = 0; i < policy->file_count; i++) {
		const struct policy_file_rule *rule =
		        &policy->files[is_reversed ? policy->file_count - 1 - i : i];

		entries[i] = (struct match_entry){rule, rule->path};
	}
	require(matcher_new(entries, policy->file_count, &matcher) == 0,
	        "each rule of a policy can be matched");
	return matcher;
}

static void decide(const struct matcher *matcher, const struct matcher *reversed, const char *path)
{
	const struct policy_file_rule *below;

	for (unsigned access = 1; access < 8; access++) {
		struct match_verdict a, b;

		matcher_decide(matcher, path, access, &a);
		matcher_decide(reversed, path, access, &b);
		require(a.verdict == b.verdict && a.error == b.error && a.rule == b.rule,
		        "order does not matter");
		require(a.verdict != POLICY_ALLOW || (a.rule && a.error == 0), "an allow has a rule");
		require(a.verdict == POLICY_ALLOW || a.error > 0, "a refusal has an error");
		require(a.verdict == POLICY_ALLOW || !a.rule || matcher_may_deny_within(matcher, path),
		        "what refuses is seen from where it does");
	}
	require(matcher_has_rule_below(matcher, path, &below) ==
	                matcher_has_rule_below(reversed, path, &below),
	        "order does not matter to what is below");
}

static void check_policy(const struct policy *policy)
{
	struct matcher *matcher = matcher_of(policy, false), *reversed = matcher_of(policy, true);

	decide(matcher, reversed, "/");
	decide(matcher, reversed, "/home/*/a/b.c");
	for (size_t i = 0; i < policy->file_count && i < 64; i++) {
		const struct policy_file_rule *rule = &policy->files[i];
		char top[4096];

		require(rule->path[0] == '/', "paths are absolute");
		decide(matcher, reversed, rule->path);
		if (!rule->is_glob)
			continue;
		match_glob_top(rule->path, top, sizeof(top));
		decide(matcher, reversed, top);
	}
	matcher_free(matcher);
	matcher_free(reversed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_context context = {"/home/*", "/nonexistent", lookup, NULL};
	struct policy_builder *builder = NULL;
	struct policy *policy = NULL;
	size_t errors;
	int r;

	require(policy_builder_new(&context, &builder) == 0, "memory");
	r = policy_add_text(builder, "fuzz", (const char *)data, size);
	errors = policy_builder_diagnostics(builder)->count;
	require(r == 0 || r == -EINVAL, "a text is good or it is not");
	require((r == 0) == (errors == 0), "what is wrong is told");
	r = policy_builder_finish(builder, &policy);
	require((r == 0) == (errors == 0), "a policy is made of what is good");
	policy_builder_free(builder);
	if (r == 0)
		check_policy(policy);
	policy_unref(policy);
	return 0;
}
