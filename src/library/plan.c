/* Plans, as callers of the library have them. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/credentials.h"
#include "library/library.h"
#include "launch/fit.h"
#include "plan/explain.h"

/* What can be brought to a callback: what the supervisor performs, or lets the kernel make, by itself. */
static const enum syscalls_operation offered[] = {SYSCALLS_OPEN, SYSCALLS_CREATE, SYSCALLS_REMOVE,
        SYSCALLS_RENAME, SYSCALLS_LINK, SYSCALLS_METADATA, SYSCALLS_TRUNCATE, SYSCALLS_STAT, SYSCALLS_EXEC};

static int choose_operations(const char *const *operations, struct plan_options *options)
{
	for (; operations && *operations; operations++) {
		size_t i = 0;

		while (i < ELEMENTS(offered) && strcmp(syscalls_operation_name(offered[i]), *operations) != 0)
			i++;
		if (i == ELEMENTS(offered))
			return -EINVAL;
		options->notify[offered[i]] = true;
	}
	return 0;
}

static int check_kernel(struct reeve_plan *plan, char **ret_error)
{
	char text[1024] = "";
	int r = plan_check_kernel(plan->plan, &plan->features, &plan->options, text, sizeof(text));

	if (r < 0 && text[0] && ret_error) {
		*ret_error = strdup(text);
		if (!*ret_error)
			return -ENOMEM;
	}
	return r;
}

int reeve_plan_new(struct reeve_policy *policy, unsigned flags, const char *const *operations,
        struct reeve_plan **ret, char **ret_error)
{
	struct reeve_plan *plan;
	struct policy *finished;
	const char *what;
	int r;

	if (flags & ~(REEVE_PLAN_BEST_EFFORT | REEVE_PLAN_VERBOSE_DENIALS))
		return -EINVAL;
	plan = calloc(1, sizeof(*plan));
	if (!plan)
		return -ENOMEM;
	plan->references = 1;
	plan->options.best_effort = flags & REEVE_PLAN_BEST_EFFORT;
	plan->options.verbose_denials = flags & REEVE_PLAN_VERBOSE_DENIALS;
	plan->options.privileged = credentials_are_privileged();
	r = choose_operations(operations, &plan->options);
	if (r == 0)
		r = library_policy_finish(policy, &finished);
	if (r == 0)
		r = fit_new_plan(finished, &plan->options, false, &plan->features, &plan->plan, &what);
	if (r == 0) {
		plan->policy = library_policy_ref(policy);
		r = check_kernel(plan, ret_error);
	}
	if (r < 0) {
		reeve_plan_free(plan);
		return r;
	}
	*ret = plan;
	return 0;
}

struct reeve_plan *library_plan_ref(struct reeve_plan *plan)
{
	plan->references++;
	return plan;
}

void reeve_plan_free(struct reeve_plan *plan)
{
	if (!plan || --plan->references > 0)
		return;
	plan_free(plan->plan);
	reeve_policy_free(plan->policy);
	free(plan);
}

/* ---- words ---- */

static int text_of(struct json_object *object, char **ret)
{
	const char *text =
	        object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;
	char *copy = text ? strdup(text) : NULL;

	json_object_put(object);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int reeve_plan_explain(const struct reeve_plan *plan, bool json, char **ret)
{
	size_t size = 0;
	char *text = NULL;
	FILE *out;
	int r;

	if (json)
		return text_of(explain_plan_json(plan->plan), ret);
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	r = explain_plan(plan->plan, out);
	if (fclose(out) != 0)
		r = -ENOMEM;
	if (r < 0) {
		free(text);
		return r;
	}
	*ret = text;
	return 0;
}

static int tell_answer(const struct explain_answer *answer, bool json, char **ret)
{
	size_t size = 0;
	char *text = NULL;
	FILE *out;

	if (json)
		return text_of(explain_answer_json(answer), ret);
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	explain_answer_tell(answer, out);
	if (fclose(out) != 0)
		return -ENOMEM;
	*ret = text;
	return 0;
}

int reeve_plan_ask(const struct reeve_plan *plan, const char *question, bool json, char **ret)
{
	struct explain_answer answer = {0};
	char error[256];
	bool is_allowed;
	int r = explain_ask(
	        plan->plan, question, plan->policy->cwd, plan->policy->home, &answer, error, sizeof(error));

	if (r < 0)
		return r;
	is_allowed = answer.verdict == POLICY_ALLOW;
	if (ret)
		r = tell_answer(&answer, json, ret);
	explain_answer_done(&answer);
	return r < 0 ? r : is_allowed;
}
