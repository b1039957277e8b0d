/* One record in words: text for people, an object for machines, and what would allow it. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "record/counts.h"
#include "record/record.h"

/* Refused: no rule made it, but it could not be known or performed safely. */
enum counts_outcome describe_outcome(const struct record *record);

/* "cat[4711] openat(/etc/shadow, read) -> EACCES"; without the number in brackets when `tid` is 0. */
void describe_event(FILE *out, const struct record *record, pid_t tid);

/* The whole refusal: a line for the event, then its rule or reason, then what would allow it. */
void describe_text(FILE *out, const struct record *record, const char *home, bool colour);

/* A new reference, or NULL when memory is short. */
struct json_object *describe_json(const struct record *record, const char *home);

/* A time as "2026-11-22T07:20:41.123456789Z"; the current one. */
const char *describe_time(const struct timespec *time, char *ret, size_t size);
const char *describe_now(char *ret, size_t size);

/* ---- hint.c ---- */

enum hint {
	HINT_NONE,         /* no rule could allow it */
	HINT_RULE,         /* rules as below */
	HINT_OTHER_POLICY, /* denied by a rule for exactly this path or call: only without that rule */
};

enum hint hint_of(const struct record *record);

/* "--read ~/.ssh/id_rsa", and "files: [{read: [~/.ssh/id_rsa]}]". Only for HINT_RULE. */
void hint_flag(FILE *out, const struct record *record, const char *home);
void hint_policy(FILE *out, const struct record *record, const char *home);
bool hint_has_policy(const struct record *record);

/* Whether these are about the folder that holds the object: to remove it, or to give it another name. */
bool hint_is_about_folder(const struct record *record);
