#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define VERSION "0.1.0"

static const char overview[] =
        "reeve runs any command, unmodified, under a policy: which files it may read,\n"
        "change and run. What is refused is told, with the rule and how to allow it.\n"
        "No root, no container; Landlock, seccomp and a supervisor hold the policy.\n"
        "\n"
        "  reeve run [OPTIONS] -- COMMAND     run a command under a policy\n"
        "  reeve explain [OPTIONS] [QUESTION] say what holds each rule, and what it costs\n"
        "  reeve check POLICY...              find mistakes in policies\n"
        "  reeve version, reeve help\n"
        "\n"
        "Examples:\n"
        "  reeve run -- make            the built-in profile: the system readable, this\n"
        "                               folder writable, the home folder closed\n"
        "  reeve run --write . --deny '**/.env' -- npm install\n"
        "  reeve explain -p policy.yaml open:~/.ssh/id_rsa:r\n"
        "\n"
        "reeve run --help has the options; reeve(1) is the manual.\n";

static const char run_help[] =
        "Usage: reeve run [OPTIONS] [--] COMMAND [ARGUMENTS]\n"
        "  --read PATH, --write PATH, --exec PATH   grant a file or a whole tree\n"
        "  --deny PATH, --hide PATH     take a part back; also patterns ('**/.env')\n"
        "  -p, --policy FILE            rules from a file      (all of these may be\n"
        "  --use PROFILE                a built-in profile      given many times)\n"
        "  --json FILE                  one JSON line for each decision (-: stdout)\n"
        "  --log FILE                   denials to FILE and not to stderr\n"
        "  -q, --quiet                  no text about denials\n"
        "  --summary                    counts at the end; --summary-json FILE\n"
        "  --verbose-denials            report also what Landlock alone would refuse\n"
        "  --best-effort                go on where the kernel cannot hold a rule\n"
        "Without -p and --use the profile is workspace, or base when paths are granted.\n"
        "Examples:\n"
        "  reeve run -- npm install\n"
        "  reeve run --read / --exec / --write build -- make\n"
        "  reeve run -p policy.yaml --json record.jsonl -- ./configure\n"
        "Exit code: the command's; 128+N for signal N; 127 not found, 126 cannot be run,\n"
        "125 reeve itself failed and nothing ran.\n";

static const char explain_help[] =
        "Usage: reeve explain [OPTIONS] [QUESTION...]\n"
        "Without a question: what holds each rule, and which system calls it costs.\n"
        "Questions: open:PATH:rw  exec:PATH  syscall:NAME\n"
        "  --read, --write, --exec, --deny, --hide PATH; -p FILE; --use PROFILE\n"
        "                       the policy, as for reeve run\n"
        "  --verbose-denials, --best-effort   as for reeve run\n"
        "  --json               for programs\n"
        "Examples:\n"
        "  reeve explain\n"
        "  reeve explain -p policy.yaml open:src/main.c:rw exec:/usr/bin/gcc\n"
        "  reeve explain --read / --deny ~/.ssh syscall:ptrace\n"
        "Exit code: 0 when all questions are allowed, 1 when some are not, 2 for errors.\n";

static const char check_help[] =
        "Usage: reeve check POLICY...\n"
        "       reeve check --test FILE...\n"
        "Finds mistakes in policies, each told as file:line:column; with --test runs\n"
        "files of triplets (policy, question, expected verdict).\n"
        "Examples:\n"
        "  reeve check policy.yaml\n"
        "  reeve check policies/*.yaml\n"
        "  reeve check --test tests/*.t\n"
        "Exit code: 0 when all is well, 1 when something is not, 2 for errors.\n";

static int print(const char *text)
{
	return fputs(text, stdout) == EOF || fflush(stdout) == EOF ? CLI_EXIT_WRONG : 0;
}

int cli_version(int argc, char **argv)
{
	return print("reeve " VERSION "\n");
}

int cli_help(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "run") == 0)
		return print(run_help);
	if (argc > 1 && strcmp(argv[1], "explain") == 0)
		return print(explain_help);
	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return print(check_help);
	return print(overview);
}

void cli_print_run_help(void)
{
	print(run_help);
}

void cli_print_explain_help(void)
{
	print(explain_help);
}

void cli_print_check_help(void)
{
	print(check_help);
}
