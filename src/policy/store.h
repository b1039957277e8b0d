/* Text that lives as long as the store: what a builder reads is copied here and freed at once. */
#pragma once

#include <stddef.h>

struct store_block;

struct store {
	struct store_block *last;
};

/* Zeroed memory, or NULL when there is none. */
void *store_take(struct store *store, size_t size);

/* A copy with a NUL after it, or NULL. */
char *store_text(struct store *store, const char *text, size_t length);

void store_done(struct store *store);
