/* The reeve command: finds the subcommand. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/cli.h"
#include "cli/mistakes.h"
#include "cli/suggest.h"
#include "launch/launch.h"

const struct cli_command *const cli_commands[] = {
        &cli_run,
        &cli_explain,
        &cli_check,
        &cli_ps,
        &cli_log,
        &cli_stop,
        &cli_reload,
        &cli_profiles,
        &cli_doctor,
        &cli_schema,
        &cli_completion,
        &cli_version,
        &cli_help,
        NULL,
};

/* What people type who know other programs. */
static const struct {
	const char *typed, *name;
} aliases[] = {
        {"--version", "version"},
        {"-V", "version"},
        {"--help", "help"},
        {"-h", "help"},
        {"-?", "help"},
};

const struct cli_command *cli_find(const char *name)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

const char *cli_nearest(const char *typed)
{
	const char *names[64];
	size_t count = 0;

	for (const struct cli_command *const *c = cli_commands; *c && count < ELEMENTS(names) - 1; c++)
		names[count++] = (*c)->name;
	names[count] = NULL;
	return suggest_nearest(typed, names);
}

int cli_complain(const char *typed)
{
	const char *nearest = cli_nearest(typed);

	fputs("reeve: there is no subcommand ", stderr);
	escape_for_terminal(stderr, typed);
	if (!nearest)
		nearest = mistakes_subcommand(typed);
	if (nearest)
		fprintf(stderr, "; did you mean %s?", nearest);
	fputs("\nType reeve help for what there is.\n", stderr);
	return CLI_EXIT_WRONG;
}

int cli_refuse_words(const struct cli_command *command, char **words)
{
	if (!*words)
		return 0;
	fprintf(stderr, "reeve %s: what is ", command->name);
	escape_for_shell(stderr, *words);
	fprintf(stderr, " for? Nothing is expected there.\nType reeve help %s for how it is used.\n",
	        command->name);
	return CLI_EXIT_WRONG;
}

/* Descriptors 0 to 2 that came closed are held by something that ends at exec: nothing that we open lands
 * there, and the command gets them closed as we did. */
static void hold_standard_descriptors(void)
{
	int fd = STDIN_FILENO;

	while (fd <= STDERR_FILENO && fcntl(fd, F_GETFD) >= 0)
		fd++;
	if (fd > STDERR_FILENO)
		return;
	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		/* What is written there fails, as it would have. */
		if (fd == STDOUT_FILENO) {
			close(fd);
			fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		}
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

#define LARGE (33 * 1024)   /* more than what reads a folder */
#define ENOUGH (512 * 1024) /* for most runs; what is not touched is not there */

/* Few threads, and none that lives of allocating: a heap for each would cost its start more than it ever
 * gains. What is large is used in part only: fresh from the kernel the rest of it costs nothing. */
static void save_memory(void)
{
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TOP_PAD, ENOUGH);
#endif
}

static bool is_program(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	while (path && *path) {
		size_t n = strcspn(path, ":");
		AUTO_FREE char *file = NULL;

		if (asprintf(&file, "%.*s/%s", (int)n, n ? path : ".", name) < 0)
			return false;
		if (n > 0 && access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static void offer_run(char **words)
{
	fputs("To run that program type: reeve run --", stderr);
	for (; *words; words++) {
		fputc(' ', stderr);
		escape_for_shell(stderr, *words);
	}
	fputs("\n", stderr);
}

static bool is_policy(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0) &&
	       access(name, F_OK) == 0;
}

static void offer_policy(const char *name)
{
	fputs("To use that policy type: reeve run -p ", stderr);
	escape_for_shell(stderr, name);
	fputs(" -- COMMAND\n", stderr);
}

/* What no subcommand is: a program that shall run, an option before its subcommand, or a slip. */
static int complain(char **argv)
{
	const char *nearest = cli_nearest(argv[1]);
	bool is_option = argv[1][0] == '-';

	/* "reeve -- ls": only one subcommand takes commands. */
	if (strcmp(argv[1], "--") == 0) {
		fputs("reeve: a subcommand comes first\n", stderr);
		if (argv[2])
			offer_run(argv + 2);
		return CLI_EXIT_WRONG;
	}
	fprintf(stderr, "reeve: there is no %s ", is_option ? "option" : "subcommand");
	escape_for_terminal(stderr, argv[1]);
	if (!nearest)
		nearest = mistakes_subcommand(argv[1]);
	if (is_option)
		fputs("; options come after a subcommand: reeve run [OPTIONS] -- COMMAND", stderr);
	else if (nearest)
		fprintf(stderr, "; did you mean %s?", nearest);
	fputs("\n", stderr);
	if (!is_option && is_program(argv[1]))
		offer_run(argv + 1);
	else if (!is_option && is_policy(argv[1]))
		offer_policy(argv[1]);
	fputs("Type reeve help for what there is.\n", stderr);
	return CLI_EXIT_WRONG;
}

/* What nobody could read was not told. */
static int check_output(const struct cli_command *command, int code)
{
	if (fflush(stdout) != EOF && !ferror(stdout))
		return code;
	fputs("reeve: standard output cannot be written\n", stderr);
	return command == &cli_run ? LAUNCH_EXIT_FAILED : CLI_EXIT_WRONG;
}

int main(int argc, char **argv)
{
	const struct cli_command *command;

	hold_standard_descriptors();
	save_memory();
	if (argc < 2) {
		fputs("reeve: what shall it do? To run a command: reeve run -- COMMAND [ARGUMENTS]\n"
		      "Type reeve help for more.\n",
		        stderr);
		return CLI_EXIT_WRONG;
	}
	command = cli_find(argv[1]);
	for (size_t i = 0; !command && i < ELEMENTS(aliases); i++)
		if (strcmp(argv[1], aliases[i].typed) == 0)
			command = cli_find(aliases[i].name);
	return command ? check_output(command, command->function(argc - 1, argv + 1)) : complain(argv);
}
