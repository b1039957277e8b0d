/* Folders of our own making. */
#pragma once

/* Removes a tree, without following links out of it and without crossing into other file systems. Best
 * effort. */
void folder_remove(const char *path);
