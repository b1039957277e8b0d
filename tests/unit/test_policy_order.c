/* Random rules and random paths: the order of rules and their repetition change no verdict, and the matcher
 * agrees with a reference that is as plain as it can be made: it asks every rule about every path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/match.h"

enum {
	RULES = 12,
	SETS = 500,
	PATHS = 400,
	WORLD = 4800,
	PATH_SIZE = 128,
	NAMES = 8,
	DEPTH = 4,
	FOLDERS = 6,
	MOVES = 240
};

static uint64_t seed = 0x2545f4914f6cdd1d;

static unsigned random_below(unsigned limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % limit;
}

/* The reference: strings are split into components here and nowhere else. */

struct parts {
	char text[16][16];
	unsigned count;
};

static struct parts split(const char *path)
{
	struct parts parts = {.count = 0};
	char copy[PATH_SIZE], *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((part = strsep(&rest, "/")))
		if (*part)
			snprintf(parts.text[parts.count++], sizeof(parts.text[0]), "%s",
			        strcmp(part, "[a]") == 0 ? "a" : part);
	return parts;
}

/* Whether one name matches one component. */
static bool name_matches(const char *pattern, const char *name)
{
	if (!*pattern)
		return !*name;
	if (*pattern == '*')
		return name_matches(pattern + 1, name) || (*name && name_matches(pattern, name + 1));
	if (!*name)
		return false;
	if (*pattern == '?')
		return name_matches(pattern + 1, name + 1);
	if (*pattern == '[') {
		const char *end = strchr(pattern, ']');
		bool found = false;

		for (const char *at = pattern + 1; at < end; at++)
			found = found || *at == *name;
		return found && name_matches(end + 1, name + 1);
	}
	return *pattern == *name && name_matches(pattern + 1, name + 1);
}

static bool covers_from(const struct parts *pattern, unsigned i, const struct parts *path, unsigned j)
{
	if (i == pattern->count)
		return true;
	if (strcmp(pattern->text[i], "**") == 0)
		return covers_from(pattern, i + 1, path, j) ||
		       (j < path->count && covers_from(pattern, i, path, j + 1));
	return j < path->count && name_matches(pattern->text[i], path->text[j]) &&
	       covers_from(pattern, i + 1, path, j + 1);
}

/* Whether everything that component `inner` matches is matched by `outer`, wildcard by wildcard. */
static bool component_absorbs(const char *outer, const char *inner)
{
	char inner_sort = *inner;

	if (!*outer)
		return !*inner;
	if (*outer == '*')
		return component_absorbs(outer + 1, inner) ||
		       (*inner &&
		               component_absorbs(outer, *inner == '[' ? strchr(inner, ']') + 1 : inner + 1));
	if (!*inner || inner_sort == '*')
		return false;
	if (inner_sort == '?')
		return *outer == '?' && component_absorbs(outer + 1, inner + 1);
	if (inner_sort == '[') {
		const char *end = strchr(inner, ']');

		if (*outer == '[') {
			for (const char *at = inner + 1; at < end; at++)
				if (!memchr(outer, *at, (size_t)(strchr(outer, ']') - outer)))
					return false;
			return component_absorbs(strchr(outer, ']') + 1, end + 1);
		}
		return *outer == '?' && component_absorbs(outer + 1, end + 1);
	}
	if (*outer == '?')
		return component_absorbs(outer + 1, inner + 1);
	if (*outer == '[')
		return memchr(outer + 1, *inner, (size_t)(strchr(outer, ']') - outer - 1)) &&
		       component_absorbs(strchr(outer, ']') + 1, inner + 1);
	return *outer == *inner && component_absorbs(outer + 1, inner + 1);
}

static bool absorbs_from(const struct parts *outer, unsigned i, const struct parts *inner, unsigned j)
{
	if (i == outer->count)
		return true;
	if (strcmp(outer->text[i], "**") == 0)
		return absorbs_from(outer, i + 1, inner, j) ||
		       (j < inner->count && absorbs_from(outer, i, inner, j + 1));
	return j < inner->count && strcmp(inner->text[j], "**") != 0 &&
	       component_absorbs(outer->text[i], inner->text[j]) && absorbs_from(outer, i + 1, inner, j + 1);
}

