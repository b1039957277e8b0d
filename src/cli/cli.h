/* The subcommands. Each gets the arguments after its own name's place (argv[0] is the name) and returns the
 * exit code. */
#pragma once

#define CLI_EXIT_WRONG 2 /* wrong use or failure of every subcommand but run, whose own code is 125 */

int cli_run(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_check(int argc, char **argv);

/* ---- help.c ---- */

int cli_version(int argc, char **argv);
int cli_help(int argc, char **argv);
void cli_print_run_help(void);
void cli_print_explain_help(void);
void cli_print_check_help(void);

/* Names of all subcommands, NULL-terminated. */
extern const char *const cli_names[];
