#include "policy/networks.h"

#include <string.h>

#include "base/cleanup.h"
#include "policy/ports.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

struct network {
	uint8_t ip[16];
	unsigned depth;
	struct ports *ports;
};

static unsigned depth_of(const struct policy_address_rule *rule)
{
	return rule->families == (POLICY_IPV4 | POLICY_IPV6) ? 0 : rule->prefix + 1;
}

static void cut(const uint8_t ip[16], unsigned depth, uint8_t ret[16])
{
	unsigned bits = depth == 0 ? 0 : depth - 1;

	memset(ret, 0, 16);
	memcpy(ret, ip, bits / 8);
	if (bits % 8)
		ret[bits / 8] = ip[bits / 8] & (uint8_t)(0xff << (8 - bits % 8));
}

static uint64_t hash_network(unsigned depth, const uint8_t ip[16])
{
	return slots_finish(slots_hash(depth, ip, 16));
}

static const struct network *find_network(
        const struct networks *networks, unsigned depth, const uint8_t ip[16])
{
	uint8_t wanted[16];

	cut(ip, depth, wanted);
	for (size_t at = hash_network(depth, wanted);; at++) {
		uint32_t slot = networks->slots.items[at & networks->slots.mask];
		const struct network *network;

		if (slot == 0)
			return NULL;
		network = &networks->items[slot - 1];
		if (network->depth == depth && memcmp(network->ip, wanted, sizeof(wanted)) == 0)
			return network;
	}
}

static int compare_networks(const void *left, const void *right)
{
	const struct policy_address_rule *a = *(const struct policy_address_rule *const *)left;
	const struct policy_address_rule *b = *(const struct policy_address_rule *const *)right;
	unsigned x = depth_of(a), y = depth_of(b);

	return x != y ? (x > y) - (x < y) : memcmp(a->ip, b->ip, sizeof(a->ip));
}

/* The rules of one network, which begin at `first`. */
static int add_network(struct networks *networks, size_t first, size_t count)
{
	struct network *network = &networks->items[networks->count];
	const struct policy_address_rule *rule = networks->rules[first];
	size_t at;

	network->depth = depth_of(rule);
	memcpy(network->ip, rule->ip, sizeof(network->ip));
	if (networks->depth_count == 0 || networks->depths[networks->depth_count - 1] != network->depth)
		networks->depths[networks->depth_count++] = (uint8_t)network->depth;
	at = hash_network(network->depth, network->ip);
	while (networks->slots.items[at & networks->slots.mask])
		at++;
	networks->slots.items[at & networks->slots.mask] = (uint32_t)++networks->count;
	return ports_new(networks->rules + first, count, &network->ports);
}

static bool covers(const struct policy_address_rule *rule, const uint8_t ip[16])
{
	uint8_t head[16];

	if (!(rule->families & (address_is_ipv4(ip) ? POLICY_IPV4 : POLICY_IPV6)))
		return false;
	cut(ip, depth_of(rule), head);
	return memcmp(head, rule->ip, sizeof(head)) == 0;
}

/* Who listens on an unspecified address listens on all of its family, and on [::] also on those of IPv4. */
static int find_denied_somewhere(struct networks *networks, bool is_ipv6)
{
	uint8_t all[16] = {0};
	size_t count = 0;

	if (!is_ipv6)
		memcpy(all, mapped, sizeof(mapped));
	networks->everywhere[is_ipv6] =
	        calloc(networks->rule_count + 1, sizeof(*networks->everywhere[is_ipv6]));
	if (!networks->everywhere[is_ipv6])
		return -ENOMEM;
	for (size_t i = 0; i < networks->rule_count; i++) {
		const struct policy_address_rule *rule = networks->rules[i];

		if (rule->verdict == POLICY_ALLOW || covers(rule, all) ||
		        (!is_ipv6 && rule->families != POLICY_IPV4))
			continue;
		networks->everywhere[is_ipv6][count++] = rule;
	}
	return ports_new(networks->everywhere[is_ipv6], count, &networks->denied_somewhere[is_ipv6]);
}

