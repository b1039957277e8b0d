/* What to type instead of a command that could not be started. */
#pragma once

/* `error` is the errno of starting argv[0]. The caller frees the text, one line; NULL: there is nothing to say. */
char *advice_on_command(char *const *argv, int error);
