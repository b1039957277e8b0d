/* A supervisor with a rule of its own: a command may open no file whose name has a word in it, also where the
 * policy would allow it; and what it asks of /etc/motd it is told from another file.
 *
 *     supervisor WORD OTHER-FILE COMMAND [ARGUMENT...] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <reeve/reeve.h>

struct rule {
	const char *word, *other;
};

/* What it is told of it may not look at again in the task: that can change. */
static int decide(void *user, const struct reeve_call *call, struct reeve_decision *decision)
{
	const struct rule *rule = user;

	if (!call->paths[0])
		return REEVE_ANSWER_POLICY;
	if (strcmp(call->paths[0], "/etc/motd") == 0) {
		snprintf(decision->path, 4096, "%s", rule->other);
		return REEVE_ANSWER_PATH;
	}
	if (strstr(call->paths[0], rule->word) == NULL)
		return REEVE_ANSWER_POLICY;
	decision->error = EPERM;
	decision->why = "its name has the word in it";
	return REEVE_ANSWER_DENY;
}

static void record(void *user, const char *line, size_t length)
{
	/* A line of JSON; here only what was refused. */
	if (strstr(line, "\"verdict\":\"allow\"") == NULL)
		printf("%.*s\n", (int)length, line);
}

static int fail(const char *what, int r)
{
	fprintf(stderr, "supervisor: %s: %s\n", what, strerror(-r));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const char *operations[] = {"open", NULL};
	struct rule rule = {argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL};
	struct reeve_spawn_options options = {
	        .size = sizeof(options), .decide = decide, .record = record, .user = &rule};
	struct reeve_policy *policy = NULL;
	struct reeve_plan *plan = NULL;
	struct reeve_run *run = NULL;
	char *error = NULL;
	int r, status;

	if (argc < 4) {
		fprintf(stderr, "usage: supervisor WORD OTHER-FILE COMMAND [ARGUMENT...]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	r = reeve_policy_new(&policy);
	if (r < 0)
		return fail("policy", r);
	reeve_policy_add_profile(policy, "base");
	reeve_policy_add_rule(policy, "read", "/");
	r = reeve_policy_add_rule(policy, "exec", "/");
	if (r == 0)
		r = reeve_plan_new(policy, 0, operations, &plan, &error);
	if (r < 0) {
		fprintf(stderr, "supervisor: %s%s\n", reeve_policy_errors(policy), error ? error : "");
		return fail("plan", r);
	}
	r = reeve_spawn(plan, (const char *const *)&argv[3], &options, &run);
	if (r == 0)
		r = reeve_run_wait(run, &status);
	reeve_run_free(run);
	reeve_plan_free(plan);
	reeve_policy_free(policy);
	if (r < 0)
		return fail(argv[3], r);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
