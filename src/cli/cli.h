/* The subcommands. Each gets the arguments after its own name's place (argv[0] is the name) and returns the
 * exit code. What the parser, the help and the completions know of one stands in its row. */
#pragma once

#include <getopt.h>
#include <stddef.h>

#define CLI_EXIT_WRONG 2 /* wrong use or failure of every subcommand but run, whose own code is 125 */

/* What may stand for an option's value or for a word that is no option. */
enum cli_value {
	CLI_NOTHING,
	CLI_TEXT, /* nothing that could be offered */
	CLI_FILE,
	CLI_PATH, /* files and folders */
	CLI_POLICY,
	CLI_PROFILE,
	CLI_SHOWN_PROFILE, /* "show" and a profile */
	CLI_COMMAND,       /* a program and its arguments */
	CLI_SUBCOMMAND,
	CLI_SHELL,
	CLI_RUNNING, /* the ID of a running supervision */
	CLI_CALL,    /* a system call or a group */
	CLI_LIMIT,   /* NAME=VALUE */
};

struct cli_command {
	const char *name;
	const char *summary;          /* a few words */
	const char *help;             /* fits 24 lines of 80 columns, examples included */
	const struct option *options; /* what the parser knows; NULL: none */
	int (*function)(int argc, char **argv);
	enum cli_value operand;
};

/* All of them, NULL-terminated; the order is that of the help. */
extern const struct cli_command *const cli_commands[];

extern const struct cli_command cli_run, cli_explain, cli_check, cli_ps, cli_log, cli_stop, cli_reload,
        cli_profiles, cli_doctor, cli_schema, cli_completion, cli_version, cli_help;

/* NULL when there is none of that name. */
const struct cli_command *cli_find(const char *name);

/* The name that was probably meant, or NULL. */
const char *cli_nearest(const char *typed);

/* Says that there is no such subcommand and what may have been meant. CLI_EXIT_WRONG. */
int cli_complain(const char *typed);

/* Prints a text or a command's help to stdout. 0, or CLI_EXIT_WRONG when it cannot be written. */
int cli_print(const char *text);
int cli_print_help(const struct cli_command *command);

/* For a subcommand that takes no words: complains of the first one. 0 or CLI_EXIT_WRONG. */
int cli_refuse_words(const struct cli_command *command, char **words);

extern const char cli_version_number[], cli_architecture[];

/* ---- words.c: what an option is, for people and completions ---- */

struct cli_word {
	const char *option; /* its long name */
	enum cli_value value;
	const char *summary;
};

/* NULL for an option that has no row; a test sees to it that each has one. */
const struct cli_word *cli_word_of(const char *option);
