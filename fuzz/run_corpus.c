/* Runs a fuzz target over files and folders of files that are given: a corpus as a normal test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	AUTO_FREE char *data = NULL;
	size_t size = 0;
	AUTO_FCLOSE FILE *copy = open_memstream(&data, &size);
	char chunk[4096];
	size_t n;

	if (!file || !copy)
		return -1;
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		fwrite(chunk, 1, n, copy);
	if (ferror(file) || fflush(copy) != 0)
		return -1;
	LLVMFuzzerTestOneInput((const uint8_t *)data, size);
	return 0;
}

static int run_folder(const char *path, unsigned *count)
{
	AUTO_CLOSEDIR DIR *folder = opendir(path);
	const struct dirent *entry;

	if (!folder)
		return -1;
	while ((entry = readdir(folder))) {
		char file[4096];

		if (entry->d_type == DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (run_file(file) < 0) {
			perror(file);
			return -1;
		}
		++*count;
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++) {
		if (run_folder(argv[i], &count) < 0) {
			perror(argv[i]);
			return 1;
		}
	}
	printf("%u inputs\n", count);
	return count == 0;
}
