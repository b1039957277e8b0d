/* What the arguments of system calls are called, how much of each register the kernel looks at, and the names of
 * the numbers that stand there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syscalls/table.h"

enum syscalls_type {
	SYSCALLS_TYPE_INT,
	SYSCALLS_TYPE_UNSIGNED,
	SYSCALLS_TYPE_LONG,
	SYSCALLS_TYPE_SIZE, /* unsigned long */
	SYSCALLS_TYPE_POINTER,
};

struct syscalls_argument {
	char name[24]; /* "family"; "arg3" for one that has no name */
	int index;
	enum syscalls_type type;
	uint64_t mask; /* the bits of the register that the kernel looks at */
	char sort[16]; /* of constants that are meant for it; empty when there are none */
};

/* Their text is in them: a program that relocates itself at its start has less to do. */
struct syscalls_constant {
	char sort[12], name[44];
	uint64_t value; /* sign-extended */
};

/* The argument of that name, or "arg0" to "arg5". 0, or -ENOENT. */
int syscalls_argument(const char *call, const char *name, size_t length, struct syscalls_argument *ret);

/* The argument at that place, named or not; false when the call has no more. */
bool syscalls_argument_at(const char *call, int index, struct syscalls_argument *ret);

/* Of 32 bits or less. */
bool syscalls_is_narrow(const struct syscalls_argument *argument);

/* The constant of that name: one that is meant for the sort before others. NULL when there is none. */
const struct syscalls_constant *syscalls_constant(const char *sort, const char *name, size_t length);

/* All constants, and how many: for suggestions. */
const struct syscalls_constant *syscalls_constants(size_t *ret_count);
