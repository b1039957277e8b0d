#include "cli/suggest.h"

#include <stddef.h>
#include <string.h>

#define LONGEST 32

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* How many letters must be added, left out, replaced or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
	unsigned table[LONGEST + 1][LONGEST + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > LONGEST || nb > LONGEST)
		return LONGEST;
	for (size_t i = 0; i <= na; i++) {
		for (size_t k = 0; k <= nb; k++) {
			if (i == 0 || k == 0) {
				table[i][k] = (unsigned)(i + k);
				continue;
			}
			table[i][k] = least(table[i - 1][k] + 1, table[i][k - 1] + 1,
			        table[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				table[i][k] = least(table[i][k], table[i - 2][k - 2] + 1, LONGEST);
		}
	}
	return table[na][nb];
}

const char *suggest_nearest(const char *typed, const char *const *names)
{
	const char *best = NULL;
	unsigned best_distance = LONGEST;

	for (; *names; names++) {
		unsigned d = distance(typed, *names);

		if (d < best_distance) {
			best = *names;
			best_distance = d;
		}
	}
	/* Of a short word not much may be wrong. */
	return best && best_distance <= 2 && best_distance * 2 <= strlen(best) ? best : NULL;
}
