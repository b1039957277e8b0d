/* Patterns: paths with `*`, `?`, `[...]` inside a component and `**` for any number of components. A pattern
 * means what it matches and everything below. Inside the policy room; others use policy/match.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When not a glob, `text` is a plain path: every byte stands for itself. */
struct pattern {
	const char *text;
	bool is_glob;
};

enum pattern_kind {
	PATTERN_LITERAL, /* no wildcard; the key is the name */
	PATTERN_SUFFIX,  /* `*` and then the key; `*` alone has an empty key */
	PATTERN_PREFIX,  /* the key and then `*` */
	PATTERN_OTHER,   /* the key is the component as written */
	PATTERN_DEEP,    /* `**` */
};

/* One component between slashes: `at` points into the pattern. */
struct pattern_component {
	const char *at;
	size_t length;
	bool is_glob;
};

/* The next component after `*cursor` (which starts as the text), false at the end. */
bool pattern_next(const char **cursor, bool is_glob, struct pattern_component *ret);

/* What kind a component is; its key goes to `key`, which has room for the component's length. */
enum pattern_kind pattern_classify(const struct pattern_component *component, char *key, size_t *ret_length);

/* Proves that every name which `inner` matches is matched by `outer`. False also when there is no proof. A
 * name is a component that is no glob: for those the answer is exact. Neither may be `**`. */
bool pattern_component_covers(const struct pattern_component *outer, const struct pattern_component *inner);

/* Proves that every path that `inner` covers is covered by `outer`. False also when there is no proof. For an
 * `inner` that is a plain path the answer is exact. */
bool pattern_covers(const struct pattern *outer, const struct pattern *inner);

/* Proves that `inner` covers less than `outer`: a part of what it covers and not all of it. */
bool pattern_lies_strictly_inside(const struct pattern *inner, const struct pattern *outer);

/* Writes the name that a component without wildcards stands for; returns its length, which is at most the
 * component's. */
size_t pattern_unescape(const struct pattern_component *component, char *ret);
