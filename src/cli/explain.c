/* reeve explain: the plan, and answers to questions about it. */
#include "plan/explain.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/suggest.h"
#include "syscalls/table.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/machine.h"
#include "cli/options.h"

#define OPTION_JSON (OPTION_OWN + 0)
#define OPTION_BEST_EFFORT (OPTION_OWN + 1)
#define OPTION_VERBOSE (OPTION_OWN + 2)

static const struct option known[] = {
        OPTIONS_OF_POLICIES,
        {"json", no_argument, NULL, OPTION_JSON},
        {"best-effort", no_argument, NULL, OPTION_BEST_EFFORT},
        {"verbose-denials", no_argument, NULL, OPTION_VERBOSE},
        {"help", no_argument, NULL, 'h'},
        {0},
};

struct explaining {
	struct options options;
	struct plan_options plan_options;
	bool json;
	bool done; /* help was asked for */
};

static int take_variable(void *user, int option, const char *value)
{
	struct explaining *e = user;

	e->plan_options.verbose_denials |= option == OPTION_VERBOSE;
	return 0;
}

static int read_options(struct explaining *e, int argc, char **argv)
{
	int c, r = environment_read("explain", known, take_variable, e);

	opterr = 0;
	if (r < 0)
		return r;
	while ((c = getopt_long(argc, argv, ":p:h", known, NULL)) >= 0) {
		r = options_take(&e->options, c, optarg);
		if (r != 0) {
			if (r < 0)
				return r;
			continue;
		}
		switch (c) {
		case OPTION_JSON:
			e->json = true;
			break;
		case OPTION_BEST_EFFORT:
			e->plan_options.best_effort = true;
			break;
		case OPTION_VERBOSE:
			e->plan_options.verbose_denials = true;
			break;
		case 'h':
			cli_print_help(&cli_explain);
			e->done = true;
			return 0;
		default:
			options_complain("explain", c, argv, known);
			return -EINVAL;
		}
	}
	return environment_take_base("explain", &e->options);
}

static int print_json(struct json_object *object)
{
	int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text = object ? json_object_to_json_string_ext(object, flags) : NULL;
	int r = text && puts(text) >= 0 ? 0 : -ENOMEM;

	json_object_put(object);
	return r;
}

/* A file was named instead of asked about. */
static void suggest_question(const char *typed)
{
	const char *dot = strrchr(typed, '.');

	if (access(typed, F_OK) < 0 || strchr(typed, ':'))
		return;
	fputs("Type: reeve explain ", stderr);
	fputs(dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0) ? "-p " : "open:", stderr);
	escape_for_shell(stderr, typed);
	fputs("\n", stderr);
}

/* "@network": which calls that is. 0 or -errno. */
static int tell_group(const char *name, struct json_object *list)
{
	const char *const *calls;
	const char *nearest;

	if (syscalls_group(name, &calls) == 0) {
		if (list)
			return json_object_array_add(list, explain_group_json(name)) < 0 ? -ENOMEM : 0;
		explain_group(name, stdout);
		return 0;
	}
	nearest = suggest_nearest(name, syscalls_groups());
	fputs("reeve explain: no group of system calls is called ", stderr);
	escape_for_terminal(stderr, name);
	if (nearest)
		fprintf(stderr, "; did you mean %s?\n", nearest);
	else
		for (const char *const *group = syscalls_groups(); *group; group++)
			fprintf(stderr, "%s%s%s", group == syscalls_groups() ? "; there are " : "", *group,
			        group[1] ? ", " : "\n");
	return -EINVAL;
}

/* 0 when all is allowed, 1 when something is not, -errno. */
static int answer_all(const struct explaining *e, const struct plan *plan, char **questions)
{
	struct json_object *list = e->json ? json_object_new_array() : NULL, *whole;
	int result = 0, r = 0;

	for (; *questions && r == 0; questions++) {
		struct explain_answer answer;
		char error_text[1024];

		if (**questions == '@') {
			r = tell_group(*questions, list);
			continue;
		}
		r = explain_ask(plan, *questions, e->options.cwd, e->options.home, &answer, error_text,
		        sizeof(error_text));
		if (r < 0) {
			fprintf(stderr, "reeve explain: %s\n", error_text);
			suggest_question(*questions);
			break;
		}
		result |= answer.verdict != POLICY_ALLOW;
		if (list)
			r = json_object_array_add(list, explain_answer_json(&answer)) < 0 ? -ENOMEM : 0;
		else
			r = explain_answer_tell(&answer, stdout);
		explain_answer_done(&answer);
	}
	if (r < 0 || !list) {
		json_object_put(list);
		return r < 0 ? r : result;
	}
	whole = json_object_new_object();
	json_object_object_add(whole, "schema", json_object_new_int(1));
	json_object_object_add(whole, "questions", list);
	r = print_json(whole);
	return r < 0 ? r : result;
}

