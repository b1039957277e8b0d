/* reeve log: the records of a running supervision. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"

#define OPTION_JSON OPTION_OWN
#define OPTION_ALL (OPTION_OWN + 1)
#define INDENT "           "

static const struct option known[] = {
        {"follow", no_argument, NULL, 'f'},
        {"all", no_argument, NULL, OPTION_ALL},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {0},
};

struct logging {
	bool follow, all, json, done;
};

static void tell_line(const char *name, struct json_object *record, const char *key)
{
	const char *text = client_text(record, key);

	if (!text[0])
		return;
	printf(INDENT "%-8s", name);
	escape_for_terminal(stdout, text);
	putchar('\n');
}

static void tell_access(struct json_object *record)
{
	struct json_object *list;

	if (!json_object_object_get_ex(record, "access", &list) ||
	        !json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		printf(", %s", json_object_get_string(json_object_array_get_idx(list, i)));
}

static void tell_rule(struct json_object *record)
{
	struct json_object *rule, *line;

	if (!json_object_object_get_ex(record, "rule", &rule) || !rule) {
		if (!client_text(record, "why")[0] && strcmp(client_text(record, "verdict"), "allow") != 0)
			puts(INDENT "rule    no rule allows it");
		return;
	}
	printf(INDENT "rule    %s ", client_text(rule, "verdict"));
	escape_for_terminal(stdout, client_text(rule, "text"));
	fputs(" at ", stdout);
	if (client_text(rule, "flag")[0])
		escape_for_terminal(stdout, client_text(rule, "flag"));
	else
		escape_for_terminal(stdout, client_text(rule, "source"));
	if (json_object_object_get_ex(rule, "line", &line) && line)
		printf(":%d", json_object_get_int(line));
	putchar('\n');
}

static void tell_time(struct json_object *record)
{
	struct tm utc = {0}, local;
	char text[16] = "";
	time_t at;

	if (strptime(client_text(record, "time"), "%Y-%m-%dT%H:%M:%S", &utc)) {
		at = timegm(&utc);
		strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&at, &local));
	}
	printf("%s ", text);
}

static void tell_call(struct json_object *record)
{
	struct json_object *tid;
	const char *second = client_text(record, "second"), *error = client_text(record, "errno");
	const char *asked = client_text(record, "asked");

	json_object_object_get_ex(record, "tid", &tid);
	printf("%-7s ", client_text(record, "verdict"));
	escape_for_terminal(stdout, client_text(record, "program"));
	printf("[%d] %s(", json_object_get_int(tid), client_text(record, "call"));
	if (asked[0]) {
		escape_for_terminal(stdout, asked);
		fputs(" to ", stdout);
	}
	escape_for_terminal(stdout, client_text(record, "object"));
	if (second[0]) {
		fputs(", ", stdout);
		escape_for_terminal(stdout, second);
	}
	tell_access(record);
	printf(") -> %s\n", error[0] ? error : "done");
	tell_rule(record);
	tell_line("why", record, "why");
	tell_line("allow", record, "allow_flag");
}

static void tell(struct json_object *record)
{
	struct json_object *lost;

	if (json_object_object_get_ex(record, "lost", &lost)) {
		printf("%lld records came faster than they could be read, and are not shown\n",
		        (long long)json_object_get_int64(lost));
		return;
	}
	tell_time(record);
	if (client_text(record, "note")[0]) {
		escape_for_terminal(stdout, client_text(record, "text"));
		putchar('\n');
	} else {
		tell_call(record);
	}
}

static int show(const struct logging *logging, struct client *client)
{
	struct json_object *record;
	int r;

	if (logging->follow)
		client_wait_at_most(client->fd, 0);
	while ((r = client_receive(client, &record)) == 0) {
		if (logging->json)
			puts(json_object_to_json_string_ext(
			        record, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		else
			tell(record);
		json_object_put(record);
		/* Whoever reads a pipe wants each as it comes; and its end is ours. */
		if (fflush(stdout) == EOF)
			return -errno;
	}
	return r < 0 ? r : 0;
}

static int connect_and_show(const struct logging *logging, const char *id)
{
	struct json_object *request, *reply = NULL;
	struct client client;
	int r = client_find("log", id, &client);

	if (r < 0)
		return r;
	request = json_object_new_object();
	json_object_object_add(request, "follow", json_object_new_boolean(logging->follow));
	json_object_object_add(request, "all", json_object_new_boolean(logging->all));
	r = client_ask(&client, "log", "records", request, &reply);
	json_object_put(reply);
	if (r == 0)
		r = show(logging, &client);
	client_done(&client);
	return r;
}

static int read_options(struct logging *logging, int argc, char **argv)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":fh", known, NULL)) >= 0) {
		switch (c) {
		case 'f':
			logging->follow = true;
			break;
		case OPTION_ALL:
			logging->all = true;
			break;
		case OPTION_JSON:
			logging->json = true;
			break;
		case 'h':
			logging->done = true;
			return cli_print_help(&cli_log);
		default:
			options_complain("log", c, argv, known);
			return CLI_EXIT_WRONG;
		}
	}
	return 0;
}

static int main_of_log(int argc, char **argv)
{
	struct logging logging = {0};
	int code = read_options(&logging, argc, argv);

	if (code || logging.done)
		return code;
	if (!argv[optind]) {
		fputs("reeve log: which one? Type: reeve log -f ID; reeve ps lists them\n", stderr);
		return CLI_EXIT_WRONG;
	}
	if (argv[optind + 1])
		return cli_refuse_words(&cli_log, argv + optind + 1);
	return connect_and_show(&logging, argv[optind]) < 0 ? CLI_EXIT_WRONG : 0;
}

const struct cli_command cli_log = {
        .name = "log",
        .summary = "what a running supervision refuses",
        .help = "Usage: reeve log [-f] [--all] [--json] ID\n"
                "Shows the last refusals of a running supervision.\n"
                "  -f, --follow   go on with what comes, until it ends\n"
                "  --all          with -f: the allowed calls, too\n"
                "  --json         the records as reeve run --json writes them\n"
                "Examples:\n"
                "  reeve log k3f9\n"
                "  reeve log -f k3f9\n"
                "  reeve log -f --all --json k3f9 | jq .object\n",
        .options = known,
        .function = main_of_log,
        .operand = CLI_RUNNING,
};
