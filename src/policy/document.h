/* YAML as a tree of scalars, lists and maps with their positions. The only file that knows the YAML library.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/builder.h"

enum { DOCUMENT_BYTES = 1 << 20, DOCUMENT_DEPTH = 16, DOCUMENT_KEYS = 64, DOCUMENT_ALIASED = 10000 };

enum document_kind {
	DOCUMENT_SCALAR,
	DOCUMENT_LIST,
	DOCUMENT_MAP,
};

struct document_node {
	enum document_kind kind;
	bool is_plain; /* a scalar without quotes */
	unsigned line, column;
	const char *text; /* of a scalar; NUL-terminated, and may contain NULs */
	size_t length;
	struct document_node *first, *next; /* of a map: key, value, key, value, ... */
	size_t count;                       /* of a list its items, of a map its keys */
};

/* 0 with `*ret` NULL when the text is wrong: that is diagnosed. -ENOMEM. Nodes live in the builder's store.
 */
int document_read(struct policy_builder *builder, const struct policy_text *text, struct document_node **ret);
