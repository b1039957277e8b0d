/* Policies, as callers of the library write them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/folder.h"
#include "library/library.h"

static const char *tmp_top(void)
{
	const char *top = getenv("TMPDIR");

	return top && top[0] == '/' ? top : "/tmp";
}

static const char *look_up(void *user, const char *name)
{
	struct reeve_policy *policy = user;

	if (policy->like)
		return look_up(policy->like, name);
	if (strcmp(name, "REEVE_TMP") == 0) {
		if (!policy->tmp)
			folder_take(tmp_top(), "reeve-run-", &policy->tmp, &policy->tmp_lock);
		return policy->tmp;
	}
	if (strcmp(name, "PWD") == 0)
		return policy->cwd;
	if (strcmp(name, "HOME") == 0)
		return policy->home;
	return strcmp(name, "TMPDIR") == 0 ? tmp_top() : getenv(name);
}

static int fill(struct reeve_policy *policy)
{
	const char *home = getenv("HOME");
	struct policy_context context = {.lookup = look_up, .user = policy};

	policy->cwd = getcwd(NULL, 0);
	if (!policy->cwd)
		return -errno;
	if (policy->cwd[0] != '/')
		return -ENOENT;
	if (home && home[0] == '/') {
		policy->home = strdup(home);
		if (!policy->home)
			return -ENOMEM;
	}
	context.cwd = policy->cwd;
	context.home = policy->home;
	return policy_builder_new(&context, &policy->builder);
}

int reeve_policy_new(struct reeve_policy **ret)
{
	struct reeve_policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy)
		return -ENOMEM;
	policy->references = 1;
	policy->tmp_lock = -EBADF;
	r = fill(policy);
	if (r < 0) {
		reeve_policy_free(policy);
		return r;
	}
	*ret = policy;
	return 0;
}

int reeve_policy_like(struct reeve_policy *other, struct reeve_policy **ret)
{
	struct policy_context context = {.cwd = other->cwd, .home = other->home, .lookup = look_up};
	struct reeve_policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy)
		return -ENOMEM;
	policy->references = 1;
	policy->tmp_lock = -EBADF;
	policy->like = library_policy_ref(other->like ? other->like : other);
	context.user = policy;
	r = policy_builder_new(&context, &policy->builder);
	if (r < 0) {
		reeve_policy_free(policy);
		return r;
	}
	*ret = policy;
	return 0;
}

struct reeve_policy *library_policy_ref(struct reeve_policy *policy)
{
	policy->references++;
	return policy;
}

void reeve_policy_free(struct reeve_policy *policy)
{
	if (!policy || --policy->references > 0)
		return;
	policy_builder_free(policy->builder);
	policy_unref(policy->finished);
	reeve_policy_free(policy->like);
	if (policy->tmp)
		folder_put_back(policy->tmp);
	cleanup_close(&policy->tmp_lock);
	free(policy->tmp);
	free(policy->cwd);
	free(policy->home);
	free(policy->errors);
	free(policy);
}

int reeve_policy_add_file(struct reeve_policy *policy, const char *path)
{
	return policy->finished ? -EBUSY : policy_add_file(policy->builder, path);
}

int reeve_policy_add_text(struct reeve_policy *policy, const char *name, const char *text, size_t length)
{
	return policy->finished ? -EBUSY : policy_add_text(policy->builder, name, text, length);
}

int reeve_policy_add_profile(struct reeve_policy *policy, const char *name)
{
	return policy->finished ? -EBUSY : policy_add_profile(policy->builder, name);
}

int reeve_policy_add_rule(struct reeve_policy *policy, const char *key, const char *value)
{
	return policy->finished ? -EBUSY : policy_add_flag(policy->builder, key, value);
}

const char *reeve_policy_errors(struct reeve_policy *policy)
{
	const struct policy_diagnostics *diagnostics = policy_builder_diagnostics(policy->builder);
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return "out of memory";
	for (size_t i = 0; i < diagnostics->count; i++) {
		char place[512];

		policy_place_text(&diagnostics->items[i].place, place, sizeof(place));
		fprintf(out, "%s%s%s\n", place, place[0] ? ": " : "", diagnostics->items[i].message);
	}
	if (fclose(out) != 0)
		return "out of memory";
	free(policy->errors);
	policy->errors = text;
	return text;
}

int library_policy_finish(struct reeve_policy *policy, struct policy **ret)
{
	int r = policy->finished ? 0 : policy_builder_finish(policy->builder, &policy->finished);

	if (r == 0)
		*ret = policy->finished;
	return r;
}

const char *library_policy_tmp(const struct reeve_policy *policy)
{
	return policy->like ? policy->like->tmp : policy->tmp;
}
