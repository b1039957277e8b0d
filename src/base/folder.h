/* Private folders of our own making. */
#pragma once

#include <stdbool.h>

/* Makes a folder of mode 0700 whose name is `prefix` and six more letters, and locks it for as long as some copy
 * of *ret_lock is open: those that nobody holds any more are leftovers. 0 or -errno; the caller frees both. */
int folder_make(const char *top, const char *prefix, char **ret_path, int *ret_lock);

/* The same, but first the one folder of this kind that stays from run to run, empty, if nobody else has it now: to make
 * and to remove one costs more than all else that a start does with files. */
int folder_take(const char *top, const char *prefix, char **ret_path, int *ret_lock);

/* To whoever took it: the folder that stays does so where it is empty and as it was made; all else is removed. */
void folder_put_back(const char *path);

/* Removes a tree, also where it holds folders without permissions, or is deeper than a path can be long; without
 * following links out of it and without crossing into other file systems. Best effort. */
void folder_remove(const char *path);

/* A folder that several may share: made, of mode 0700, if it is not there and the folder above it belongs to this
 * user. Returns the descriptor to share it by, or -errno. */
int folder_share(const char *path, bool *ret_made);

/* To whoever made it: removes it if it is empty and nobody else shares it. The caller closes `shared`. */
void folder_unmake(const char *path, int shared);

/* Removes what was made as `path` was, beside it and by the same user, and that nobody holds any more: whoever
 * would have removed it was killed. */
void folder_remove_leftovers(const char *path);
