/* Strings of a policy to paths: `~`, variables, the working directory. What comes out of these is literal: it
 * is escaped, so that only what was written can be a wildcard. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "policy/builder.h"
#include "policy/match.h"
#include "policy/pattern.h"

enum { WRITTEN_SIZE = PATH_MAX, PATTERN_SIZE = 2 * PATH_MAX };

static const char home_error[] = "'~' stands for the home folder, which is not known: HOME is not set to an "
                                 "absolute path; set it, also to a "
                                 "folder that is not there";

struct expansion {
	struct policy_builder *builder;
	const struct policy_place *place;
	char text[PATTERN_SIZE]; /* a pattern */
	size_t length;
	bool overflowed;
	bool failed; /* and diagnosed */
};

static int fail(struct expansion *expansion, const char *message)
{
	expansion->failed = true;
	return policy_diagnose(expansion->builder, expansion->place, "%s", message);
}

static void put(struct expansion *expansion, char byte)
{
	if (expansion->length + 1 >= sizeof(expansion->text))
		expansion->overflowed = true;
	else
		expansion->text[expansion->length++] = byte;
	expansion->text[expansion->length] = '\0';
}

static void put_literal(struct expansion *expansion, const char *text)
{
	for (; *text; text++) {
		if (strchr("*?[]\\", *text))
			put(expansion, '\\');
		put(expansion, *text);
	}
}

static bool is_name(const char *name, size_t length)
{
	if (length == 0 || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!(name[i] == '_' || (name[i] >= '0' && name[i] <= '9') ||
		            (name[i] >= 'A' && name[i] <= 'Z') || (name[i] >= 'a' && name[i] <= 'z')))
			return false;
	return true;
}

/* `text` starts after "${". */
static int put_variable(struct expansion *expansion, const char *text, const char **ret_after)
{
	const struct policy_context *context = &expansion->builder->context;
	const char *end = strchr(text, '}'), *value;
	char name[256];

	*ret_after = text;
	if (!end)
		return fail(expansion, "'${' without '}'");
	if (!is_name(text, (size_t)(end - text)) || (size_t)(end - text) >= sizeof(name)) {
		struct policy_quote quote = policy_quote(text, (size_t)(end - text));

		expansion->failed = true;
		return policy_diagnose(expansion->builder, expansion->place,
		        "'${%s}' does not name a variable: letters, digits and '_' only", quote.text);
	}
	snprintf(name, sizeof(name), "%.*s", (int)(end - text), text);
	value = context->lookup ? context->lookup(context->user, name) : NULL;
	if (!value && strcmp(name, "REEVE_TMP") == 0)
		return fail(expansion, "${REEVE_TMP}, a private temporary folder, cannot be made");
	if (!value || !*value) {
		struct policy_quote quote = policy_quote(name, strlen(name));

		expansion->failed = true;
		return policy_diagnose(expansion->builder, expansion->place, "the variable '%s' is %s",
		        quote.text,
		        value ? "empty: a path made with it would mean another place" : "not set");
	}
	if (strcmp(name, "REEVE_TMP") == 0)
		expansion->builder->wants_private_tmp = true;
	put_literal(expansion, value);
	*ret_after = end + 1;
	return 0;
}

static int put_home(struct expansion *expansion, const char *text)
{
	const char *home = expansion->builder->context.home;
	struct policy_quote quote;

	if (text[1] && text[1] != '/') {
		quote = policy_quote(text, strcspn(text, "/"));
		expansion->failed = true;
		return policy_diagnose(expansion->builder, expansion->place,
		        "'%s': only '~' itself is known, the home folder; a file of this name is './%s'",
		        quote.text, quote.text);
	}
	if (!home || home[0] != '/')
		return fail(expansion, home_error);
	put_literal(expansion, home);
	return 0;
}

static int put_written(struct expansion *expansion, const char *text)
{
	bool in_class = false;
	int r = 0;

	if (text[0] == '~') {
		r = put_home(expansion, text);
		text++;
	}
	while (r == 0 && !expansion->failed && *text) {
		if (text[0] == '$' && text[1] == '{') {
			if (in_class)
				return fail(expansion, "a variable inside '[...]'");
			r = put_variable(expansion, text + 2, &text);
			continue;
		}
		if (*text == '[')
			in_class = true;
		else if (*text == ']' || *text == '/')
			in_class = false;
		if (*text == '\\' && text[1])
			put(expansion, *text++);
		put(expansion, *text++);
	}
	return r;
}

/* Relative paths start at the working directory; `**` holds everywhere. */
static int make_absolute(struct expansion *expansion)
{
	const char *cwd = expansion->builder->context.cwd;
	char written[PATTERN_SIZE];

	if (expansion->text[0] == '/')
		return 0;
	memcpy(written, expansion->text, expansion->length + 1);
	expansion->length = 0;
	if (strcmp(written, "**") != 0 && strncmp(written, "**/", 3) != 0) {
		if (!cwd || cwd[0] != '/')
			return fail(expansion, "a relative path, and the working directory is not known");
		put_literal(expansion, cwd);
	}
	put(expansion, '/');
	for (const char *at = written; *at; at++)
		put(expansion, *at);
	return 0;
}

