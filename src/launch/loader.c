#include "launch/loader.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { MOST_HEADERS = 64, LONGEST = 4096 };

static char *of_script(const char *line)
{
	line += strspn(line, " \t");
	return strndup(line, strcspn(line, " \t\n"));
}

static char *of_binary(int fd, const ElfW(Ehdr) * header)
{
	char path[LONGEST];

	for (unsigned i = 0; i < MIN(header->e_phnum, MOST_HEADERS); i++) {
		off_t at = (off_t)(header->e_phoff + (size_t)i * header->e_phentsize);
		ElfW(Phdr) segment;

		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return NULL;
		if (segment.p_type != PT_INTERP || segment.p_filesz == 0 || segment.p_filesz > sizeof(path))
			continue;
		if (pread(fd, path, segment.p_filesz, (off_t)segment.p_offset) != (ssize_t)segment.p_filesz)
			return NULL;
		return strndup(path, segment.p_filesz);
	}
	return NULL;
}

char *loader_of(const char *program)
{
	AUTO_CLOSE int fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	union {
		char text[LONGEST];
		ElfW(Ehdr) header;
	} begin;
	ssize_t n = fd < 0 ? -1 : pread(fd, begin.text, sizeof(begin.text) - 1, 0);

	if (n < 2)
		return NULL;
	begin.text[n] = '\0';
	if (memcmp(begin.text, "#!", 2) == 0)
		return of_script(begin.text + 2);
	if ((size_t)n < sizeof(begin.header) || memcmp(begin.text, ELFMAG, SELFMAG) != 0)
		return NULL;
	return of_binary(fd, &begin.header);
}
