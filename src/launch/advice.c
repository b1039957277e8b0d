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
#include "base/path.h"
#include "launch/child.h"
#include "launch/loader.h"
#include "plan/tell.h"

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
		argv += argv[1] && strcmp(argv[1], "--") == 0;
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

char *advice_find(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return realpath(name, NULL);
	for (path = path ? path : CHILD_STANDARD_PATH;; path++) {
		size_t n = strcspn(path, ":");
		AUTO_FREE char *file = NULL;
		struct stat st;

		if (asprintf(&file, "%.*s%s%s", (int)n, path, n ? "/" : "", name) < 0) {
			file = NULL;
			return NULL;
		}
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 0111)
			return realpath(file, NULL);
		path += n;
		if (!*path)
			return NULL;
	}
}

/* What the profile `system` lets run, with all that it needs. */
static bool is_the_systems(const char *path)
{
	static const char *const trees[] = {
	        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt"};

	for (size_t i = 0; i < ELEMENTS(trees); i++)
		if (path_is_within(path, trees[i]))
			return true;
	return false;
}

/* A rule for just this place, or for another spelling of it: none lies inside. */
static bool is_for(const struct policy_file_rule *rule, const char *path)
{
	AUTO_FREE char *real = rule->is_glob ? NULL : realpath(rule->path, NULL);

	return rule->is_fixed || (real && strcmp(real, path) == 0);
}

static void write_rule(FILE *out, const struct match_verdict *verdict, const char *path)
{
	const struct policy_file_rule *rule = verdict->rule;

	if (verdict->verdict == POLICY_ASK) {
		fputs("the policy asks about it, and nobody said yes", out);
		return;
	}
	if (rule) {
		fputs("the policy refuses it, by ", out);
		tell_rule(out, rule, NULL);
		if (is_for(rule, path))
			return;
		fputs("; --exec ", out);
	} else if (is_the_systems(path)) {
		fputs("the policy does not allow it; --use system would, with all of the system's programs",
		        out);
		return;
	} else {
		fputs("the policy does not allow it; --exec ", out);
	}
	escape_for_shell(out, path);
	fputs(" would", out);
}

static void write_started_by(FILE *out, const char *program, const char *loader)
{
	escape_for_terminal(out, program);
	fputs(" is started by ", out);
	escape_for_terminal(out, loader);
	fputs(": ", out);
}

/* A script may name a script. */
enum { MOST_LOADERS = 5 };

char *advice_on_program(const struct plan *plan, const char *program)
{
	AUTO_FREE char *path = strdup(program);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	for (int i = 0; out && path && i < MOST_LOADERS; i++) {
		AUTO_FREE char *loader = NULL;
		struct match_verdict verdict;

		matcher_decide(plan->matcher, path, POLICY_EXEC, &verdict);
		if (verdict.verdict != POLICY_ALLOW) {
			if (i > 0)
				write_started_by(out, program, path);
			write_rule(out, &verdict, path);
			break;
		}
		loader = loader_of(path);
		free(path);
		path = loader ? realpath(loader, NULL) : NULL;
		if (loader && !path) {
			write_started_by(out, program, loader);
			fputs(errno == ENOENT ? "that is not there" : strerror(errno), out);
		}
	}
	if (out && fclose(out) == 0 && size > 0)
		return text;
	free(text);
	return NULL;
}
