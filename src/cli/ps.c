/* reeve ps: the running supervisions of this user. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"

#define OPTION_JSON OPTION_OWN
#define LONGEST_COMMAND 60
#define LONGEST_POLICY 24

static const struct option known[] = {
        {"json", no_argument, NULL, OPTION_JSON}, {"help", no_argument, NULL, 'h'}, {0}};

struct listing {
	struct json_object *list;
};

static int add(void *user, struct client *client)
{
	struct listing *listing = user;
	struct json_object *object = NULL;

	if (client_ask(client, "ps", "status", json_object_new_object(), &object) == 0)
		json_object_array_add(listing->list, object);
	else
		json_object_put(object);
	return 0;
}

static int64_t number(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_int64(value) : 0;
}

static time_t start_of(struct json_object *object)
{
	struct tm utc = {0};

	return strptime(client_text(object, "since"), "%Y-%m-%dT%H:%M:%S", &utc) ? timegm(&utc) : 0;
}

/* "14:03:12" for today's, else "Nov 21". */
static void tell_since(struct json_object *object)
{
	time_t start = start_of(object), now = time(NULL);
	struct tm local;
	char text[32];

	localtime_r(&start, &local);
	strftime(text, sizeof(text), now - start < 86400 ? "%H:%M:%S" : "%b %d", &local);
	printf("%-9s", text);
}

/* At most `most` bytes, which LONGEST_COMMAND bounds, of what a terminal may see. */
static void tell_cut(const char *text, size_t most)
{
	char cut[LONGEST_COMMAND + 1];
	size_t n = strlen(text);

	if (n > most) {
		n = most - 3;
		/* Not in the middle of a character. */
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(cut, text, n);
	strcpy(cut + n, strlen(text) > most ? "..." : "");
	escape_for_terminal(stdout, cut);
}

static char *command_of(struct json_object *object)
{
	struct json_object *words;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (json_object_object_get_ex(object, "command", &words))
		for (size_t i = 0; i < json_object_array_length(words); i++) {
			fputs(i ? " " : "", out);
			escape_for_shell(out, json_object_get_string(json_object_array_get_idx(words, i)));
		}
	fclose(out);
	return text;
}

static void tell(struct json_object *object)
{
	AUTO_FREE char *command = command_of(object);
	const char *policy = client_text(object, "policy");

	printf("%-5s %7lld  ", client_text(object, "id"), (long long)number(object, "pid"));
	tell_since(object);
	printf(" %8lld %8lld  ", (long long)number(object, "notifications"),
	        (long long)number(object, "refused"));
	tell_cut(policy, LONGEST_POLICY);
	printf("%*s  ", strlen(policy) < LONGEST_POLICY ? (int)(LONGEST_POLICY - strlen(policy)) : 0, "");
	tell_cut(command ? command : "?", LONGEST_COMMAND);
	/* The command itself has ended. */
	puts(strcmp(client_text(object, "state"), "left") == 0 ? "  (what it left)" : "");
}

static int by_start(const void *left, const void *right)
{
	return strcmp(client_text(*(struct json_object *const *)left, "since"),
	        client_text(*(struct json_object *const *)right, "since"));
}

static void tell_all(struct json_object *list)
{
	size_t count = json_object_array_length(list);

	if (count == 0) {
		fputs("reeve ps: nothing of yours runs under reeve\n", stderr);
		return;
	}
	printf("%-5s %7s  %-9s %8s %8s  %-*s  %s\n", "ID", "PID", "SINCE", "NOTIFIED", "REFUSED",
	        LONGEST_POLICY, "POLICY", "COMMAND");
	for (size_t i = 0; i < count; i++)
		tell(json_object_array_get_idx(list, i));
}

static void tell_json(struct json_object *list)
{
	struct json_object *whole = json_object_new_object();

	json_object_object_add(whole, "schema", json_object_new_int(1));
	json_object_object_add(whole, "supervisions", json_object_get(list));
	puts(json_object_to_json_string_ext(
	        whole, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(whole);
}

static int main_of_ps(int argc, char **argv)
{
	struct listing listing = {0};
	bool json = false;
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", known, NULL)) >= 0) {
		if (c == 'h')
			return cli_print_help(&cli_ps);
		if (c != OPTION_JSON) {
			options_complain("ps", c, argv, known);
			return CLI_EXIT_WRONG;
		}
		json = true;
	}
	if (argv[optind])
		return cli_refuse_words(&cli_ps, argv + optind);
	listing.list = json_object_new_array();
	if (!listing.list)
		return CLI_EXIT_WRONG;
	r = client_each(add, &listing);
	json_object_array_sort(listing.list, by_start);
	if (json)
		tell_json(listing.list);
	else
		tell_all(listing.list);
	json_object_put(listing.list);
	return r < 0 || fflush(stdout) == EOF ? CLI_EXIT_WRONG : 0;
}

const struct cli_command cli_ps = {
        .name = "ps",
        .summary = "what of yours runs under reeve",
        .help = "Usage: reeve ps [--json]\n"
                "Lists your running supervisions: ID, process, start, how many system calls\n"
                "notified, how many were refused, the policy, the command.\n"
                "reeve log, stop and reload take an ID, or as much of one as is unique.\n"
                "Examples:\n"
                "  reeve ps\n"
                "  reeve ps --json\n"
                "  reeve stop \"$(reeve ps --json | jq -r '.supervisions[0].id')\"\n",
        .options = known,
        .function = main_of_ps,
};
