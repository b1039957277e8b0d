/* Where policies come from: files, built-in profiles, `use`. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/builder.h"
#include "policy/document.h"
#include "policy/limits.h"
#include "policy/streams.h"

enum { MOST_USE_DEPTH = 8, CHUNK = 65536 };

/* Reads up to one byte more than the limit, so that what is too long shows. */
static int read_all(int fd, char **ret_text, size_t *ret_length)
{
	AUTO_FREE char *text = NULL;
	size_t length = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (length + CHUNK > room) {
			char *grown = realloc(text, room = room * 2 + CHUNK);

			if (!grown)
				return -ENOMEM;
			text = grown;
		}
		n = read(fd, text + length, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		length += (size_t)n;
		if (n == 0 || length > DOCUMENT_BYTES)
			break;
	}
	*ret_text = TAKE_PTR(text);
	*ret_length = length;
	return 0;
}

/* Files that a policy names must be regular; the one that the user named may be a pipe. */
static int open_policy(const char *path, bool is_named_by_user, int *ret, struct stat *ret_stat)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (is_named_by_user ? 0 : O_NONBLOCK));

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_stat) < 0)
		return -errno;
	if (S_ISDIR(ret_stat->st_mode))
		return -EISDIR;
	if (!is_named_by_user && !S_ISREG(ret_stat->st_mode))
		return -EINVAL;
	*ret = TAKE_FD(fd);
	return 0;
}

/* 0: new, and now open. 1: read before. 2: being read, a cycle. -ENOMEM. */
static int enter_source(struct policy_builder *builder, const struct policy_source *source, size_t *ret_index)
{
	for (size_t i = 0; i < builder->sources.count; i++) {
		const struct policy_source *other = &builder->sources.items[i];
		bool is_same = source->profile && other->profile
		                       ? strcmp(source->profile, other->profile) == 0
		               : source->profile || other->profile
		                       ? false
		                       : source->device == other->device && source->inode == other->inode;

		if (is_same)
			return other->is_open ? 2 : 1;
	}
	*ret_index = builder->sources.count;
	return ARRAY_PUSH(&builder->sources, *source);
}

/* Reads a text that `source` identifies; what was read before adds nothing. 1 when it is a cycle. */
static int read_source(
        struct policy_builder *builder, struct policy_source source, const struct policy_text *text)
{
	size_t index = 0;
	int r;

	source.is_open = true;
	r = enter_source(builder, &source, &index);
	if (r == 1)
		return 0;
	if (r != 0)
		return r < 0 ? r : 1;
	builder->depth++;
	r = policy_read_text(builder, text);
	builder->depth--;
	builder->sources.items[index].is_open = false;
	return r;
}

static int read_profile(struct policy_builder *builder, const char *name)
{
	const char *text = policy_profile_text(name);
	struct policy_source source = {.profile = name};
	struct policy_text given = {.name = name, .directory = builder->context.cwd, .text = text};

	if (!text)
		return -ENOENT;
	for (const char *const *own = policy_profiles(); *own; own++)
		if (strcmp(*own, name) == 0)
			given.name = source.profile = *own;
	given.length = strlen(text);
	given.tree = policy_profile_tree(name);
	return read_source(builder, source, &given);
}

static int read_file(struct policy_builder *builder, const char *path, bool is_named_by_user)
{
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int fd = -EBADF;
	struct policy_source source = {0};
	struct policy_text given = {0};
	const char *slash = strrchr(path, '/');
	struct stat stat;
	int r = open_policy(path, is_named_by_user, &fd, &stat);

	if (r == 0)
		r = read_all(fd, &text, &given.length);
	if (r < 0)
		return r;
	source.device = stat.st_dev;
	source.inode = stat.st_ino;
	given.text = text;
	given.name = store_text(&builder->store, path, strlen(path));
	given.directory =
	        slash ? store_text(&builder->store, path, slash == path ? 1 : (size_t)(slash - path)) : ".";
	if (!given.name || !given.directory)
		return -ENOMEM;
	return read_source(builder, source, &given);
}

static bool is_file_name(const char *text)
{
	const char *dot = strrchr(text, '.');

	return strchr(text, '/') || strcmp(text, "~") == 0 ||
	       (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0));
}

/* "DIRECTORY/NAME", in the store. */
static const char *store_joined(struct store *store, const char *directory, const char *name)
{
	char *joined = store_take(store, strlen(directory) + strlen(name) + 2);

	if (joined)
		sprintf(joined, "%s/%s", directory, name);
	return joined;
}

