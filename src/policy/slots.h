/* Tables of hashes, for the sets that rules on addresses make. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t slots_hash(uint64_t hash, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Spreads what the multiplications left in the upper bits. */
static inline uint64_t slots_finish(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Slots hold an index and one more; 0 is free. At most half of them are taken. */
struct slots {
	uint32_t *items;
	size_t mask;
};

static inline int slots_init(struct slots *slots, size_t count)
{
	size_t size = 2;

	while (size < 2 * count + 2)
		size *= 2;
	slots->items = calloc(size, sizeof(*slots->items));
	if (!slots->items)
		return -ENOMEM;
	slots->mask = size - 1;
	return 0;
}
