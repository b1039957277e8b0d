/* The trie of all rules' paths, one component a step. Inside the policy room; others use policy/match.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/match.h"
#include "policy/pattern.h"

enum { TRIE_ACCESSES = 3, TRIE_ROOT = 0, TRIE_NONE = 0 };

/* The rules whose path ends at one node: of each sort the one that is reported. */
struct trie_end {
	struct pattern pattern;
	const struct policy_file_rule *allow[TRIE_ACCESSES];
	const struct policy_file_rule *deny, *hide, *ask;
	unsigned depth;   /* components that are not `**` */
	unsigned letters; /* of all keys together */
	bool is_literal;
};

struct trie_node {
	const char *key;
	uint32_t key_length;
	uint32_t parent;
	uint32_t hash;
	uint32_t deep;       /* the child `**`, or TRIE_NONE */
	uint32_t others;     /* first child with a component that no index holds */
	uint32_t next_other; /* its next sibling */
	uint32_t lengths;    /* index into trie.lengths, 0: no child with `*` first or last */
	uint32_t end;        /* index into trie.ends, 0: no rule ends here */
	const struct policy_file_rule *below; /* a rule strictly below that is no allow, or NULL */
	uint8_t kind;
	bool has_names;    /* some child is literal */
	bool grants_below; /* some rule strictly below allows or asks */
};

/* Which lengths the keys of a node's `*SUFFIX` and `PREFIX*` children have. */
struct trie_lengths {
	uint64_t suffix[4], prefix[4];
};

struct trie {
	struct trie_node *nodes;
	struct trie_end *ends;
	struct trie_lengths *lengths;
	size_t node_count, node_room, end_count, end_room, lengths_count, lengths_room;
	uint64_t *slots; /* hash in the upper half, node in the lower; 0 is free, as the root is no child */
	size_t slot_mask;
	char *bytes;
	size_t byte_count;
};

/* What is active while a path is walked. */
enum { TRIE_ACTIVE = 128, TRIE_DEEP = 64, TRIE_COVERING = 128 };

struct trie_walk {
	uint32_t active[TRIE_ACTIVE]; /* nodes that the path so far leads to, `**` left out */
	uint32_t deep[TRIE_DEEP];     /* `**` nodes: once active they stay so */
	uint32_t covering[TRIE_COVERING];
	size_t active_count, deep_count, covering_count;
	bool overflowed; /* some bound was exceeded: what is above is not complete */
};

int trie_build(const struct match_entry *entries, size_t count, struct trie *ret);
void trie_done(struct trie *trie);

/* Walks `path`; `*ret` holds what is active after its last component and every node whose rules cover it. */
void trie_follow(const struct trie *trie, const char *path, struct trie_walk *ret);

/* Whether the node, `**` or another, is active. */
bool trie_is_at(const struct trie_walk *walk, uint32_t node);

/* Which of two rules of the same path and sort is told: by fewer rights, then by place. NULL loses. */
const struct policy_file_rule *trie_first_rule(
        const struct policy_file_rule *a, const struct policy_file_rule *b);