static bool names(const struct pattern_component *component, const char *name)
{
	char key[PATTERN_SIZE];
	size_t length;

	/* A point is written as itself, escaped, or as the only member of a class. */
	if (!strchr(".\\[", component->at[0]))
		return false;
	return pattern_classify(component, key, &length) == PATTERN_LITERAL && length == strlen(name) &&
	       memcmp(key, name, length) == 0;
}

/* Takes "." and ".." out of the pattern, as text. False when ".." follows a wildcard: that could be anywhere.
 */
static bool clean_pattern(char *pattern)
{
	struct pattern_component component;
	const char *cursor = pattern;
	size_t length = 0;

	while (pattern_next(&cursor, true, &component)) {
		if (names(&component, "."))
			continue;
		if (names(&component, "..")) {
			struct pattern_component last = {NULL, 0, true};
			size_t start = length;

			while (start > 0 && pattern[--start] != '/')
				;
			last.at = pattern + start + 1;
			last.length = length > start ? length - start - 1 : 0;
			if (length > 0) {
				char key[PATTERN_SIZE];
				size_t ignored;

				if (pattern_classify(&last, key, &ignored) != PATTERN_LITERAL)
					return false;
			}
			length = start;
			continue;
		}
		pattern[length++] = '/';
		memmove(pattern + length, component.at, component.length);
		length += component.length;
	}
	if (length == 0)
		pattern[length++] = '/';
	pattern[length] = '\0';
	return true;
}

static int finish_path(struct expansion *expansion, const char **ret_path, bool *ret_is_glob)
{
	const char *error = match_pattern_error(expansion->text);
	bool is_glob = match_is_glob(expansion->text);
	char path[PATTERN_SIZE];
	size_t length = 0;

	if (error) {
		expansion->failed = true;
		return policy_diagnose(expansion->builder, expansion->place,
		        "%s; a backslash before a character makes it stand for itself", error);
	}
	if (!clean_pattern(expansion->text))
		return fail(expansion, "'..' after a wildcard: write the path without it");
	if (is_glob) {
		length = strlen(expansion->text);
		memcpy(path, expansion->text, length);
	} else {
		struct pattern_component component;
		const char *cursor = expansion->text;

		while (pattern_next(&cursor, true, &component)) {
			path[length++] = '/';
			length += pattern_unescape(&component, path + length);
		}
		if (length == 0)
			path[length++] = '/';
		if (length >= PATH_MAX)
			return fail(expansion, "a path longer than 4095 bytes: there can be no such file");
	}
	*ret_path = store_text(&expansion->builder->store, path, length);
	*ret_is_glob = is_glob;
	return *ret_path ? 0 : -ENOMEM;
}

/* Absolute, clean, and without a byte that means anything else than itself. */
static bool is_plain(const char *text)
{
	while (*text == '/') {
		size_t length = strcspn(++text, "/*?[]\\$");

		if (length == 0 || (text[0] == '.' && (length == 1 || (length == 2 && text[1] == '.'))))
			return false;
		text += length;
	}
	return *text == '\0';
}

/* Most paths need none of what follows. True when this was one, and `ret` is it, or NULL where memory is
 * short. */
static bool expand_plain(struct policy_builder *builder, const char *text, const char **ret)
{
	const char *home = "";
	size_t home_length, length;
	char *path;

	if (*text == '~') {
		home = builder->context.home;
		if (!home || !*home || !is_plain(home))
			return false;
		text++;
	}
	home_length = strlen(home);
	length = strlen(text);
	if (home_length + length == 0 || home_length + length >= WRITTEN_SIZE || !is_plain(text))
		return false;
	path = store_take(&builder->store, home_length + length + 1);
	if (path) {
		memcpy(path, home, home_length);
		memcpy(path + home_length, text, length);
	}
	*ret = path;
	return true;
}

int policy_expand(struct policy_builder *builder, const struct policy_place *place, const char *text,
        size_t length, const char **ret_path, bool *ret_is_glob)
{
	struct expansion expansion;
	int r;

	/* Not the whole of it: a policy has hundreds of paths, and most are short. */
	expansion.builder = builder;
	expansion.place = place;
	expansion.length = 0;
	expansion.text[0] = '\0';
	expansion.overflowed = expansion.failed = false;
	*ret_path = NULL;
	if (length == 0)
		return fail(&expansion, "an empty path");
	if (strlen(text) != length)
		return fail(&expansion, "a NUL byte in a path: there can be no such file");
	if (expand_plain(builder, text, ret_path)) {
		*ret_is_glob = false;
		return *ret_path ? 0 : -ENOMEM;
	}
	if (length >= WRITTEN_SIZE)
		return fail(&expansion, "a path longer than 4095 bytes: there can be no such file");
	r = put_written(&expansion, text);
	if (r == 0 && !expansion.failed)
		r = make_absolute(&expansion);
	if (r < 0 || expansion.failed)
		return r;
	if (expansion.overflowed)
		return fail(&expansion, "a path longer than 4095 bytes: there can be no such file");
	return finish_path(&expansion, ret_path, ret_is_glob);
}
