#include "policy/trie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { LONGEST_KEY = 255 };

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_number(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

/* A total order of rules that does not depend on where in memory or in which order they came. */
static int compare_rules(const struct policy_file_rule *a, const struct policy_file_rule *b)
{
	int r = compare_number(b->is_fixed, a->is_fixed);

	if (r == 0)
		r = compare_number(
		        (unsigned)__builtin_popcount(a->access), (unsigned)__builtin_popcount(b->access));

	if (r == 0)
		r = policy_place_compare(&a->place, &b->place);
	if (r == 0)
		r = compare_number(a->access, b->access);
	if (r == 0)
		r = compare_number((unsigned)a->error, (unsigned)b->error);
	if (r == 0)
		r = compare_number(a->log, b->log);
	return r != 0 ? r : compare_text(a->text, b->text);
}

const struct policy_file_rule *trie_first_rule(
        const struct policy_file_rule *a, const struct policy_file_rule *b)
{
	if (!a || !b)
		return a ? a : b;
	return compare_rules(a, b) <= 0 ? a : b;
}

/* Byte by byte, so that the hashes of all prefixes or suffixes of a name come from one pass. */
static uint64_t hash_byte(uint64_t hash, char byte)
{
	return (hash ^ (unsigned char)byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_name(const char *name, size_t length)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < length; i++)
		hash = hash_byte(hash, name[i]);
	return hash;
}

static uint64_t hash_key(enum pattern_kind kind, const char *key, size_t length)
{
	uint64_t hash = 0;

	if (kind != PATTERN_SUFFIX)
		return hash_name(key, length);
	while (length > 0)
		hash = hash_byte(hash, key[--length]);
	return hash;
}

static uint32_t hash_edge(uint32_t parent, enum pattern_kind kind, uint64_t key_hash)
{
	uint64_t hash = key_hash ^ ((uint64_t)parent << 3 | kind) * UINT64_C(0x9e3779b97f4a7c15);

	hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(hash >> 32);
}

static uint32_t find_child(const struct trie *trie, uint32_t parent, enum pattern_kind kind,
        uint64_t key_hash, const char *key, size_t length)
{
	uint32_t hash = hash_edge(parent, kind, key_hash);

	for (size_t i = hash & trie->slot_mask; trie->slots[i]; i = (i + 1) & trie->slot_mask) {
		const struct trie_node *node;

		if ((uint32_t)(trie->slots[i] >> 32) != hash)
			continue;
		node = &trie->nodes[(uint32_t)trie->slots[i]];
		if (node->parent == parent && node->kind == kind && node->key_length == length &&
		        memcmp(node->key, key, length) == 0)
			return (uint32_t)trie->slots[i];
	}
	return TRIE_NONE;
}

static void put_slot(struct trie *trie, uint32_t node)
{
	uint32_t hash = trie->nodes[node].hash;
	size_t i = hash & trie->slot_mask;

	while (trie->slots[i])
		i = (i + 1) & trie->slot_mask;
	trie->slots[i] = (uint64_t)hash << 32 | node;
}

static int make_room_for_slot(struct trie *trie)
{
	AUTO_FREE uint64_t *old = NULL;
	size_t size = trie->slots ? (trie->slot_mask + 1) : 0;
	uint64_t *slots;

	if (trie->slots && trie->node_count * 2 < size)
		return 0;
	size = size ? size * 2 : 64;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	old = trie->slots;
	trie->slots = slots;
	trie->slot_mask = size - 1;
	for (uint32_t node = 1; node < trie->node_count; node++)
		put_slot(trie, node);
	return 0;
}

/* One more zeroed item at the end of a growing array. */
static int append(void *items, size_t *count, size_t *room, size_t size)
{
	char **array = items;

	if (*count == *room) {
		size_t wanted = *room ? *room * 2 : 16;
		char *grown = reallocarray(*array, wanted, size);

		if (!grown)
			return -ENOMEM;
		*array = grown;
		*room = wanted;
	}
	memset(*array + *count * size, 0, size);
	(*count)++;
	return 0;
}

static int add_length(struct trie *trie, uint32_t parent, enum pattern_kind kind, size_t length)
{
	struct trie_lengths *lengths;
	uint64_t *words;

	if (!trie->nodes[parent].lengths) {
		int r = append(
		        &trie->lengths, &trie->lengths_count, &trie->lengths_room, sizeof(*trie->lengths));
		if (r < 0)
			return r;
		trie->nodes[parent].lengths = (uint32_t)trie->lengths_count - 1;
	}
	lengths = &trie->lengths[trie->nodes[parent].lengths];
	words = kind == PATTERN_SUFFIX ? lengths->suffix : lengths->prefix;
	words[length / 64] |= UINT64_C(1) << (length % 64);
	return 0;
}

static int add_child(struct trie *trie, uint32_t parent, enum pattern_kind kind, const char *key,
        size_t length, uint32_t *ret)
{
	uint64_t key_hash = hash_key(kind, key, length);
	struct trie_node *node;
	int r = 0;

	*ret = find_child(trie, parent, kind, key_hash, key, length);
	if (*ret)
		return 0;
	if (kind == PATTERN_SUFFIX || kind == PATTERN_PREFIX)
		r = add_length(trie, parent, kind, length);
	if (r == 0)
		r = append(&trie->nodes, &trie->node_count, &trie->node_room, sizeof(*trie->nodes));
	if (r < 0)
		return r;
	*ret = (uint32_t)trie->node_count - 1;
	node = &trie->nodes[*ret];
	*node = (struct trie_node){
	        .key = key, .key_length = (uint32_t)length, .parent = parent, .kind = kind};
	node->hash = hash_edge(parent, kind, key_hash);
	if (kind == PATTERN_DEEP) {
		trie->nodes[parent].deep = *ret;
	} else if (kind == PATTERN_OTHER) {
		node->next_other = trie->nodes[parent].others;
		trie->nodes[parent].others = *ret;
	} else if (kind == PATTERN_LITERAL) {
		trie->nodes[parent].has_names = true;
	}
	put_slot(trie, *ret);
	return make_room_for_slot(trie);
}

static void end_add_rule(struct trie_end *end, const struct policy_file_rule *rule)
{
	if (rule->verdict == POLICY_DENY)
		end->deny = trie_first_rule(end->deny, rule);
	else if (rule->verdict == POLICY_HIDE)
		end->hide = trie_first_rule(end->hide, rule);
	else if (rule->verdict == POLICY_ASK)
		end->ask = trie_first_rule(end->ask, rule);
	else
		for (unsigned i = 0; i < TRIE_ACCESSES; i++)
			if (rule->access & 1u << i)
				end->allow[i] = trie_first_rule(end->allow[i], rule);
}

static int add_entry(struct trie *trie, const struct match_entry *entry)
{
	const char *text = trie->bytes + trie->byte_count;
	struct pattern_component component;
	const char *cursor = text;
	uint32_t node = TRIE_ROOT;
	struct trie_end *end;
	unsigned depth = 0, letters = 0;
	bool is_literal = true;
	int r;

	strcpy(trie->bytes + trie->byte_count, entry->path);
	trie->byte_count += strlen(entry->path) + 1;
	while (pattern_next(&cursor, entry->rule->is_glob, &component)) {
		char *key = trie->bytes + trie->byte_count;
		enum pattern_kind kind;
		size_t length;

		kind = pattern_classify(&component, key, &length);
		if ((kind == PATTERN_SUFFIX || kind == PATTERN_PREFIX) && length > LONGEST_KEY) {
			kind = PATTERN_OTHER;
			length = component.length;
			memcpy(key, component.at, length);
		}
		trie->byte_count += length;
		is_literal = is_literal && kind == PATTERN_LITERAL;
		depth += kind != PATTERN_DEEP;
		letters += (unsigned)length;
		if (kind == PATTERN_DEEP && trie->nodes[node].kind == PATTERN_DEEP && node != TRIE_ROOT)
			continue;
		r = add_child(trie, node, kind, key, length, &node);
		if (r < 0)
			return r;
	}
	if (!trie->nodes[node].end) {
		r = append(&trie->ends, &trie->end_count, &trie->end_room, sizeof(*trie->ends));
		if (r < 0)
			return r;
		trie->nodes[node].end = (uint32_t)trie->end_count - 1;
		end = &trie->ends[trie->end_count - 1];
		end->pattern = (struct pattern){text, entry->rule->is_glob};
		end->depth = depth;
		end->letters = letters;
		end->is_literal = is_literal;
	}
	end_add_rule(&trie->ends[trie->nodes[node].end], entry->rule);
	return 0;
}

static const struct policy_file_rule *refusal_of(const struct trie *trie, const struct trie_node *node)
{
	const struct trie_end *end = &trie->ends[node->end];

	return node->end ? trie_first_rule(end->ask, trie_first_rule(end->hide, end->deny)) : NULL;
}

static bool grants(const struct trie *trie, const struct trie_node *node)
{
	const struct trie_end *end = &trie->ends[node->end];

	return node->end && (end->ask || end->allow[0] || end->allow[1] || end->allow[2]);
}

/* Children come after their parents, so one pass from the end carries everything up. What lies under the
 * first
 * `**` holds everywhere and is not below any folder in particular: the root does not count it. */
static void note_below(struct trie *trie)
{
	for (size_t i = trie->node_count; --i > 0;) {
		struct trie_node *node = &trie->nodes[i], *parent = &trie->nodes[node->parent];

		if (i == trie->nodes[TRIE_ROOT].deep)
			continue;
		parent->below =
		        trie_first_rule(parent->below, trie_first_rule(node->below, refusal_of(trie, node)));
		parent->grants_below |= node->grants_below || grants(trie, node);
	}
}

static int trie_start(const struct match_entry *entries, size_t count, struct trie *trie)
{
	size_t bytes = 1;
	int r;

	for (size_t i = 0; i < count; i++) {
		if (entries[i].path[0] != '/')
			return -EINVAL;
		if (entries[i].rule->is_glob && match_pattern_error(entries[i].path))
			return -EINVAL;
		bytes += 2 * strlen(entries[i].path) + 1;
	}
	trie->bytes = malloc(bytes);
	if (!trie->bytes)
		return -ENOMEM;
	/* The first of each stands for "none"; the first node is the root. */
	r = append(&trie->nodes, &trie->node_count, &trie->node_room, sizeof(*trie->nodes));
	if (r == 0)
		r = append(&trie->ends, &trie->end_count, &trie->end_room, sizeof(*trie->ends));
	if (r == 0)
		r = append(&trie->lengths, &trie->lengths_count, &trie->lengths_room, sizeof(*trie->lengths));
	return r == 0 ? make_room_for_slot(trie) : r;
}

int trie_build(const struct match_entry *entries, size_t count, struct trie *ret)
{
	struct trie trie = {0};
	int r = trie_start(entries, count, &trie);

	for (size_t i = 0; r == 0 && i < count; i++)
		/* Where something leads is asked before: the verdict is about what is there. */
		if (entries[i].rule->verdict != POLICY_REDIRECT)
			r = add_entry(&trie, &entries[i]);
	if (r < 0) {
		trie_done(&trie);
		return r;
	}
	note_below(&trie);
	*ret = trie;
	return 0;
}

void trie_done(struct trie *trie)
{
	free(trie->nodes);
	free(trie->ends);
	free(trie->lengths);
	free(trie->slots);
	free(trie->bytes);
}

static bool walk_has(const uint32_t *items, size_t count, uint32_t node)
{
	for (size_t i = 0; i < count; i++)
		if (items[i] == node)
			return true;
	return false;
}

bool trie_is_at(const struct trie_walk *walk, uint32_t node)
{
	return walk_has(walk->active, walk->active_count, node) ||
	       walk_has(walk->deep, walk->deep_count, node);
}

static void walk_cover(const struct trie *trie, struct trie_walk *walk, uint32_t node)
{
	if (!trie->nodes[node].end || walk_has(walk->covering, walk->covering_count, node))
		return;
	if (walk->covering_count == TRIE_COVERING)
		walk->overflowed = true;
	else
		walk->covering[walk->covering_count++] = node;
}

/* Makes a node active, and the `**` after it, which may stand for nothing. */
static void walk_enter(const struct trie *trie, struct trie_walk *walk, uint32_t node)
{
	uint32_t deep = trie->nodes[node].deep;

	if (walk->active_count == TRIE_ACTIVE)
		walk->overflowed = true;
	else
		walk->active[walk->active_count++] = node;
	walk_cover(trie, walk, node);
	if (!deep || walk_has(walk->deep, walk->deep_count, deep))
		return;
	if (walk->deep_count == TRIE_DEEP)
		walk->overflowed = true;
	else
		walk->deep[walk->deep_count++] = deep;
	walk_cover(trie, walk, deep);
}

struct step {
	const char *name;
	size_t length;
	uint64_t hash;
};

/* Looks up the ends (or beginnings) of a name that have the length of some child's key. */
static void walk_indexed(const struct trie *trie, struct trie_walk *walk, uint32_t from,
        const struct step *step, enum pattern_kind kind)
{
	const struct trie_lengths *lengths = &trie->lengths[trie->nodes[from].lengths];
	const uint64_t *words = kind == PATTERN_SUFFIX ? lengths->suffix : lengths->prefix;
	uint64_t hash = 0;
	size_t hashed = 0;

	for (size_t word = 0; word < 4; word++) {
		for (uint64_t bits = words[word]; bits; bits &= bits - 1) {
			size_t length = word * 64 + (size_t)__builtin_ctzll(bits);
			const char *key = step->name;
			uint32_t child;

			if (length > step->length)
				return;
			for (; hashed < length; hashed++)
				hash = hash_byte(hash, kind == PATTERN_SUFFIX ? key[step->length - 1 - hashed]
				                                              : key[hashed]);
			if (kind == PATTERN_SUFFIX)
				key += step->length - length;
			child = find_child(trie, from, kind, hash, key, length);
			if (child)
				walk_enter(trie, walk, child);
		}
	}
}

static void walk_from(const struct trie *trie, struct trie_walk *walk, uint32_t from, const struct step *step)
{
	const struct trie_node *node = &trie->nodes[from];
	uint32_t child;

	if (node->has_names) {
		child = find_child(trie, from, PATTERN_LITERAL, step->hash, step->name, step->length);
		if (child)
			walk_enter(trie, walk, child);
	}
	if (node->lengths) {
		walk_indexed(trie, walk, from, step, PATTERN_SUFFIX);
		walk_indexed(trie, walk, from, step, PATTERN_PREFIX);
	}
	for (child = node->others; child; child = trie->nodes[child].next_other) {
		struct pattern_component outer = {
		        trie->nodes[child].key, trie->nodes[child].key_length, true};
		struct pattern_component inner = {step->name, step->length, false};

		if (pattern_component_covers(&outer, &inner))
			walk_enter(trie, walk, child);
	}
}

static void walk_step(const struct trie *trie, struct trie_walk *walk, const struct step *step)
{
	uint32_t active[TRIE_ACTIVE], deep[TRIE_DEEP];
	size_t active_count = walk->active_count, deep_count = walk->deep_count;

	memcpy(active, walk->active, active_count * sizeof(*active));
	memcpy(deep, walk->deep, deep_count * sizeof(*deep));
	walk->active_count = 0;
	for (size_t i = 0; i < active_count; i++)
		walk_from(trie, walk, active[i], step);
	for (size_t i = 0; i < deep_count; i++)
		walk_from(trie, walk, deep[i], step);
}

void trie_follow(const struct trie *trie, const char *path, struct trie_walk *ret)
{
	struct pattern_component component;

	ret->active_count = ret->deep_count = ret->covering_count = 0;
	ret->overflowed = false;
	walk_enter(trie, ret, TRIE_ROOT);
	while (!ret->overflowed && pattern_next(&path, false, &component)) {
		struct step step = {component.at, component.length, 0};

		if (ret->active_count + ret->deep_count == 0)
			return;
		step.hash = hash_name(step.name, step.length);
		walk_step(trie, ret, &step);
	}
}
