/* Rules on system calls that look at arguments: how they are read, what they match, and which of two is about less.
 */
#pragma once

#include "policy/builder.h"
#include "syscalls/arguments.h"

/* A piece of what was written, and where. */
struct condition_word {
	const char *text;
	size_t length;
	struct policy_place place;
};

enum condition_sort {
	CONDITION_IS, /* one of the values */
	CONDITION_IS_NOT,
	CONDITION_ABOVE,
	CONDITION_FROM,
	CONDITION_BELOW,
	CONDITION_UP_TO,
	CONDITION_HAS,   /* all bits of one of the values */
	CONDITION_LACKS, /* no bit of the values */
};

struct condition {
	const char *argument;
	size_t argument_length;
	struct policy_place place;
	enum condition_sort sort;
	const struct condition_word *mask; /* of IS and IS_NOT; NULL when there is none */
	const struct condition_word *values;
	size_t count;
};

/* The words for tests in a policy: "eq", "in", ... NULL-terminated. */
extern const char *const policy_test_keys[];

/* The conditions of one rule while they are read. `tests` and `text` live in the builder's store in the end. */
struct conditions {
	const char *call;
	ARRAY(struct policy_test) tests;
	ARRAY(char) text; /* "family=AF_NETLINK, type=SOCK_RAW" */
	bool is_wrong;    /* something was diagnosed */
};

void conditions_done(struct conditions *conditions);

/* Adds one; what is wrong with it is diagnosed. 0 or -ENOMEM. */
int conditions_add(
        struct policy_builder *builder, struct conditions *conditions, const struct condition *condition);

/* "family=AF_NETLINK, type=SOCK_RAW": what stands between the parentheses of "socket(...)". */
int conditions_read_text(struct policy_builder *builder, struct conditions *conditions,
        const struct policy_place *place, const char *text, size_t length);

/* Gives the rule its tests and its text. 0 or -ENOMEM. */
int conditions_finish(
        struct policy_builder *builder, struct conditions *conditions, struct policy_syscall_rule *rule);

/* A number or constants joined by "|" for the argument. 0 with `*ret`; -EINVAL when it is wrong, with what is wrong
 * in `error`. */
int conditions_value(const char *call, const struct syscalls_argument *argument, const char *text, size_t length,
        uint64_t *ret, char *error, size_t error_size);

/* "(family=AF_NETLINK, type=3)", or nothing: the arguments that are given, into `ret`. 0; -EINVAL, with what is wrong
 * in `error`. */
int conditions_read_values(const char *call, const char *text, uint64_t ret[6], char *error, size_t error_size);
