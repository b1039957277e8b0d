/* Building a policy: sources together, flags, places, what is shared and when it goes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/match.h"
#include "policy/policy.h"

static const char *lookup(void *user, const char *name)
{
	if (strcmp(name, "REEVE_TMP") == 0)
		return "/tmp/private";
	return strcmp(name, "HOME") == 0 ? "/home/me" : NULL;
}

static const struct policy_context context = {"/home/me", "/home/me/work", lookup, NULL};

static struct policy_builder *builder_new(void)
{
	struct policy_builder *builder = NULL;

	assert_int_equal(policy_builder_new(&context, &builder), 0);
	return builder;
}

static struct policy *finish(struct policy_builder *builder)
{
	struct policy *policy = NULL;

	assert_int_equal(policy_builder_finish(builder, &policy), 0);
	policy_builder_free(builder);
	return policy;
}

static int add(struct policy_builder *builder, const char *text)
{
	return policy_add_text(builder, "text", text, strlen(text));
}

static void sources_add_up(void **state)
{
	struct policy_builder *builder = builder_new();
	struct policy *policy;
	char place[64];

	assert_int_equal(add(builder, "reeve: 1\nfiles:\n  - read: [/a, /b]\n  - write: /a\n"), 0);
	assert_int_equal(policy_add_flag(builder, "read", "/b"), 0);
	assert_int_equal(policy_add_flag(builder, "deny", "~/.ssh"), 0);
	assert_int_equal(policy_add_flag(builder, "hide", "*.key"), 0);
	policy = finish(builder);
	assert_int_equal(policy->file_count, 5);
	assert_string_equal(policy_place_text(&policy->files[0].place, place, sizeof(place)), "text:3:12");
	assert_string_equal(policy_place_text(&policy->files[1].place, place, sizeof(place)), "text:3:16");
	assert_string_equal(
	        policy_place_text(&policy->files[3].place, place, sizeof(place)), "--deny ~/.ssh");
	assert_string_equal(policy->files[3].path, "/home/me/.ssh");
	assert_int_equal(policy->files[3].error, EACCES);
	assert_string_equal(policy->files[4].path, "/home/me/work/*.key");
	assert_string_equal(policy->files[4].text, "*.key");
	assert_true(policy->files[4].is_glob);
	assert_int_equal(policy->files[4].error, ENOENT);
	assert_int_equal(policy->files[2].access, POLICY_READ | POLICY_WRITE);
	assert_false(policy->wants_private_tmp);
	policy_unref(policy);
}

static void places_are_told(void **state)
{
	const struct policy_place whole = {"file", 0, 0, NULL}, line = {"file", 3, 0, NULL},
	                          spot = {"file", 3, 4, NULL};
	char place[8], room[32];

	assert_string_equal(policy_place_text(&whole, room, sizeof(room)), "file");
	assert_string_equal(policy_place_text(&line, room, sizeof(room)), "file:3");
	assert_string_equal(policy_place_text(&spot, room, sizeof(room)), "file:3:4");
	assert_string_equal(policy_place_text(&spot, place, sizeof(place)), "file:3:");
}

static void flags_that_are_wrong_are_told(void **state)
{
	struct policy_builder *builder = builder_new();
	struct policy *policy = NULL;
	char place[64];

	assert_int_equal(policy_add_flag(builder, "raed", "/a"), -EINVAL);
	assert_int_equal(policy_add_flag(builder, "read", ""), -EINVAL);
	assert_int_equal(policy_add_flag(builder, "use", "workspaec"), -EINVAL);
	assert_int_equal(policy_builder_diagnostics(builder)->count, 3);
	assert_string_equal(
	        policy_place_text(&policy_builder_diagnostics(builder)->items[2].place, place, sizeof(place)),
	        "--use workspaec");
	assert_non_null(strstr(policy_builder_diagnostics(builder)->items[2].message, "'workspace'?"));
	assert_int_equal(policy_add_flag(builder, "read", "/a"), 0);
	assert_int_equal(policy_builder_finish(builder, &policy), -EINVAL);
	assert_null(policy);
	policy_builder_free(builder);
}

static void redirects_of_addresses_are_flags(void **state)
{
	static const char *const wrong[] = {"10.0.0.5:80", "=127.0.0.1:80",
	        "10.0.0.5:80=", "10.0.0.5:80=127.0.0.1:80=x", "10.0.0.5:80=unix:/x", NULL};
	struct policy_builder *builder = builder_new();
	struct policy *policy = NULL;
	char place[64];

	for (size_t i = 0; wrong[i]; i++)
		assert_int_equal(policy_add_flag(builder, "redirect-connect", wrong[i]), -EINVAL);
	assert_string_equal(policy_builder_diagnostics(builder)->items[0].message,
	        "--redirect-connect expects FROM=TO, two addresses");
	policy_builder_free(builder);
	builder = builder_new();
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "10.0.0.5:80=127.0.0.1:*"), 0);
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "10.0.0.5:80=127.0.0.1:*"), 0);
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "unix:./x=unix:@y"), 0);
	policy = finish(builder);
	assert_int_equal(policy->redirect_count, 2);
	assert_int_equal(policy->address_count, 0);
	assert_string_equal(policy->redirects[0].from.text, "10.0.0.5:80 to 127.0.0.1:*");
	assert_string_equal(policy->redirects[1].from.path, "/home/me/work/x");
	assert_memory_equal(policy->redirects[1].to.name, "y", 1);
	assert_string_equal(policy_place_text(&policy->redirects[0].from.place, place, sizeof(place)),
	        "--redirect-connect 10.0.0.5:80=127.0.0.1:*");
	policy_unref(policy);
}

/* The builder can tell only when it has all of them. */
static void redirects_that_cross_are_told(void **state)
{
	static const char text[] = "reeve: 1\nnetwork:\n"
	                           "  - connect: {from: \"*:80\", to: \"127.0.0.1:1\"}\n"
	                           "  - connect: {from: \"10.0.0.5:*\", to: \"127.0.0.1:2\"}\n";
	struct policy_builder *builder = builder_new();
	struct policy *policy = NULL;

	assert_int_equal(add(builder, text), 0);
	assert_int_equal(policy_builder_finish(builder, &policy), -EINVAL);
	assert_int_equal(policy_builder_diagnostics(builder)->count, 1);
	assert_int_equal(policy_builder_diagnostics(builder)->items[0].place.line, 4);
	assert_string_equal(policy_builder_diagnostics(builder)->items[0].message,
	        "'10.0.0.5:* to 127.0.0.1:2' and '*:80 to 127.0.0.1:1' at text:3:14 have addresses in "
	        "common, and neither lies inside of the other: a third redirect for just those has to say "
	        "where they lead");
	policy_builder_free(builder);
	/* A third one for just those; and where they do not differ, or have no address in common. */
	builder = builder_new();
	assert_int_equal(add(builder, text), 0);
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "10.0.0.5:80=127.0.0.1:3"), 0);
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "udp:[::]/0:70-90=[::1]:1"), 0);
	assert_int_equal(policy_builder_finish(builder, &policy), -EINVAL);
	policy_builder_free(builder);
	builder = builder_new();
	assert_int_equal(add(builder, text), 0);
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "10.0.0.5:80=127.0.0.1:3"), 0);
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "[::]/0:81-90=[::1]:1"), 0);
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "[2001:db8::]/32:70-85=[::1]:1"), 0);
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "[2001:db8::]/32:80=[::1]:2"), 0);
	policy = finish(builder);
	assert_int_equal(policy->redirect_count, 6);
	policy_unref(policy);
}

