/* A plan in words, and answers to single questions about it. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "plan/plan.h"

/* Every rule with its place, its layer, what it makes notify and why no cheaper layer holds it; what every
 * plan refuses; what this version does not hold; which calls notify. 0 or -ENOMEM. */
int explain_plan(const struct plan *plan, FILE *out);

/* The same as an object; NULL when memory is short. A new reference. */
struct json_object *explain_plan_json(const struct plan *plan);

/* The calls of a group ("@network"), as text or as an object (a new reference, NULL when memory is short). The group
 * must exist. */
void explain_group(const char *name, FILE *out);
struct json_object *explain_group_json(const char *name);

/* One question: "open:PATH:rw" (r, w, x; r without), "exec:PATH", "connect:ADDRESS", "listen:ADDRESS",
 * "syscall:NAME", "syscall:NAME(family=AF_NETLINK)". */
struct explain_answer {
	const char *question; /* borrowed */
	char *path;           /* what the question's path or address is here, owned; NULL for system calls */
	const struct policy_address_rule *redirect; /* that led to this address, or NULL */
	bool leaves_ipv4; /* so that sockets of IPv4 do not get there */
	unsigned access;
	unsigned use; /* POLICY_CONNECT or POLICY_LISTEN for addresses, else 0 */
	enum policy_verdict verdict;
	int error;
	const struct policy_file_rule *file;
	const struct policy_syscall_rule *call;
	const struct policy_address_rule *address;
	enum plan_layer layer; /* that gives the verdict */
	const char *why;       /* instead of a rule, or NULL */
};

/* `cwd` is where relative paths start, `home` what a leading "~" means (or NULL). 0; -EINVAL with what is
 * wrong in `error_text`; -ENOMEM, -errno. */
int explain_ask(const struct plan *plan, const char *question, const char *cwd, const char *home,
        struct explain_answer *ret, char *error_text, size_t error_size);
void explain_answer_done(struct explain_answer *answer);

int explain_answer_tell(const struct explain_answer *answer, FILE *out);
struct json_object *explain_answer_json(const struct explain_answer *answer);