int networks_init(struct networks *networks, const struct address_entry *entries, size_t count, unsigned use)
{
	int r = slots_init(&networks->slots, count);

	networks->rules = calloc(count + 1, sizeof(*networks->rules));
	networks->items = calloc(count + 1, sizeof(*networks->items));
	if (r < 0 || !networks->rules || !networks->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (entries[i].rule->use == use && entries[i].rule->kind == POLICY_ADDRESS_IP)
			networks->rules[networks->rule_count++] = entries[i].rule;
	if (use == POLICY_LISTEN) {
		r = find_denied_somewhere(networks, false);
		if (r == 0)
			r = find_denied_somewhere(networks, true);
	}
	qsort(networks->rules, networks->rule_count, sizeof(*networks->rules), compare_networks);
	for (size_t first = 0, end = 0; r == 0 && first < networks->rule_count; first = end) {
		while (end < networks->rule_count &&
		        compare_networks(&networks->rules[first], &networks->rules[end]) == 0)
			end++;
		r = add_network(networks, first, end - first);
	}
	return r;
}

void networks_done(struct networks *networks)
{
	for (size_t i = 0; i < networks->count; i++)
		ports_free(networks->items[i].ports);
	for (size_t i = 0; i < ELEMENTS(networks->everywhere); i++) {
		ports_free(networks->denied_somewhere[i]);
		free(networks->everywhere[i]);
	}
	free(networks->slots.items);
	free(networks->items);
	free(networks->rules);
}
/* ---- what decides ---- */

/* The networks that hold one address, the widest first. */
struct chain {
	const struct network *items[NETWORKS_DEPTHS];
	size_t count;
	unsigned port, transport;
};

static void find_chain(const struct networks *networks, const struct address *address, struct chain *ret)
{
	bool is_ipv4 = address_is_ipv4(address->ip);

	ret->count = 0;
	ret->port = address->port;
	ret->transport = address->transport;
	for (size_t i = 0; i < networks->depth_count; i++) {
		unsigned depth = networks->depths[i];
		const struct network *network;

		/* A short prefix of IPv6 holds no IPv4, though their addresses look so here. */
		if (is_ipv4 && depth > 0 && depth <= 8 * sizeof(mapped))
			continue;
		network = find_network(networks, depth, address->ip);
		if (network)
			ret->items[ret->count++] = network;
	}
}

/* The allow rule of the narrowest network, `widest` or narrower, that lies inside the bounds. */
static const struct policy_address_rule *find_inside(
        const struct chain *chain, size_t widest, const struct ports_bounds *bounds)
{
	for (size_t i = chain->count; i > widest; i--) {
		const struct policy_address_rule *rule =
		        ports_find(chain->items[i - 1]->ports, chain->port, chain->transport, bounds);

		if (rule)
			return rule;
	}
	return NULL;
}

/* The deny rule to be told: the narrowest that no allow rule lies inside of. */
static const struct policy_address_rule *find_denial(const struct chain *chain)
{
	const struct policy_address_rule *first = NULL;

	for (size_t i = chain->count; i > 0; i--) {
		const struct policy_address_rule *denials[PORTS_DENIALS];
		size_t count =
		        ports_denials(chain->items[i - 1]->ports, chain->port, chain->transport, denials);

		for (size_t k = 0; k < count; k++) {
			const struct ports_bounds bounds = {
			        denials[k]->port_low, denials[k]->port_high, denials[k]->transports};

			if (!find_inside(chain, i - 1, &bounds))
				return denials[k];
			first = first ? first : denials[k];
		}
	}
	return first;
}

/* Of the rules that deny the port somewhere, the one to be told; or NULL. */
static const struct policy_address_rule *denied_somewhere(
        const struct networks *networks, const struct address *address)
{
	const struct policy_address_rule *denials[PORTS_DENIALS];
	bool is_ipv6 = !address_is_ipv4(address->ip);

	if (!address_is_unspecified(address->ip) || !networks->denied_somewhere[is_ipv6])
		return NULL;
	if (ports_denials(networks->denied_somewhere[is_ipv6], address->port, address->transport, denials) ==
	        0)
		return NULL;
	return denials[0];
}

void networks_decide(
        const struct networks *networks, const struct address *address, struct address_verdict *ret)
{
	struct ports_bounds bounds = PORTS_ALL;
	const struct policy_address_rule *rule;
	struct chain chain;
	size_t widest = 0;

	address_deny(ret, NULL);
	if (address->transport != POLICY_TCP && address->transport != POLICY_UDP)
		return;
	find_chain(networks, address, &chain);
	for (size_t i = 0; i < chain.count; i++)
		if (ports_narrow(chain.items[i]->ports, chain.port, chain.transport, &bounds))
			widest = i;
	rule = find_inside(&chain, widest, &bounds);
	if (!rule)
		return address_deny(ret, find_denial(&chain));
	address_allow(ret, rule);
	rule = denied_somewhere(networks, address);
	if (rule)
		address_deny(ret, rule);
}
