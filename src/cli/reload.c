/* reeve reload: another policy for a running supervision. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"

static const struct option known[] = {OPTIONS_OF_POLICIES, {"help", no_argument, NULL, 'h'}, {0}};

#define PLANNING_SECONDS 60

struct reloading {
	struct options options;
	bool done;
};

static int read_options(struct reloading *reloading, int argc, char **argv)
{
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":p:h", known, NULL)) >= 0) {
		r = options_take(&reloading->options, c, optarg);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (c == 'h') {
			reloading->done = true;
			return 0;
		}
		options_complain("reload", c, argv, known);
		return -EINVAL;
	}
	return 0;
}

/* The supervisor has a working directory of its own. */
static struct json_object *item_json(const struct options *options, const struct options_item *item)
{
	struct json_object *object = json_object_new_object();
	AUTO_FREE char *path = NULL;

	if (strcmp(item->key, "policy") == 0 && item->value[0] != '/' &&
	        asprintf(&path, "%s/%s", options->cwd, item->value) < 0)
		path = NULL;
	json_object_object_add(object, "key", json_object_new_string(item->key));
	json_object_object_add(object, "value", json_object_new_string(path ? path : item->value));
	return object;
}

static struct json_object *request_of(const struct options *options)
{
	struct json_object *request = json_object_new_object(), *list;

	if (options->items.count == 0)
		return request;
	list = json_object_new_array();
	for (size_t i = 0; i < options->items.count; i++)
		json_object_array_add(list, item_json(options, &options->items.items[i]));
	json_object_object_add(request, "policy", list);
	json_object_object_add(request, "cwd", json_object_new_string(options->cwd));
	return request;
}

static void tell_restart(struct json_object *reply)
{
	struct json_object *list;

	if (!json_object_object_get_ex(reply, "restart", &list) ||
	        !json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		fputs("  ", stderr);
		escape_for_terminal(stderr, json_object_get_string(json_object_array_get_idx(list, i)));
		fputc('\n', stderr);
	}
}

static int reload(const struct options *options, const char *id)
{
	struct json_object *reply = NULL;
	struct client client;
	int r = client_find("reload", id, &client);

	if (r < 0)
		return CLI_EXIT_WRONG;
	client_wait_at_most(client.fd, PLANNING_SECONDS);
	r = client_ask(&client, "reload", "reload", request_of(options), &reply);
	if (r < 0 && reply)
		tell_restart(reply);
	/* Nothing changed. */
	if (r < 0)
		r = json_object_object_get_ex(reply, "restart", NULL) ? 1 : CLI_EXIT_WRONG;
	json_object_put(reply);
	client_done(&client);
	return r;
}

static int main_of_reload(int argc, char **argv)
{
	struct reloading reloading = {0};
	int code = CLI_EXIT_WRONG, r = options_init(OPTIONS_TMP_NAMED, &reloading.options);

	if (r < 0) {
		fprintf(stderr, "reeve reload: the working directory: %s\n", strerror(-r));
		return CLI_EXIT_WRONG;
	}
	if (read_options(&reloading, argc, argv) < 0)
		code = CLI_EXIT_WRONG;
	else if (reloading.done)
		code = cli_print_help(&cli_reload);
	else if (!argv[optind])
		fputs("reeve reload: which one? Type: reeve reload ID; reeve ps lists them\n", stderr);
	else if (argv[optind + 1])
		code = cli_refuse_words(&cli_reload, argv + optind + 1);
	else
		code = reload(&reloading.options, argv[optind]);
	options_done(&reloading.options);
	return code;
}

const struct cli_command cli_reload = {
        .name = "reload",
        .summary = "change the policy of a running supervision",
        .help = "Usage: reeve reload [-p FILE] [OPTIONS] ID\n"
                "Without options the policy that it was started with is read again. Options make\n"
                "another one: -p, --policy FILE, --use PROFILE, --read, --write, --exec, --deny,\n"
                "--hide, --ask PATH, --redirect, --redirect-connect FROM=TO, --connect,\n"
                "--listen, --deny-connect, --deny-listen, --ask-connect, --ask-listen ADDRESS,\n"
                "--allow-call, --deny-call, --kill-call, --ask-call CALL. What was said by\n"
                "--limit, --stdout, --stderr, --rotate, --keep and --network stays as it is.\n"
                "Only what the supervisor holds can change. Where the kernel holds a rule (reeve\n"
                "explain says which), a restart is needed: that is told, and nothing changes.\n"
                "Examples:\n"
                "  reeve reload k3f9\n"
                "  reeve reload -p policy.yaml k3f9\n"
                "  reeve reload --read / --write . --deny '**/.env' --deny secret k3f9\n"
                "Exit code: 0 when it changed, 1 when a restart is needed, 2 for errors.\n",
        .options = known,
        .function = main_of_reload,
        .operand = CLI_RUNNING,
};
