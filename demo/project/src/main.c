#include <stdio.h>
#include <string.h>

#include "count.h"

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		struct counts counts;
		int r = count_file(argv[i], &counts);

		if (r == 0) {
			printf("%lu lines, %lu words in %s\n", counts.lines, counts.words, argv[i]);
			continue;
		}
		printf("%s: %s\n", argv[i], strerror(-r));
		failed = 1;
	}
	return failed;
}
