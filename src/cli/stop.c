/* reeve stop: ends a running supervision, with all that it started. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"

#define OPTION_SECONDS OPTION_OWN
#define MOST_SECONDS 3600
#define SLACK_SECONDS 60

static const struct option known[] = {
        {"seconds", required_argument, NULL, OPTION_SECONDS}, {"help", no_argument, NULL, 'h'}, {0}};

static int read_seconds(const char *text, double *ret)
{
	char *end;
	double seconds = strtod(text, &end);

	if (*text && !*end && seconds >= 0 && seconds <= MOST_SECONDS) {
		*ret = seconds;
		return 0;
	}
	fputs("reeve stop: --seconds expects a number from 0 to 3600, found ", stderr);
	escape_for_terminal(stderr, text);
	fputc('\n', stderr);
	return -EINVAL;
}

/* The supervisor ends with the last of the tree, and the connection with it. */
static int stop(const char *id, double seconds)
{
	struct json_object *request, *reply = NULL;
	struct client client;
	int r = client_find("stop", id, &client);

	if (r < 0)
		return r;
	request = json_object_new_object();
	json_object_object_add(request, "seconds", json_object_new_double(seconds));
	r = client_ask(&client, "stop", "stop", request, &reply);
	json_object_put(reply);
	reply = NULL;
	client_wait_at_most(client.fd, (int)seconds + SLACK_SECONDS);
	if (r == 0 && client_receive(&client, &reply) != 1) {
		fprintf(stderr, "reeve stop: %s has not ended\n", client.id);
		r = -EBUSY;
	}
	json_object_put(reply);
	client_done(&client);
	return r;
}

static int main_of_stop(int argc, char **argv)
{
	double seconds = 10;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", known, NULL)) >= 0) {
		if (c == 'h')
			return cli_print_help(&cli_stop);
		if (c != OPTION_SECONDS) {
			options_complain("stop", c, argv, known);
			return CLI_EXIT_WRONG;
		}
		if (read_seconds(optarg, &seconds) < 0)
			return CLI_EXIT_WRONG;
	}
	if (!argv[optind]) {
		fputs("reeve stop: which one? Type: reeve stop ID; reeve ps lists them\n", stderr);
		return CLI_EXIT_WRONG;
	}
	if (argv[optind + 1])
		return cli_refuse_words(&cli_stop, argv + optind + 1);
	return stop(argv[optind], seconds) < 0 ? CLI_EXIT_WRONG : 0;
}

const struct cli_command cli_stop = {
        .name = "stop",
        .summary = "end a running supervision and all that it started",
        .help = "Usage: reeve stop [--seconds N] ID\n"
                "Asks the whole tree to end (SIGTERM); what is still there after N seconds (10)\n"
                "is killed. Returns when all of it has ended.\n"
                "Examples:\n"
                "  reeve stop k3f9\n"
                "  reeve stop --seconds 60 k3f9\n"
                "  reeve stop --seconds 0 k3\n"
                "Exit code: 0 when it has ended, 2 for errors.\n",
        .options = known,
        .function = main_of_stop,
        .operand = CLI_RUNNING,
};
