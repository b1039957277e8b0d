#include "policy/match.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/pattern.h"
#include "policy/trie.h"

struct matcher {
	struct trie trie;
};

int matcher_new(const struct match_entry *entries, size_t count, struct matcher **ret)
{
	AUTO_FREE struct matcher *matcher = calloc(1, sizeof(*matcher));
	int r;

	if (!matcher)
		return -ENOMEM;
	r = trie_build(entries, count, &matcher->trie);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(matcher);
	return 0;
}

void matcher_free(struct matcher *matcher)
{
	if (!matcher)
		return;
	trie_done(&matcher->trie);
	free(matcher);
}

enum { KNOWN_ENDS = 32768 };

/* The ends that cover one path. When the walk overflowed each end was asked by itself: slow, and as right.
 * The first many answers are kept, since they are wanted again. */
struct cover {
	const struct trie *trie;
	const char *path;
	struct trie_walk walk;
	uint64_t known[KNOWN_ENDS / 64]; /* set up when the walk overflowed */
};

static bool end_covers(const struct cover *cover, size_t end)
{
	struct pattern path = {cover->path, false};

	return pattern_covers(&cover->trie->ends[end].pattern, &path);
}

static void cover_find(struct cover *cover)
{
	trie_follow(cover->trie, cover->path, &cover->walk);
	if (!cover->walk.overflowed)
		return;
	memset(cover->known, 0, sizeof(cover->known));
	for (size_t end = 1; end < cover->trie->end_count && end < KNOWN_ENDS; end++)
		if (end_covers(cover, end))
			cover->known[end / 64] |= UINT64_C(1) << (end % 64);
}

static const struct trie_end *cover_next(const struct cover *cover, size_t *position)
{
	const struct trie *trie = cover->trie;

	if (!cover->walk.overflowed) {
		if (*position == cover->walk.covering_count)
			return NULL;
		return &trie->ends[trie->nodes[cover->walk.covering[(*position)++]].end];
	}
	while (*position + 1 < trie->end_count) {
		size_t end = ++*position;

		if (end < KNOWN_ENDS ? cover->known[end / 64] >> (end % 64) & 1 : end_covers(cover, end))
			return &trie->ends[end];
	}
	return NULL;
}

/* What counts as a grant, and what stands in its way. */
enum sort {
	FREELY, /* what is allowed without a question: what asks stands in the way */
	AT_ALL, /* what is allowed, or may be by an answer */
};

static bool end_grants(const struct trie_end *end)
{
	return end->allow[0] || end->allow[1] || end->allow[2] || end->ask;
}

/* Of an end that refuses: the rule to tell. */
static const struct policy_file_rule *refusal_of(const struct trie_end *end)
{
	return trie_first_rule(end->ask, trie_first_rule(end->hide, end->deny));
}

static bool end_denies(const struct trie_end *end)
{
	return end->deny || end->hide;
}

static bool end_refuses(const struct trie_end *end)
{
	return end_denies(end) || end->ask;
}

static bool end_blocks(const struct trie_end *end, enum sort sort)
{
	return sort == FREELY ? end_refuses(end) : end_denies(end);
}

static const struct policy_file_rule *grant_of(const struct trie_end *end, unsigned bit, enum sort sort)
{
	return end->allow[bit] || sort == FREELY ? end->allow[bit] : end->ask;
}

/* Both cover the same path, so of two plain ones the longer lies inside the shorter. */
static bool lies_inside(const struct trie_end *inner, const struct trie_end *outer)
{
	if (inner == outer || (outer->deny && outer->deny->is_fixed))
		return false;
	if (inner->is_literal && outer->is_literal)
		return inner->depth > outer->depth;
	return pattern_lies_strictly_inside(&inner->pattern, &outer->pattern);
}

/* More specific first: more components, then no wildcards, then more letters, then by rule. */
static bool is_told_before(const struct trie_end *a, const struct policy_file_rule *a_rule,
        const struct trie_end *b, const struct policy_file_rule *b_rule)
{
	if (a->depth != b->depth)
		return a->depth > b->depth;
	if (a->is_literal != b->is_literal)
		return a->is_literal;
	if (a->letters != b->letters)
		return a->letters > b->letters;
	return a_rule != b_rule && trie_first_rule(a_rule, b_rule) == a_rule;
}

struct choice {
	const struct trie_end *end;
	const struct policy_file_rule *rule;
};

static void choose(struct choice *choice, const struct trie_end *end, const struct policy_file_rule *rule)
{
	if (choice->rule && !is_told_before(end, rule, choice->end, choice->rule))
		return;
	choice->end = end;
	choice->rule = rule;
}

