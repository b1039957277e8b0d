/* What a policy would have to grant: collected while nothing is refused, told at the end. */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include "base/array.h"
#include "record/record.h"

struct wanted_item {
	char *object;    /* a path, or what is told of what no flag allows */
	char *flag;      /* of an address; NULL: made from object and access */
	unsigned access; /* of a path; 0 where no flag allows it */
	uint64_t times;
};

struct wanted {
	pthread_mutex_t lock;
	ARRAY(struct wanted_item) items;
	uint32_t *places; /* a table of hashes: number of an item and 1, 0 is free */
	size_t place_count;
	uint64_t lost; /* for want of memory */
};

void wanted_init(struct wanted *wanted);
void wanted_done(struct wanted *wanted);

void wanted_add(struct wanted *wanted, const struct record *record, const char *home);
void wanted_tell(struct wanted *wanted, const char *home, FILE *out);
