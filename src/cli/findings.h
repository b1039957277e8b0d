/* What this machine offers, as reeve doctor tells it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <reeve/reeve.h>

#include "kernel/surroundings.h"

enum finding_state {
	FINDING_WORKS,
	FINDING_MISSING,
	FINDING_LIMITED, /* there, and not as good as it could be */
	FINDING_UNSURE,  /* nobody can say without doing harm */
};

struct finding {
	const char *group; /* a heading; the same for neighbours */
	const char *id;    /* stays when the words for people change */
	const char *name;
	const char *since; /* the release that brought it, or NULL */
	enum finding_state state;
	char detail[160];   /* of what was seen, or "" */
	const char *loses;  /* what a policy loses without it */
	const char *remedy; /* what to do */
};

#define FINDINGS_MAX 64

struct findings {
	struct finding items[FINDINGS_MAX];
	size_t count;
};

/* `tmp` is where private folders are made. */
void findings_collect(const struct reeve_features *features, const struct surroundings *around, const char *tmp,
        struct findings *ret);

/* "works", "missing", ...: for people and programs alike. */
const char *finding_state_name(enum finding_state state);
