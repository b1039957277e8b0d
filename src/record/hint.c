/* What would allow a refused call. An allow rule wins over a deny only where it lies inside of it. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/path.h"
#include "record/describe.h"

static bool is_operation(const struct record *record, const char *operation)
{
	return record->operation && strcmp(record->operation, operation) == 0;
}

static bool is_strictly_within(const char *path, const char *top)
{
	return strcmp(path, top) != 0 && path_is_within(path, top);
}

/* How the rule that decided lies to the path. Its own path may be another spelling of a place. */
static enum hint hint_for_rule(const struct policy_file_rule *rule, const char *object)
{
	AUTO_FREE char *real = NULL;

	if (rule->verdict == POLICY_ALLOW || rule->is_glob || is_strictly_within(object, rule->path))
		return HINT_RULE;
	/* A folder that holds a denied place stays where it is. */
	if (is_strictly_within(rule->path, object))
		return HINT_NONE;
	if (strcmp(object, rule->path) == 0)
		return HINT_OTHER_POLICY;
	real = realpath(rule->path, NULL);
	if (!real)
		return HINT_NONE;
	if (is_strictly_within(object, real))
		return HINT_RULE;
	return strcmp(object, real) == 0 ? HINT_OTHER_POLICY : HINT_NONE;
}

#define UNIX_PREFIX "unix:"

/* A rule that names one address alone leaves nothing inside. */
static bool is_single(const struct policy_address_rule *rule)
{
	switch (rule->kind) {
	case POLICY_ADDRESS_IP:
		return rule->prefix == 128 && rule->port_low == rule->port_high;
	case POLICY_ADDRESS_ABSTRACT:
		return !rule->is_prefix;
	default:
		return false;
	}
}

static enum hint hint_for_address(const struct record *record)
{
	const char *address = record->object;
	bool is_file = address && strncmp(address, UNIX_PREFIX "/", strlen(UNIX_PREFIX) + 1) == 0;
	const struct policy_address_rule *rule = record->address_rule;

	if (!address)
		return HINT_NONE;
	if (record->file_rule)
		return is_file ? hint_for_rule(record->file_rule, address + strlen(UNIX_PREFIX)) : HINT_NONE;
	if (!rule || rule->verdict == POLICY_ALLOW)
		return HINT_RULE;
	if (is_single(rule))
		return HINT_OTHER_POLICY;
	if (rule->kind == POLICY_ADDRESS_UNIX && !rule->is_glob && is_file)
		return strcmp(rule->path, address + strlen(UNIX_PREFIX)) == 0 ? HINT_OTHER_POLICY : HINT_RULE;
	return HINT_RULE;
}

/* A rule opens what is refused by default; and one on a call by its name is about less than one on a group.
 */
static enum hint hint_for_call(const struct record *record)
{
	const struct policy_syscall_rule *rule = record->call_rule;

	if (rule->place.source && strcmp(rule->place.source, "default") == 0)
		return HINT_RULE;
	return rule->text[0] == '@' && record->call ? HINT_RULE : HINT_OTHER_POLICY;
}

/* A rule may be about either path. */
static enum hint hint_for_files(const struct record *record)
{
	const char *paths[] = {record->object, record->second};
	enum hint best = HINT_NONE;

	for (size_t i = 0; i < ELEMENTS(paths) && paths[i]; i++) {
		enum hint hint;

		if (paths[i][0] != '/')
			return HINT_NONE;
		hint = record->file_rule ? hint_for_rule(record->file_rule, paths[i]) : HINT_RULE;
		if (best == HINT_NONE || hint == HINT_OTHER_POLICY)
			best = hint;
	}
	return best;
}

/* A new name that would give more than the old one: what the old one lacks can be granted. */
static bool lacks_a_grant(const struct record *record)
{
	return is_operation(record, "link") && record->access;
}

enum hint hint_of(const struct record *record)
{
	if (record->verdict == POLICY_ALLOW)
		return HINT_NONE;
	if (record->allow)
		return HINT_RULE;
	if (record->call_rule)
		return hint_for_call(record);
	if (record->why && !record->file_rule && !record->address_rule && !lacks_a_grant(record))
		return HINT_NONE;
	if (record->use)
		return hint_for_address(record);
	return record->object ? hint_for_files(record) : HINT_NONE;
}

/* What the rule has to be about. A file that is there leaves its place, or its name, by its folder: Landlock
 * ties the right to that. What a rule refuses by name is opened by name. */
