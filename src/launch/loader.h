/* What the kernel starts in the place of a program: the interpreter of a script, the loader of a binary. */
#pragma once

/* Its path, for the caller to free. NULL: there is none, or it cannot be read. */
char *loader_of(const char *program);
