/* Private folders of our own making. */
#pragma once

/* Makes a folder of mode 0700 whose name is `prefix` and six more letters, and locks it for as long as some copy
 * of *ret_lock is open: those that nobody holds any more are leftovers. 0 or -errno; the caller frees both. */
int folder_make(const char *top, const char *prefix, char **ret_path, int *ret_lock);

/* Removes a tree, also where it holds folders without permissions, or is deeper than a path can be long; without
 * following links out of it and without crossing into other file systems. Best effort. */
void folder_remove(const char *path);

/* Removes what was made as `path` was, beside it and by the same user, and that nobody holds any more: whoever
 * would have removed it was killed. */
void folder_remove_leftovers(const char *path);
