#include "policy/store.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16384 };

struct store_block {
	struct store_block *before;
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

static struct store_block *add_block(struct store *store, size_t size)
{
	struct store_block *block;

	if (size < BLOCK_SIZE)
		size = BLOCK_SIZE;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	block->used = 0;
	block->size = size;
	block->before = store->last;
	store->last = block;
	return block;
}

void *store_take(struct store *store, size_t size)
{
	struct store_block *block = store->last;
	void *taken;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!block || block->size - block->used < size)
		block = add_block(store, size);
	if (!block)
		return NULL;
	taken = block->bytes + block->used;
	block->used += size;
	/* Not the whole block: most of one is never touched. */
	return memset(taken, 0, size);
}

char *store_text(struct store *store, const char *text, size_t length)
{
	char *copy = store_take(store, length + 1);

	if (copy)
		memcpy(copy, text, length);
	return copy;
}

void store_done(struct store *store)
{
	while (store->last) {
		struct store_block *block = store->last;

		store->last = block->before;
		free(block);
	}
}
