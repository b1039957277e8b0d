/* What would allow a refused call. An allow rule wins over a deny only where it lies inside of it. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/path.h"
#include "record/describe.h"

/* A rule on this path would be read as something else: a pattern, a variable, an optional one. */
static bool can_be_written(const char *path)
{
	return path[0] == '/' && !strpbrk(path, "*?[]\\$");
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

	if (!address || strpbrk(address, "*?\\$") || (is_file && strpbrk(address, "[]")))
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

enum hint hint_of(const struct record *record)
{
	if (record->verdict == POLICY_ALLOW)
		return HINT_NONE;
	if (record->allow)
		return HINT_RULE;
	if (record->call_rule)
		return HINT_OTHER_POLICY;
	if (record->why && !record->file_rule && !record->address_rule)
		return HINT_NONE;
	if (record->use)
		return hint_for_address(record);
	if (!record->object || !can_be_written(record->object))
		return HINT_NONE;
	if (record->second && !can_be_written(record->second))
		return HINT_NONE;
	return record->file_rule ? hint_for_rule(record->file_rule, record->object) : HINT_RULE;
}

/* The path with the home folder as "~", in a buffer of the caller's. */
static const char *with_tilde(const char *path, const char *home, char ret[PATH_MAX])
{
	size_t n = home ? strlen(home) : 0;

	while (n > 1 && home[n - 1] == '/')
		n--;
	if (n <= 1 || strncmp(path, home, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return path;
	if (snprintf(ret, PATH_MAX, "~%s", path + n) >= PATH_MAX)
		return path;
	return ret;
}

/* The words that grant what was asked for; each implies reading. */
static size_t words_of(const struct record *record, const char *ret[2])
{
	size_t count = 0;

	if (record->use || record->allow) {
		ret[0] = record->use == POLICY_LISTEN ? "listen" : "connect";
		return 1;
	}
	if (record->access & POLICY_WRITE)
		ret[count++] = "write";
	if (record->access & POLICY_EXEC)
		ret[count++] = "exec";
	if (count == 0)
		ret[count++] = "read";
	return count;
}

void hint_flag(FILE *out, const struct record *record, const char *home)
{
	const char *paths[] = {record->allow ? record->allow : record->object, record->second}, *words[2];
	size_t count = words_of(record, words);
	bool first = true;

	for (size_t i = 0; i < ELEMENTS(paths) && paths[i]; i++) {
		char buffer[PATH_MAX];

		for (size_t k = 0; k < count; k++) {
			fprintf(out, "%s--%s ", first ? "" : " ", words[k]);
			escape_for_shell(out, with_tilde(paths[i], home, buffer));
			first = false;
		}
	}
}

bool hint_has_policy(const struct record *record)
{
	return record->allow ||
	       (escape_is_utf8(record->object) && (!record->second || escape_is_utf8(record->second)));
}

void hint_policy(FILE *out, const struct record *record, const char *home)
{
	const char *words[2];
	size_t count = words_of(record, words);
	char buffer[PATH_MAX];

	fprintf(out, "%s: [", record->use || record->allow ? "network" : "files");
	for (size_t k = 0; k < count; k++) {
		fprintf(out, "%s{%s: [", k ? ", " : "", words[k]);
		escape_for_yaml(
		        out, with_tilde(record->allow ? record->allow : record->object, home, buffer));
		if (record->second) {
			fputs(", ", out);
			escape_for_yaml(out, with_tilde(record->second, home, buffer));
		}
		fputs("]}", out);
	}
	fputc(']', out);
}
