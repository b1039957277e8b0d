#include "policy/pattern.h"

#include <string.h>

#include "policy/match.h"

enum { SET_WORDS = 4, WITNESS_SIZE = 8192, LONG_STAR = 64 };

enum token_kind {
	TOKEN_END,
	TOKEN_BYTE,
	TOKEN_SET,
	TOKEN_STAR,
};

struct token {
	enum token_kind kind;
	unsigned char byte;
	uint64_t set[SET_WORDS];
};

static bool set_has(const uint64_t *set, unsigned char byte)
{
	return set[byte / 64] >> (byte % 64) & 1;
}

static void set_add(uint64_t *set, unsigned char byte)
{
	set[byte / 64] |= UINT64_C(1) << (byte % 64);
}

static int set_count(const uint64_t *set)
{
	int count = 0;

	for (int i = 0; i < SET_WORDS; i++)
		count += __builtin_popcountll(set[i]);
	return count;
}

/* One byte of a class, a backslash taken off. NULL when the text ends. */
static const char *read_class_byte(const char *at, const char *end, unsigned char *ret)
{
	if (at < end && *at == '\\')
		at++;
	if (at >= end)
		return NULL;
	*ret = (unsigned char)*at;
	return at + 1;
}

/* Reads what follows a "[". Returns the end of the class, or NULL when it is not closed or has a range that
 * runs backwards (then `*ret_error` says which). */
static const char *read_class(const char *at, const char *end, uint64_t *set, const char **ret_error)
{
	bool negated = at < end && (*at == '!' || *at == '^');
	bool first = true;

	memset(set, 0, SET_WORDS * sizeof(*set));
	*ret_error = "'[' without ']'";
	for (at += negated; at < end && (first || *at != ']'); first = false) {
		unsigned char low, high;

		at = read_class_byte(at, end, &low);
		if (!at)
			return NULL;
		high = low;
		if (end - at >= 2 && at[0] == '-' && at[1] != ']') {
			at = read_class_byte(at + 1, end, &high);
			if (!at)
				return NULL;
		}
		if (high < low) {
			*ret_error = "a range in '[...]' runs backwards";
			return NULL;
		}
		for (unsigned byte = low; byte <= high; byte++)
			set_add(set, (unsigned char)byte);
	}
	if (at >= end)
		return NULL;
	for (int i = 0; negated && i < SET_WORDS; i++)
		set[i] = ~set[i];
	*ret_error = NULL;
	return at + 1;
}

static const char *token_byte(const char *at, struct token *ret)
{
	ret->kind = TOKEN_BYTE;
	ret->byte = (unsigned char)*at;
	return at + 1;
}

/* Reads one token and returns the place after it. What is malformed stands for itself. */
static const char *token_read(const char *at, const char *end, bool is_glob, struct token *ret)
{
	const char *error, *after;

	if (at >= end) {
		ret->kind = TOKEN_END;
		return at;
	}
	if (!is_glob)
		return token_byte(at, ret);
	switch (*at) {
	case '*':
		ret->kind = TOKEN_STAR;
		return at + 1;
	case '?':
		ret->kind = TOKEN_SET;
		memset(ret->set, 0xff, sizeof(ret->set));
		return at + 1;
	case '\\':
		return token_byte(at + 1 < end ? at + 1 : at, ret);
	case '[':
		after = read_class(at + 1, end, ret->set, &error);
		if (!after)
			return token_byte(at, ret);
		ret->kind = TOKEN_SET;
		if (set_count(ret->set) == 1) {
			ret->kind = TOKEN_BYTE;
			for (unsigned byte = 0; byte < 256; byte++)
				if (set_has(ret->set, (unsigned char)byte))
					ret->byte = (unsigned char)byte;
		}
		return after;
	default:
		return token_byte(at, ret);
	}
}

static bool token_covers(const struct token *outer, const struct token *inner)
{
	if (inner->kind == TOKEN_STAR || outer->kind == TOKEN_END)
		return false;
	if (outer->kind == TOKEN_BYTE)
		return inner->kind == TOKEN_BYTE && inner->byte == outer->byte;
	if (inner->kind == TOKEN_BYTE)
		return set_has(outer->set, inner->byte);
	for (int i = 0; i < SET_WORDS; i++)
		if (inner->set[i] & ~outer->set[i])
			return false;
	return true;
}

bool pattern_next(const char **cursor, bool is_glob, struct pattern_component *ret)
{
	const char *at = *cursor, *end;

	while (*at == '/')
		at++;
	if (!*at)
		return false;
	end = strchrnul(at, '/');
	ret->at = at;
	ret->length = (size_t)(end - at);
	ret->is_glob = is_glob;
	*cursor = end;
	return true;
}

