/* A policy: what was written, immutable after policy_builder_finish, shared by reference count. No look at
 * the file system happens here; the plan binds paths to the machine (plan/bind.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "syscalls/table.h"

enum policy_access {
	POLICY_READ = 1,
	POLICY_WRITE = 2, /* implies read */
	POLICY_EXEC = 4,  /* implies read */
};

enum policy_verdict {
	POLICY_ALLOW,
	POLICY_ASK, /* denied, unless somebody who is asked says yes */
	POLICY_DENY,
	POLICY_HIDE,
	POLICY_KILL,
	POLICY_REDIRECT,
};

/* Whether such a rule may open something: by itself, or by an answer. */
static inline bool policy_grants(enum policy_verdict verdict)
{
	return verdict == POLICY_ALLOW || verdict == POLICY_ASK;
}

/* Where a rule was written. For a flag `source` is "command line" and `flag` the flag as typed. */
struct policy_place {
	const char *source;
	unsigned line, column; /* from 1; 0 when there is none */
	const char *flag;      /* "--deny ~/.ssh", or NULL */
};

struct policy_file_rule {
	enum policy_verdict verdict; /* ALLOW, ASK, DENY, HIDE or REDIRECT */
	unsigned access; /* ALLOW: what it grants, implied ones included. ASK, DENY and HIDE: all three */
	int error;       /* ASK and DENY: EACCES unless the rule says otherwise; HIDE: ENOENT */
	bool log;
	bool optional; /* a grant of what may not exist: dropped by the plan when it does not */
	bool create;   /* a folder to write, made for the run when it is not there */
	bool is_glob;
	bool is_fixed;    /* DENY: no allow rule overcomes it, wherever it lies */
	const char *text; /* as written */
	const char *path; /* expanded, absolute, lexically clean; a glob pattern when is_glob */
	const char *to;   /* REDIRECT: what is there instead, expanded, absolute, clean; else NULL */
	struct policy_place place;
};

enum policy_compare {
	POLICY_EQUAL, /* (argument & mask) == value */
	POLICY_ABOVE, /* (argument & mask) > value */
	POLICY_FROM,  /* (argument & mask) >= value */
};

/* What follows a test in its rule. */
enum policy_link {
	POLICY_ENDS, /* nothing */
	POLICY_AND,  /* the next test must hold, too */
	POLICY_OR,   /* or the next one, which looks at the same argument; binds tighter than AND */
};

/* One test of an argument of a system call. */
struct policy_test {
	uint8_t arg;
	bool wide; /* 64 bits count; else the upper half of the register is ignored, as the kernel ignores it */
	bool negated, is_signed;
	uint8_t compare, link;
	uint64_t mask, value;
};

struct policy_syscall_rule {
	enum policy_verdict verdict; /* ALLOW, ASK, DENY or KILL */
	int error;                   /* ASK and DENY: EPERM unless the rule says otherwise */
	bool log;
	const char *text;        /* as written: name, number or group; with conditions "kill(sig=SIGKILL)" */
	const char *name;        /* the call's name, or NULL for a bare number without a name */
	int nr[SYSCALLS_ARCHES]; /* -1: not on that architecture */
	const struct policy_test *tests; /* conditions: the rule is about calls with such arguments only */
	size_t test_count;
	struct policy_place place;
};

/* A refusal that is part of every policy. Its rule's place is "default". */
struct policy_default {
	struct policy_syscall_rule rule;
	const char *why;
	bool for_root; /* the kernel itself bounds the call for everybody else */
};

enum policy_use {
	POLICY_CONNECT = 1, /* and to send to */
	POLICY_LISTEN = 2,  /* bind and listen */
};

enum policy_transport {
	POLICY_TCP = 1,
	POLICY_UDP = 2,
};

enum policy_family {
	POLICY_IPV4 = 1,
	POLICY_IPV6 = 2,
};

/* A set of network addresses. */
struct policy_address_rule {
	enum policy_verdict verdict; /* ALLOW, ASK or DENY; REDIRECT in a policy_address_redirect alone */
	unsigned use;                /* one of POLICY_CONNECT, POLICY_LISTEN */
	int error;                   /* ASK and DENY: EACCES unless the rule says otherwise */
	bool log;
	enum {
		POLICY_ADDRESS_IP,       /* all of the fields from `transports` to `port_high` */
		POLICY_ADDRESS_HOST,     /* `host`, and the ports and transports */
		POLICY_ADDRESS_UNIX,     /* `path`: a socket file, or all in a tree, or a pattern */
		POLICY_ADDRESS_ABSTRACT, /* `name` */
	} kind;
	unsigned transports; /* POLICY_TCP | POLICY_UDP */
	unsigned families;   /* POLICY_IPV4 | POLICY_IPV6: only "*" means both */
	uint8_t ip[16];      /* IPv4 as ::ffff:a.b.c.d, cut to the prefix */
	unsigned prefix;     /* bits of `ip` that count, 0 to 128 (for IPv4 96 or more, for "*" 0) */
	uint16_t port_low, port_high;
	const char *host; /* lower case, no final dot; "*.example.org" stands for every name below it */
	const char *path; /* expanded, absolute, clean; a pattern when is_glob */
	bool is_glob;
	const char *name; /* abstract: the bytes after the leading NUL */
	size_t name_length;
	bool is_prefix; /* abstract: every name that begins so */
	const char *text; /* as written */
	struct policy_place place;
};

/* One address in the place of others. */
struct policy_address_redirect {
	struct policy_address_rule from; /* REDIRECT, POLICY_CONNECT, of any kind but HOST; `text` is "FROM to TO" */
	struct policy_address_rule to;   /* one address; with all ports the port stays that was asked for */
};