static void choose_refusal(struct choice *choice, const struct trie_end *end)
{
	bool hides = choice->rule && choice->rule->verdict == POLICY_HIDE;

	if (end->hide && !hides)
		choice->rule = NULL;
	if (end->hide)
		choose(choice, end, end->hide);
	else if (!hides)
		choose(choice, end, end->deny);
}

static bool is_overcome(const struct cover *cover, const struct trie_end *refusal)
{
	const struct trie_end *end;
	size_t position = 0;

	while ((end = cover_next(cover, &position)))
		if (end_grants(end) && lies_inside(end, refusal))
			return true;
	return false;
}

static bool overcomes_all(const struct cover *cover, const struct trie_end *grant, enum sort sort)
{
	const struct trie_end *end;
	size_t position = 0;

	while ((end = cover_next(cover, &position)))
		if (end_blocks(end, sort) && !lies_inside(grant, end))
			return false;
	return true;
}

/* The rule that grants one access, or none. */
static struct choice find_grant(const struct cover *cover, unsigned bit, enum sort sort)
{
	struct choice grant = {NULL, NULL};
	const struct trie_end *end;
	size_t position = 0;

	while ((end = cover_next(cover, &position))) {
		const struct policy_file_rule *rule = grant_of(end, bit, sort);

		if (rule && overcomes_all(cover, end, sort))
			choose(&grant, end, rule);
	}
	return grant;
}

/* Whether some rule would grant the access, were it not refused. */
static bool is_wanted(const struct cover *cover, unsigned bit)
{
	const struct trie_end *end;
	size_t position = 0;

	while ((end = cover_next(cover, &position)))
		if (grant_of(end, bit, AT_ALL))
			return true;
	return false;
}

/* The rule that asks, of those that cover the path the one to tell. */
static const struct policy_file_rule *find_asking(const struct cover *cover)
{
	struct choice asking = {NULL, NULL};
	const struct trie_end *end;
	size_t position = 0;

	while ((end = cover_next(cover, &position)))
		if (end->ask)
			choose(&asking, end, end->ask);
	return asking.rule;
}

/* The refusals that cover the path: the one to tell, of all of them or of those that no grant lies in. */
static struct choice find_refusal(const struct cover *cover, bool only_standing)
{
	struct choice refusal = {NULL, NULL};
	const struct trie_end *end;
	size_t position = 0;

	while ((end = cover_next(cover, &position)))
		if (end_denies(end) && (!only_standing || !is_overcome(cover, end)))
			choose_refusal(&refusal, end);
	return refusal;
}

static void refuse(struct match_verdict *ret, const struct policy_file_rule *rule)
{
	ret->verdict = rule ? rule->verdict : POLICY_DENY;
	ret->error = rule ? rule->error : EACCES;
	ret->rule = rule;
	ret->may_write = false;
}

/* A path that every refusal was overcome for, and that still lacks one access. It can be seen when it can be
 * read: then a hide rule in the way of writing is told as a denial. */
static void refuse_access(const struct cover *cover, unsigned bit, struct match_verdict *ret)
{
	struct choice refusal = {NULL, NULL};

	if (is_wanted(cover, bit))
		refusal = find_refusal(cover, false);
	refuse(ret, refusal.rule);
	if (ret->verdict == POLICY_HIDE && find_grant(cover, 0, AT_ALL).rule) {
		ret->verdict = POLICY_DENY;
		ret->error = EACCES;
	}
}

void matcher_decide(
        const struct matcher *matcher, const char *path, unsigned access, struct match_verdict *ret)
{
	struct choice told = {NULL, NULL}, refusal;
	struct cover cover; /* large: only what is used is written */
	bool asks = false;

	cover.trie = &matcher->trie;
	cover.path = path;
	refuse(ret, NULL);
	if (path[0] != '/' || access & ~(unsigned)(POLICY_READ | POLICY_WRITE | POLICY_EXEC))
		return;
	if (access == 0)
		access = POLICY_READ;
	cover_find(&cover);
	refusal = find_refusal(&cover, true);
	if (refusal.rule) {
		refuse(ret, refusal.rule);
		return;
	}
	for (unsigned bit = 0; bit < TRIE_ACCESSES; bit++) {
		struct choice grant;

		if (!(access & 1u << bit))
			continue;
		grant = find_grant(&cover, bit, FREELY);
		if (!grant.rule && !find_grant(&cover, bit, AT_ALL).rule) {
			refuse_access(&cover, bit, ret);
			return;
		}
		asks |= !grant.rule;
		if (!grant.rule)
			continue;
		if (told.end == grant.end)
			told = grant; /* of one path, the rule for what is rarer granted */
		else
			choose(&told, grant.end, grant.rule);
	}
	if (asks) {
		refuse(ret, find_asking(&cover));
		return;
	}
	ret->verdict = POLICY_ALLOW;
	ret->error = 0;
	ret->rule = told.rule;
	/* The accesses by their bits: POLICY_WRITE is the second. */
	ret->may_write = find_grant(&cover, 1, FREELY).rule;
}

