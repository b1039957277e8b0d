/* The names in a folder, read without allocating: also where the heap may be in no state to be used. */
#pragma once

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

struct listing {
	int fd;
	size_t at, size;
	alignas(uint64_t) char buffer[2048]; /* the longest name needs an eighth of it */
};

/* Reads from where the folder `fd`, which stays the caller's, stands: at first from its start. */
void listing_begin(int fd, struct listing *ret);

/* The next name, "." and ".." left out; it stays good until the next call. NULL: there is no more, or it cannot be
 * read. */
const char *listing_next(struct listing *listing);
