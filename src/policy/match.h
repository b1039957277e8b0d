/* Matching of paths: pure, no I/O, and its time does not grow with the number of rules.
 *
 * The meaning: an access is allowed if some allow rule covers the path and grants it, and every ask, deny or hide
 * rule that covers the path is one that this allow rule lies strictly inside of. It is asked about if that can be
 * said of an allow or an ask rule, which grants every access, with deny and hide rules alone in its way. What no
 * rule covers is denied. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy.h"

/* One rule as the plan bound it to this machine: a rule may have several spellings (its path resolved through
 * symbolic links, and as written). `path` is clean and absolute, a glob pattern when the rule is one. */
struct match_entry {
	const struct policy_file_rule *rule;
	const char *path;
	bool is_missing, is_there; /* when it was bound; neither: not known */
};

struct match_verdict {
	enum policy_verdict verdict;         /* ALLOW, ASK, DENY or HIDE */
	int error;                           /* for all but ALLOW */
	const struct policy_file_rule *rule; /* that decided; NULL: no rule allows it */
	bool may_write;                      /* for ALLOW: writing is allowed there as well */
};

struct matcher;

/* Copies what it needs of the entries, redirects left out; the rules must outlive it. 0, -ENOMEM, -EINVAL (a bad pattern). */
int matcher_new(const struct match_entry *entries, size_t count, struct matcher **ret);
void matcher_free(struct matcher *matcher); /* NULL is fine */

/* `path` is absolute and clean; its bytes need not be UTF-8. `access` is a set of POLICY_*, and an empty one
 * asks for POLICY_READ. Allocates nothing. */
void matcher_decide(
        const struct matcher *matcher, const char *path, unsigned access, struct match_verdict *ret);

/* Whether a directory moved away from `path` could take something out from under a rule (or put it under one
 * that allows more): some deny, hide, ask or glob rule names a place below `path`, other than one that holds
 * everywhere ("**" + "/.env"). `ret` is such a rule. Rename, exchange and removal of such folders is refused.
 */
bool matcher_has_rule_below(
        const struct matcher *matcher, const char *path, const struct policy_file_rule **ret);

/* Whether what comes from one path to another could be under other rules there: some deny, hide or ask rule names a
 * place below `to` and not as well below `from`, or some rule that allows does so inside of what another refuses.
 * `ret` is a rule that refuses. */
bool matcher_differs_below(const struct matcher *matcher, const char *from, const char *to,
        const struct policy_file_rule **ret);

/* Whether some deny, hide or ask rule names a place below `path`, and not below any other name in that folder. */
bool matcher_names_below(
        const struct matcher *matcher, const char *path, const struct policy_file_rule **ret);

/* Whether some deny, hide or ask rule could cover a path inside the tree at `path` (or `path` itself).
 * Conservative: true when it can't be excluded. */
bool matcher_may_deny_within(const struct matcher *matcher, const char *path);

/* Checks one pattern: NULL, or what is wrong with it. `**` must stand alone between slashes. */
const char *match_pattern_error(const char *pattern);

/* Whether `text` has any of the characters that make it a glob (`*`, `?`, `[`; backslash escapes them). */
bool match_is_glob(const char *text);

/* The literal folder that everything a glob can match lies below: "/a/b" for "/a/b/ *.c" ; "/" for "/ **". */
void match_glob_top(const char *pattern, char *ret, size_t size);