enum { MOST_STATES = 64 };

/* The states of a pattern after some components: bit N for N components of the pattern used up. The state
 * after a
 * `**` takes any component and stays. */
static uint64_t advance(const struct pattern_component *wanted, size_t count, uint64_t deep, uint64_t states,
        const struct pattern_component *given)
{
	uint64_t next = states & deep << 1;

	for (size_t i = 0; i < count; i++) {
		bool is_deep = deep >> i & 1;

		if (states >> i & 1 && !is_deep && pattern_component_covers(&wanted[i], given))
			next |= UINT64_C(1) << (i + 1);
		if (next >> i & 1 && is_deep)
			next |= UINT64_C(1) << (i + 1);
	}
	return next;
}

/* Whether `pattern` is matched in part by `path`, other than by a leading `**` alone. Asked only when a walk
 * overflowed. */
static bool may_continue_below(const struct pattern *pattern, const char *path)
{
	struct pattern_component wanted[MOST_STATES], given;
	const char *cursor = pattern->text;
	uint64_t deep = 0, states = 1;
	size_t count = 0;

	while (count < MOST_STATES - 1 && pattern_next(&cursor, pattern->is_glob, &wanted[count])) {
		if (pattern->is_glob && wanted[count].length == 2 && memcmp(wanted[count].at, "**", 2) == 0)
			deep |= UINT64_C(1) << count;
		count++;
	}
	if (*cursor)
		return true;
	for (size_t i = 0; i < count; i++)
		if (states >> i & 1 && deep >> i & 1)
			states |= UINT64_C(1) << (i + 1);
	while (pattern_next(&path, false, &given))
		states = advance(wanted, count, deep, states, &given);
	if (deep & 1)
		states &= ~UINT64_C(3);
	return states & ((UINT64_C(1) << count) - 1);
}

static const struct policy_file_rule *scan_below(const struct trie *trie, const char *path)
{
	const struct policy_file_rule *found = NULL;

	for (size_t i = 1; i < trie->end_count; i++) {
		const struct trie_end *end = &trie->ends[i];

		if (end_refuses(end) && may_continue_below(&end->pattern, path))
			found = trie_first_rule(found, refusal_of(end));
	}
	return found;
}

bool matcher_has_rule_below(
        const struct matcher *matcher, const char *path, const struct policy_file_rule **ret)
{
	const struct trie *trie = &matcher->trie;
	const struct policy_file_rule *found = NULL;
	struct trie_walk walk;

	trie_follow(trie, path, &walk);
	for (size_t i = 0; i < walk.active_count; i++)
		found = trie_first_rule(found, trie->nodes[walk.active[i]].below);
	for (size_t i = 0; i < walk.deep_count; i++)
		if (walk.deep[i] != trie->nodes[TRIE_ROOT].deep)
			found = trie_first_rule(found, trie->nodes[walk.deep[i]].below);
	if (walk.overflowed)
		found = scan_below(trie, path);
	if (!found)
		return false;
	*ret = found;
	return true;
}

/* A refusal by a pattern that the grant takes something out of: those of paths are where their folders are.
 */
static const struct policy_file_rule *find_outer(const struct trie *trie, const struct trie_end *grant)
{
	for (size_t i = 1; i < trie->end_count; i++) {
		const struct trie_end *end = &trie->ends[i];

		if (end_refuses(end) && !end->is_literal && lies_inside(grant, end))
			return refusal_of(end);
	}
	return NULL;
}

static bool is_node_below(const struct trie *trie, uint32_t node, uint32_t top)
{
	while (node != TRIE_ROOT && node != top)
		node = trie->nodes[node].parent;
	return node == top;
}

/* Slow, and asked only where a grant is. */
static const struct policy_file_rule *find_exception(const struct trie *trie, uint32_t top)
{
	const struct policy_file_rule *found = NULL;

	for (uint32_t node = top + 1; node < trie->node_count && !found; node++) {
		const struct trie_end *end = &trie->ends[trie->nodes[node].end];

		if (trie->nodes[node].end && end_grants(end) && is_node_below(trie, node, top))
			found = find_outer(trie, end);
	}
	return found;
}

