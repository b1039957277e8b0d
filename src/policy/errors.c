/* Names of errors, as a rule's `errno` gives them. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/builder.h"

enum { HIGHEST_ERROR = 133 };

static const struct {
	const char *name;
	int number;
} other_names[] = {{"EWOULDBLOCK", EWOULDBLOCK}, {"ENOTSUP", ENOTSUP}, {"EDEADLOCK", EDEADLOCK}};

const char *policy_error_name(int number)
{
	if (number < 1 || number > HIGHEST_ERROR)
		return NULL;
	return strerrorname_np(number);
}

static int number_of_digits(const char *text)
{
	int number = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9' || number > HIGHEST_ERROR)
			return -1;
		number = number * 10 + (*text - '0');
	}
	return policy_error_name(number) ? number : -1;
}

int policy_error_number(const char *text, const char **ret_nearest)
{
	const char *names[HIGHEST_ERROR + ELEMENTS(other_names) + 1];
	size_t count = 0;

	*ret_nearest = NULL;
	if (text[0] >= '0' && text[0] <= '9')
		return number_of_digits(text);
	for (int number = 1; number <= HIGHEST_ERROR; number++) {
		const char *name = policy_error_name(number);

		if (!name)
			continue;
		if (strcmp(name, text) == 0)
			return number;
		names[count++] = name;
	}
	for (size_t i = 0; i < ELEMENTS(other_names); i++) {
		if (strcmp(other_names[i].name, text) == 0)
			return other_names[i].number;
		names[count++] = other_names[i].name;
	}
	names[count] = NULL;
	*ret_nearest = policy_nearest(text, names);
	return -1;
}
