/* Host names in a policy: which rule decides a name. Pure. The meaning is the one of addresses, where the set of a
 * rule is its name, or all names below it, with its ports. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct host_verdict {
	enum policy_verdict verdict;
	int error;                              /* for ASK and DENY */
	const struct policy_address_rule *rule; /* that decided; NULL: no rule names it */
};

/* Whether the name is one that a host can have: lower-case letters, digits, "-", "_", and dots between them. */
bool host_is_name(const char *name);

#define HOST_NAME 256 /* room for any */

/* Reads "api.example.org:443", "udp:api.example.org:443" (without it TCP is meant). False when it is no such text. */
bool host_parse(const char *text, char ret_name[HOST_NAME], uint16_t *ret_port, unsigned *ret_transport);

/* `name` is lower case, without a final dot, and made of what host names are made of. `transport` is one of
 * POLICY_TCP and POLICY_UDP. */
void host_decide(const struct policy *policy, const char *name, uint16_t port, unsigned transport,
        struct host_verdict *ret);

/* Whether some rule opens the name at some port: then it may be asked for. */
bool host_is_named(const struct policy *policy, const char *name);

/* Whether the policy has rules that open names. */
bool host_any(const struct policy *policy);
