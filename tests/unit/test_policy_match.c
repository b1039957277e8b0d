/* What the triplets cannot say: spellings, bounds, patterns by themselves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/match.h"

static struct policy_file_rule rule_of(
        enum policy_verdict verdict, unsigned access, const char *path, unsigned line)
{
	return (struct policy_file_rule){.verdict = verdict,
	        .access = verdict == POLICY_ALLOW ? access : 7,
	        .error = verdict == POLICY_HIDE   ? ENOENT
	                 : verdict == POLICY_DENY ? EACCES
	                                          : 0,
	        .is_glob = match_is_glob(path),
	        .text = path,
	        .path = path,
	        .place = {"test", line, 1, NULL}};
}

static struct matcher *matcher_of(const struct match_entry *entries, size_t count)
{
	struct matcher *matcher = NULL;

	assert_int_equal(matcher_new(entries, count, &matcher), 0);
	return matcher;
}

static void spellings_share_a_rule(void **state)
{
	struct policy_file_rule deny = rule_of(POLICY_DENY, 0, "/home/me/.ssh", 1);
	struct policy_file_rule allow = rule_of(POLICY_ALLOW, POLICY_READ, "/home/me/.ssh/known_hosts", 2);
	struct policy_file_rule all = rule_of(POLICY_ALLOW, POLICY_READ, "/", 3);
	const struct match_entry entries[] = {{&deny, "/home/me/.ssh"}, {&deny, "/vault/ssh"},
	        {&allow, "/home/me/.ssh/known_hosts"}, {&allow, "/vault/ssh/known_hosts"}, {&all, "/"}};
	struct matcher *matcher = matcher_of(entries, 5);
	struct match_verdict verdict;

	matcher_decide(matcher, "/vault/ssh/known_hosts", POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_ALLOW);
	assert_ptr_equal(verdict.rule, &allow);
	matcher_decide(matcher, "/vault/ssh/id_rsa", POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	assert_ptr_equal(verdict.rule, &deny);
	matcher_decide(matcher, "/home/me/.ssh/id_rsa", POLICY_READ, &verdict);
	assert_ptr_equal(verdict.rule, &deny);
	matcher_free(matcher);
}

static void nothing_is_denied_without_rules(void **state)
{
	struct matcher *matcher = matcher_of(NULL, 0);
	const struct policy_file_rule *below;
	struct match_verdict verdict;

	matcher_decide(matcher, "/a", POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	assert_int_equal(verdict.error, EACCES);
	assert_null(verdict.rule);
	assert_false(matcher_has_rule_below(matcher, "/", &below));
	assert_false(matcher_may_deny_within(matcher, "/"));
	matcher_free(matcher);
	matcher_free(NULL);
}

static void odd_questions_are_refused(void **state)
{
	struct policy_file_rule all = rule_of(POLICY_ALLOW, 7, "/", 1);
	const struct match_entry entry = {&all, "/"};
	struct matcher *matcher = matcher_of(&entry, 1);
	struct match_verdict verdict;

	matcher_decide(matcher, "relative", POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	matcher_decide(matcher, "", POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	matcher_decide(matcher, "/a", 8, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	matcher_decide(matcher, "/a", 0, &verdict);
	assert_int_equal(verdict.verdict, POLICY_ALLOW);
	matcher_free(matcher);
}

static void bytes_need_not_be_text(void **state)
{
	struct policy_file_rule some = rule_of(POLICY_ALLOW, POLICY_READ, "/a/?\xff*", 1);
	struct policy_file_rule one = rule_of(POLICY_ALLOW, POLICY_READ, "/b/\x80\x01", 2);
	const struct match_entry entries[] = {{&some, some.path}, {&one, one.path}};
	struct matcher *matcher = matcher_of(entries, 2);
	struct match_verdict verdict;

	matcher_decide(matcher, "/a/\xc3\xff\n", POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_ALLOW);
	matcher_decide(matcher, "/b/\x80\x01/x", POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_ALLOW);
	matcher_decide(matcher, "/b/\x80", POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	matcher_free(matcher);
}

enum { CROWD = 400 };

/* More patterns are active at once than the walk has room for: slower, and the same verdicts. */
static void crowds_are_decided_rightly(void **state)
{
	static struct policy_file_rule rules[CROWD + 3];
	static struct match_entry entries[CROWD + 3];
	static char paths[CROWD][48], name[CROWD * 8];
	const struct policy_file_rule *below = NULL;
	struct match_verdict verdict;
	struct matcher *matcher;
	char path[sizeof(name) + 64];

	strcpy(name, "/w/-");
	for (unsigned i = 0; i < CROWD; i++) {
		sprintf(paths[i], "/**/*-%u-*/%s", i, i == CROWD - 1 ? "last" : "deny");
		sprintf(name + strlen(name), "%u-", i);
		rules[i] = rule_of(i % 2 ? POLICY_DENY : POLICY_ALLOW, POLICY_READ, paths[i], i + 1);
		entries[i] = (struct match_entry){&rules[i], paths[i]};
	}
	rules[CROWD] = rule_of(POLICY_ALLOW, 7, "/", 1000);
	rules[CROWD + 1] = rule_of(POLICY_DENY, 7, "/w/*/x/y", 1001);
	rules[CROWD + 2] = rule_of(POLICY_ALLOW, POLICY_READ, "/w/*/x/y/z", 1002);
	for (unsigned i = CROWD; i < CROWD + 3; i++)
		entries[i] = (struct match_entry){&rules[i], rules[i].path};
	matcher = matcher_of(entries, CROWD + 3);
	sprintf(path, "%s/other", name);
	matcher_decide(matcher, path, POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_ALLOW);
	assert_ptr_equal(verdict.rule, &rules[CROWD]);
	sprintf(path, "%s/last", name);
	matcher_decide(matcher, path, POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	assert_ptr_equal(verdict.rule, &rules[CROWD - 1]);
	sprintf(path, "%s/deny", name);
	matcher_decide(matcher, path, POLICY_WRITE, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	sprintf(path, "%s/x/y/z", name);
	matcher_decide(matcher, path, POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_ALLOW);
	assert_ptr_equal(verdict.rule, &rules[CROWD + 2]);
	assert_true(matcher_has_rule_below(matcher, name, &below));
	assert_non_null(below);
	assert_true(matcher_may_deny_within(matcher, name));
	sprintf(path, "%s/x", name);
	assert_true(matcher_has_rule_below(matcher, path, &below));
	assert_ptr_equal(below, &rules[CROWD + 1]);
	sprintf(path, "%s/x/z", name);
	assert_false(matcher_has_rule_below(matcher, path, &below));
	assert_true(matcher_differs_below(matcher, "/w/a", name, &below));
	assert_true(matcher_names_below(matcher, name, &below));
	matcher_free(matcher);
}

/* What a folder has in it comes under rules that its old place did not have, or out from under some. */
static void arrivals_are_judged(void **state)
{
	static const char *const texts[] = {
	        "/**/.env", "/**/.git/hooks", "/w/conf/auto/x", "/w/*/secret", "/d/**/key", "/**/private"};
	static const char *const allowed[] = {
	        "/w", "/w/fix/.env", "/**/fixtures/.env", "/w/tool", "/w/x/private/scratch"};
	static const struct {
		const char *from, *to;
		int rule; /* of `texts`, -1: it may move there */
	} moves[] = {
	        {"/w/a", "/w/b", -1},
	        {"/w/a", "/w/b/c", -1},
	        {"/w/a", "/w/fix", 0},
	        {"/w/fix", "/w/a", -1},
	        {"/w/a", "/w/fixtures", 0},
	        {"/w/a/fixtures", "/w/b/fixtures", -1},
	        {"/w/a", "/w/tool", -1},
	        {"/w/a", "/w/.git", 1},
	        {"/w/.git", "/w/b/.git", -1},
	        {"/w/a", "/w/conf", 2},
	        {"/w/a", "/w/conf/auto", 2},
	        {"/w/a/b", "/w/a", 3},
	        {"/e/a", "/d/a", 4},
	        {"/d/a", "/d/b/c", -1},
	        {"/w/a", "/w/x/private/scratch/a", 5},
	        {"/w/x/private/scratch/a", "/w/x/private/scratch/b", -1},
	        {"/w/x/private/scratch/a", "/e/b", -1},
	};
	struct policy_file_rule rules[11];
	struct match_entry entries[11];
	struct matcher *matcher;
	const struct policy_file_rule *found;

	for (unsigned i = 0; i < 11; i++) {
		rules[i] = i < 6 ? rule_of(POLICY_DENY, 0, texts[i], i + 1)
		                 : rule_of(POLICY_ALLOW, POLICY_READ | POLICY_WRITE, allowed[i - 6], i + 1);
		entries[i] = (struct match_entry){&rules[i], rules[i].path};
	}
	matcher = matcher_of(entries, 11);
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		bool differs = matcher_differs_below(matcher, moves[i].from, moves[i].to, &found);

		if (differs != (moves[i].rule >= 0) || (differs && found != &rules[moves[i].rule]))
			fail_msg("%s to %s", moves[i].from, moves[i].to);
	}
	assert_true(matcher_names_below(matcher, "/w/conf", &found));
	assert_ptr_equal(found, &rules[2]);
	assert_true(matcher_names_below(matcher, "/w/.git", &found));
	assert_ptr_equal(found, &rules[1]);
	assert_true(matcher_names_below(matcher, "/d", &found));
	assert_false(matcher_names_below(matcher, "/w/other", &found));
	assert_false(matcher_names_below(matcher, "/d/other", &found));
	assert_false(matcher_names_below(matcher, "/w/fix", &found));
	matcher_free(matcher);
}

static void bad_patterns_are_refused(void **state)
{
	static const char *const bad[] = {
	        "/a**", "/**a", "/a/***", "/[", "/[]", "/[!]", "/[z-a]", "/a\\", "/a\\/b"};
	static const char *const good[] = {
	        "/", "/**", "/a/**/b", "/*", "/[]]", "/[!]a]", "/[a-]", "/\\*", "/[\\]]", "/\\[", "/*a*b*"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct policy_file_rule rule = rule_of(POLICY_ALLOW, 1, bad[i], 1);
		struct match_entry entry = {&rule, bad[i]};
		struct matcher *matcher = NULL;

		assert_non_null(match_pattern_error(bad[i]));
		rule.is_glob = true;
		assert_int_equal(matcher_new(&entry, 1, &matcher), -EINVAL);
		assert_null(matcher);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(match_pattern_error(good[i]));
}

static void globs_are_known(void **state)
{
	assert_true(match_is_glob("/a/*"));
	assert_true(match_is_glob("/a/?"));
	assert_true(match_is_glob("/a/[b]"));
	assert_true(match_is_glob("/a/\\**"));
	assert_false(match_is_glob("/a/b"));
	assert_false(match_is_glob("/a/\\*\\?\\["));
	assert_false(match_is_glob("/a/]"));
	assert_false(match_is_glob("/a\\"));
}

static void globs_have_a_top(void **state)
{
	static const char *const tops[][2] = {{"/a/b/*.c", "/a/b"}, {"/**", "/"}, {"/*", "/"},
	        {"/a/**/b", "/a"}, {"/a/\\*/b/?", "/a/*/b"}, {"/a/b", "/a/b"}, {"/a[b]/c", "/"}};
	char top[16];

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		match_glob_top(tops[i][0], top, sizeof(top));
		assert_string_equal(top, tops[i][1]);
	}
	/* Without room it is a folder higher up, never another one. */
	match_glob_top("/abcdef/ghi/*", top, 9);
	assert_string_equal(top, "/abcdef");
	match_glob_top("/abcdef/ghi/*", top, 2);
	assert_string_equal(top, "/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(spellings_share_a_rule),
	        cmocka_unit_test(nothing_is_denied_without_rules),
	        cmocka_unit_test(odd_questions_are_refused),
	        cmocka_unit_test(bytes_need_not_be_text),
	        cmocka_unit_test(crowds_are_decided_rightly),
	        cmocka_unit_test(arrivals_are_judged),
	        cmocka_unit_test(bad_patterns_are_refused),
	        cmocka_unit_test(globs_are_known),
	        cmocka_unit_test(globs_have_a_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
