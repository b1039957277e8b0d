struct counts {
	unsigned long lines, words;
};

int count_file(const char *path, struct counts *ret);