/* A little world of paths, in which "covers less" is looked up. */
static const char *const names[NAMES] = {"a", "b", "z", "ab", "ba", "zz", "zb", "zab"};
static char world[WORLD][PATH_SIZE];
static struct parts world_parts[WORLD];
static unsigned world_count;

static void make_world(const char *top, unsigned depth)
{
	snprintf(world[world_count], PATH_SIZE, "%s", *top ? top : "/");
	world_parts[world_count] = split(top);
	world_count++;
	for (unsigned i = 0; depth > 0 && i < NAMES; i++) {
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		make_world(path, depth - 1);
	}
}

struct set {
	struct policy_file_rule rules[RULES];
	char paths[RULES][PATH_SIZE];
	struct parts parts[RULES];
	bool covers[RULES][WORLD];
	bool inside[RULES][RULES]; /* the first strictly inside the second */
	unsigned count;
};

static void random_path(char *ret, bool is_glob)
{
	static const char *const wild[] = {
	        "**", "*", "?", "a*", "*b", "[ab]", "z*b", "*a*", "?b", "[a]", "[az]*"};
	unsigned depth = random_below(4);

	if (depth == 0 && random_below(4) > 0)
		depth = 2;
	strcpy(ret, depth == 0 ? "/" : "");
	for (unsigned i = 0; i < depth; i++) {
		strcat(ret, "/");
		if (is_glob && random_below(5) < 3)
			strcat(ret, wild[random_below(sizeof(wild) / sizeof(wild[0]))]);
		else
			strcat(ret, names[random_below(NAMES)]);
	}
}

static void make_rule(struct set *set, unsigned i)
{
	static const unsigned accesses[] = {
	        POLICY_READ, POLICY_READ | POLICY_WRITE, POLICY_READ | POLICY_EXEC};
	struct policy_file_rule *rule = &set->rules[i];

	memset(rule, 0, sizeof(*rule));
	random_path(set->paths[i], random_below(2));
	rule->path = rule->text = set->paths[i];
	rule->is_glob = match_is_glob(rule->path);
	rule->place = (struct policy_place){"random", random_below(5) + 1, i + 1, NULL};
	rule->verdict = random_below(2)   ? POLICY_ALLOW
	                : random_below(3) ? POLICY_ASK
	                : random_below(3) ? POLICY_DENY
	                                  : POLICY_HIDE;
	if (rule->verdict == POLICY_ASK && random_below(2))
		rule->verdict = POLICY_DENY;
	rule->access = rule->verdict == POLICY_ALLOW ? accesses[random_below(3)] : 7;
	rule->error = rule->verdict == POLICY_HIDE    ? 2
	              : rule->verdict != POLICY_ALLOW ? (int)random_below(2) + 12
	                                              : 0;
	set->parts[i] = split(rule->path);
}

/* Fails when what is taken for inside is not so in the little world. */
static bool note_inside(struct set *set, unsigned r, unsigned d)
{
	bool absorbs = absorbs_from(&set->parts[d], 0, &set->parts[r], 0), covers_less = false;

	for (unsigned w = 0; w < world_count; w++) {
		covers_less = covers_less || (set->covers[d][w] && !set->covers[r][w]);
		if (absorbs && set->covers[r][w] && !set->covers[d][w]) {
			fprintf(stderr, "%s is not inside %s: %s\n", set->paths[r], set->paths[d], world[w]);
			return false;
		}
	}
	set->inside[r][d] = absorbs && covers_less;
	return true;
}

static bool make_set(struct set *set)
{
	set->count = random_below(RULES) + 1;
	for (unsigned i = 0; i < set->count; i++) {
		make_rule(set, i);
		for (unsigned w = 0; w < world_count; w++)
			set->covers[i][w] = covers_from(&set->parts[i], 0, &world_parts[w], 0);
	}
	for (unsigned r = 0; r < set->count; r++)
		for (unsigned d = 0; d < set->count; d++)
			if (!note_inside(set, r, d))
				return false;
	return true;
}

static bool is_refusal(const struct set *set, unsigned i, unsigned w)
{
	return set->covers[i][w] && set->rules[i].verdict != POLICY_ALLOW;
}

/* One that no answer lifts. */
static bool is_denial(const struct set *set, unsigned i, unsigned w)
{
	return is_refusal(set, i, w) && set->rules[i].verdict != POLICY_ASK;
}

