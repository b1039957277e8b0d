/* The time of a decision must not grow with the number of rules: the same kinds of rules ten times and
 * 100,000 times, the same paths, the nanoseconds of one decision. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "policy/match.h"

enum { FEW = 10, MANY = 100000, PATHS = 4096, ROUNDS = 15, PATH_SIZE = 64, LIMIT = 3, TRIES = 5 };

/* Of our own time: others may have the processor meanwhile. */
static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

struct kind {
	const char *name;
	const char *rule; /* a rule's path, up to its number */
	bool is_glob;
	struct {
		const char *before, *after;
	} asked[3]; /* paths that are asked about, around a number */
};

static const struct kind kinds[] = {
        {"trees", "/home/me/work/folder-", false,
                {{"/home/me/work/folder-", "/a/b.c"}, {"/home/me/work/other-", "/x/y.c"},
                        {"/usr/lib/lib", ".so"}}},
        {"**/name-N", "/**/name-", true,
                {{"/home/me/work/a/name-", ""}, {"/home/me/work/src/file-", ".c"}, {"/usr/lib/lib", ".so"}}},
        {"**/*.ext-N", "/**/*.ext-", true,
                {{"/home/me/work/a/b.ext-", ""}, {"/home/me/work/src/file-", ".c"}, {"/usr/lib/lib", ".so"}}},
};

/* Rules must outlive their matcher. */
struct policed {
	struct policy_file_rule *rules;
	struct match_entry *entries;
	char (*paths)[PATH_SIZE];
	struct matcher *matcher;
};

static void policed_done(struct policed *policed)
{
	matcher_free(policed->matcher);
	free(policed->rules);
	free(policed->entries);
	free(policed->paths);
}

/* `count` rules that deny, and one that allows everything else. */
static bool build(const struct kind *kind, unsigned count, struct policed *ret)
{
	ret->rules = calloc(count + 1, sizeof(*ret->rules));
	ret->entries = calloc(count + 1, sizeof(*ret->entries));
	ret->paths = calloc(count + 1, sizeof(*ret->paths));
	if (!ret->rules || !ret->entries || !ret->paths)
		return false;
	for (unsigned i = 0; i <= count; i++) {
		struct policy_file_rule *rule = &ret->rules[i];

		if (i == count)
			strcpy(ret->paths[i], "/");
		else
			snprintf(ret->paths[i], PATH_SIZE, "%s%u", kind->rule, i);
		rule->verdict = i == count ? POLICY_ALLOW : POLICY_DENY;
		rule->access = POLICY_READ | POLICY_WRITE;
		rule->is_glob = kind->is_glob && i < count;
		rule->place = (struct policy_place){"speed", i + 1, 1, NULL};
		ret->entries[i] = (struct match_entry){rule, ret->paths[i]};
	}
	return matcher_new(ret->entries, count + 1, &ret->matcher) == 0;
}

/* The nanoseconds of one decision, the best of some rounds over many paths. */
static double measure(const struct kind *kind, const struct matcher *matcher, unsigned *ret_denied)
{
	static char paths[PATHS][PATH_SIZE];
	double best = 1e18;

	for (unsigned i = 0; i < PATHS; i++)
		snprintf(paths[i], PATH_SIZE, "%s%u%s", kind->asked[i % 3].before,
		        i % 2 ? i % FEW : i * 24 % MANY, kind->asked[i % 3].after);
	for (unsigned round = 0; round < ROUNDS; round++) {
		double start = now(), took;

		*ret_denied = 0;
		for (unsigned i = 0; i < PATHS; i++) {
			struct match_verdict verdict;

			matcher_decide(matcher, paths[i], POLICY_READ, &verdict);
			*ret_denied += verdict.verdict != POLICY_ALLOW;
		}
		took = (now() - start) / PATHS;
		if (took < best)
			best = took;
	}
	return best;
}

static bool compare(const struct kind *kind, double *ret_ratio)
{
	CLEANUP(policed_done) struct policed few = {0}, many = {0};
	unsigned few_denied, many_denied;
	double few_took, many_took;

	if (!build(kind, FEW, &few) || !build(kind, MANY, &many)) {
		fprintf(stderr, "%s: no matcher\n", kind->name);
		return false;
	}
	few_took = measure(kind, few.matcher, &few_denied);
	many_took = measure(kind, many.matcher, &many_denied);
	printf("%-12s %u rules %.0f ns, %u rules %.0f ns: %.2f times (%u and %u denied)\n", kind->name, FEW,
	        few_took, MANY, many_took, many_took / few_took, few_denied, many_denied);
	*ret_ratio = many_took / few_took;
	return many_denied > few_denied;
}

/* The machine may be busy with something else: a few tries are allowed, the code is the same in each. */
static bool is_flat(const struct kind *kind)
{
	for (unsigned try = 0; try < TRIES; try++) {
		double ratio;

		if (!compare(kind, &ratio))
			return false;
		if (ratio <= LIMIT)
			return true;
	}
	return false;
}

int main(void)
{
	bool is_good = true;

	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		is_good = is_flat(&kinds[i]) && is_good;
	if (!is_good)
		fprintf(stderr, "more than %d times as slow with %d rules\n", LIMIT, MANY);
	return !is_good;
}
