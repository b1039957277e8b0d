/* reeve profiles: the built-in policies, to look at and to copy. */
#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/suggest.h"
#include "policy/policy.h"

#define OPTION_JSON OPTION_OWN
#define WIDTH 80
#define INDENT 17

static const struct option known[] = {
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {0},
};

static const char help[] = "Usage: reeve profiles [--json]\n"
                           "       reeve profiles show NAME\n"
                           "Lists the built-in profiles, or shows one: a commented policy, to be copied,\n"
                           "changed and used with -p.\n"
                           "  --json   names, summaries and texts, for programs\n"
                           "Examples:\n"
                           "  reeve profiles\n"
                           "  reeve profiles show workspace\n"
                           "  reeve profiles show workspace >mine.yaml\n"
                           "Exit code: 0; 2 when there is no such profile.\n";

/* The first sentence of the comment that the text begins with, on one line. NULL when memory is short. */
static char *summary_of(const char *text)
{
	char *summary = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&summary, &size);
	bool is_over = false;

	if (!out)
		return NULL;
	for (bool first = true; text[0] == '#' && !is_over; first = false) {
		const char *line = text + 1 + (text[1] == ' ');
		size_t n = strcspn(line, "\n");
		const char *end = memmem(line, n, ". ", 2);

		is_over = end || (n > 0 && line[n - 1] == '.');
		if (end)
			n = (size_t)(end - line) + 1;
		fprintf(out, "%s%.*s", first ? "" : " ", (int)n, line);
		text = strchr(line, '\n');
		text = text ? text + 1 : "";
	}
	if (fclose(out) != 0) {
		free(summary);
		return NULL;
	}
	return summary;
}

static void print_wrapped(const char *text, size_t column)
{
	for (bool first = true; *text; first = false) {
		size_t n = strcspn(text, " ");

		if (!first && column + 1 + n > WIDTH) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (!first) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)n, text);
		column += n;
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

static int list(void)
{
	for (const char *const *name = policy_profiles(); *name; name++) {
		AUTO_FREE char *summary = summary_of(policy_profile_text(*name));

		if (!summary)
			return -ENOMEM;
		printf("%-*s", INDENT, *name);
		print_wrapped(summary, INDENT);
	}
	return 0;
}

static int list_json(void)
{
	struct json_object *whole = json_object_new_object(), *profiles = json_object_new_array();
	int r = 0;

	for (const char *const *name = policy_profiles(); *name; name++) {
		struct json_object *object = json_object_new_object();
		AUTO_FREE char *summary = summary_of(policy_profile_text(*name));

		if (!summary)
			r = -ENOMEM;
		json_object_object_add(object, "name", json_object_new_string(*name));
		json_object_object_add(object, "summary", json_object_new_string(summary ? summary : ""));
		json_object_object_add(object, "text", json_object_new_string(policy_profile_text(*name)));
		json_object_array_add(profiles, object);
	}
	json_object_object_add(whole, "schema", json_object_new_int(1));
	json_object_object_add(whole, "profiles", profiles);
	puts(json_object_to_json_string_ext(
	        whole, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(whole);
	return r;
}

static int show(const char *name)
{
	const char *text = policy_profile_text(name), *nearest;

	if (text)
		return cli_print(text);
	nearest = suggest_nearest(name, policy_profiles());
	fputs("reeve profiles: there is no profile ", stderr);
	escape_for_terminal(stderr, name);
	if (nearest)
		fprintf(stderr, "; did you mean %s?", nearest);
	fputs("\nType reeve profiles for what there is.\n", stderr);
	return CLI_EXIT_WRONG;
}

static int complain(const char *word)
{
	fputs("reeve profiles: ", stderr);
	escape_for_terminal(stderr, word);
	fprintf(stderr, "? To see a profile type: reeve profiles show %s\n",
	        policy_profile_text(word) ? word : "NAME");
	return CLI_EXIT_WRONG;
}

static int main_of_profiles(int argc, char **argv)
{
	bool json = false;
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", known, NULL)) >= 0) {
		if (c == 'h')
			return cli_print_help(&cli_profiles);
		if (c != OPTION_JSON) {
			options_complain("profiles", c, argv, known);
			return CLI_EXIT_WRONG;
		}
		json = true;
	}
	argv += optind;
	if (argv[0] && strcmp(argv[0], "show") != 0)
		return complain(argv[0]);
	if (argv[0] && !argv[1])
		return complain("show");
	if (argv[0] && argv[2])
		return cli_refuse_words(&cli_profiles, argv + 2);
	if (argv[0])
		return show(argv[1]);
	r = json ? list_json() : list();
	return r < 0 || fflush(stdout) == EOF ? CLI_EXIT_WRONG : 0;
}

const struct cli_command cli_profiles = {
        .name = "profiles",
        .summary = "the built-in policies, to look at and to copy",
        .help = help,
        .options = known,
        .function = main_of_profiles,
        .operand = CLI_SHOWN_PROFILE,
};
