#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "count.h"

int count_file(const char *path, struct counts *ret)
{
	FILE *file = fopen(path, "r");
	int c, before = ' ';

	if (!file)
		return -errno;
	*ret = (struct counts){0};
	while ((c = getc(file)) != EOF) {
		ret->lines += c == '\n';
		ret->words += !isspace(c) && isspace(before);
		before = c;
	}
	fclose(file);
	return 0;
}
