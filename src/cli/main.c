/* The reeve command: finds the subcommand. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/cli.h"
#include "cli/suggest.h"

const char *const cli_names[] = {"run", "explain", "check", "version", "help", NULL};

static const struct {
	const char *name;
	int (*function)(int argc, char **argv);
} commands[] = {
        {"run", cli_run},
        {"explain", cli_explain},
        {"check", cli_check},
        {"version", cli_version},
        {"--version", cli_version},
        {"-V", cli_version},
        {"help", cli_help},
        {"--help", cli_help},
        {"-h", cli_help},
};

/* Descriptors 0 to 2 that came closed are held by something that ends at exec: nothing that we open lands
 * there, and the command gets them closed as we did. */
static void hold_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
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

static int complain(char **argv)
{
	const char *nearest = suggest_nearest(argv[1], cli_names);
	bool is_option = argv[1][0] == '-';

	fprintf(stderr, "reeve: there is no %s ", is_option ? "option" : "subcommand");
	escape_for_terminal(stderr, argv[1]);
	if (!is_option && is_program(argv[1])) {
		fputs("; to run that program type: reeve run --", stderr);
		for (char **word = argv + 1; *word; word++) {
			fputc(' ', stderr);
			escape_for_shell(stderr, *word);
		}
	} else if (nearest) {
		fprintf(stderr, "; did you mean %s?", nearest);
	} else if (is_option) {
		fputs("; options come after a subcommand: reeve run [OPTIONS] -- COMMAND", stderr);
	}
	fputs("\nType reeve --help for what there is.\n", stderr);
	return CLI_EXIT_WRONG;
}

int main(int argc, char **argv)
{
	hold_standard_descriptors();
	if (argc < 2) {
		fputs("reeve: what shall it do? To run a command: reeve run -- COMMAND [ARGUMENTS]\n"
		      "Type reeve --help for more.\n",
		        stderr);
		return CLI_EXIT_WRONG;
	}
	for (size_t i = 0; i < ELEMENTS(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].function(argc - 1, argv + 1);
	return complain(argv);
}
