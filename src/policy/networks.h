/* Rules on IP addresses: which of them decides one address. */
#pragma once

#include "policy/address.h"
#include "policy/slots.h"

/* Networks by how deep they lie: 0 is "*", a prefix of N bits lies N + 1 deep. */
#define NETWORKS_DEPTHS 130

struct network;
struct ports;

/* All rules on IP addresses of one use. */
struct networks {
	const struct policy_address_rule **rules;
	size_t rule_count;
	struct network *items;
	size_t count;
	struct slots slots;
	uint8_t depths[NETWORKS_DEPTHS]; /* those that some network has, in order */
	size_t depth_count;
	/* What is denied on some address of the machine, for 0.0.0.0 and for [::]. */
	const struct policy_address_rule **everywhere[2];
	struct ports *denied_somewhere[2];
};

/* networks_done takes what failed, too. 0 or -ENOMEM. */
int networks_init(
        struct networks *networks, const struct address_entry *entries, size_t count, unsigned use);
void networks_done(struct networks *networks);

void networks_decide(
        const struct networks *networks, const struct address *address, struct address_verdict *ret);