static bool is_deep(const struct pattern_component *component)
{
	return component->is_glob && component->length == 2 && memcmp(component->at, "**", 2) == 0;
}

size_t pattern_unescape(const struct pattern_component *component, char *ret)
{
	const char *at = component->at, *end = at + component->length;
	struct token token;
	size_t length = 0;

	while (at < end) {
		at = token_read(at, end, component->is_glob, &token);
		ret[length++] = (char)token.byte;
	}
	return length;
}

enum pattern_kind pattern_classify(const struct pattern_component *component, char *key, size_t *ret_length)
{
	const char *at = component->at, *end = at + component->length;
	bool star_first = false, star_last = false;
	struct token token;
	size_t length = 0;

	if (is_deep(component)) {
		*ret_length = 0;
		return PATTERN_DEEP;
	}
	while (at < end) {
		bool first = at == component->at;

		at = token_read(at, end, component->is_glob, &token);
		if (token.kind == TOKEN_BYTE) {
			key[length++] = (char)token.byte;
		} else if (token.kind == TOKEN_STAR && first) {
			star_first = true;
		} else if (token.kind == TOKEN_STAR && at == end && !star_first) {
			star_last = true;
		} else {
			memcpy(key, component->at, component->length);
			*ret_length = component->length;
			return PATTERN_OTHER;
		}
	}
	*ret_length = length;
	return star_first ? PATTERN_SUFFIX : star_last ? PATTERN_PREFIX : PATTERN_LITERAL;
}

bool pattern_component_covers(const struct pattern_component *outer, const struct pattern_component *inner)
{
	const char *o = outer->at, *o_end = o + outer->length, *star_o = NULL;
	const char *i = inner->at, *i_end = i + inner->length, *star_i = NULL;

	if (!outer->is_glob && !inner->is_glob)
		return outer->length == inner->length && memcmp(o, i, inner->length) == 0;
	/* The tokens of `inner` are letters; a star of `outer` takes any number of them, also stars. Going
	 * back to the last star only is enough, since a star takes everything. */
	for (;;) {
		struct token to, ti;
		const char *o_next = token_read(o, o_end, outer->is_glob, &to);
		const char *i_next;

		if (to.kind == TOKEN_STAR) {
			star_o = o = o_next;
			star_i = i;
			continue;
		}
		i_next = token_read(i, i_end, inner->is_glob, &ti);
		if (ti.kind == TOKEN_END)
			return to.kind == TOKEN_END;
		if (token_covers(&to, &ti)) {
			o = o_next;
			i = i_next;
			continue;
		}
		if (!star_o)
			return false;
		i = star_i = token_read(star_i, i_end, inner->is_glob, &ti);
		o = star_o;
	}
}

bool pattern_covers(const struct pattern *outer, const struct pattern *inner)
{
	const char *o = outer->text, *i = inner->text, *star_o = NULL, *star_i = NULL;

	/* As above, with components for letters; `**` of `outer` is the star, and its end stands for one
	 * more. */
	for (;;) {
		struct pattern_component co, ci;
		const char *o_next = o, *i_next = i;

		if (!pattern_next(&o_next, outer->is_glob, &co))
			return true;
		if (is_deep(&co)) {
			star_o = o = o_next;
			star_i = i;
			continue;
		}
		if (!pattern_next(&i_next, inner->is_glob, &ci))
			return false;
		if (!is_deep(&ci) && pattern_component_covers(&co, &ci)) {
			o = o_next;
			i = i_next;
			continue;
		}
		if (!star_o)
			return false;
		pattern_next(&star_i, inner->is_glob, &ci);
		i = star_i;
		o = star_o;
	}
}

/* A byte that `avoid` does not name. */
static char fresh_byte(const struct pattern *avoid)
{
	for (unsigned byte = 255; byte > 127; byte--)
		if (!strchr(avoid->text, (int)byte))
			return (char)byte;
	return '~';
}

static char member_of(const uint64_t *set, char fresh, bool last)
{
	char member = 0;

	if (set_has(set, (unsigned char)fresh))
		return fresh;
	for (unsigned byte = 1; byte < 256; byte++) {
		if (byte == '/' || !set_has(set, (unsigned char)byte))
			continue;
		member = (char)byte;
		if (!last)
			break;
	}
	return member;
}

