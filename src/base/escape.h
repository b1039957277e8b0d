/* Bytes that come from somebody else, written so that neither a terminal, a shell nor a parser takes them for
 * more than they are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The length of the UTF-8 sequence at `text`, 0 when there is none (overlong, surrogate, truncated, NUL). */
size_t escape_utf8_length(const char *text);

/* Whether all of `text` is UTF-8. */
bool escape_is_utf8(const char *text);

/* For people: control characters, those that turn the direction of text, and bytes that are no UTF-8 become
 * \xNN, and a backslash two. */
void escape_for_terminal(FILE *out, const char *text);

/* One word of a shell command: as it is where that is safe, else in '' or, with anything that a terminal
 * would not show, in $''. A leading "~/" stays outside of the quotes. */
void escape_for_shell(FILE *out, const char *text);

/* One string inside a YAML flow sequence. `text` must be UTF-8. */
void escape_for_yaml(FILE *out, const char *text);
