/* Each allocation of the policy room fails in turn: the answer is -ENOMEM, nothing else happens, and the next
 * try without the failure gives a policy. Linked with --wrap for the four calls. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/match.h"
#include "policy/policy.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static unsigned long until_failure; /* 0: none fails */
static bool has_failed;

static bool fails(void)
{
	if (until_failure == 0 || --until_failure > 0)
		return false;
	has_failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(old, count, size);
}

static const char *lookup(void *user, const char *name)
{
	return "/home/me";
}

static const char text[] = "reeve: 1\n"
                           "use: [base, secrets]\n"
                           "files:\n"
                           "  - read: &some [/usr, ~/a, '${HOME}/*.c', '**/x?y', '/a/*b*/c']\n"
                           "  - write: *some\n"
                           "  - deny: [~/.ssh, '/a/[bc]']\n"
                           "network:\n"
                           "  - connect: ['*:443', {from: '*:80', to: '127.0.0.1:1'}]\n"
                           "  - connect: {from: 'unix:~/x', to: 'unix:@y'}\n"
                           "syscalls:\n"
                           "  - deny: [ptrace, '@debug', 7777]\n";
static const char wrong[] = "reeve: 1\n"
                            "files:\n"
                            "  - raed: /usr\n"
                            "syscalls:\n"
                            "  - deny: [ptrce, '@debgu']\n";

static int match(const struct policy *policy)
{
	struct match_entry entries[256];
	struct matcher *matcher = NULL;
	struct match_verdict verdict;
	int r;

	for (size_t i = 0; i < policy->file_count; i++)
		entries[i] = (struct match_entry){&policy->files[i], policy->files[i].path};
	r = matcher_new(entries, policy->file_count, &matcher);
	if (r < 0)
		return r;
	matcher_decide(matcher, "/usr/x", POLICY_READ, &verdict);
	matcher_free(matcher);
	return verdict.verdict == POLICY_ALLOW ? 0 : -EBADMSG;
}

/* The whole way from text to a verdict; what is wrong must be told. */
static int go(const char *policy_text, int expected)
{
	const struct policy_context context = {"/home/me", "/home/me/work", lookup, NULL};
	struct policy_builder *builder = NULL;
	struct policy *policy = NULL;
	int r = policy_builder_new(&context, &builder);

	if (r == 0)
		r = policy_add_text(builder, "text", policy_text, strlen(policy_text));
	if (r == expected && r == -EINVAL)
		r = policy_builder_diagnostics(builder)->count == 3 ? 0 : -EBADMSG;
	else if (r == 0)
		r = policy_add_flag(builder, "hide", "~/x");
	if (r == 0 && expected == 0)
		r = policy_builder_finish(builder, &policy);
	policy_builder_free(builder);
	if (r == 0 && policy)
		r = match(policy);
	policy_unref(policy);
	return r;
}

static bool each_fails(const char *policy_text, int expected)
{
	unsigned long count = 0;
	int r;

	do {
		has_failed = false;
		until_failure = ++count;
		r = go(policy_text, expected);
		until_failure = 0;
		if (has_failed && r != -ENOMEM) {
			fprintf(stderr, "allocation %lu failed and the result was %d\n", count, r);
			return false;
		}
	} while (has_failed);
	printf("%lu allocations failed in turn\n", count - 1);
	if (r != 0)
		fprintf(stderr, "without a failure the result is %d\n", r);
	return r == 0 && count > 1;
}

int main(void)
{
	return !(each_fails(text, 0) && each_fails(wrong, -EINVAL));
}
