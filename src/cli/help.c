/* reeve help and reeve version. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"

static const char overview_begin[] =
        "reeve runs any command, unmodified, under a policy: which files it may read,\n"
        "change and run. What is refused is told, with the rule and how to allow it.\n"
        "No root, no container; Landlock, seccomp and a supervisor hold the policy.\n"
        "\n";

static const char overview_end[] =
        "\n"
        "Examples:\n"
        "  reeve run -- make            the system readable, this folder writable\n"
        "  reeve run --write . --deny '**/.env' -- npm install\n"
        "  reeve explain -p policy.yaml open:~/.ssh/id_rsa:r\n"
        "reeve help SUBCOMMAND has its options; reeve(1) is the manual.\n";

#define OPTION_JSON OPTION_OWN

static const struct option help_options[] = {{"help", no_argument, NULL, 'h'}, {0}};

static const struct option version_options[] = {
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {0},
};

int cli_print(const char *text)
{
	return fputs(text, stdout) == EOF || fflush(stdout) == EOF ? CLI_EXIT_WRONG : 0;
}

int cli_print_help(const struct cli_command *command)
{
	return cli_print(command->help);
}

static int print_overview(void)
{
	fputs(overview_begin, stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		printf("  %-12s%s\n", (*c)->name, (*c)->summary);
	return cli_print(overview_end);
}

static int help(int argc, char **argv)
{
	const struct cli_command *command;

	/* "reeve help", "reeve --help", "reeve help --help" */
	if (argc < 2 || (argv[1][0] == '-' && argc == 2 &&
	                        (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)))
		return print_overview();
	command = cli_find(argv[1]);
	if (!command)
		return cli_complain(argv[1]);
	if (argc > 2)
		return cli_refuse_words(&cli_help, argv + 2);
	return cli_print_help(command);
}

static int print_version_json(void)
{
	struct json_object *object = json_object_new_object();
	int r;

	if (!object)
		return CLI_EXIT_WRONG;
	json_object_object_add(object, "schema", json_object_new_int(1));
	json_object_object_add(object, "version", json_object_new_string(cli_version_number));
	json_object_object_add(object, "policy_language", json_object_new_int(1));
	json_object_object_add(object, "architecture", json_object_new_string(cli_architecture));
	r = printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED)) < 0;
	json_object_put(object);
	return r || fflush(stdout) == EOF ? CLI_EXIT_WRONG : 0;
}

static int version(int argc, char **argv)
{
	bool json = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", version_options, NULL)) >= 0) {
		if (c == 'h')
			return cli_print_help(&cli_version);
		if (c != OPTION_JSON) {
			options_complain("version", c, argv, version_options);
			return CLI_EXIT_WRONG;
		}
		json = true;
	}
	if (argv[optind])
		return cli_refuse_words(&cli_version, argv + optind);
	if (json)
		return print_version_json();
	printf("reeve %s\n", cli_version_number);
	return cli_print("");
}

const struct cli_command cli_version = {
        .name = "version",
        .summary = "which version this is",
        .help = "Usage: reeve version [--json]\n"
                "Tells the version. With --json also that of the policy language and the\n"
                "architecture, for programs.\n"
                "Examples:\n"
                "  reeve version\n"
                "  reeve --version\n"
                "  reeve version --json\n",
        .options = version_options,
        .function = version,
};

const struct cli_command cli_help = {
        .name = "help",
        .summary = "this text, or that of a subcommand",
        .help = "Usage: reeve help [SUBCOMMAND]\n"
                "       reeve SUBCOMMAND --help\n"
                "Tells what there is, or the options of one subcommand. reeve(1) is the manual.\n"
                "Examples:\n"
                "  reeve help\n"
                "  reeve help run\n"
                "  reeve explain --help\n",
        .options = help_options,
        .function = help,
        .operand = CLI_SUBCOMMAND,
};