static void too_many_redirects_are_told(void **state)
{
	struct policy_builder *builder = builder_new();
	char value[64];

	for (int i = 0; i < 256; i++) {
		snprintf(value, sizeof(value), "10.0.0.%d:1=127.0.0.1:1", i);
		assert_int_equal(policy_add_flag(builder, "redirect-connect", value), 0);
	}
	assert_int_equal(policy_add_flag(builder, "redirect-connect", "10.0.1.1:1=127.0.0.1:1"), -EINVAL);
	policy_builder_free(builder);
}

static void references_are_counted(void **state)
{
	struct policy *policy = finish(builder_new());

	assert_int_equal(policy->file_count, 0);
	assert_ptr_equal(policy_ref(policy), policy);
	policy_unref(policy);
	assert_int_equal(policy->references, 1);
	policy_unref(policy);
	policy_unref(NULL);
}

static void profiles_are_there(void **state)
{
	const char *const *names = policy_profiles();
	size_t count = 0;

	for (; names[count]; count++) {
		struct policy_builder *builder = builder_new();
		struct policy *policy;

		assert_non_null(policy_profile_text(names[count]));
		assert_int_equal(policy_add_profile(builder, names[count]), 0);
		policy = finish(builder);
		assert_true(policy->file_count + policy->address_count > 0);
		policy_unref(policy);
	}
	assert_int_equal(count, 11);
	assert_null(policy_profile_text("nothing"));
}

/* The default must cost nothing: no deny rule of it lies within what it grants. */
static void the_default_denies_nothing_that_it_grants(void **state)
{
	struct policy_builder *builder = builder_new();
	struct matcher *matcher = NULL;
	struct match_entry *entries;
	struct policy *policy;

	assert_int_equal(policy_add_profile(builder, "workspace"), 0);
	policy = finish(builder);
	entries = calloc(policy->file_count, sizeof(*entries));
	assert_non_null(entries);
	for (size_t i = 0; i < policy->file_count; i++)
		entries[i] = (struct match_entry){&policy->files[i], policy->files[i].path};
	assert_int_equal(matcher_new(entries, policy->file_count, &matcher), 0);
	for (size_t i = 0; i < policy->file_count; i++) {
		const struct policy_file_rule *rule = &policy->files[i];

		assert_false(rule->is_glob);
		if (rule->verdict == POLICY_ALLOW && matcher_may_deny_within(matcher, rule->path))
			fail_msg("something is denied within %s", rule->path);
	}
	matcher_free(matcher);
	free(entries);
	policy_unref(policy);
}

