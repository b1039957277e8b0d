/* What host names were said to stand for: addresses, their names, and until when. Safe to use from several threads;
 * looking costs a lock that nobody holds for long. Its memory is bounded: when it is full, what ends first makes
 * room. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEARNED_FOR_EVER UINT64_MAX
#define LEARNED_NAME 256

struct learned;

/* 0 or -ENOMEM. */
int learned_new(size_t most, struct learned **ret);
void learned_free(struct learned *learned); /* NULL is fine */

/* That `name` stands for `ip` until `until` (seconds of a clock that does not jump). What is known already is kept
 * for the longer of both times. 0 or -ENOMEM: then it is not known. */
int learned_add(struct learned *learned, const uint8_t ip[16], const char *name, uint64_t until);

enum learned_answer {
	LEARNED_UNKNOWN,
	LEARNED_ENDED, /* it was known, and its time is over */
	LEARNED_KNOWN,
};

/* Whether the address belongs to a name that `suits`; of several to one whose time is not over. `ret_name` is set
 * unless it is unknown. */
enum learned_answer learned_find(struct learned *learned, const uint8_t ip[16], uint64_t now,
        bool (*suits)(void *user, const char *name), void *user, char ret_name[LEARNED_NAME]);
