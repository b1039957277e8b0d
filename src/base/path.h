/* Paths as text: bytes, never interpreted as characters. Nothing here looks at a file system. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Writes the absolute `path` without empty and "." components into `ret` (`size` bytes, NUL included).
 * A final "/" or "/." is dropped. Returns the length; -EINVAL when the path is not absolute, -ENAMETOOLONG;
 * -EXDEV when it has a ".." component, which only a look at the file system can resolve. */
int path_clean(const char *path, char *ret, size_t size);

/* As path_clean, but ".." takes the component before it away ("/" stays "/"). For text that people write. */
int path_clean_lexically(const char *path, char *ret, size_t size);

/* Whether `path` ends in "/", "/." or is "." : the kernel then demands a directory and follows a last link.
 */
bool path_wants_directory(const char *path);

/* Whether `path` is `top` or lies in the tree below it. Both clean and absolute. */
bool path_is_within(const char *path, const char *top);

/* The last component of a clean path ("" for "/"). */
const char *path_base(const char *path);
