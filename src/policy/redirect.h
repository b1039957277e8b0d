/* Addresses in the place of others: where a connection, or a datagram, is led to instead. Pure. Of the redirects that
 * cover an address the innermost one leads on. What it leads to may be led on by another, as links are, though by none
 * that was about the address before as well: so one for everything leaves alone what others lead to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/address.h"
#include "policy/policy.h"

#define REDIRECT_MOST 40 /* in a row, as many as links are followed */

/* One redirect as the plan bound it to this machine: `path` is a spelling of the socket files that it is about, and
 * NULL for the others. */
struct redirect_entry {
	const struct policy_address_redirect *redirect;
	const char *path;
};

struct redirect_entries {
	const struct redirect_entry *items;
	size_t count;
};

/* Whether `inner` is a part of `outer`, or all of it. Not for host names and patterns. */
bool redirect_is_inside(const struct policy_address_rule *inner, const struct policy_address_rule *outer);

/* What two sets of IP addresses have in common, in the fields that say so. False: nothing. */
bool redirect_intersect(const struct policy_address_rule *a, const struct policy_address_rule *b,
        struct policy_address_rule *ret);

/* The redirect that leads on from the address, where `last` led to; NULL: it stays. */
const struct policy_address_redirect *redirect_find(const struct redirect_entries *entries,
        const struct address *address, const struct policy_address_redirect *last);

/* The address becomes the one that the redirect leads to; a name or path is then the redirect's. */
void redirect_lead(const struct policy_address_redirect *redirect, struct address *address);

/* Both until the end: 0 with the last redirect (NULL: none), -ELOOP. Socket files are compared as they are named. */
int redirect_follow(const struct redirect_entries *entries, struct address *address,
        const struct policy_address_redirect **ret);
