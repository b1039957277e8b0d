#include "base/listing.h"

#include <dirent.h>
#include <string.h>
#include <sys/types.h>

void listing_begin(int fd, struct listing *ret)
{
	ret->fd = fd;
	ret->at = ret->size = 0;
}

const char *listing_next(struct listing *listing)
{
	for (;;) {
		const struct dirent64 *entry;

		if (listing->at == listing->size) {
			ssize_t n = getdents64(listing->fd, listing->buffer, sizeof(listing->buffer));

			if (n <= 0)
				return NULL;
			listing->at = 0;
			listing->size = (size_t)n;
		}
		entry = (const struct dirent64 *)(listing->buffer + listing->at);
		listing->at += entry->d_reclen;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return entry->d_name;
	}
}
