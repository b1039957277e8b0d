/* Network addresses in a policy: which rule decides one address. Pure, no I/O, and its time does not grow with
 * the number of rules.
 *
 * The meaning is the one of paths, with sets of addresses for trees: a use is allowed if some allow rule
 * covers the address, and every ask or deny rule that covers it is one that this allow rule lies strictly inside
 * of; it is asked about if that can be said of an allow or an ask rule with deny rules alone in its way. What no
 * rule covers is denied.
 *
 * A socket file is a file, too: the rules about files and those about its address are decided together. A
 * grant to write allows to connect and to listen there; a deny or hide of files refuses it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/match.h"
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
	uint16_t port;    /* host order */
	const char *name; /* not owned; a path ends with a NUL, too */
	size_t name_length;
};

/* `rule` or `file` is the one that decided; neither: no rule allows it. */
struct address_verdict {
	enum policy_verdict verdict; /* ALLOW, ASK, DENY, or HIDE by a rule about files */
	int error;                   /* for all but ALLOW */
	const struct policy_address_rule *rule;
	const struct policy_file_rule *file;
};

struct address_matcher;

/* One rule as the plan bound it to this machine: `path` is a spelling of a rule about a socket file (its path
 * resolved through symbolic links, or as written), and NULL for the others. */
struct address_entry {
	const struct policy_address_rule *rule;
	const char *path;
};

/* The rules about files, whose read and exec grants do not count for sockets, and a matcher of them, or NULL. */
struct address_files {
	const struct match_entry *entries;
	size_t count;
	const struct matcher *matcher;
};

/* Paths are copied; the rules, and the matcher of files, must outlive this one. 0, -ENOMEM, -EINVAL (a bad
 * pattern). Rules on host names are in no set here: what they stand for is learned while the program runs. */
int address_matcher_new(const struct address_entry *entries, size_t count, const struct address_files *files,
        struct address_matcher **ret);

/* From now on connections to abstract names that no rule speaks of are allowed: something else keeps them within
 * the target. */
void address_matcher_trust_names(struct address_matcher *matcher);

void address_matcher_free(struct address_matcher *matcher); /* NULL is fine */

/* `use` is POLICY_CONNECT or POLICY_LISTEN. To listen on an unspecified address means on every address of the
 * machine: so a deny rule on any of them refuses it. A UDP socket that may send may take any free port, as the
 * kernel would give it one. An abstract name may be taken unless a rule denies it, or rules allow other names.
 * Allocates nothing. */
void address_decide(const struct address_matcher *matcher, const struct address *address, unsigned use,
        struct address_verdict *ret);

/* Whether every path is allowed, so that nothing needs to be asked. */
bool address_allows_every_file(const struct address_matcher *matcher, unsigned use);

/* For a connection: an unspecified address becomes the loopback address of its family. */
void address_normalise(struct address *address);

/* Whether it is an IPv4 address, mapped into IPv6 as all of them are here. */
bool address_is_ipv4(const uint8_t ip[16]);

/* Whether it is 0.0.0.0 or ::. */
bool address_is_unspecified(const uint8_t ip[16]);

/* A verdict by a rule, or by none. */
void address_allow(struct address_verdict *ret, const struct policy_address_rule *rule);
void address_deny(struct address_verdict *ret, const struct policy_address_rule *rule);

/* "127.0.0.1:80", "[::1]:80", "unix:/run/x", "unix:@name" (bytes that are not printable as \xNN). Returns
 * ret. */
const char *address_text(const struct address *address, char *ret, size_t size);

/* Reads what address_text writes, with "tcp:" or "udp:" before it (TCP without). False when it is no such
 * text. A path is taken as it is; bytes of an abstract name go to `name`, which has room for the text. */
bool address_parse(const char *text, char *name, struct address *ret);
