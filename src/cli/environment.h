/* Variables that are the twins of flags. They choose a policy and where records go; none grants anything by
 * itself or loosens how a policy is held, and the command that runs does not see them. A flag wins. */
#pragma once

#include "cli/options.h"

/* Gives each variable whose twin is among `known` to `take`, as the option that it stands for; to be called before
 * the flags are read, so that they replace what they name, too. REEVE_POLICY and REEVE_USE are left to
 * environment_take_base. What is wrong with one goes to stderr: -EINVAL; or what `take` returned. */
int environment_read(const char *subcommand, const struct option *known,
        int (*take)(void *user, int option, const char *value), void *user);

/* After the flags: the policies and profiles of REEVE_POLICY and REEVE_USE, unless a flag named some. 0, -EINVAL,
 * -ENOMEM. */
int environment_take_base(const char *subcommand, struct options *options);

/* Takes the variables out of the environment that the command gets. */
void environment_hide(void);
