/* Talking to running supervisions: docs/control.md. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "launch/runtime.h"

struct client {
	int fd;
	FILE *in;
	char id[RUNTIME_ID_SIZE];
};

/* Calls `each` for every running supervision of this user, by age of the folder and then name; -errno of `each`
 * ends it. */
int client_each(int (*each)(void *user, struct client *client), void *user);

/* The one whose ID is or begins with `text`. What is wrong is told on stderr: -ENOENT, -ENOTUNIQ. */
int client_find(const char *subcommand, const char *text, struct client *ret);
void client_done(struct client *client);

/* Sends a request; takes it. `deed` is "status", ... 0 or -errno. */
int client_send(struct client *client, const char *deed, struct json_object *request);

/* The next line. 0; 1: there is no more; -errno. */
int client_receive(struct client *client, struct json_object **ret);

/* Sends, and receives the reply: 0 when it says ok; -EIO when it does not, which is told on stderr; the reply, if
 * any, is the caller's in both cases. */
int client_ask(struct client *client, const char *subcommand, const char *deed, struct json_object *request,
        struct json_object **ret);

/* How long to wait for a line from now on; 0: for ever. */
void client_wait_at_most(int fd, int seconds);

/* A text of an object, or "". */
const char *client_text(struct json_object *object, const char *key);
