/* The ports of all rules about one network: which of them cover a port. Inside the policy room; others use
 * policy/address.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

/* What a rule has to lie inside of. */
struct ports_bounds {
	unsigned low, high;
	unsigned transports;
};

#define PORTS_ALL ((struct ports_bounds){0, UINT16_MAX, POLICY_TCP | POLICY_UDP})

enum { PORTS_DENIALS = 4 };

struct ports;

/* The rules differ in ports and transports only. `rules` is sorted, and it and they must outlive the ports.
 * 0 or -ENOMEM. */
int ports_new(const struct policy_address_rule **rules, size_t count, struct ports **ret);
void ports_free(struct ports *ports); /* NULL is fine */

/* Cuts `bounds` to what the deny rules that cover the port have in common. False when none does. */
bool ports_narrow(
        const struct ports *ports, unsigned port, unsigned transport, struct ports_bounds *bounds);

/* The allow rule that covers the port and lies inside the bounds, or NULL. One that says what a deny rule says
 * is none. Of several the one with the highest lower end, then the one with the lowest upper end. */
const struct policy_address_rule *ports_find(const struct ports *ports, unsigned port, unsigned transport,
        const struct ports_bounds *bounds);

/* The deny rules that cover the port and reach least far up, and least far down: how many. */
size_t ports_denials(const struct ports *ports, unsigned port, unsigned transport,
        const struct policy_address_rule *ret[PORTS_DENIALS]);

/* The first in an order that does not depend on where in memory or in which order they came. NULL is last. */
const struct policy_address_rule *ports_first_rule(
        const struct policy_address_rule *a, const struct policy_address_rule *b);
