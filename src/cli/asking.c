#include "cli/asking.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "kernel/peer.h"
#include "record/describe.h"

#define MOST_SECONDS 86400
#define MOST_POLICY (1 << 20)

int asking_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct peer peer;
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && strlen(path) >= sizeof(address.sun_path))
		r = -ENAMETOOLONG;
	if (r == 0) {
		strcpy(address.sun_path, path);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			r = -errno;
	}
	/* Somebody else's yes is none. */
	if (r == 0 && (peer_look(fd, &peer) < 0 || (peer.uid != 0 && peer.uid != geteuid())))
		r = -EPERM;
	if (r == 0)
		return TAKE_FD(fd);
	fputs("reeve run: --ask-socket ", stderr);
	escape_for_terminal(stderr, path);
	fprintf(stderr, ": %s%s\n", strerror(-r),
	        r == -ENOENT || r == -ECONNREFUSED ? "; whoever answers has to listen there first" : "");
	return r;
}

int asking_read_seconds(const char *text, unsigned *ret)
{
	char *end;
	unsigned long seconds = strtoul(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end && seconds >= 1 && seconds <= MOST_SECONDS) {
		*ret = (unsigned)seconds;
		return 0;
	}
	fputs("reeve run: --ask-timeout expects seconds, 1 to 86400, found ", stderr);
	escape_for_terminal(stderr, text);
	fputc('\n', stderr);
	return -EINVAL;
}

/* ---- a rule for the policy ---- */

/* The only policy file; a run of several, or of a folder's, has none that is meant. */
static const char *only_file(const struct options *options)
{
	const char *file = NULL;

	for (size_t i = 0; i < options->items.count; i++) {
		if (strcmp(options->items.items[i].key, "policy") != 0)
			continue;
		if (file)
			return NULL;
		file = options->items.items[i].value;
	}
	return file;
}

static char *read_file(const char *path, mode_t *ret_mode)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MOST_POLICY)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (!text || n != st.st_size)
		return NULL;
	text[n] = '\0';
	*ret_mode = st.st_mode & 0777;
	return strlen(text) == (size_t)n ? TAKE_PTR(text) : NULL;
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

/* "files: [{read: [~/x]}]": the section's name, and the rules of it between the brackets. */
static char *rules_of(const struct record *record, const char *home, size_t *ret_section)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	hint_policy(out, record, home);
	if (fclose(out) != 0 || !strstr(text, ": [{") || text[size - 1] != ']') {
		free(text);
		return NULL;
	}
	*ret_section = (size_t)(strstr(text, ": [{") - text);
	text[size - 1] = '\0';
	return text;
}

/* The section with the rule as its first item, as deep as the others; or a new section at the end. */
static char *with_rule(const char *text, const char *rules, size_t section)
{
	const char *line = text, *after, *item;
	const char *rule = rules + section + strlen(": [");
	char *made = NULL;
	int n;

	while (*line && !(strncmp(line, rules, section) == 0 && line[section] == ':'))
		line = next_line(line);
	if (!*line) {
		bool ends = !*text || text[strlen(text) - 1] == '\n';

		n = asprintf(&made, "%s%s%.*s:\n  - %s\n", text, ends ? "" : "\n", (int)section, rules, rule);
		return n < 0 ? NULL : made;
	}
	after = line + section + 1;
	after += strspn(after, " \t");
	if (*after != '\n' && *after != '#')
		return NULL; /* a list in brackets */
	after = item = next_line(line);
	while (*item && item[strspn(item, " \t")] != '-')
		item = next_line(item);
	n = asprintf(&made, "%.*s%.*s- %s\n%s", (int)(after - text), text, (int)strspn(item, " \t"), item,
	        rule, after);
	return n < 0 ? NULL : made;
}

static void free_builder(struct policy_builder **builder)
{
	policy_builder_free(*builder);
}

/* How many rules a text has, or -EINVAL. */
static long count_rules(const struct options *options, const char *name, const char *text)
{
	struct options own = *options;
	CLEANUP(free_builder) struct policy_builder *builder = NULL;
	struct policy_context context;
	struct policy *policy = NULL;
	long count;
	int r;

	own.tmp = OPTIONS_TMP_NAMED;
	context = options_context(&own);
	r = policy_builder_new(&context, &builder);
	if (r == 0)
		r = policy_add_text(builder, name, text, strlen(text));
	if (r == 0)
		r = policy_builder_finish(builder, &policy);
	if (!options->tmp_path)
		free(own.tmp_path);
	if (r < 0 || !policy)
		return r < 0 ? r : -EINVAL;
	count = (long)(policy->file_count + policy->address_count);
	policy_unref(policy);
	return count;
}

static int replace(const char *path, const char *text, mode_t mode)
{
	AUTO_FREE char *real = realpath(path, NULL), *other = NULL;
	AUTO_CLOSE int fd = -EBADF;
	int r = 0;

	if (!real || asprintf(&other, "%s.XXXXXX", real) < 0) {
		other = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(other, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) < 0 ||
	        rename(other, real) < 0)
		r = errno ? -errno : -EIO;
	if (r < 0)
		unlink(other);
	return r;
}

int asking_write_rule(const struct options *options, const struct record *record, const char **ret_file)
{
	const char *file = only_file(options);
	AUTO_FREE char *text = NULL, *rules = NULL, *made = NULL;
	size_t section;
	mode_t mode;
	long before;
	int r;

	if (!file || hint_of(record) != HINT_RULE || !hint_has_policy(record))
		return -ENOENT;
	text = read_file(file, &mode);
	rules = text ? rules_of(record, options->home, &section) : NULL;
	made = rules ? with_rule(text, rules, section) : NULL;
	if (!made)
		return -EINVAL;
	/* It must be the policy that it was, and more. */
	before = count_rules(options, file, text);
	if (before < 0 || count_rules(options, file, made) < before)
		return -EINVAL;
	r = replace(file, made, mode);
	if (r == 0)
		*ret_file = file;
	return r;
}
