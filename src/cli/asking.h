/* Who is asked about what would be refused, and where their rules go. */
#pragma once

#include "cli/options.h"
#include "record/record.h"

#define ASKING_SECONDS 60

/* A connection to the socket at `path`; what is wrong is told on stderr. The descriptor or -errno. */
int asking_connect(const char *path);

/* Whole seconds, 1 to 86400. 0, or -EINVAL: told on stderr. */
int asking_read_seconds(const char *text, unsigned *ret);

/* Adds the rule that would allow it to the one policy file of the options, where that can be done without changing
 * what stands there. 0 with the file's name; -errno: nothing changed. */
int asking_write_rule(const struct options *options, const struct record *record, const char **ret_file);