static const char *place_of(const struct record *record, const char *path, char ret[PATH_MAX])
{
	struct stat st;
	char *slash;

	if (!is_operation(record, "remove") && !is_operation(record, "rename"))
		return path;
	if (record->file_rule || strlen(path) >= PATH_MAX || lstat(path, &st) < 0)
		return path;
	strcpy(ret, path);
	slash = strrchr(ret, '/');
	slash[slash == ret] = '\0';
	return ret;
}

bool hint_is_about_folder(const struct record *record)
{
	char place[PATH_MAX];

	return !record->use && !record->call_rule && !record->allow && record->object &&
	       place_of(record, record->object, place) != record->object;
}

/* What a rule would take for more than itself: wildcards, and the beginning of a variable. */
static bool is_special(const char *at, bool is_name)
{
	if (is_name)
		return *at == '*'; /* its other bytes are escaped already */
	return strchr("*?[]\\", *at) || (at[0] == '$' && at[1] == '{');
}

/* As a rule names it, with the home folder as "~". For the caller to free; NULL: no memory. */
static char *written(const char *object, const char *home)
{
	bool is_name = strncmp(object, UNIX_PREFIX "@", strlen(UNIX_PREFIX) + 1) == 0;
	bool is_path = object[0] == '/' || strncmp(object, UNIX_PREFIX "/", strlen(UNIX_PREFIX) + 1) == 0;
	size_t n = home ? strlen(home) : 0, size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	while (n > 1 && home[n - 1] == '/')
		n--;
	if (n > 1 && strncmp(object, home, n) == 0 && (object[n] == '/' || object[n] == '\0')) {
		fputc('~', out);
		object += n;
	}
	for (; *object; object++) {
		if ((is_name || is_path) && is_special(object, is_name))
			fputc('\\', out);
		fputc(*object, out);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* The words that grant what was asked for; each implies reading. */
static size_t words_of(const struct record *record, const char *ret[2])
{
	size_t count = 0;

	if (record->call_rule || record->use || record->allow) {
		ret[0] = record->call_rule ? "allow" : record->use == POLICY_LISTEN ? "listen" : "connect";
		return 1;
	}
	if (record->access & POLICY_WRITE || is_operation(record, "link"))
		ret[count++] = "write";
	if (record->access & POLICY_EXEC)
		ret[count++] = "exec";
	if (count == 0)
		ret[count++] = "read";
	return count;
}

/* What it is about, as a rule names it: one or two, for the caller to free. */
static size_t subjects_of(const struct record *record, const char *home, char *ret[2])
{
	const char *objects[] = {record->allow ? record->allow : record->object, record->second};
	size_t count = 0;

	if (record->call_rule) {
		ret[0] = strdup(record->call_rule->text[0] == '@' ? record->call : record->call_rule->text);
		return ret[0] != NULL;
	}
	for (size_t i = 0; i < ELEMENTS(objects) && objects[i]; i++) {
		char place[PATH_MAX];

		ret[count] = written(record->use ? objects[i] : place_of(record, objects[i], place), home);
		if (count > 0 && ret[count] && strcmp(ret[0], ret[count]) == 0)
			free(ret[count]);
		else
			count += ret[count] != NULL;
	}
	return count;
}

void hint_flag(FILE *out, const struct record *record, const char *home)
{
	const char *words[2];
	char *subjects[2];
	size_t word_count = words_of(record, words), count = subjects_of(record, home, subjects);

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < word_count; k++) {
			fprintf(out, "%s--%s%s ", i + k ? " " : "", words[k],
			        record->call_rule ? "-call" : "");
			escape_for_shell(out, subjects[i]);
		}
		free(subjects[i]);
	}
}

bool hint_has_policy(const struct record *record)
{
	return record->allow || record->call_rule ||
	       (escape_is_utf8(record->object) && (!record->second || escape_is_utf8(record->second)));
}

void hint_policy(FILE *out, const struct record *record, const char *home)
{
	const char *words[2];
	char *subjects[2];
	size_t word_count = words_of(record, words), count = subjects_of(record, home, subjects);

	fprintf(out, "%s: [",
	        record->call_rule              ? "syscalls"
	        : record->use || record->allow ? "network"
	                                       : "files");
	for (size_t k = 0; k < word_count; k++) {
		fprintf(out, "%s{%s: [", k ? ", " : "", words[k]);
		for (size_t i = 0; i < count; i++) {
			fputs(i ? ", " : "", out);
			escape_for_yaml(out, subjects[i]);
		}
		fputs("]}", out);
	}
	fputc(']', out);
	for (size_t i = 0; i < count; i++)
		free(subjects[i]);
}