/* The path that a word of `use` stands for: `~` and variables as in rules, relative to the folder of the file
 * that names it. Plain names stay relative, so that places read as people wrote them. 0 with NULL: diagnosed.
 */
static int locate(struct policy_builder *builder, const struct policy_place *place, const char *directory,
        const char *text, const char **ret)
{
	struct policy_context outer = builder->context;
	size_t length = strlen(text);
	bool is_glob;
	int r;

	*ret = text;
	if (strcspn(text, "~$*?[\\") == length) {
		if (text[0] != '/' && directory && strcmp(directory, ".") != 0)
			*ret = store_joined(&builder->store, directory, text);
		return *ret ? 0 : -ENOMEM;
	}
	if (!directory || (directory[0] != '/' && !outer.cwd))
		directory = "."; /* which is no folder to start at, and is told as that */
	else if (directory[0] != '/')
		directory = store_joined(&builder->store, outer.cwd, directory);
	if (!directory)
		return -ENOMEM;
	builder->context.cwd = directory;
	r = policy_expand(builder, place, text, length, ret, &is_glob);
	builder->context = outer;
	if (r == 0 && *ret && is_glob) {
		*ret = NULL;
		r = policy_diagnose(builder, place, "'use' names one file, found the pattern '%s'",
		        policy_quote(text, length).text);
	}
	return r;
}

static int use_file(struct policy_builder *builder, const struct policy_place *place, const char *directory,
        const char *text)
{
	bool was_wanted = builder->wants_private_tmp;
	struct policy_quote quote = policy_quote(text, strlen(text));
	const char *path;
	int r = locate(builder, place, directory, text, &path);

	builder->wants_private_tmp = was_wanted;
	if (r < 0 || !path)
		return r;
	r = read_file(builder, path, false);
	if (r == 1)
		return policy_diagnose(
		        builder, place, "'%s' uses itself, by way of the files that it uses", quote.text);
	if (r < 0 && r != -ENOMEM)
		return policy_diagnose(builder, place, "cannot read '%s': %s", quote.text,
		        r == -EINVAL ? "not a regular file" : strerror(-r));
	return r;
}

int policy_use(struct policy_builder *builder, const struct policy_place *place, const char *directory,
        const char *text, size_t length)
{
	struct policy_quote quote = policy_quote(text, length);
	const char *nearest;
	int r;

	if (length == 0 || strlen(text) != length)
		return policy_diagnose(builder, place, "'use' expects the name of a profile or a file");
	if (builder->depth >= MOST_USE_DEPTH)
		return policy_diagnose(builder, place, "'use' is nested more than %d deep", MOST_USE_DEPTH);
	if (is_file_name(text))
		return use_file(builder, place, directory, text);
	r = read_profile(builder, text);
	if (r == 1)
		return policy_diagnose(builder, place, "the profile '%s' uses itself", quote.text);
	if (r != -ENOENT)
		return r;
	nearest = policy_nearest(text, policy_profiles());
	if (nearest)
		return policy_diagnose(builder, place,
		        "no built-in profile is called '%s'; did you mean '%s'?", quote.text, nearest);
	return policy_diagnose(builder, place,
	        "no built-in profile is called '%s', and a file is named with a '/'", quote.text);
}

static int compare_diagnostics(const void *left, const void *right)
{
	const struct policy_diagnostic *a = left, *b = right;
	int r = strcmp(a->place.source, b->place.source);

	if (r == 0)
		r = (a->place.line > b->place.line) - (a->place.line < b->place.line);
	if (r == 0)
		r = (a->place.column > b->place.column) - (a->place.column < b->place.column);
	return r != 0 ? r : strcmp(a->message, b->message);
}

/* What a caller is told: -EINVAL when errors were added. These are put in the order of the text. */
static int outcome(struct policy_builder *builder, size_t errors_before, int r)
{
	struct policy_diagnostics *diagnostics = &builder->diagnostics;

	if (diagnostics->count > errors_before)
		qsort(diagnostics->items + errors_before, diagnostics->count - errors_before,
		        sizeof(*diagnostics->items), compare_diagnostics);
	if (r < 0)
		return r;
	return builder->diagnostics.count > errors_before ? -EINVAL : 0;
}

