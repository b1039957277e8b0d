/* Records: one for each decision, to people as text and to machines as JSON Lines; and their counts. A record
 * is written before its call is answered, so nothing that a target could see is missing from it. Sinks are
 * safe to use from several threads. Nothing is dropped silently: a sink that blocks makes the supervisor
 * wait, one that fails is counted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "policy/policy.h"

enum record_layer {
	RECORD_SUPERVISOR,
	RECORD_LANDLOCK,
	RECORD_FILTER,
};

struct record {
	pid_t tid;
	const char *program;   /* the task's name, "cat" */
	const char *call;      /* "openat" */
	const char *operation; /* "open" */
	const char *object;    /* the path after resolution, or an address, or NULL; need not be UTF-8 */
	const char *second;    /* the other path of a rename or link, or NULL */
	const char *asked;     /* the address that was named, where a redirect led to the object; or NULL */
	unsigned access;       /* POLICY_* that were asked for; 0 when it does not apply */
	unsigned use;          /* POLICY_CONNECT or POLICY_LISTEN when the object is an address, or 0 */
	enum policy_verdict verdict;
	int error;                                /* errno given, 0 when allowed */
	const struct policy_file_rule *file_rule; /* that decided, or NULL */
	const struct policy_syscall_rule *call_rule;
	const struct policy_address_rule *address_rule;
	const char *why; /* for refusals that no rule made: "cannot be performed yet", ...; or NULL */
	const char *allow; /* the address of a connect rule that would allow it, where `object` is none; or NULL */
	/* Of a refusal that did not stand, or that somebody was asked about: who said what. "permissive", "once",
	 * "run", "deny", ...; NULL: nobody. */
	const char *answer;
	bool is_lifted; /* it was done all the same */
	enum record_layer layer;
	uint64_t nanoseconds; /* from receipt to the answer, 0 when unknown */
};

struct record_options {
	FILE *text; /* denials for people; NULL: none. Borrowed */
	int json;   /* descriptor, or -1. Borrowed */
	bool summary;
	const char *home; /* told as "~" in hints; NULL: paths are whole. Copied */
	bool colour;      /* of the text; the caller knows whether a terminal shows it */
	bool wanted;      /* collect what would allow all that was lifted, for recorder_tell_wanted */
	bool recent;      /* keep the last refusals for recorder_next */
	void (*line)(void *user, const char *line, size_t length); /* each JSON record without its line end, one at
	                                                            * a time; or NULL */
	void *user;
	FILE *errors;     /* where a failing sink is told of, once; NULL: nowhere. Borrowed */
};

struct recorder;

int recorder_new(const struct record_options *options, struct recorder **ret);
void recorder_free(struct recorder *recorder); /* NULL is fine */

/* Whether an allowed call needs a record at all: so that the hot path can leave it out (it still counts). */
bool recorder_wants_allowed(const struct recorder *recorder);

void recorder_write(struct recorder *recorder, const struct record *record);

/* Counts an allowed call without writing a record. Cheap: an atomic add. `operation` NULL: a call of none. */
void recorder_count_allowed(struct recorder *recorder, const char *operation, uint64_t nanoseconds);

/* One notification came in. Cheap. */
void recorder_count_notification(struct recorder *recorder);

/* A line that is not about a call ("processes live on", "best effort: ..."): text and JSON. */
void recorder_note(struct recorder *recorder, const char *kind, const char *text);

/* A limit of the policy was reached. */
struct record_limit {
	const struct policy *policy;
	enum policy_limit_kind kind;
	const char *layer; /* "cgroup", "rlimit", "supervisor" */
	uint64_t refusals; /* how many calls failed for it; 0: it ended the command */
};

void recorder_limit(struct recorder *recorder, const struct record_limit *limit);

/* The last records, as the lines of a --json file: from `*position` (0: the oldest that is kept) on, one
 * at a time. As recent_next: 0; 1: none came in time; -ENOMEM. The caller frees the line. */
int recorder_next(struct recorder *recorder, uint64_t *position, int milliseconds, char **ret_line,
        uint64_t *ret_lost);

/* The position behind the last one. */
uint64_t recorder_end(struct recorder *recorder);

/* Somebody follows who wants the allowed calls, too; and no more. */
void recorder_want_allowed(struct recorder *recorder, bool wanted);

struct recorder_totals {
	uint64_t notifications, allowed, refused;
};

void recorder_totals(struct recorder *recorder, struct recorder_totals *ret);

/* What would have been refused, and the flags that would allow it. */
void recorder_tell_wanted(struct recorder *recorder, FILE *out);

/* Folded repeats are told, then the summary if it was asked for; the JSON summary goes to `summary_json` (-1:
 * none). From then on no text is written (its terminal may be somebody else's by now), JSON Lines go on. */
void recorder_close_text(struct recorder *recorder);
int recorder_write_summary(struct recorder *recorder, FILE *text, int summary_json);

/* The JSON summary as a text for the caller to free. 0 or -ENOMEM. */
int recorder_summary_text(struct recorder *recorder, char **ret);
