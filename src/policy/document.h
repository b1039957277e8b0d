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

/* A node's kind and style as one byte, for trees that were read before. */
unsigned char document_mark(const struct document_node *node);

/* The tree that was written of a text when reeve was built: node by node, first what it is (document_mark), then line,
 * column and length or count in two bytes each, low ones first, then the text and a NUL, or the items. Nodes live in
 * the builder's store, their text in the tree. 0 or -ENOMEM. */
int document_unpack(struct policy_builder *builder, const unsigned char *tree, struct document_node **ret);

/* The tree of a built-in profile, or NULL when there is none of that name. */
const unsigned char *policy_profile_tree(const char *name);
