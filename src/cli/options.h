/* The flags that make a policy, shared by the subcommands that need one. Their order does not matter. */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/array.h"
#include "plan/plan.h"
#include "policy/policy.h"

/* Values of long options without a letter. Those of a subcommand's own start at OPTION_OWN. */
enum {
	OPTION_USE = 256,
	OPTION_READ,
	OPTION_WRITE,
	OPTION_EXEC,
	OPTION_DENY,
	OPTION_HIDE,
	OPTION_CONNECT,
	OPTION_LISTEN,
	OPTION_DENY_CONNECT,
	OPTION_DENY_LISTEN,
	OPTION_ASK,
	OPTION_ASK_CONNECT,
	OPTION_ASK_LISTEN,
	OPTION_ASK_CALL,
	OPTION_LIMIT,
	OPTION_REDIRECT,
	OPTION_REDIRECT_CONNECT,
	OPTION_ALLOW_CALL,
	OPTION_DENY_CALL,
	OPTION_KILL_CALL,
	OPTION_STDOUT,
	OPTION_STDERR,
	OPTION_ROTATE,
	OPTION_KEEP,
	OPTION_NETWORK,
	OPTION_OWN = 512,
};

/* clang-format off */
#define OPTIONS_OF_POLICIES                                                                                  \
	{"policy", required_argument, NULL, 'p'},                                                            \
	{"use", required_argument, NULL, OPTION_USE},                                                        \
	{"read", required_argument, NULL, OPTION_READ},                                                      \
	{"write", required_argument, NULL, OPTION_WRITE},                                                    \
	{"exec", required_argument, NULL, OPTION_EXEC},                                                      \
	{"deny", required_argument, NULL, OPTION_DENY},                                                      \
	{"hide", required_argument, NULL, OPTION_HIDE},                                                      \
	{"connect", required_argument, NULL, OPTION_CONNECT},                                                \
	{"listen", required_argument, NULL, OPTION_LISTEN},                                                  \
	{"deny-connect", required_argument, NULL, OPTION_DENY_CONNECT},                                      \
	{"deny-listen", required_argument, NULL, OPTION_DENY_LISTEN},                                        \
	{"ask", required_argument, NULL, OPTION_ASK},                                                        \
	{"ask-connect", required_argument, NULL, OPTION_ASK_CONNECT},                                        \
	{"ask-listen", required_argument, NULL, OPTION_ASK_LISTEN},                                          \
	{"ask-call", required_argument, NULL, OPTION_ASK_CALL},                                              \
	{"limit", required_argument, NULL, OPTION_LIMIT},                                                    \
	{"redirect", required_argument, NULL, OPTION_REDIRECT},                                              \
	{"redirect-connect", required_argument, NULL, OPTION_REDIRECT_CONNECT},                              \
	{"allow-call", required_argument, NULL, OPTION_ALLOW_CALL},                                          \
	{"deny-call", required_argument, NULL, OPTION_DENY_CALL},                                            \
	{"kill-call", required_argument, NULL, OPTION_KILL_CALL},                                            \
	{"stdout", required_argument, NULL, OPTION_STDOUT},                                                  \
	{"stderr", required_argument, NULL, OPTION_STDERR},                                                  \
	{"rotate", required_argument, NULL, OPTION_ROTATE},                                                  \
	{"keep", required_argument, NULL, OPTION_KEEP},                                                      \
	{"network", required_argument, NULL, OPTION_NETWORK}
/* clang-format on */

/* What `-p FOLDER` names in that folder. */
#define OPTIONS_PROJECT_FILE ".reeve.yaml"

struct options_item {
	const char *key;   /* "policy", or a policy_add_flag key */
	const char *value; /* borrowed from argv, or kept */
	int error;         /* what adding it ended with */
	const char *file;  /* of a policy: the file that was read */
	const char *variable; /* of the environment, that said it; or NULL */
};

/* What ${REEVE_TMP} is. */
enum options_tmp {
	OPTIONS_TMP_NAMED, /* a name that nothing is behind */
	OPTIONS_TMP_MADE,  /* a private folder, made when a rule asks for it */
	OPTIONS_TMP_TAKEN, /* the same, but one that stays from run to run where nobody else has it */
};

/* A folder of a rule that says to create it. */
struct options_folder {
	const char *path; /* the policy's */
	int shared;
	bool made;
};

struct options {
	ARRAY(struct options_item) items;
	bool has_base;  /* a policy or a profile was named that stands for itself */
	bool has_grant; /* a flag grants something among files */
	enum options_tmp tmp;
	char *tmp_path; /* made or named; NULL until a rule asked for it */
	char *tmp_top; /* where it is made, and what ${TMPDIR} is */
	int tmp_error;
	ARRAY(struct options_folder) folders;
	int tmp_lock; /* held as long as the folder is in use, or -EBADF */
	FILE *errors; /* where what is wrong with the policy is told; stderr unless changed */
	const char *home;
	char *cwd;
	ARRAY(char *) kept; /* texts that live as long as this */
};

/* 0 or -errno (a working directory that is gone). options_done takes NULL-initialised ones, too. */
int options_init(enum options_tmp tmp, struct options *ret);
void options_done(struct options *options);

/* Removes what was made for the run, private folder and others, and is still empty. Before the policy goes. */
void options_remove_folders(struct options *options);

/* A copy of a text that lives as long as the options; NULL when memory is short. */
const char *options_keep(struct options *options, const char *text, size_t length);

/* Where private folders are made. */
const char *options_tmp_top(void);

/* What a policy that is named by `path` is read from: a folder stands for the project's policy in it. Lives as long as
 * the options; NULL when memory is short. */
const char *options_policy_file(struct options *options, const char *path);

/* Takes what getopt_long gave: 1 when it was an option of policies, 0 when not, -ENOMEM; -EINVAL for what is an option
 * itself and no value, which is told on stderr. */
int options_take(struct options *options, int option, const char *value);

/* The same by the key of an item; -EINVAL when there is none of that name. */
int options_take_key(struct options *options, const char *key, const char *value);

/* Says on stderr what is wrong with the option that getopt_long stopped at, and what to type instead. `c` is
 * what it returned ('?' or ':'). */
void options_complain(const char *subcommand, int c, char **argv, const struct option *known);

/* Makes the policy; what is wrong with it goes to `errors`. 0 or -errno. Unless ${REEVE_TMP} is only named, the folders
 * that its rules create are made, too. */
int options_policy(struct options *options, struct policy **ret);

/* Tells diagnostics, a line each. */
void options_tell_diagnostics(const struct policy_builder *builder, FILE *out);

/* What strings of policies may refer to; `options` must stay where it is. */
struct policy_context options_context(struct options *options);
