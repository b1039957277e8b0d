#include "cli/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "kernel/peer.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

#define ANSWER_SECONDS 5

void client_wait_at_most(int fd, int seconds)
{
	const struct timeval time = {.tv_sec = seconds};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
}

void client_done(struct client *client)
{
	if (client->in)
		fclose(client->in);
	*client = (struct client){.fd = -EBADF};
}

/* What listens there is the supervisor, and not something of a supervised tree that took its place. */
static bool is_trusted(int fd)
{
	struct peer peer;

	return peer_look(fd, &peer) == 0 && (peer.uid == 0 || peer.uid == geteuid()) &&
	       !peer_is_confined(&peer);
}

static int open_client(int folder, const char *id, struct client *ret)
{
	AUTO_CLOSE int fd = runtime_connect(folder, id);

	if (fd < 0)
		return fd;
	if (!is_trusted(fd))
		return -EPERM;
	client_wait_at_most(fd, ANSWER_SECONDS);
	ret->in = fdopen(fd, "r");
	if (!ret->in)
		return -errno;
	ret->fd = TAKE_FD(fd);
	snprintf(ret->id, sizeof(ret->id), "%.*s", RUNTIME_ID_SIZE - 1, id);
	return 0;
}

/* Of somebody who was killed while he published. */
static void clean_up(int folder, const char *name)
{
	static const char prefix[] = ".new-";
	int pid;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return;
	pid = atoi(name + sizeof(prefix) - 1);
	if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
		unlinkat(folder, name, 0);
}

static int each_in(int folder, int (*each)(void *user, struct client *client), void *user)
{
	struct dirent **entries = NULL;
	int count = scandirat(folder, ".", &entries, NULL, alphasort), r = 0;

	for (int i = 0; i < count; i++) {
		struct client client = {.fd = -EBADF};

		if (r == 0 && !runtime_is_id(entries[i]->d_name))
			clean_up(folder, entries[i]->d_name);
		else if (r == 0 && open_client(folder, entries[i]->d_name, &client) == 0)
			r = each(user, &client);
		client_done(&client);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int client_each(int (*each)(void *user, struct client *client), void *user)
{
	char *places[RUNTIME_PLACES];
	size_t count = runtime_places(places);
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		AUTO_CLOSE int folder = r == 0 ? runtime_open(places[i], false) : -EBADF;

		if (folder == -EPERM) {
			fputs("reeve: ", stderr);
			escape_for_terminal(stderr, places[i]);
			fputs(" is not a folder of yours alone, and is left out\n", stderr);
		}
		if (folder >= 0)
			r = each_in(folder, each, user);
		free(places[i]);
	}
	return r;
}

struct search {
	const char *text;
	struct client found;
	size_t count;
};

static int look_at(void *user, struct client *client)
{
	struct search *search = user;

	if (strncmp(client->id, search->text, strlen(search->text)) != 0)
		return 0;
	if (search->count++ == 0) {
		search->found = *client;
		*client = (struct client){.fd = -EBADF};
	}
	return 0;
}

int client_find(const char *subcommand, const char *text, struct client *ret)
{
	struct search search = {.text = text, .found = {.fd = -EBADF}};
	int r = client_each(look_at, &search);

	if (r == 0 && search.count == 1) {
		*ret = search.found;
		return 0;
	}
	client_done(&search.found);
	fprintf(stderr, "reeve %s: ", subcommand);
	if (search.count > 1) {
		fprintf(stderr, "%zu running supervisions begin with ", search.count);
		r = -ENOTUNIQ;
	} else {
		fputs("no running supervision of yours has the ID ", stderr);
		r = r < 0 ? r : -ENOENT;
	}
	escape_for_terminal(stderr, text);
	fputs("\nType reeve ps for those that there are.\n", stderr);
	return r;
}

int client_send(struct client *client, const char *deed, struct json_object *request)
{
	AUTO_FREE char *line = NULL;
	size_t size;
	int n;

	json_object_object_add(request, "reeve", json_object_new_int(1));
	json_object_object_add(request, "do", json_object_new_string(deed));
	n = asprintf(&line, "%s\n", json_object_to_json_string_ext(request, JSON_FLAGS));
	json_object_put(request);
	if (n < 0) {
		line = NULL;
		return -ENOMEM;
	}
	size = (size_t)n;
	for (const char *at = line; size > 0;) {
		ssize_t sent = send(client->fd, at, size, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return -errno;
		at += sent > 0 ? sent : 0;
		size -= sent > 0 ? (size_t)sent : 0;
	}
	return 0;
}

int client_receive(struct client *client, struct json_object **ret)
{
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	struct json_object *object;

	if (getline(&line, &room, client->in) <= 0)
		return ferror(client->in) ? -EIO : 1;
	object = json_tokener_parse(line);
	if (!object)
		return -EPROTO;
	*ret = object;
	return 0;
}

const char *client_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

static bool is_ok(struct json_object *object)
{
	struct json_object *value;

	return json_object_object_get_ex(object, "ok", &value) && json_object_get_boolean(value);
}

/* As many as there are: a policy may have several mistakes. */
static void tell_lines(const char *subcommand, const char *text)
{
	do {
		size_t n = strcspn(text, "\n");
		AUTO_FREE char *line = strndup(text, n);

		fprintf(stderr, "reeve %s: ", subcommand);
		escape_for_terminal(stderr, line ? line : "");
		fputc('\n', stderr);
		text += n + (text[n] == '\n');
	} while (*text);
}

int client_ask(struct client *client, const char *subcommand, const char *deed, struct json_object *request,
        struct json_object **ret)
{
	struct json_object *object = NULL;
	int r = client_send(client, deed, request);

	if (r == 0)
		r = client_receive(client, &object);
	if (r != 0) {
		fprintf(stderr, "reeve %s: the supervision %s does not answer%s%s\n", subcommand, client->id,
		        r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
		return r < 0 ? r : -EIO;
	}
	*ret = object;
	if (is_ok(object))
		return 0;
	tell_lines(subcommand, client_text(object, "error"));
	return -EIO;
}