/* What asks grants all, if somebody says so. */
static bool is_grant(const struct set *set, unsigned i, unsigned w, unsigned access)
{
	return set->covers[i][w] && policy_grants(set->rules[i].verdict) && set->rules[i].access & access;
}

static bool wins(const struct set *set, unsigned r, unsigned w)
{
	for (unsigned d = 0; d < set->count; d++)
		if (is_denial(set, d, w) && !set->inside[r][d])
			return false;
	return true;
}

static bool is_granted(const struct set *set, unsigned w, unsigned access)
{
	for (unsigned r = 0; r < set->count; r++)
		if (is_grant(set, r, w, access) && wins(set, r, w))
			return true;
	return false;
}

/* By a rule that lies inside of all that asks, too. */
static bool is_granted_unasked(const struct set *set, unsigned w, unsigned access)
{
	for (unsigned r = 0; r < set->count; r++) {
		bool is_free = is_grant(set, r, w, access) && set->rules[r].verdict == POLICY_ALLOW;

		for (unsigned k = 0; k < set->count; k++)
			is_free = is_free && (!is_refusal(set, k, w) || set->inside[r][k]);
		if (is_free)
			return true;
	}
	return false;
}

static unsigned depth_of(const struct set *set, unsigned i)
{
	unsigned depth = 0;

	for (unsigned j = 0; j < set->parts[i].count; j++)
		depth += strcmp(set->parts[i].text[j], "**") != 0;
	return depth;
}

/* Bytes of the pattern, a star at the begin or end of a component left out if it is its only wildcard. */
static unsigned letters_of(const struct set *set, unsigned i)
{
	unsigned letters = 0;

	for (unsigned j = 0; j < set->parts[i].count; j++) {
		const char *part = set->parts[i].text[j];
		size_t length = strlen(part), wild = strcspn(part, "*?[");

		letters += (unsigned)length;
		if (strcmp(part, "**") == 0)
			letters -= 2;
		else if (wild < length && part[wild] == '*' &&
		         (wild == length - 1 || (wild == 0 && !strpbrk(part + 1, "*?["))))
			letters--;
	}
	return letters;
}

static bool is_wild(const struct set *set, unsigned i)
{
	for (unsigned j = 0; j < set->parts[i].count; j++)
		if (strpbrk(set->parts[i].text[j], "*?["))
			return true;
	return false;
}

/* Of two refusals the one that is told. */
static bool is_told_before(const struct set *set, unsigned a, unsigned b)
{
	const struct policy_file_rule *ra = &set->rules[a], *rb = &set->rules[b];
	if (ra->verdict != rb->verdict)
		return ra->verdict == POLICY_HIDE;
	if (depth_of(set, a) != depth_of(set, b))
		return depth_of(set, a) > depth_of(set, b);
	if (is_wild(set, a) != is_wild(set, b))
		return !is_wild(set, a);
	if (letters_of(set, a) != letters_of(set, b))
		return letters_of(set, a) > letters_of(set, b);
	if (ra->place.line != rb->place.line)
		return ra->place.line < rb->place.line;
	return ra->place.column < rb->place.column;
}

/* Of the refusals that cover the path; with `standing`, of those that no grant lies inside of. -1: none. */
static int told_refusal(const struct set *set, unsigned w, bool standing)
{
	int told = -1;

	for (unsigned d = 0; d < set->count; d++) {
		bool overcome = false;

		for (unsigned r = 0; r < set->count; r++)
			overcome = overcome || (is_grant(set, r, w, 7) && set->inside[r][d]);
		if (is_denial(set, d, w) && !(standing && overcome) &&
		        (told < 0 || is_told_before(set, d, (unsigned)told)))
			told = (int)d;
	}
	return told;
}

/* Of the rules that ask about the path. */
static int told_asking(const struct set *set, unsigned w)
{
	int told = -1;

	for (unsigned k = 0; k < set->count; k++)
		if (is_refusal(set, k, w) && set->rules[k].verdict == POLICY_ASK &&
		        (told < 0 || is_told_before(set, k, (unsigned)told)))
			told = (int)k;
	return told;
}

