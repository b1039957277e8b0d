#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/builder.h"

enum { MOST_DIAGNOSTICS = 100, LONGEST_WORD = 40 };

int policy_diagnose(struct policy_builder *builder, const struct policy_place *place, const char *format, ...)
{
	struct policy_diagnostic diagnostic = {.place = *place};
	AUTO_FREE char *message = NULL;
	va_list arguments;
	int r;

	if (builder->diagnostics.count > MOST_DIAGNOSTICS)
		return 0;
	va_start(arguments, format);
	r = builder->diagnostics.count == MOST_DIAGNOSTICS
	            ? asprintf(&message, "too many errors: the rest is not told")
	            : vasprintf(&message, format, arguments);
	va_end(arguments);
	if (r < 0) {
		message = NULL;
		return -ENOMEM;
	}
	diagnostic.message = message;
	r = ARRAY_PUSH(&builder->diagnostics, diagnostic);
	if (r == 0)
		message = NULL;
	return r;
}

bool policy_has_told_enough(const struct policy_builder *builder)
{
	return builder->diagnostics.count > MOST_DIAGNOSTICS;
}

struct policy_quote policy_quote(const char *text, size_t length)
{
	struct policy_quote quote;
	size_t room = sizeof(quote.text) - 4, used = 0;

	for (; used < length && used < room; used++) {
		unsigned char byte = (unsigned char)text[used];

		quote.text[used] = byte < 0x20 || byte == 0x7f ? '?' : text[used];
	}
	if (used < length)
		/* Not in the middle of a character. */
		while (used > 0 && ((unsigned char)text[used] & 0xc0) == 0x80)
			used--;
	strcpy(quote.text + used, used < length ? "..." : "");
	return quote;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters to add, drop, change or swap with their neighbour. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[3][LONGEST_WORD + 1];

	for (unsigned j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a_length; i++) {
		unsigned *row = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b_length; j++) {
			row[j] = least(
			        least(before[j], row[j - 1]) + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], earlier[j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

const char *policy_nearest(const char *word, const char *const *words)
{
	size_t length = strlen(word);
	unsigned nearest = length < 5 ? 2 : length < 8 ? 3 : 4; /* this far is too far */
	const char *found = NULL;

	if (length > LONGEST_WORD)
		return NULL;
	for (; *words; words++) {
		size_t other = strlen(*words);
		unsigned d;

		if (other > LONGEST_WORD)
			continue;
		d = distance(word, length, *words, other);
		if (d < nearest) {
			nearest = d;
			found = *words;
		}
	}
	return found;
}
