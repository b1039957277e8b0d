/* The filter: a seccomp-BPF program made from a list of what each call number leads to. Pure: it builds an
 * array and installs nothing. */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syscalls/table.h"

enum filter_compare {
	FILTER_EQUAL, /* (arg & mask) == value */
	FILTER_ABOVE, /* (arg & mask) > value */
	FILTER_FROM,  /* (arg & mask) >= value */
};

/* What follows a test that belongs to a longer condition. */
enum filter_link {
	FILTER_ENDS, /* nothing: the condition is complete */
	FILTER_AND,  /* the next test, too */
	FILTER_OR,   /* or the next test. OR binds tighter than AND: a, b OR c, d is a AND (b OR c) AND d */
};

/* One test of an argument. `wide` compares 64 bits (longs and pointers); without it the upper half is ignored,
 * as the kernel ignores it for ints. The conditions of a call are tried in order. What they lead to stands in
 * their last test: an action, or another condition further on. */
struct filter_case {
	uint8_t arg;
	bool wide;
	bool negated;   /* matches when the comparison does not hold */
	bool is_signed; /* of ABOVE and FROM */
	uint8_t compare;
	uint8_t link;
	bool goes_on;  /* to the condition behind the next `skip` tests, or if there is none the call's action */
	uint16_t skip;
	uint64_t mask, value;
	uint32_t action; /* SECCOMP_RET_ value with its data */
};

struct filter_call {
	unsigned nr;
	uint32_t action; /* when no condition holds */
	size_t case_count;
	const struct filter_case *cases; /* borrowed */
	bool hot;                        /* tested before the search tree */
};

/* What one architecture's part does. `calls` is sorted by nr, without duplicates. */
struct filter_part {
	enum syscalls_arch arch;
	const struct filter_call *calls;
	size_t call_count;
	uint32_t default_action; /* for numbers up to `highest` without an entry */
	unsigned highest;        /* numbers above it get `unknown_action` */
	uint32_t unknown_action;
};

struct filter_program {
	struct sock_filter *instructions; /* owned */
	unsigned short length;
};

/* One program for all parts: any other architecture, and x32 numbers, get `foreign_action`. Handles jumps
 * beyond 255. 0, -ENOMEM, -E2BIG (more than BPF_MAXINSNS), -EINVAL (unsorted, or conditions that are not whole). */
int filter_build(const struct filter_part *parts, size_t part_count, uint32_t foreign_action,
        struct filter_program *ret);
void filter_program_done(struct filter_program *program);

/* What the program answers for one call: a BPF simulator, for tests and for `explain`. 0 or -EINVAL for a
 * program that the kernel would not accept. */
int filter_simulate(
        const struct filter_program *program, const struct seccomp_data *data, uint32_t *ret_action);