static struct match_verdict decide(const struct set *set, unsigned w, unsigned access)
{
	struct match_verdict verdict = {POLICY_DENY, 13, NULL};
	int told = told_refusal(set, w, true);
	bool asks = false;

	for (unsigned bit = 1; told < 0 && bit <= 4; bit <<= 1) {
		bool wanted = false;

		asks = asks || (access & bit && !is_granted_unasked(set, w, bit));
		if (!(access & bit) || is_granted(set, w, bit))
			continue;
		for (unsigned r = 0; r < set->count; r++)
			wanted = wanted || is_grant(set, r, w, bit);
		told = wanted ? told_refusal(set, w, false) : -1;
		if (told < 0)
			return verdict;
		verdict.rule = &set->rules[told];
		if (verdict.rule->verdict == POLICY_DENY || is_granted(set, w, POLICY_READ)) {
			verdict.error = verdict.rule->verdict == POLICY_HIDE ? 13 : verdict.rule->error;
			return verdict;
		}
	}
	if (told < 0 && !asks)
		return (struct match_verdict){POLICY_ALLOW, 0, NULL};
	if (told < 0)
		told = told_asking(set, w);
	verdict.rule = &set->rules[told];
	verdict.verdict = verdict.rule->verdict;
	verdict.error = verdict.rule->error;
	return verdict;
}

static bool is_same(const struct match_verdict *a, const struct match_verdict *b)
{
	return a->verdict == b->verdict && a->error == b->error &&
	       (a->verdict == POLICY_ALLOW ? !a->rule == !b->rule || !b->rule : a->rule == b->rule);
}

static void complain(const struct set *set, unsigned w, unsigned access, const char *what,
        const struct match_verdict *a, const struct match_verdict *b)
{
	fprintf(stderr, "%s: %s access %u: %d %d %s, and %d %d %s\n", what, world[w], access, (int)a->verdict,
	        a->error, a->rule ? a->rule->path : "-", (int)b->verdict, b->error,
	        b->rule ? b->rule->path : "-");
	for (unsigned i = 0; i < set->count; i++)
		fprintf(stderr, "  %u: verdict %d access %u %s (line %u)\n", i, (int)set->rules[i].verdict,
		        set->rules[i].access, set->paths[i], set->rules[i].place.line);
}

static struct matcher *build(const struct set *set, bool is_shuffled)
{
	struct match_entry entries[2 * RULES];
	struct matcher *matcher = NULL;
	unsigned count = set->count;

	for (unsigned i = 0; i < set->count; i++)
		entries[i] = (struct match_entry){&set->rules[i], set->rules[i].path};
	if (is_shuffled) {
		for (unsigned extra = random_below(set->count + 1); extra > 0; extra--, count++)
			entries[count] = entries[random_below(set->count)];
		for (unsigned i = count - 1; i > 0; i--) {
			unsigned j = random_below(i + 1);
			struct match_entry kept = entries[i];

			entries[i] = entries[j];
			entries[j] = kept;
		}
	}
	return matcher_new(entries, count, &matcher) < 0 ? NULL : matcher;
}

static bool is_within(unsigned inner, unsigned outer)
{
	const struct parts *a = &world_parts[inner], *b = &world_parts[outer];

	for (unsigned i = 0; i < b->count; i++)
		if (i >= a->count || strcmp(a->text[i], b->text[i]) != 0)
			return false;
	return true;
}

/* What is refused somewhere below a folder is known at the folder; and that it would not be refused any more,
 * were the folder moved, unless the pattern holds everywhere. */
static bool check_folder(const struct set *set, const struct matcher *matcher, unsigned folder)
{
	const struct policy_file_rule *below = NULL;
	bool denies = matcher_may_deny_within(matcher, world[folder]);
	bool moves = !matcher_has_rule_below(matcher, world[folder], &below);

	for (unsigned d = 0; d < set->count; d++) {
		bool is_everywhere = set->parts[d].count > 0 && strcmp(set->parts[d].text[0], "**") == 0;

		for (unsigned w = 0; w < world_count; w++) {
			if (!is_refusal(set, d, w) || !is_within(w, folder))
				continue;
			if (denies && (!moves || is_everywhere || set->covers[d][folder]))
				continue;
			fprintf(stderr, "%s refuses %s, which is not known at %s\n", set->paths[d], world[w],
			        world[folder]);
			return false;
		}
	}
	return moves || below->verdict != POLICY_ALLOW;
}

