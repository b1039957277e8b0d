/* Rules on names of abstract sockets: which of them decides one name. */
#pragma once

#include "policy/address.h"
#include "policy/slots.h"

#define ABSTRACT_LONGEST 108

struct abstract_name;

/* All of one use. */
struct abstract_names {
	struct abstract_name *items;
	size_t count;
	struct slots slots;
	bool is_prefix_length[ABSTRACT_LONGEST + 1];
	bool allows_others; /* what no rule speaks of */
};

/* abstract_done takes what failed, too. 0 or -ENOMEM. */
int abstract_init(
        struct abstract_names *names, const struct address_entry *entries, size_t count, unsigned use);
void abstract_done(struct abstract_names *names);

void abstract_decide(
        const struct abstract_names *names, const struct address *address, struct address_verdict *ret);
