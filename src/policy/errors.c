/* Names of errors, as a rule's `errno` gives them. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/builder.h"

static const char *const other_names[] = {"EWOULDBLOCK", "ENOTSUP", "EDEADLOCK", NULL};
static const int other_numbers[] = {EWOULDBLOCK, ENOTSUP, EDEADLOCK};

const char *const *policy_error_synonyms(void)
{
	return other_names;
}

const char *policy_error_name(int number)
{
	if (number < 1 || number > POLICY_HIGHEST_ERROR)
		return NULL;
	return strerrorname_np(number);
}

static int number_of_digits(const char *text)
{
	int number = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9' || number > POLICY_HIGHEST_ERROR)
			return -1;
		number = number * 10 + (*text - '0');
	}
	return policy_error_name(number) ? number : -1;
}

int policy_error_number(const char *text, const char **ret_nearest)
{
	const char *names[POLICY_HIGHEST_ERROR + ELEMENTS(other_names) + 1];
	size_t count = 0;

	*ret_nearest = NULL;
	if (text[0] >= '0' && text[0] <= '9')
		return number_of_digits(text);
	for (int number = 1; number <= POLICY_HIGHEST_ERROR; number++) {
		const char *name = policy_error_name(number);

		if (!name)
			continue;
		if (strcmp(name, text) == 0)
			return number;
		names[count++] = name;
	}
	for (size_t i = 0; other_names[i]; i++) {
		if (strcmp(other_names[i], text) == 0)
			return other_numbers[i];
		names[count++] = other_names[i];
	}
	names[count] = NULL;
	*ret_nearest = policy_nearest(text, names);
	return -1;
}
