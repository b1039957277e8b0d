/* Network addresses in a policy: parsing what is written, and which rule decides one address. Pure, no I/O,
 * and its time does not grow with the number of rules.
 *
 * The meaning is the one of paths, with sets of addresses for trees: a use is allowed if some allow rule
 * covers the address, and every deny rule that covers it is one that this allow rule lies strictly inside of.
 * What no rule covers is denied. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

/* One concrete address that a call names. */
struct address {
	enum {
		ADDRESS_IP,
		ADDRESS_UNIX_PATH,     /* `name` is the socket file's path after resolution */
		ADDRESS_UNIX_ABSTRACT, /* `name` is what follows the leading NUL byte; may hold NULs */
	} kind;
	unsigned transport; /* one of POLICY_TCP, POLICY_UDP; for UNIX sockets 0 */
	uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d, also where the program wrote it otherwise. A connection to
	                 * an unspecified address (0.0.0.0, ::, ::ffff:0.0.0.0) means loopback:
	                 * address_normalise. */
	uint16_t port;  /* host order */
	const char *name; /* not owned */
	size_t name_length;
};

struct address_verdict {
	enum policy_verdict verdict;
	int error;                              /* for DENY */
	const struct policy_address_rule *rule; /* that decided; NULL: no rule allows it */
};

struct address_matcher;

/* The rules must outlive it. 0, -ENOMEM. Rules on host names are in no set here: what they stand for is
 * learned while the program runs. */
int address_matcher_new(const struct policy *policy, struct address_matcher **ret);
void address_matcher_free(struct address_matcher *matcher); /* NULL is fine */

/* `use` is POLICY_CONNECT or POLICY_LISTEN. Allocates nothing. */
void address_decide(const struct address_matcher *matcher, const struct address *address, unsigned use,
        struct address_verdict *ret);

/* For a connection: an unspecified address becomes the loopback address of its family. */
void address_normalise(struct address *address);

/* "127.0.0.1:80", "[::1]:80", "unix:/run/x", "unix:@name" (bytes that are not printable as \xNN). Returns
 * ret. */
const char *address_text(const struct address *address, char *ret, size_t size);
