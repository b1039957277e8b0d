#include "policy/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/ports.h"

/* Networks by how deep they lie: 0 is "*", a prefix of N bits lies N + 1 deep. */
enum { DEPTHS = 130, LONGEST_NAME = 108, USES = 2 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t unspecified[16];

bool address_is_ipv4(const uint8_t ip[16])
{
	return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

static bool is_unspecified(const uint8_t ip[16])
{
	return memcmp(ip, unspecified, address_is_ipv4(ip) ? 0 : 16) == 0 &&
	       memcmp(ip + 12, unspecified, 4) == 0;
}

/* ---- hashing ---- */

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Spreads what the multiplications left in the upper bits. */
static uint64_t finish_hash(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Slots hold an index and one more; 0 is free. At most half of them are taken. */
struct slots {
	uint32_t *items;
	size_t mask;
};

static int slots_init(struct slots *slots, size_t count)
{
	size_t size = 2;

	while (size < 2 * count + 2)
		size *= 2;
	slots->items = calloc(size, sizeof(*slots->items));
	if (!slots->items)
		return -ENOMEM;
	slots->mask = size - 1;
	return 0;
}

/* ---- networks ---- */

struct network {
	uint8_t ip[16];
	unsigned depth;
	struct ports *ports;
};

/* All rules on IP addresses of one use. */
struct networks {
	const struct policy_address_rule **rules;
	size_t rule_count;
	struct network *items;
	size_t count;
	struct slots slots;
	uint8_t depths[DEPTHS]; /* those that some network has, in order */
	size_t depth_count;
	/* What is denied on some address of the machine, for 0.0.0.0 and for [::]. */
	const struct policy_address_rule **everywhere[2];
	struct ports *denied_somewhere[2];
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
	return finish_hash(hash_bytes(depth, ip, 16));
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

static int networks_init(
        struct networks *networks, const struct address_entry *entries, size_t count, unsigned use)
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

static void networks_done(struct networks *networks)
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

/* ---- names of abstract sockets ---- */

/* The rules on one name, or on all that begin with it. */
struct name {
	const char *bytes;
	size_t length;
	bool is_prefix;
	const struct policy_address_rule *allow, *deny;
};

struct names {
	struct name *items;
	size_t count;
	struct slots slots;
	bool is_prefix_length[LONGEST_NAME + 1];
	bool allows_others; /* what no rule speaks of */
};

static uint64_t hash_name(const char *bytes, size_t length, bool is_prefix)
{
	return finish_hash(hash_bytes(is_prefix, bytes, length));
}

/* The slot of a name: it is there, or has its place there. */
static uint32_t *find_slot(const struct names *names, const char *bytes, size_t length, bool is_prefix)
{
	for (size_t at = hash_name(bytes, length, is_prefix);; at++) {
		uint32_t *slot = &names->slots.items[at & names->slots.mask];
		const struct name *name;

		if (*slot == 0)
			return slot;
		name = &names->items[*slot - 1];
		if (name->length == length && name->is_prefix == is_prefix &&
		        memcmp(name->bytes, bytes, length) == 0)
			return slot;
	}
}

static void add_name(struct names *names, const struct policy_address_rule *rule)
{
	uint32_t *slot = find_slot(names, rule->name, rule->name_length, rule->is_prefix);
	struct name *name;

	if (*slot == 0) {
		names->items[names->count] = (struct name){
		        .bytes = rule->name, .length = rule->name_length, .is_prefix = rule->is_prefix};
		*slot = (uint32_t)++names->count;
		if (rule->is_prefix)
			names->is_prefix_length[rule->name_length] = true;
	}
	name = &names->items[*slot - 1];
	if (rule->verdict == POLICY_ALLOW)
		name->allow = ports_first_rule(name->allow, rule);
	else
		name->deny = ports_first_rule(name->deny, rule);
}

static int names_init(struct names *names, const struct address_entry *entries, size_t count, unsigned use)
{
	int r = slots_init(&names->slots, count);

	names->items = calloc(count + 1, sizeof(*names->items));
	if (r < 0 || !names->items)
		return -ENOMEM;
	names->allows_others = use == POLICY_LISTEN;
	for (size_t i = 0; i < count; i++) {
		const struct policy_address_rule *rule = entries[i].rule;

		if (rule->use != use || rule->kind != POLICY_ADDRESS_ABSTRACT ||
		        rule->name_length > LONGEST_NAME)
			continue;
		add_name(names, rule);
		if (policy_grants(rule->verdict))
			names->allows_others = false;
	}
	return 0;
}

static void names_done(struct names *names)
{
	free(names->slots.items);
	free(names->items);
}

/* ---- socket files ---- */

/* A rule on socket files as one that the matcher of files takes. */
struct socket_file {
	struct policy_file_rule file;
	const struct policy_address_rule *address;
};

struct socket_files {
	struct socket_file *items;
	size_t count;
	struct matcher *matcher;
};

static void add_socket_file(struct socket_files *files, const struct policy_address_rule *rule)
{
	files->items[files->count++] = (struct socket_file){.file = {.verdict = rule->verdict,
	                                                            .access = POLICY_READ | POLICY_WRITE,
	                                                            .error = rule->error,
	                                                            .log = rule->log,
	                                                            .is_glob = rule->is_glob,
	                                                            .text = rule->text,
	                                                            .path = rule->path,
	                                                            .place = rule->place},
	        .address = rule};
}

static bool counts_for_sockets(const struct policy_file_rule *rule)
{
	return rule->verdict != POLICY_ALLOW || rule->access & POLICY_WRITE;
}

static int socket_files_init(struct socket_files *files, const struct address_entry *entries, size_t count,
        unsigned use, const struct match_entry *rules, size_t rule_count)
{
	AUTO_FREE struct match_entry *all = calloc(count + rule_count + 1, sizeof(*all));
	size_t used = 0;

	files->items = calloc(count + 1, sizeof(*files->items));
	if (!all || !files->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (entries[i].rule->use != use || entries[i].rule->kind != POLICY_ADDRESS_UNIX)
			continue;
		all[used++] = (struct match_entry){&files->items[files->count].file, entries[i].path};
		add_socket_file(files, entries[i].rule);
	}
	for (size_t i = 0; i < rule_count; i++)
		if (counts_for_sockets(rules[i].rule))
			all[used++] = rules[i];
	return matcher_new(all, used, &files->matcher);
}

static void socket_files_done(struct socket_files *files)
{
	matcher_free(files->matcher);
	free(files->items);
}

/* ---- the matcher ---- */

/* The rules on networks and names, seen in one way. */
struct view {
	struct policy_address_rule *copies; /* NULL: the rules are those of the policy */
	const struct policy_address_rule **originals;
	struct networks networks[USES];
	struct names names[USES];
};

/* Where rules ask, three looks tell what a single one does elsewhere: what is allowed with all that asks in
 * its way; what is allowed when asking is allowing; and which rule asks. */
struct address_matcher {
	bool sends_udp; /* some rule allows it */
	bool asks;      /* some rule on networks or names does: then the last two views are there */
	struct view freely, at_all, asking;
	struct socket_files files[USES];
};

static int view_init(struct view *view, const struct address_entry *entries, size_t count)
{
	static const unsigned uses[USES] = {POLICY_CONNECT, POLICY_LISTEN};
	int r = 0;

	for (unsigned i = 0; i < USES && r == 0; i++) {
		r = networks_init(&view->networks[i], entries, count, uses[i]);
		if (r == 0)
			r = names_init(&view->names[i], entries, count, uses[i]);
	}
	return r;
}

/* With what asks as what allows; and without all others, or with them. */
static int view_init_of_asking(
        struct view *view, const struct address_entry *entries, size_t count, bool with_others)
{
	AUTO_FREE struct address_entry *seen = calloc(count + 1, sizeof(*seen));
	size_t used = 0;

	view->copies = calloc(count + 1, sizeof(*view->copies));
	view->originals = calloc(count + 1, sizeof(*view->originals));
	if (!seen || !view->copies || !view->originals)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (entries[i].rule->verdict != POLICY_ASK && !with_others)
			continue;
		view->originals[used] = entries[i].rule;
		view->copies[used] = *entries[i].rule;
		if (view->copies[used].verdict == POLICY_ASK)
			view->copies[used].verdict = POLICY_ALLOW;
		seen[used] = (struct address_entry){&view->copies[used], entries[i].path};
		used++;
	}
	return view_init(view, seen, used);
}

static const struct policy_address_rule *original_of(
        const struct view *view, const struct policy_address_rule *rule)
{
	return rule && view->copies ? view->originals[rule - view->copies] : rule;
}

static void view_done(struct view *view)
{
	for (unsigned i = 0; i < USES; i++) {
		networks_done(&view->networks[i]);
		names_done(&view->names[i]);
	}
	free(view->copies);
	free(view->originals);
}

int address_matcher_new(const struct address_entry *entries, size_t count, const struct match_entry *files,
        size_t file_count, struct address_matcher **ret)
{
	static const unsigned uses[USES] = {POLICY_CONNECT, POLICY_LISTEN};
	struct address_matcher *matcher = calloc(1, sizeof(*matcher));
	int r = 0;

	if (!matcher)
		return -ENOMEM;
	r = view_init(&matcher->freely, entries, count);
	for (unsigned i = 0; i < USES && r == 0; i++)
		r = socket_files_init(&matcher->files[i], entries, count, uses[i], files, file_count);
	for (size_t i = 0; i < count; i++) {
		matcher->sends_udp |= entries[i].rule->verdict == POLICY_ALLOW &&
		                      entries[i].rule->use == POLICY_CONNECT &&
		                      entries[i].rule->transports & POLICY_UDP;
		matcher->asks |= entries[i].rule->verdict == POLICY_ASK;
	}
	if (r == 0 && matcher->asks)
		r = view_init_of_asking(&matcher->at_all, entries, count, true);
	if (r == 0 && matcher->asks)
		r = view_init_of_asking(&matcher->asking, entries, count, false);
	if (r < 0) {
		address_matcher_free(matcher);
		return r;
	}
	*ret = matcher;
	return 0;
}

void address_matcher_trust_names(struct address_matcher *matcher)
{
	matcher->freely.names[0].allows_others = matcher->at_all.names[0].allows_others = true;
}

void address_matcher_free(struct address_matcher *matcher)
{
	if (!matcher)
		return;
	view_done(&matcher->freely);
	view_done(&matcher->at_all);
	view_done(&matcher->asking);
	for (unsigned i = 0; i < USES; i++)
		socket_files_done(&matcher->files[i]);
	free(matcher);
}

static void allow(struct address_verdict *ret, const struct policy_address_rule *rule)
{
	*ret = (struct address_verdict){.verdict = POLICY_ALLOW, .rule = rule};
}

static void deny(struct address_verdict *ret, const struct policy_address_rule *rule)
{
	*ret = (struct address_verdict){
	        .verdict = POLICY_DENY, .error = rule ? rule->error : EACCES, .rule = rule};
}

/* The networks that hold one address, the widest first. */
struct chain {
	const struct network *items[DEPTHS];
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

	if (!is_unspecified(address->ip) || !networks->denied_somewhere[is_ipv6])
		return NULL;
	if (ports_denials(networks->denied_somewhere[is_ipv6], address->port, address->transport, denials) ==
	        0)
		return NULL;
	return denials[0];
}

static void decide_ip(
        const struct networks *networks, const struct address *address, struct address_verdict *ret)
{
	struct ports_bounds bounds = PORTS_ALL;
	const struct policy_address_rule *rule;
	struct chain chain;
	size_t widest = 0;

	deny(ret, NULL);
	if (address->transport != POLICY_TCP && address->transport != POLICY_UDP)
		return;
	find_chain(networks, address, &chain);
	for (size_t i = 0; i < chain.count; i++)
		if (ports_narrow(chain.items[i]->ports, chain.port, chain.transport, &bounds))
			widest = i;
	rule = find_inside(&chain, widest, &bounds);
	if (!rule)
		return deny(ret, find_denial(&chain));
	allow(ret, rule);
	rule = denied_somewhere(networks, address);
	if (rule)
		deny(ret, rule);
}

static void decide_name(const struct names *names, const struct address *address, struct address_verdict *ret)
{
	const struct name *allowing = NULL, *denying = NULL;

	for (size_t length = 0; length <= address->name_length + 1; length++) {
		bool is_prefix = length <= address->name_length;
		uint32_t slot;

		if (is_prefix && (length > LONGEST_NAME || !names->is_prefix_length[length]))
			continue;
		slot = *find_slot(names, address->name, is_prefix ? length : address->name_length, is_prefix);
		if (slot == 0)
			continue;
		if (names->items[slot - 1].allow)
			allowing = &names->items[slot - 1];
		if (names->items[slot - 1].deny)
			denying = &names->items[slot - 1];
	}
	if (!allowing && !denying && names->allows_others)
		return allow(ret, NULL);
	deny(ret, denying ? denying->deny : NULL);
	/* The later one is the longer one. */
	if (allowing &&
	        (!denying || (allowing != denying &&
	                             (!allowing->is_prefix ||
	                                     (denying->is_prefix && allowing->length > denying->length)))))
		allow(ret, allowing->allow);
}

static void decide_file(
        const struct socket_files *files, const struct address *address, struct address_verdict *ret)
{
	struct match_verdict verdict;

	matcher_decide(files->matcher, address->name, POLICY_WRITE, &verdict);
	*ret = (struct address_verdict){.verdict = verdict.verdict, .error = verdict.error};
	if (files->count > 0 && (const void *)verdict.rule >= (const void *)files->items &&
	        (const void *)verdict.rule < (const void *)(files->items + files->count))
		ret->rule = ((const struct socket_file *)verdict.rule)->address;
	else
		ret->file = verdict.rule;
}

/* What the first datagram that is sent would do as well, on every address. */
static bool takes_any_port(const struct address *address)
{
	return address->transport == POLICY_UDP && address->port == 0;
}

static void decide_in(
        const struct view *view, const struct address *address, unsigned i, struct address_verdict *ret)
{
	if (address->kind == ADDRESS_IP)
		decide_ip(&view->networks[i], address, ret);
	else
		decide_name(&view->names[i], address, ret);
	ret->rule = original_of(view, ret->rule);
}

/* What is not allowed freely: asked about, or refused, and by which rule. */
static void decide_asking(const struct address_matcher *matcher, const struct address *address, unsigned i,
        struct address_verdict *ret)
{
	const struct policy_address_rule *in_the_way = ret->rule;
	struct address_verdict asking;

	decide_in(&matcher->at_all, address, i, ret);
	if (ret->verdict != POLICY_ALLOW)
		return;
	decide_in(&matcher->asking, address, i, &asking);
	/* Who listens on all addresses is asked for the one that a rule asks about. */
	if (in_the_way && in_the_way->verdict == POLICY_ASK)
		asking.rule = in_the_way;
	*ret = (struct address_verdict){.verdict = POLICY_ASK,
	        .error = asking.rule ? asking.rule->error : EACCES,
	        .rule = asking.rule};
}

void address_decide(const struct address_matcher *matcher, const struct address *address, unsigned use,
        struct address_verdict *ret)
{
	unsigned i = use == POLICY_LISTEN;

	if (address->kind == ADDRESS_UNIX_PATH)
		return decide_file(&matcher->files[i], address, ret);
	decide_in(&matcher->freely, address, i, ret);
	if (address->kind == ADDRESS_IP && !ret->rule && use == POLICY_LISTEN && matcher->sends_udp &&
	        takes_any_port(address))
		allow(ret, NULL);
	if (ret->verdict != POLICY_ALLOW && matcher->asks)
		decide_asking(matcher, address, i, ret);
}

bool address_allows_every_file(const struct address_matcher *matcher, unsigned use)
{
	const struct socket_files *files = &matcher->files[use == POLICY_LISTEN];
	struct match_verdict verdict;

	matcher_decide(files->matcher, "/", POLICY_WRITE, &verdict);
	return verdict.verdict == POLICY_ALLOW && !matcher_may_deny_within(files->matcher, "/");
}

void address_normalise(struct address *address)
{
	static const uint8_t loopback4[4] = {127, 0, 0, 1};

	if (address->kind != ADDRESS_IP)
		return;
	if (memcmp(address->ip, unspecified, 16) == 0)
		address->ip[15] = 1;
	else if (address_is_ipv4(address->ip) && memcmp(address->ip + 12, unspecified, 4) == 0)
		memcpy(address->ip + 12, loopback4, 4);
}

/* ---- text ---- */

static void write_name(FILE *out, const char *bytes, size_t length)
{
	fputs("unix:@", out);
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte == '\\')
			fputs("\\\\", out);
		else if (byte < 0x20 || byte >= 0x7f)
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
}

const char *address_text(const struct address *address, char *ret, size_t size)
{
	char ip[INET6_ADDRSTRLEN];

	if (address->kind == ADDRESS_UNIX_PATH) {
		snprintf(ret, size, "unix:%s", address->name);
	} else if (address->kind == ADDRESS_UNIX_ABSTRACT) {
		FILE *out = fmemopen(ret, size, "w");

		ret[0] = '\0';
		if (!out)
			return ret;
		write_name(out, address->name, address->name_length);
		fclose(out);
		ret[size - 1] = '\0';
	} else if (address_is_ipv4(address->ip)) {
		inet_ntop(AF_INET, address->ip + 12, ip, sizeof(ip));
		snprintf(ret, size, "%s:%u", ip, address->port);
	} else {
		inet_ntop(AF_INET6, address->ip, ip, sizeof(ip));
		snprintf(ret, size, "[%s]:%u", ip, address->port);
	}
	return ret;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

static size_t read_name(const char *text, char *ret)
{
	size_t length = 0;

	while (*text) {
		if (text[0] == '\\' && text[1] == 'x' && hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0) {
			ret[length++] = (char)(hex_digit(text[2]) << 4 | hex_digit(text[3]));
			text += 4;
			continue;
		}
		if (text[0] == '\\' && text[1])
			text++;
		ret[length++] = *text++;
	}
	return length;
}

static bool read_ip(const char *text, size_t length, struct address *ret)
{
	char copy[INET6_ADDRSTRLEN];

	if (length == 1 && text[0] == '*')
		return true; /* all zeros: the unspecified address */
	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (copy[0] == '[' && copy[length - 1] == ']') {
		copy[length - 1] = '\0';
		return inet_pton(AF_INET6, copy + 1, ret->ip) == 1;
	}
	memcpy(ret->ip, mapped, sizeof(mapped));
	return inet_pton(AF_INET, copy, ret->ip + 12) == 1;
}

bool address_parse(const char *text, char *name, struct address *ret)
{
	struct address address = {.kind = ADDRESS_IP, .transport = POLICY_TCP};
	const char *colon;
	char *end;
	unsigned long port;

	if (strncmp(text, "unix:", 5) == 0) {
		address.kind = text[5] == '@' ? ADDRESS_UNIX_ABSTRACT : ADDRESS_UNIX_PATH;
		address.transport = 0;
		address.name = text[5] == '@' ? name : text + 5;
		address.name_length = text[5] == '@' ? read_name(text + 6, name) : strlen(text + 5);
		*ret = address;
		return text[5] != '\0';
	}
	if (strncmp(text, "udp:", 4) == 0)
		address.transport = POLICY_UDP;
	if (strncmp(text, "udp:", 4) == 0 || strncmp(text, "tcp:", 4) == 0)
		text += 4;
	colon = strrchr(text, ':');
	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > UINT16_MAX || !read_ip(text, (size_t)(colon - text), &address))
		return false;
	address.port = (uint16_t)port;
	*ret = address;
	return true;
}