int policy_add_file(struct policy_builder *builder, const char *path)
{
	struct policy_place place = {.source = store_text(&builder->store, path, strlen(path))};
	size_t errors = builder->diagnostics.count;
	int r;

	if (!place.source)
		return -ENOMEM;
	r = read_file(builder, path, true);
	if (r < 0 && r != -ENOMEM) {
		int told = policy_diagnose(builder, &place, "cannot read this file: %s", strerror(-r));

		return told < 0 ? told : r;
	}
	return outcome(builder, errors, r);
}

int policy_add_text(struct policy_builder *builder, const char *name, const char *text, size_t length)
{
	struct policy_text given = {.directory = builder->context.cwd, .text = text, .length = length};
	size_t errors = builder->diagnostics.count;

	given.name = store_text(&builder->store, name, strlen(name));
	if (!given.name)
		return -ENOMEM;
	return outcome(builder, errors, policy_read_text(builder, &given));
}

int policy_add_profile(struct policy_builder *builder, const char *name)
{
	size_t errors = builder->diagnostics.count;

	return outcome(builder, errors, read_profile(builder, name));
}

/* FROM=TO. What has the sign in it needs a policy file. */
static int add_redirect_flag(
        struct policy_builder *builder, const struct policy_place *place, const char *key, const char *value)
{
	bool is_path = strcmp(key, "redirect") == 0;
	const char *sign = strchr(value, '=');
	struct policy_words from = {*place, value, sign ? (size_t)(sign - value) : 0}, to = {*place};

	if (!sign || sign == value || !sign[1] || strchr(sign + 1, '='))
		return policy_diagnose(
		        builder, place, "--%s expects FROM=TO, two %s", key, is_path ? "paths" : "addresses");
	from.text = store_text(&builder->store, value, from.length);
	if (!from.text)
		return -ENOMEM;
	to.text = sign + 1;
	to.length = strlen(sign + 1);
	return is_path ? policy_add_redirect(builder, place, &from, &to)
	               : policy_add_address_redirect(builder, place, &from, &to);
}

static bool is_stream_flag(const char *key)
{
	return policy_stream_by_name(key, strlen(key)) >= 0 || strcmp(key, "rotate") == 0 ||
	       strcmp(key, "keep") == 0;
}

static int add_stream_flag(
        struct policy_builder *builder, const struct policy_place *place, const char *key, const char *value)
{
	const struct policy_stream stream = {.place = *place};
	int kind = policy_stream_by_name(key, strlen(key));

	if (kind >= 0)
		return policy_add_stream(
		        builder, (enum policy_stream_kind)kind, &stream, value, strlen(value));
	if (strcmp(key, "keep") == 0) {
		builder->rotate.keep_place = *place;
		return policy_read_keep(builder, place, value, strlen(value), &builder->rotate.keep);
	}
	builder->rotate.place = *place;
	return policy_read_rotate(builder, place, value, strlen(value), &builder->rotate.size);
}

int policy_add_flag(struct policy_builder *builder, const char *key, const char *value)
{
	struct policy_file_rule rule = {.verdict = POLICY_ALLOW, .place = {.source = "command line"}};
	struct policy_address_rule address = {.verdict = POLICY_ALLOW};
	struct policy_syscall_rule call = {.verdict = POLICY_ALLOW};
	size_t errors = builder->diagnostics.count;
	char *flag = store_take(&builder->store, strlen(key) + strlen(value) + 4);
	int r;

	if (!flag)
		return -ENOMEM;
	sprintf(flag, "--%s %s", key, value);
	rule.place.flag = flag;
	address.place = call.place = rule.place;
	if (strcmp(key, "use") == 0)
		r = policy_use(builder, &rule.place, builder->context.cwd, value, strlen(value));
	else if (strcmp(key, "limit") == 0)
		r = policy_add_limit_flag(builder, &rule.place, value);
	else if (strcmp(key, "redirect") == 0 || strcmp(key, "redirect-connect") == 0)
		r = add_redirect_flag(builder, &rule.place, key, value);
	else if (strcmp(key, "network") == 0)
		r = policy_add_network(builder, &rule.place, value, strlen(value));
	else if (is_stream_flag(key))
		r = add_stream_flag(builder, &rule.place, key, value);
	else if (policy_start_rule(&rule, key))
		r = policy_add_path(builder, &rule, value, strlen(value));
	else if (policy_start_address(&address, key))
		r = policy_add_address(builder, &address, value, strlen(value));
	else if (policy_start_call(&call, key))
		r = policy_add_call_text(builder, &call, value);
	else
		r = policy_diagnose(builder, &rule.place, "no such flag");
	return outcome(builder, errors, r);
}
