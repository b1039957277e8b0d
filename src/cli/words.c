#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"

/* One row for each long option of every subcommand, in the order of the alphabet. */
static const struct cli_word words[] = {
        {"all", CLI_NOTHING, "the allowed calls, too"},
        {"allow-call", CLI_CALL, "let a system call through"},
        {"ask", CLI_PATH, "ask before anything there is touched"},
        {"ask-call", CLI_CALL, "ask before a system call"},
        {"ask-connect", CLI_TEXT, "ask before connections to an address"},
        {"ask-listen", CLI_TEXT, "ask before listening on an address"},
        {"ask-socket", CLI_FILE, "who is asked listens there"},
        {"ask-timeout", CLI_TEXT, "no answer for so long means no"},
        {"best-effort", CLI_NOTHING, "go on where the kernel cannot hold a rule"},
        {"connect", CLI_TEXT, "allow connections to an address"},
        {"deny", CLI_PATH, "take a part back"},
        {"deny-call", CLI_CALL, "refuse a system call"},
        {"deny-connect", CLI_TEXT, "refuse connections to an address"},
        {"deny-listen", CLI_TEXT, "refuse to listen on an address"},
        {"dns", CLI_TEXT, "the name server for host names of the policy"},
        {"exec", CLI_PATH, "grant running and reading"},
        {"follow", CLI_NOTHING, "go on with what comes"},
        {"help", CLI_NOTHING, "tell the options"},
        {"hide", CLI_PATH, "as if it were not there"},
        {"json", CLI_FILE, "as JSON, for programs"},
        {"keep", CLI_TEXT, "how many rotated files stay"},
        {"kill-call", CLI_CALL, "end who makes a system call"},
        {"limit", CLI_LIMIT, "limit what the command may use"},
        {"listen", CLI_TEXT, "allow to listen on an address"},
        {"log", CLI_FILE, "denials to a file"},
        {"network", CLI_TEXT,
                "own: a network with nothing but a loopback; no-unplugged: no UDP sockets without a rule"},
        {"on-deny", CLI_TEXT, "ask: about what would be refused"},
        {"permissive", CLI_NOTHING, "refuse nothing, tell what would be refused"},
        {"policy", CLI_POLICY, "rules from a file"},
        {"quiet", CLI_NOTHING, "no text about denials"},
        {"read", CLI_PATH, "grant reading"},
        {"redirect", CLI_PATH, "FROM=TO: something else in a place"},
        {"redirect-connect", CLI_TEXT, "FROM=TO: connections led elsewhere"},
        {"rotate", CLI_TEXT, "begin a new output file at this size"},
        {"stderr", CLI_FILE, "standard error of the command to a file"},
        {"stdout", CLI_FILE, "standard output of the command to a file"},
        {"summary", CLI_NOTHING, "counts at the end"},
        {"summary-json", CLI_FILE, "counts as JSON, to a file"},
        {"seconds", CLI_TEXT, "how long before it is killed"},
        {"test", CLI_NOTHING, "the files are tests of policies"},
        {"use", CLI_PROFILE, "rules of a built-in profile"},
        {"verbose-denials", CLI_NOTHING, "report also what Landlock alone would refuse"},
        {"write", CLI_PATH, "grant writing and reading"},
};

const struct cli_word *cli_word_of(const char *option)
{
	for (size_t i = 0; i < ELEMENTS(words); i++)
		if (strcmp(words[i].option, option) == 0)
			return &words[i];
	return NULL;
}
