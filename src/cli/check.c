/* reeve check: mistakes in policies. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/cli.h"
#include "cli/mistakes.h"
#include "cli/options.h"
#include "policy/triplets.h"

#define OPTION_TEST OPTION_OWN

static const struct option known[] = {
        {"test", no_argument, NULL, OPTION_TEST},
        {"help", no_argument, NULL, 'h'},
        {0},
};

/* What else the word may be that was given as a policy. */
static void explain_failure(const char *path, int r)
{
	struct stat st;

	if (r == -ENOENT && strcmp(path, "-") == 0)
		fputs("Standard input is checked by: reeve check /dev/stdin\n", stderr);
	else if (r == -ENOENT && policy_profile_text(path))
		fprintf(stderr, "The profile of that name is built in: reeve profiles show %s\n", path);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		fputs("A folder stands for the .reeve.yaml in it; others are checked by: reeve check "
		      "FOLDER/*.yaml\n",
		        stderr);
	else if (mistakes_is_program(path))
		fputs("That is a program, not a policy; to run it: reeve run -- PROGRAM\n", stderr);
	else if (strlen(path) > 2 && strcmp(path + strlen(path) - 2, ".t") == 0)
		fputs("Tests of policies are run by: reeve check --test FILE\n", stderr);
}

static const char *ending(size_t count)
{
	return count == 1 ? "" : "s";
}

/* 0 when the policy is well, 1 when it is not, -errno when it cannot be read. */
static int check_policy(struct options *options, const char *path)
{
	struct policy_context context = options_context(options);
	struct policy_builder *builder = NULL;
	struct policy *policy = NULL;
	const char *file;
	int r = policy_builder_new(&context, &builder);

	if (r < 0)
		return r;
	file = options_policy_file(options, path);
	r = file ? policy_add_file(builder, file) : -ENOMEM;
	if (r == 0)
		r = policy_builder_finish(builder, &policy);
	options_tell_diagnostics(builder, stderr);
	if (r < 0)
		explain_failure(path, r);
	if (r < 0 && policy_builder_diagnostics(builder)->count == 0) {
		fputs("reeve check: ", stderr);
		escape_for_terminal(stderr, path);
		fprintf(stderr, ": %s\n", strerror(-r));
	} else if (r == -EINVAL) {
		r = 1;
	} else if (r == 0) {
		escape_for_terminal(stdout, file);
		printf(": %zu file rule%s, %zu network rule%s, %zu rule%s on system calls\n",
		        policy->file_count, ending(policy->file_count), policy->address_count,
		        ending(policy->address_count), policy->syscall_count, ending(policy->syscall_count));
	}
	policy_unref(policy);
	policy_builder_free(builder);
	return r;
}

/* Tests of policies mean the same everywhere: in them, this is the world. */
static const char *test_variable(void *user, const char *name)
{
	static const char *const variables[][2] = {{"HOME", "/home/me"}, {"PWD", "/home/me/work"},
	        {"USER", "me"}, {"TMPDIR", "/tmp"}, {"REEVE_TMP", "/tmp/reeve-test"}, {"STAR", "*"},
	        {"RELATIVE", "some/where"}};

	for (size_t i = 0; i < ELEMENTS(variables); i++)
		if (strcmp(variables[i][0], name) == 0)
			return variables[i][1];
	return NULL;
}

/* 0 when all came out as written, 1 when some did not, -errno. */
static int run_triplets(const char *path)
{
	const struct policy_context context = {
	        .home = "/home/me", .cwd = "/home/me/work", .lookup = test_variable};
	size_t passed = 0, failed = 0;
	int r = triplets_run(path, &context, stderr, &passed, &failed);

	if (r < 0) {
		fputs("reeve check: ", stderr);
		escape_for_terminal(stderr, path);
		fprintf(stderr, ": %s\n", strerror(-r));
		return r;
	}
	escape_for_terminal(stdout, path);
	printf(": %zu passed, %zu failed\n", passed, failed);
	return failed > 0;
}

static int check_all(struct options *options, char **paths, bool test)
{
	int result = 0;

	for (; *paths; paths++) {
		int r = test ? run_triplets(*paths) : check_policy(options, *paths);

		if (r < 0)
			result = CLI_EXIT_WRONG;
		else if (r > 0 && result == 0)
			result = 1;
	}
	return result;
}

static int main_of_check(int argc, char **argv)
{
	struct options options = {0};
	bool test = false;
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", known, NULL)) >= 0) {
		if (c == OPTION_TEST) {
			test = true;
			continue;
		}
		if (c == 'h') {
			cli_print_help(&cli_check);
			return 0;
		}
		options_complain("check", c, argv, known);
		return CLI_EXIT_WRONG;
	}
	if (!argv[optind]) {
		fputs("reeve check: nothing to check. Type: reeve check POLICY...\n", stderr);
		return CLI_EXIT_WRONG;
	}
	r = options_init(OPTIONS_TMP_NAMED, &options);
	if (r < 0) {
		fprintf(stderr, "reeve check: the working directory: %s\n", strerror(-r));
		return CLI_EXIT_WRONG;
	}
	r = check_all(&options, argv + optind, test);
	options_done(&options);
	return r;
}

static const char help[] = "Usage: reeve check POLICY...\n"
                           "       reeve check --test FILE...\n"
                           "Finds mistakes in policies, each told as file:line:column; a folder stands for\n"
                           "the .reeve.yaml in it. With --test runs files of triplets (policy, question,\n"
                           "expected verdict).\n"
                           "Examples:\n"
                           "  reeve check policy.yaml\n"
                           "  reeve check policies/*.yaml\n"
                           "  reeve check --test tests/*.t\n"
                           "Exit code: 0 when all is well, 1 when something is not, 2 for errors.\n";

const struct cli_command cli_check = {
        .name = "check",
        .summary = "find mistakes in policies, and test them",
        .help = help,
        .options = known,
        .function = main_of_check,
        .operand = CLI_POLICY,
};
