/* What to type instead of a command that could not be started. */
#pragma once

#include "plan/plan.h"

/* `error` is the errno of starting argv[0]. The caller frees the text, one line; NULL: there is nothing to say. */
char *advice_on_command(char *const *argv, int error);

/* The first file in PATH of that name that its modes would let run, through symbolic links. The caller frees it;
 * NULL: none. */
char *advice_find(const char *name);

/* Why a program that is there did not start, by what the policy says of it and of what the kernel starts in its
 * place. As advice_on_command. */
char *advice_on_program(const struct plan *plan, const char *program);
