/* Questions on the terminal, asked by the front: it reads them from a socket as any other peer would
 * (docs/ask.md). They are read from /dev/tty and never from what the command reads; only while the foreground
 * is the front's own group, or that of the task that waits. */
#pragma once

#include <json-c/json.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

struct dialog_question {
	struct dialog_question *next;
	int64_t id;
	struct json_object *object;
};

struct dialog {
	int peer;     /* the supervisor */
	int terminal; /* while a question stands there, or -EBADF */
	struct dialog_question *first;
	pid_t foreground; /* the group to give it back to, or 0 */
	struct termios before, asking;
	bool is_changed;
	uint64_t deaf_until; /* what comes before is thrown away: a terminal's own reply, in milliseconds */
	char line[64];
	size_t length;
	char *input;
	size_t input_length, input_size;
};

/* Takes the socket. */
void dialog_init(int peer, struct dialog *ret);

#define DIALOG_POLLS 2
/* Fills what to wait for; how long, in milliseconds (-1: for ever). */
int dialog_prepare(const struct dialog *dialog, struct pollfd polls[DIALOG_POLLS]);
void dialog_act(struct dialog *dialog, const struct pollfd polls[DIALOG_POLLS]);

/* Gives the terminal back. */
void dialog_done(struct dialog *dialog);