/* How the wildcards of a pattern are filled to make a path that it covers. */
struct filling {
	char fresh;
	size_t star;     /* so many fresh bytes for `*` */
	bool has_deep;   /* a fresh component for `**`, else none */
	bool takes_last; /* of a class the last byte, else the first */
};

/* Writes a name that the component matches. 0 when it has none, or no room. */
static size_t name_of(
        const struct pattern_component *component, const struct filling *filling, char *ret, size_t size)
{
	const char *at = component->at, *end = at + component->length;
	size_t length = 0;

	while (at < end) {
		struct token token;
		size_t repeat = 1;

		at = token_read(at, end, component->is_glob, &token);
		if (token.kind == TOKEN_STAR) {
			token.byte = (unsigned char)filling->fresh;
			repeat = filling->star;
		} else if (token.kind == TOKEN_SET) {
			token.byte = (unsigned char)member_of(token.set, filling->fresh, filling->takes_last);
		}
		if (token.byte == 0 || length + repeat >= size)
			return 0;
		memset(ret + length, token.byte, repeat);
		length += repeat;
	}
	if ((length == 1 && ret[0] == '.') || (length == 2 && ret[0] == '.' && ret[1] == '.'))
		return 0;
	return length;
}

/* Writes a path that `of` covers. */
static bool path_of(const struct pattern *of, const struct filling *filling, char *ret, size_t size)
{
	struct pattern_component component;
	const char *cursor = of->text;
	size_t length = 0;

	while (pattern_next(&cursor, of->is_glob, &component)) {
		size_t n = 1;

		if (length + 3 >= size)
			return false;
		if (is_deep(&component)) {
			if (!filling->has_deep)
				continue;
			n = filling->star > 0 ? filling->star : 1;
			if (length + n + 2 >= size)
				return false;
			memset(ret + length + 1, filling->fresh, n);
		} else {
			n = name_of(&component, filling, ret + length + 1, size - length - 2);
		}
		if (n == 0)
			return false;
		ret[length] = '/';
		length += n + 1;
	}
	if (length == 0)
		ret[length++] = '/';
	ret[length] = '\0';
	return true;
}

bool pattern_lies_strictly_inside(const struct pattern *inner, const struct pattern *outer)
{
	/* Wildcards of `inner` that match one byte each have no answer to a star that is longer. */
	static const size_t stars[] = {1, LONG_STAR, 0};
	char path[WITNESS_SIZE];
	struct pattern witness = {path, false};
	struct filling filling = {.star = 0};

	if (!pattern_covers(outer, inner))
		return false;
	/* That `inner` covers less is proved by a path that only `outer` covers. */
	filling.fresh = fresh_byte(inner);
	for (unsigned attempt = 0; attempt < 4 * sizeof(stars) / sizeof(stars[0]); attempt++) {
		filling.star = stars[attempt / 4];
		filling.has_deep = attempt & 1;
		filling.takes_last = attempt & 2;
		if (path_of(outer, &filling, path, sizeof(path)) && !pattern_covers(inner, &witness))
			return true;
	}
	return false;
}

static bool is_glob_text(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\\')
			i++;
		else if (strchr("*?[", text[i]))
			return true;
	}
	return false;
}

bool match_is_glob(const char *text)
{
	return is_glob_text(text, strlen(text));
}

static const char *component_error(const struct pattern_component *component)
{
	const char *at = component->at, *end = at + component->length, *error = NULL;
	uint64_t set[SET_WORDS];

	if (is_deep(component))
		return NULL;
	while (at < end) {
		if (*at == '[') {
			at = read_class(at + 1, end, set, &error);
			if (!at)
				return error;
		} else if (*at == '\\') {
			if (end - at < 2)
				return "a backslash with nothing after it";
			at += 2;
		} else if (*at == '*' && end - at > 1 && at[1] == '*') {
			return "'**' must stand alone between slashes";
		} else {
			at++;
		}
	}
	return NULL;
}

const char *match_pattern_error(const char *pattern)
{
	struct pattern_component component;
	const char *error;

	while (pattern_next(&pattern, true, &component)) {
		error = component_error(&component);
		if (error)
			return error;
	}
	return NULL;
}

void match_glob_top(const char *pattern, char *ret, size_t size)
{
	struct pattern_component component;
	size_t length = 0;

	while (pattern_next(&pattern, true, &component)) {
		if (is_glob_text(component.at, component.length) || length + 1 + component.length >= size)
			break;
		ret[length] = '/';
		length += 1 + pattern_unescape(&component, ret + length + 1);
	}
	if (length == 0 && size > 1)
		ret[length++] = '/';
	if (size > 0)
		ret[length] = '\0';
}
