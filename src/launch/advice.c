#include "launch/advice.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"

/* Words that only a shell knows. */
static bool is_shells_own(const char *word)
{
	static const char *const words[] = {"cd", "source", ".", "alias", "export", "ulimit", "exit", "set",
	        "unset", "eval", "read", "umask", "trap", "if", "for", "while", "shopt", "pushd", "popd",
	        "declare"};

	for (size_t i = 0; i < ELEMENTS(words); i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static bool is_assignment(const char *word)
{
	size_t n = strcspn(word, "=");

	if (n == 0 || word[n] != '=' || isdigit((unsigned char)word[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)word[i]) && word[i] != '_')
			return false;
	return true;
}

static bool is_policy(const char *word)
{
	const char *dot = strrchr(word, '.');

	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0) &&
	       access(word, F_OK) == 0;
}

static void write_words(FILE *out, char *const *words)
{
	for (; *words; words++) {
		fputc(' ', out);
		escape_for_shell(out, *words);
	}
}

/* A line for a shell, as one word that it will take apart. */
static void write_line(FILE *out, char *const *words)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&line, &size);

	if (!text)
		return;
	for (char *const *word = words; *word; word++)
		fprintf(text, "%s%s", word == words ? "" : " ", *word);
	if (fclose(text) == 0)
		escape_for_shell(out, line);
}

static void advise_on_missing(FILE *out, char *const *argv)
{
	const char *name = argv[0];
	bool is_here = !strchr(name, '/') && access(name, F_OK) == 0;

	if (is_policy(name)) {
		fputs("a policy is named before the command: reeve run -p ", out);
		escape_for_shell(out, name);
		fputs(" --", out);
		argv[1] ? write_words(out, argv + 1) : (void)fputs(" COMMAND", out);
	} else if (is_assignment(name)) {
		fputs("to set a variable for it: reeve run -- env", out);
		write_words(out, argv);
	} else if (strpbrk(name, " |&;<>") || is_shells_own(name)) {
		fputs(strpbrk(name, " |&;<>") ? "for a line of shell: reeve run -- sh -c "
		                              : "only a shell knows that word: reeve run -- sh -c ",
		        out);
		write_line(out, argv);
	} else if (is_here) {
		fputs("a program of this folder is named with ./ : reeve run -- ./", out);
		escape_for_shell(out, name);
		write_words(out, argv + 1);
	}
}

static void advise_on_unusable(FILE *out, char *const *argv)
{
	struct stat st;

	if (!strchr(argv[0], '/') || stat(argv[0], &st) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		fputs("that is a folder", out);
	} else if (is_policy(argv[0])) {
		advise_on_missing(out, argv);
	} else if (!(st.st_mode & 0111)) {
		fputs("it is not executable: chmod +x ", out);
		escape_for_shell(out, argv[0]);
		fputs(", or name what shall read it, as in: reeve run -- sh", out);
		write_words(out, argv);
	}
}

char *advice_on_command(char *const *argv, int error)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (error == ENOENT)
		advise_on_missing(out, argv);
	else if (error == EACCES)
		advise_on_unusable(out, argv);
	if (fclose(out) == 0 && size > 0)
		return text;
	free(text);
	return NULL;
}
