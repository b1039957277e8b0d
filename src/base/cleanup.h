/* Cleanup by attribute: a variable declared with one of these releases what it holds when its scope ends.
 * Always initialise it (NULL, -EBADF). Ownership leaves a scope only by TAKE_PTR and TAKE_FD. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define AUTO_FREE CLEANUP(cleanup_free)
#define AUTO_CLOSE CLEANUP(cleanup_close)
#define AUTO_FCLOSE CLEANUP(cleanup_fclose)
#define AUTO_CLOSEDIR CLEANUP(cleanup_closedir)

#define TAKE_PTR(p)                                                                                          \
	__extension__({                                                                                      \
		__typeof__(p) *from_ = &(p);                                                                 \
		__typeof__(p) taken_ = *from_;                                                               \
		*from_ = NULL;                                                                               \
		taken_;                                                                                      \
	})

#define TAKE_FD(fd)                                                                                          \
	__extension__({                                                                                      \
		int *from_ = &(fd);                                                                          \
		int taken_ = *from_;                                                                         \
		*from_ = -EBADF;                                                                             \
		taken_;                                                                                      \
	})

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