/* What the command could change, to its own good in the next run. */
static void tell_changeable_policies(const struct explaining *e, const struct plan *plan)
{
	for (size_t i = 0; i < e->options.items.count; i++) {
		const struct options_item *item = &e->options.items.items[i];
		AUTO_FREE char *real = item->file ? realpath(item->file, NULL) : NULL;
		struct match_verdict verdict;

		if (!real)
			continue;
		matcher_decide(plan->matcher, real, POLICY_WRITE, &verdict);
		if (verdict.verdict != POLICY_ALLOW)
			continue;
		fputs("The policy itself can be changed by the command, for the next run: ", stdout);
		escape_for_terminal(stdout, item->file);
		putchar('\n');
	}
}

static int explain(struct explaining *e, char **questions)
{
	struct policy *policy = NULL;
	struct plan *plan = NULL;
	int r = options_policy(&e->options, &policy);

	if (r == 0)
		r = machine_plan(policy, &e->plan_options, MACHINE_ASKS, NULL, &plan);
	/* It had to be there for as long as the plan looked at it. */
	options_remove_folders(&e->options);
	if (r == 0 && *questions)
		r = answer_all(e, plan, questions);
	else if (r == 0)
		r = e->json ? print_json(explain_plan_json(plan)) : explain_plan(plan, stdout);
	if (r == 0 && !*questions && !e->json)
		tell_changeable_policies(e, plan);
	plan_free(plan);
	policy_unref(policy);
	return r;
}

static int main_of_explain(int argc, char **argv)
{
	struct explaining e = {0};
	int r = options_init(OPTIONS_TMP_MADE, &e.options);

	if (r < 0) {
		fprintf(stderr, "reeve explain: the working directory: %s\n", strerror(-r));
		return CLI_EXIT_WRONG;
	}
	r = read_options(&e, argc, argv);
	if (r == 0 && !e.done)
		r = explain(&e, argv + optind);
	options_done(&e.options);
	if (r >= 0 && fflush(stdout) == EOF)
		r = -errno;
	return r < 0 ? CLI_EXIT_WRONG : r;
}

static const char help[] =
        "Usage: reeve explain [OPTIONS] [QUESTION...]\n"
        "Without a question: what holds each rule, and which system calls it costs.\n"
        "Questions: open:PATH:rw exec:PATH connect:ADDRESS listen:ADDRESS\n"
        "  syscall:NAME or 'syscall:socket(family=AF_NETLINK)'; @GROUP: the calls in it\n"
        "  --read, --write, --exec, --deny, --hide, --ask PATH; --limit NAME=VALUE;\n"
        "  --connect, --listen, --deny-connect, --deny-listen, --ask-connect,\n"
        "  --ask-listen ADDRESS; --redirect, --redirect-connect FROM=TO; --use PROFILE;\n"
        "  --allow-call, --deny-call, --kill-call, --ask-call CALL;\n"
        "  --stdout, --stderr FILE; --rotate SIZE; --keep N; --network own;\n"
        "  -p, --policy FILE    the policy, as for reeve run\n"
        "  --verbose-denials, --best-effort   as for reeve run\n"
        "  --json               for programs\n"
        "Examples:\n"
        "  reeve explain\n"
        "  reeve explain -p policy.yaml open:src/main.c:rw exec:/usr/bin/gcc\n"
        "  reeve explain --read / --deny ~/.ssh syscall:ptrace\n"
        "Exit code: 0 when all questions are allowed, 1 when some are not, 2 for errors.\n";

const struct cli_command cli_explain = {
        .name = "explain",
        .summary = "what holds each rule, and what it costs; answers to questions",
        .help = help,
        .options = known,
        .function = main_of_explain,
        .operand = CLI_TEXT,
};