static void unknown_profiles_are_no_error_of_the_policy(void **state)
{
	struct policy_builder *builder = builder_new();

	assert_int_equal(policy_add_profile(builder, "nothing"), -ENOENT);
	assert_int_equal(policy_builder_diagnostics(builder)->count, 0);
	policy_unref(finish(builder));
}

static void profiles_are_used_once(void **state)
{
	struct policy_builder *builder = builder_new(), *twice = builder_new();
	struct policy *policy, *other;

	assert_int_equal(policy_add_profile(builder, "workspace"), 0);
	assert_int_equal(policy_add_profile(twice, "workspace"), 0);
	assert_int_equal(policy_add_profile(twice, "workspace"), 0);
	assert_int_equal(policy_add_flag(twice, "use", "base"), 0);
	policy = finish(builder);
	other = finish(twice);
	assert_int_equal(policy->file_count, other->file_count);
	assert_true(policy->wants_private_tmp);
	policy_unref(policy);
	policy_unref(other);
}

static void what_is_too_long_is_told(void **state)
{
	struct policy_builder *builder = builder_new();
	size_t length = (1 << 20) + 1;
	char *text = malloc(length);

	assert_non_null(text);
	memset(text, '#', length);
	assert_int_equal(policy_add_text(builder, "long", text, length), -EINVAL);
	assert_non_null(strstr(policy_builder_diagnostics(builder)->items[0].message, "1 MiB"));
	assert_int_equal(policy_add_text(builder, "long", text, length - 1), -EINVAL);
	assert_non_null(strstr(policy_builder_diagnostics(builder)->items[1].message, "empty"));
	free(text);
	policy_builder_free(builder);
}

static void files_that_cannot_be_read_are_told(void **state)
{
	struct policy_builder *builder = builder_new();

	assert_int_equal(policy_add_file(builder, "/nonexistent/policy.yaml"), -ENOENT);
	assert_int_equal(policy_add_file(builder, "/"), -EISDIR);
	assert_int_equal(policy_builder_diagnostics(builder)->count, 2);
	policy_builder_free(builder);
}

static void without_a_home_nothing_is_guessed(void **state)
{
	const struct policy_context bare = {NULL, NULL, NULL, NULL};
	struct policy_builder *builder = NULL;

	assert_int_equal(policy_builder_new(&bare, &builder), 0);
	assert_int_equal(policy_add_flag(builder, "read", "~"), -EINVAL);
	assert_int_equal(policy_add_flag(builder, "read", "."), -EINVAL);
	assert_int_equal(policy_add_flag(builder, "read", "${HOME}"), -EINVAL);
	assert_int_equal(policy_add_flag(builder, "use", "~/x.yaml"), -EINVAL);
	assert_int_equal(policy_add_flag(builder, "read", "**/x"), 0);
	assert_int_equal(policy_add_flag(builder, "read", "/x"), 0);
	assert_int_equal(policy_builder_diagnostics(builder)->count, 4);
	policy_builder_free(builder);
}

static void system_calls_are_one_rule_each(void **state)
{
	struct policy_builder *builder = builder_new(), *other = builder_new();
	struct policy *a, *b;

	assert_int_equal(
	        add(builder, "reeve: 1\nsyscalls:\n  - deny: ['@debug', ptrace]\n  - allow: read\n"), 0);
	assert_int_equal(
	        add(other, "reeve: 1\nsyscalls:\n  - allow: read\n  - deny: [ptrace, '@debug']\n"), 0);
	a = finish(builder);
	b = finish(other);
	assert_int_equal(a->syscall_count, b->syscall_count);
	for (size_t i = 0; i < a->syscall_count; i++) {
		assert_string_equal(a->syscalls[i].name, b->syscalls[i].name);
		assert_string_equal(a->syscalls[i].text, b->syscalls[i].text);
		assert_int_equal(a->syscalls[i].verdict, b->syscalls[i].verdict);
		if (i > 0)
			assert_string_not_equal(a->syscalls[i].name, a->syscalls[i - 1].name);
	}
	policy_unref(a);
	policy_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sources_add_up),
	        cmocka_unit_test(places_are_told),
	        cmocka_unit_test(flags_that_are_wrong_are_told),
	        cmocka_unit_test(redirects_of_addresses_are_flags),
	        cmocka_unit_test(redirects_that_cross_are_told),
	        cmocka_unit_test(too_many_redirects_are_told),
	        cmocka_unit_test(references_are_counted),
	        cmocka_unit_test(profiles_are_there),
	        cmocka_unit_test(the_default_denies_nothing_that_it_grants),
	        cmocka_unit_test(unknown_profiles_are_no_error_of_the_policy),
	        cmocka_unit_test(profiles_are_used_once),
	        cmocka_unit_test(what_is_too_long_is_told),
	        cmocka_unit_test(files_that_cannot_be_read_are_told),
	        cmocka_unit_test(without_a_home_nothing_is_guessed),
	        cmocka_unit_test(system_calls_are_one_rule_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
