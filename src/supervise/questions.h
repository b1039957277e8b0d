/* Questions about what would be refused, to somebody who may allow it: over one socket, as docs/ask.md says.
 * Whatever goes wrong with who is asked means no. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "record/record.h"

struct questions;

struct questions_options {
	int fd;           /* connected; becomes theirs */
	unsigned seconds; /* no answer for so long is a no */
	const char *home; /* as in record_options; copied */
	/* The rule that would allow it is wanted in the policy. Called on a thread that is in no domain. */
	void (*write_rule)(void *user, const struct record *record);
	void *user;
};

/* Starts a thread that listens, as a child of the calling one. 0 or -errno. */
int questions_open(const struct questions_options *options, struct questions **ret);

/* What performing threads must keep open. */
#define QUESTIONS_DESCRIPTORS 2
void questions_descriptors(const struct questions *questions, int ret[QUESTIONS_DESCRIPTORS]);

struct questions_answer {
	const char *word; /* "once", "run", "deny", "timeout", "nobody", "busy" */
	bool is_allowed;
	int error;   /* that was wished for with a no, or 0 */
	int gave_up; /* what `still` returned; the question stays open for a moment, should it be asked again */
};

/* Asks and waits. `still` is called again and again; anything but 0 ends the waiting. */
void questions_ask(struct questions *questions, const struct record *record, int (*still)(void *user), void *user,
        struct questions_answer *ret);

/* Whether an earlier answer for the whole run covers it. */
bool questions_allowed_before(struct questions *questions, const struct record *record);
