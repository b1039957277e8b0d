/* Runs files of triplets: test-triplets [--fail] FILE.t... With --fail every triplet of the files must fail.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/triplets.h"

static const char *lookup(void *user, const char *name)
{
	static const char *const variables[][2] = {{"HOME", "/home/me"}, {"PWD", "/home/me/work"},
	        {"USER", "me"}, {"REEVE_TMP", "/tmp/reeve-test"}, {"STAR", "*"}, {"RELATIVE", "some/where"},
	        {"EMPTY", ""}};

	for (size_t i = 0; i < ELEMENTS(variables); i++)
		if (strcmp(variables[i][0], name) == 0)
			return variables[i][1];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct policy_context context = {"/home/me", "/home/me/work", lookup, NULL};
	bool must_fail = argc > 1 && strcmp(argv[1], "--fail") == 0;
	size_t all_passed = 0, all_failed = 0;

	for (int i = 1 + must_fail; i < argc; i++) {
		size_t passed, failed;
		int r = triplets_run(argv[i], &context, must_fail ? stdout : stderr, &passed, &failed);

		if (r < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
			return 1;
		}
		all_passed += passed;
		all_failed += failed;
	}
	printf("%zu passed, %zu failed\n", all_passed, all_failed);
	if (must_fail)
		return all_passed > 0 || all_failed == 0;
	return all_failed > 0 || all_passed == 0;
}
