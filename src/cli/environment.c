#include "cli/environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/suggest.h"

enum twin_kind {
	TWIN_POLICIES, /* absolute paths, with colons between them */
	TWIN_PROFILES, /* with commas between them */
	TWIN_VALUE,
	TWIN_TRUTH,
};

#define PREFIX "REEVE_"

static const struct twin {
	const char *name; /* after REEVE_ */
	const char *option;
	enum twin_kind kind;
} twins[] = {
        {"POLICY", "policy", TWIN_POLICIES},
        {"USE", "use", TWIN_PROFILES},
        {"JSON", "json", TWIN_VALUE},
        {"LOG", "log", TWIN_VALUE},
        {"SUMMARY", "summary", TWIN_TRUTH},
        {"SUMMARY_JSON", "summary-json", TWIN_VALUE},
        {"QUIET", "quiet", TWIN_TRUTH},
        {"ON_DENY", "on-deny", TWIN_VALUE},
        {"ASK_SOCKET", "ask-socket", TWIN_VALUE},
        {"ASK_TIMEOUT", "ask-timeout", TWIN_VALUE},
        {"PERMISSIVE", "permissive", TWIN_TRUTH},
        {"VERBOSE_DENIALS", "verbose-denials", TWIN_TRUTH},
};

static const char *value_of(const struct twin *twin)
{
	char name[64];
	const char *value;

	snprintf(name, sizeof(name), PREFIX "%s", twin->name);
	value = getenv(name);
	return value && *value ? value : NULL;
}

static int complain(const char *subcommand, const struct twin *twin, const char *value, const char *expected)
{
	fprintf(stderr, "reeve %s: " PREFIX "%s: %s, found ", subcommand, twin->name, expected);
	escape_for_terminal(stderr, value);
	fputc('\n', stderr);
	return -EINVAL;
}

/* 1: yes, 0: no, -EINVAL. */
static int truth_of(const char *subcommand, const struct twin *twin, const char *value)
{
	static const char *const yes[] = {"1", "true", "yes", "on"}, *const no[] = {
	                                                                     "0", "false", "no", "off"};

	for (size_t i = 0; i < ELEMENTS(yes); i++) {
		if (strcmp(value, yes[i]) == 0)
			return 1;
		if (strcmp(value, no[i]) == 0)
			return 0;
	}
	return complain(subcommand, twin, value, "expects 1 or 0");
}

/* A policy whose name is misspelt would silently not be used. */
static int check_names(const char *subcommand)
{
	const char *names[ELEMENTS(twins) + 1] = {0};

	for (size_t i = 0; i < ELEMENTS(twins); i++)
		names[i] = twins[i].name;
	for (char **variable = environ; variable && *variable; variable++) {
		char name[64];
		size_t n = strcspn(*variable, "=");
		const char *nearest;

		if (strncmp(*variable, PREFIX, strlen(PREFIX)) != 0 || n >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(n - strlen(PREFIX)), *variable + strlen(PREFIX));
		nearest = suggest_nearest(name, names);
		if (!nearest || strcmp(nearest, name) == 0)
			continue;
		fprintf(stderr, "reeve %s: the variable " PREFIX, subcommand);
		escape_for_terminal(stderr, name);
		fprintf(stderr, " is not known; did you mean " PREFIX "%s?\n", nearest);
		return -EINVAL;
	}
	return 0;
}

static const struct option *option_of(const struct twin *twin, const struct option *known)
{
	bool has_value = twin->kind != TWIN_TRUTH;

	for (; known->name; known++)
		if (strcmp(known->name, twin->option) == 0 && (known->has_arg != no_argument) == has_value)
			return known;
	return NULL;
}

int environment_read(const char *subcommand, const struct option *known,
        int (*take)(void *user, int option, const char *value), void *user)
{
	int r = check_names(subcommand);

	for (size_t i = 0; r == 0 && i < ELEMENTS(twins); i++) {
		const struct option *option = option_of(&twins[i], known);
		const char *value = value_of(&twins[i]);

		if (!option || !value || twins[i].kind == TWIN_POLICIES || twins[i].kind == TWIN_PROFILES)
			continue;
		if (twins[i].kind == TWIN_TRUTH) {
			r = truth_of(subcommand, &twins[i], value);
			if (r <= 0)
				continue;
			value = NULL;
		}
		r = take(user, option->val, value);
	}
	return r;
}

/* The words of `value`, which live as long as the options. */
static int take_words(
        const char *subcommand, struct options *options, const struct twin *twin, const char *value)
{
	bool is_policy = twin->kind == TWIN_POLICIES;

	while (*value) {
		size_t n = strcspn(value, is_policy ? ":" : ", ");
		const char *word = n ? options_keep(options, value, n) : "";
		int r = word ? 0 : -ENOMEM;

		/* Otherwise each folder that is entered would choose the policy. */
		if (r == 0 && n && is_policy && word[0] != '/')
			r = complain(subcommand, twin, word, "expects absolute paths");
		if (r == 0 && n)
			r = options_take(options, is_policy ? 'p' : OPTION_USE, word);
		if (r < 0)
			return r;
		if (n)
			options->items.items[options->items.count - 1].variable =
			        is_policy ? PREFIX "POLICY" : PREFIX "USE";
		value += n + (value[n] != '\0');
	}
	return 0;
}

int environment_take_base(const char *subcommand, struct options *options)
{
	int r = 0;

	if (options->has_base)
		return 0;
	for (size_t i = 0; r == 0 && i < ELEMENTS(twins); i++) {
		const char *value = value_of(&twins[i]);

		if (value && (twins[i].kind == TWIN_POLICIES || twins[i].kind == TWIN_PROFILES))
			r = take_words(subcommand, options, &twins[i], value);
	}
	return r;
}

void environment_hide(void)
{
	for (size_t i = 0; i < ELEMENTS(twins); i++) {
		char name[64];

		snprintf(name, sizeof(name), PREFIX "%s", twins[i].name);
		unsetenv(name);
	}
}
