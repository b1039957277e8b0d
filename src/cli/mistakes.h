/* What people type who mean something else, and what they should type instead. */
#pragma once

#include <getopt.h>
#include <stdbool.h>

/* The subcommand that other programs' word for it stands for, or NULL. */
const char *mistakes_subcommand(const char *typed);

/* The long option that is meant by other programs' name for it, without dashes: a word, or a letter. NULL when
 * there is none among `known`. */
const char *mistakes_option(const char *typed, const struct option *known);

/* Whether a file begins as programs do: "#!" or an executable's mark. */
bool mistakes_is_program(const char *path);
