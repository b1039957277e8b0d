/* Refusals that repeat: the first is told at once, the others are counted. A bounded table: when a new one
 * needs room, the one that repeated longest ago makes it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "record/record.h"

#define FOLD_ENTRIES 64

struct fold_entry {
	char *key; /* owned; NULL: free */
	size_t key_size;
	char *event; /* how it is told, owned */
	const char *outcome;
	uint64_t repeats, last;
};

struct fold {
	struct fold_entry entries[FOLD_ENTRIES];
	uint64_t clock;
};

void fold_done(struct fold *fold);

/* Whether the record is a repeat, which is counted. When it is not, what it drives out of the table is told
 * to `out`. Short of memory nothing is folded. */
bool fold_add(struct fold *fold, const struct record *record, FILE *out);

/* Tells all counts and empties the table. */
void fold_tell(struct fold *fold, FILE *out);
