/* What is where its name says: remembered for the time of one binding, as rules come by the dozen from one
 * folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum place {
	PLACE_ELSEWHERE, /* a link is on the way, or it is unclear */
	PLACE_MISSING,   /* nothing is there, from some name on, and no link before it */
	PLACE_THERE,     /* each name on the way is there, and no link */
};

struct places {
	struct place_seen *table;
	size_t size, used;
	char *text;
	size_t length, capacity;
};

/* Of a clean, absolute path. What cannot be remembered, as memory is short, is looked at again. */
enum place places_look(struct places *places, const char *path);

void places_done(struct places *places);
