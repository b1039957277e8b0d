/* Host names in a policy: which rule decides a name. Pure. The meaning is the one of addresses, where the set of a
 * rule is its name, or all names below it, with its ports. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct host_verdict {
	enum policy_verdict verdict;
	int error;                              /* for DENY */
	const struct policy_address_rule *rule; /* that decided; NULL: no rule names it */
};

/* `name` is lower case, without a final dot, and made of what host names are made of. `transport` is one of
 * POLICY_TCP and POLICY_UDP. */
void host_decide(const struct policy *policy, const char *name, uint16_t port, unsigned transport,
        struct host_verdict *ret);

/* Whether some rule opens the name at some port: then it may be asked for. */
bool host_is_named(const struct policy *policy, const char *name);

/* Whether the policy has rules that open names. */
bool host_any(const struct policy *policy);