static const struct policy_file_rule *scan_exceptions(const struct trie *trie, const char *path)
{
	const struct policy_file_rule *found = NULL;

	for (size_t i = 1; i < trie->end_count && !found; i++)
		if (end_grants(&trie->ends[i]) && may_continue_below(&trie->ends[i].pattern, path))
			found = find_outer(trie, &trie->ends[i]);
	return found;
}

/* Of the nodes that one path leads to and another does not. */
static const struct policy_file_rule *find_differing(const struct trie *trie, const uint32_t *nodes,
        size_t count, const struct trie_walk *other, bool with_grants)
{
	const struct policy_file_rule *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (!trie_is_at(other, nodes[i]))
			found = trie_first_rule(found, trie->nodes[nodes[i]].below);
	for (size_t i = 0; i < count && with_grants && !found; i++)
		if (!trie_is_at(other, nodes[i]) && trie->nodes[nodes[i]].grants_below)
			found = find_exception(trie, nodes[i]);
	return found;
}

static const struct policy_file_rule *differ(const struct trie *trie, const struct trie_walk *walk,
        const struct trie_walk *other, bool with_grants)
{
	const struct policy_file_rule *found =
	        find_differing(trie, walk->active, walk->active_count, other, with_grants);

	return found ? found : find_differing(trie, walk->deep, walk->deep_count, other, with_grants);
}

/* A refusal by a pattern that holds at `to`, and that rules which do not hold at `from` may overcome. */
static const struct policy_file_rule *find_overcome(
        const struct trie *trie, const struct trie_walk *from, const struct trie_walk *to)
{
	const struct policy_file_rule *found = NULL;
	bool differs = false;

	for (size_t i = 0; i < to->covering_count; i++) {
		const struct trie_end *end = &trie->ends[trie->nodes[to->covering[i]].end];
		bool is_shared = false;

		for (size_t k = 0; k < from->covering_count; k++)
			is_shared |= from->covering[k] == to->covering[i];
		differs |= !is_shared && end_grants(end);
		if (end_refuses(end) && !end->is_literal)
			found = trie_first_rule(found, refusal_of(end));
	}
	return differs ? found : NULL;
}

bool matcher_differs_below(
        const struct matcher *matcher, const char *from, const char *to, const struct policy_file_rule **ret)
{
	const struct trie *trie = &matcher->trie;
	const struct policy_file_rule *found;
	struct trie_walk there, here;

	trie_follow(trie, to, &there);
	trie_follow(trie, from, &here);
	if (there.overflowed || here.overflowed) {
		found = scan_below(trie, to);
		if (!found)
			found = scan_exceptions(trie, to);
	} else {
		found = differ(trie, &there, &here, true);
		if (!found)
			found = find_overcome(trie, &here, &there);
	}
	if (!found)
		return false;
	*ret = found;
	return true;
}

/* The folder of a path, and a name in it that no rule is about. */
static bool name_another(const char *path, char *ret, size_t size)
{
	static const char another[] = "\177\177\177\177\177\177\177\177\177\177\177\177\177\177\177\177";
	size_t folder = (size_t)(path_base(path) - path);

	if (folder + sizeof(another) > size)
		return false;
	memcpy(ret, path, folder);
	memcpy(ret + folder, another, sizeof(another));
	return true;
}

bool matcher_names_below(const struct matcher *matcher, const char *path, const struct policy_file_rule **ret)
{
	const struct trie *trie = &matcher->trie;
	const struct policy_file_rule *found;
	struct trie_walk walk, beside;
	char other[2 * PATH_MAX];

	beside.overflowed = !name_another(path, other, sizeof(other));
	if (!beside.overflowed)
		trie_follow(trie, other, &beside);
	trie_follow(trie, path, &walk);
	found = walk.overflowed || beside.overflowed ? scan_below(trie, path)
	                                             : differ(trie, &walk, &beside, false);
	if (!found)
		return false;
	*ret = found;
	return true;
}

bool matcher_may_deny_within(const struct matcher *matcher, const char *path)
{
	const struct trie *trie = &matcher->trie;
	struct trie_walk walk;

	trie_follow(trie, path, &walk);
	for (size_t i = 0; i < walk.covering_count; i++)
		if (end_refuses(&trie->ends[trie->nodes[walk.covering[i]].end]))
			return true;
	for (size_t i = 0; i < walk.active_count; i++)
		if (trie->nodes[walk.active[i]].below)
			return true;
	for (size_t i = 0; i < walk.deep_count; i++)
		if (trie->nodes[walk.deep[i]].below)
			return true;
	return walk.overflowed && trie->end_count > 1;
}
