#include "plan/grounds.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare_paths(const void *left, const void *right)
{
	const struct match_entry *const *a = left, *const *b = right;

	return strcmp((*a)->path, (*b)->path);
}

static bool is_ground(const struct plan *plan, const struct match_entry *entry)
{
	struct match_verdict verdict;

	if (entry->rule->verdict != POLICY_ALLOW || entry->rule->is_glob ||
	        plan_is_own_process(entry->path) || entry->is_missing ||
	        (!entry->is_there && access(entry->path, F_OK) < 0))
		return false;
	matcher_decide(plan->matcher, entry->path, entry->rule->access, &verdict);
	return verdict.verdict == POLICY_ALLOW;
}

int grounds_init(struct grounds *grounds, const struct plan *plan)
{
	grounds->items = calloc(plan->entry_count + 1, sizeof(*grounds->items));
	if (!grounds->items)
		return -ENOMEM;
	for (size_t i = 0; i < plan->entry_count; i++)
		if (is_ground(plan, &plan->entries[i]))
			grounds->items[grounds->count++] = &plan->entries[i];
	qsort(grounds->items, grounds->count, sizeof(*grounds->items), compare_paths);
	return 0;
}

void grounds_done(struct grounds *grounds)
{
	free(grounds->items);
}

/* Whether one of them grants what the rule does to all of the tree at `path`. */
static bool has_ground(const struct grounds *grounds, const struct policy_file_rule *rule, const char *path)
{
	size_t low = 0, high = grounds->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(grounds->items[middle]->path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < grounds->count && !strcmp(grounds->items[low]->path, path); low++) {
		const struct policy_file_rule *other = grounds->items[low]->rule;

		if (other != rule && !(rule->access & ~other->access))
			return true;
	}
	return false;
}

bool grounds_cover(const struct grounds *grounds, const struct policy_file_rule *rule, const char *bound)
{
	char top[PATH_MAX];

	if (rule->is_glob)
		match_glob_top(bound, top, sizeof(top));
	else if (snprintf(top, sizeof(top), "%s", bound) >= (int)sizeof(top))
		return false;
	if (rule->is_glob && has_ground(grounds, rule, top))
		return true;
	while (top[1]) {
		char *slash = strrchr(top, '/');

		slash[slash == top] = '\0';
		if (has_ground(grounds, rule, top))
			return true;
	}
	return false;
}
