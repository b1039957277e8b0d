/* Wrong policies and what is said of them: test-bad DIRECTORY. Beside each NAME.yaml stands NAME.expect, a
 * line for each error: "FILE:LINE:COLUMN: message". With --write the expectations are written instead (read
 * them!). */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy/policy.h"

static const char *lookup(void *user, const char *name)
{
	if (strcmp(name, "HOME") == 0)
		return "/home/me";
	return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

/* What is said of one file; the caller frees it. */
static char *complaints_of(const char *file)
{
	const struct policy_context context = {"/home/me", "/home/me/work", lookup, NULL};
	const struct policy_diagnostics *diagnostics;
	struct policy_builder *builder;
	struct policy *policy = NULL;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out || policy_builder_new(&context, &builder) < 0)
		return NULL;
	if (policy_add_file(builder, file) == 0)
		fprintf(out, "nothing is wrong with it\n");
	diagnostics = policy_builder_diagnostics(builder);
	for (size_t i = 0; i < diagnostics->count; i++) {
		char place[4096];

		fprintf(out, "%s: %s\n",
		        policy_place_text(&diagnostics->items[i].place, place, sizeof(place)),
		        diagnostics->items[i].message);
	}
	if (policy_builder_finish(builder, &policy) != -EINVAL)
		fprintf(out, "a policy was made of it\n");
	policy_unref(policy);
	policy_builder_free(builder);
	fclose(out);
	return text;
}

static bool is_as_expected(const char *file, const char *expect_file, bool is_writing)
{
	AUTO_FREE char *got = complaints_of(file), *expected = NULL;
	AUTO_FCLOSE FILE *expect = fopen(expect_file, is_writing ? "we" : "re");
	size_t room = 0;

	if (!got || !expect) {
		fprintf(stderr, "%s: %s\n", expect_file, strerror(errno));
		return false;
	}
	if (is_writing)
		return fputs(got, expect) >= 0;
	if (getdelim(&expected, &room, '\0', expect) < 0)
		return false;
	if (strcmp(got, expected) == 0)
		return true;
	fprintf(stderr, "%s\nexpected:\n%sgot:\n%s\n", file, expected, got);
	return false;
}

int main(int argc, char **argv)
{
	bool is_writing = argc > 2 && strcmp(argv[2], "--write") == 0;
	AUTO_CLOSEDIR DIR *directory = NULL;
	const struct dirent *entry;
	unsigned good = 0, bad = 0;

	if (argc < 2 || chdir(argv[1]) < 0 || !(directory = opendir("."))) {
		perror("test-bad");
		return 1;
	}
	while ((entry = readdir(directory))) {
		const char *dot = strrchr(entry->d_name, '.');
		char expect[512];

		if (!dot || strcmp(dot, ".yaml") != 0)
			continue;
		snprintf(expect, sizeof(expect), "%.*s.expect", (int)(dot - entry->d_name), entry->d_name);
		if (is_as_expected(entry->d_name, expect, is_writing))
			good++;
		else
			bad++;
	}
	printf("%u as expected, %u not\n", good, bad);
	return bad > 0 || good < 40;
}