enum policy_limit_kind {
	POLICY_LIMIT_MEMORY,
	POLICY_LIMIT_PROCESSES, /* threads count, too */
	POLICY_LIMIT_CPU_TIME,
	POLICY_LIMIT_WALL_TIME,
	POLICY_LIMIT_OPEN_FILES,
	POLICY_LIMIT_FILE_SIZE,
	POLICY_LIMITS,
};

/* The smallest of those that were written. */
struct policy_limit {
	bool is_set;
	uint64_t value;   /* bytes, milliseconds, or a count */
	const char *text; /* as written */
	struct policy_place place;
};

/* "memory", ...: as in policies; NULL-terminated. */
extern const char *const policy_limit_names[POLICY_LIMITS + 1];

enum policy_stream_kind {
	POLICY_STDOUT,
	POLICY_STDERR,
	POLICY_STREAMS,
};

/* A file that the command's output goes to. */
struct policy_stream {
	bool is_set;
	const char *path; /* expanded, absolute, clean */
	uint64_t rotate;  /* a new file is begun at this size; 0: never */
	unsigned keep;    /* how many old files stay beside it */
	const char *text; /* as written */
	struct policy_place place;
};

/* "stdout", "stderr"; NULL-terminated. */
extern const char *const policy_stream_names[POLICY_STREAMS + 1];

struct policy {
	unsigned references;
	size_t file_count;
	const struct policy_file_rule *files;
	size_t syscall_count;
	const struct policy_syscall_rule *syscalls; /* by call: groups are expanded, and what is overruled is out */
	size_t default_count;
	const struct policy_default *defaults; /* refused where no rule above opens it */
	size_t address_count;
	const struct policy_address_rule *addresses;
	/* Of two that have addresses in common one lies inside the other, or a third is about just those. */
	size_t redirect_count;
	const struct policy_address_redirect *redirects;
	/* A network namespace of its own: then rules stand among `addresses` that allow all that there is in it.
	 */
	bool own_network;
	struct policy_place own_network_place;
	bool no_unplugged; /* sockets of UDP that no rule is about cannot be made at all */
	struct policy_limit limits[POLICY_LIMITS];
	struct policy_stream streams[POLICY_STREAMS];
	bool wants_private_tmp; /* some rule names ${REEVE_TMP} */
	void *block;            /* owns every string and array above */
};

/* What was wrong, all at once. */
struct policy_diagnostic {
	struct policy_place place;
	char *message; /* what was found, what was expected, what to do; "did you mean" where it helps */
};

struct policy_diagnostics {
	struct policy_diagnostic *items;
	size_t count;
	size_t capacity;
};

/* What strings in a policy may refer to. `lookup` returns the value of a variable, or NULL when it is
 * unknown; the text stays owned by the caller and lives as long as the builder. */
struct policy_context {
	const char *home; /* for a leading "~"; NULL when unknown */
	const char *cwd;  /* absolute; relative paths start here */
	const char *(*lookup)(void *user, const char *name);
	void *user;
};

struct policy_builder;

/* Returns 0 or -ENOMEM. The context is copied, what it points to is not. */
int policy_builder_new(const struct policy_context *context, struct policy_builder **ret);
void policy_builder_free(struct policy_builder *builder); /* NULL is fine */

/* Each adds what it reads. Returns 0; -EINVAL when the text has errors (they are in the diagnostics, and the
 * builder can go on to collect more); -ENOMEM; for files also the errno of reading. `name` is what places
 * say. */
int policy_add_file(struct policy_builder *builder, const char *path);
int policy_add_text(struct policy_builder *builder, const char *name, const char *text, size_t length);
int policy_add_profile(struct policy_builder *builder, const char *name); /* built-in, or -ENOENT */

/* A flag of the command, the twin of a policy line: key is "read", "write", "exec", "deny", "hide", "ask", "connect",
 * "listen", "deny-connect", "deny-listen", "ask-connect", "ask-listen", "allow-call", "deny-call", "kill-call",
 * "ask-call", "use", "limit" (its value "NAME=VALUE"), "redirect" and "redirect-connect" ("FROM=TO"), "stdout",
 * "stderr", "rotate", "keep",
 * "network" ("own", "no-unplugged"). */
int policy_add_flag(struct policy_builder *builder, const char *key, const char *value);

const struct policy_diagnostics *policy_builder_diagnostics(const struct policy_builder *builder);

/* Makes the policy. -EINVAL when there were errors. */
int policy_builder_finish(struct policy_builder *builder, struct policy **ret);

/* Rewrites a clean absolute path as its redirects of files say, by the text alone. 0, -ELOOP, -ENAMETOOLONG. */
int policy_redirect(const struct policy *policy, char *path, size_t size);

struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy); /* NULL is fine */

/* "workspace:12", "reeve.yaml:3:5", "--deny ~/.ssh": how a place is told to people. Returns ret. */
const char *policy_place_text(const struct policy_place *place, char *ret, size_t size);

/* A total order of places: by source, line, column and flag. Below, at or above 0. */
int policy_place_compare(const struct policy_place *a, const struct policy_place *b);

/* Whether some rule asks. */
bool policy_asks(const struct policy *policy);

/* Built-in profiles: NULL-terminated names, and the text of one (NULL when there is none of that name). */
const char *const *policy_profiles(void);
const char *policy_profile_text(const char *name);

/* The number of an error's name ("EPERM") or text of a number; -1 when it is neither. `*ret_nearest` is then
 * what it may have been meant to be, or NULL. */
int policy_error_number(const char *text, const char **ret_nearest);

/* The name of an error's number, or NULL. */
const char *policy_error_name(int number);