static bool is_overcome_anywhere(const struct set *set, unsigned w)
{
	for (unsigned d = 0; d < set->count; d++)
		if (is_refusal(set, d, w))
			return true;
	return false;
}

/* Nothing that is refused at one place may be used at the other, and nothing comes under a refusal but by an
 * exception of it. */
static bool check_moved(const struct set *set, const struct matcher *matcher, unsigned w, const char *moved)
{
	for (unsigned access = POLICY_READ; access <= POLICY_WRITE; access <<= 1) {
		struct match_verdict old, new;

		matcher_decide(matcher, world[w], access, &old);
		matcher_decide(matcher, moved, access, &new);
		if (new.verdict == POLICY_ALLOW ? old.verdict == POLICY_ALLOW
		                                : old.verdict != POLICY_ALLOW || is_overcome_anywhere(set, w))
			continue;
		complain(set, w, access, moved, &old, &new);
		return false;
	}
	return true;
}

static bool may_move(const struct matcher *matcher, unsigned from, unsigned to)
{
	const struct policy_file_rule *rule;
	struct match_verdict old, new;

	matcher_decide(matcher, world[from], POLICY_WRITE, &old);
	matcher_decide(matcher, world[to], POLICY_WRITE, &new);
	return old.verdict == POLICY_ALLOW && new.verdict == POLICY_ALLOW &&
	       !matcher_has_rule_below(matcher, world[from], &rule) &&
	       !matcher_differs_below(matcher, world[from], world[to], &rule);
}

/* Names in a folder that is moved where it may be. */
static bool check_move(
        const struct set *set, const struct matcher *matcher, unsigned from, unsigned to, unsigned *moves)
{
	if (is_within(to, from) || !may_move(matcher, from, to))
		return true;
	for (unsigned w = 0; w < world_count; w++) {
		char moved[2 * PATH_SIZE];

		if (w == from || !is_within(w, from))
			continue;
		snprintf(moved, sizeof(moved), "%s%s", world[to], world[w] + strlen(world[from]));
		if (!check_moved(set, matcher, w, moved))
			return false;
		++*moves;
	}
	return true;
}

static bool check_set(const struct set *set, unsigned *decisions, unsigned *moves)
{
	struct matcher *plain = build(set, false), *shuffled = build(set, true);
	bool is_good = plain && shuffled;

	for (unsigned i = 0; is_good && i < PATHS; i++) {
		unsigned w = random_below(world_count), access = random_below(7) + 1;
		struct match_verdict expected = decide(set, w, access), got, other;

		matcher_decide(plain, world[w], access, &got);
		matcher_decide(shuffled, world[w], access, &other);
		if (!is_same(&got, &expected)) {
			complain(set, w, access, "the matcher, and the reference", &got, &expected);
			is_good = false;
		} else if (got.verdict != other.verdict || got.error != other.error ||
		           got.rule != other.rule) {
			complain(set, w, access, "in order, and shuffled", &got, &other);
			is_good = false;
		}
		++*decisions;
	}
	for (unsigned i = 0; is_good && i < FOLDERS; i++)
		is_good = check_folder(set, plain, random_below(i % 2 ? world_count : NAMES + 1));
	for (unsigned i = 0; is_good && i < MOVES; i++)
		is_good = check_move(set, plain, random_below(NAMES * (NAMES + 1)) + 1,
		        random_below(i % 2 ? world_count : NAMES + 1), moves);
	matcher_free(plain);
	matcher_free(shuffled);
	return is_good;
}

int main(int argc, char **argv)
{
	static struct set set;
	unsigned decisions = 0, moves = 0;

	if (argc > 1)
		seed ^= strtoull(argv[1], NULL, 0) * UINT64_C(0x9e3779b97f4a7c15);
	make_world("", DEPTH);
	for (unsigned i = 0; i < SETS; i++)
		if (!make_set(&set) || !check_set(&set, &decisions, &moves))
			return 1;
	if (moves == 0)
		return 1;
	printf("%u decisions in a world of %u paths: all as the reference has them, in any order; %u names "
	       "moved\n",
	        decisions, world_count, moves);
	return 0;
}
