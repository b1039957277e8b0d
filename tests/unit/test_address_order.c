/* Random rules and random addresses: their order and repetition change no verdict, and the matcher agrees
 * with a reference that asks every rule about every address. With "speed" it measures instead: 10 rules and
 * 100,000. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "policy/address.h"

enum {
	RULES = 14,
	SETS = 4000,
	ADDRESSES = 200,
	FEW = 10,
	MANY = 100000,
	ASKED = 4096,
	ROUNDS = 15,
	LIMIT = 30,
	TRIES = 5
};

static uint64_t seed = 0x2545f4914f6cdd1d;

static unsigned random_below(unsigned limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % limit;
}

/* A small world: four bits of address count, ports up to 9. IPv4 lies in 10.0.0.0/28, IPv6 in 2001:db8::/124.
 */
static void make_ip(bool is_ipv4, unsigned low, uint8_t ret[16])
{
	static const uint8_t ipv4[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};
	static const uint8_t ipv6[16] = {0x20, 0x01, 0x0d, 0xb8};

	memcpy(ret, is_ipv4 ? ipv4 : ipv6, 16);
	ret[15] = (uint8_t)low;
}

struct set {
	struct policy_address_rule rules[RULES];
	unsigned count;
};

static void make_rule(struct policy_address_rule *rule, unsigned line)
{
	static const unsigned bits[] = {4, 4, 3, 2, 1, 0};
	bool is_ipv4 = random_below(3) > 0;
	unsigned free_bits = 4 - bits[random_below(6)], low = random_below(10), high = random_below(10);

	*rule = (struct policy_address_rule){.verdict = random_below(2)   ? POLICY_ALLOW
	                                                : random_below(3) ? POLICY_DENY
	                                                                  : POLICY_ASK,
	        .use = POLICY_CONNECT,
	        .kind = POLICY_ADDRESS_IP,
	        .transports = 1 + random_below(3),
	        .text = "random",
	        .place = {"random", line, 1, NULL}};
	rule->error = rule->verdict != POLICY_ALLOW ? EPERM + (int)random_below(3) : 0;
	rule->port_low = (uint16_t)(low < high ? low : high);
	rule->port_high = (uint16_t)(random_below(4) == 0 ? UINT16_MAX : low < high ? high : low);
	if (random_below(4) == 0) {
		rule->families = POLICY_IPV4 | POLICY_IPV6;
		return;
	}
	rule->families = is_ipv4 ? POLICY_IPV4 : POLICY_IPV6;
	rule->prefix = 128 - free_bits;
	make_ip(is_ipv4, random_below(16) >> free_bits << free_bits, rule->ip);
}

/* ---- the reference ---- */

static bool covers(const struct policy_address_rule *rule, const struct address *address)
{
	bool is_ipv4 = address->ip[10] == 0xff;

	if (!(rule->transports & address->transport) || address->port < rule->port_low ||
	        address->port > rule->port_high)
		return false;
	if (rule->families == (POLICY_IPV4 | POLICY_IPV6))
		return true;
	return rule->families == (is_ipv4 ? POLICY_IPV4 : POLICY_IPV6) &&
	       address->ip[15] >> (128 - rule->prefix) == rule->ip[15] >> (128 - rule->prefix);
}

static bool is_same_set(const struct policy_address_rule *a, const struct policy_address_rule *b)
{
	return a->families == b->families && a->prefix == b->prefix && a->ip[15] == b->ip[15] &&
	       a->port_low == b->port_low && a->port_high == b->port_high && a->transports == b->transports;
}

/* Both cover one address. */
static bool lies_inside(const struct policy_address_rule *inner, const struct policy_address_rule *outer)
{
	bool inner_any = inner->families == 3, outer_any = outer->families == 3;

	return !is_same_set(inner, outer) && (outer_any || (!inner_any && inner->prefix >= outer->prefix)) &&
	       inner->port_low >= outer->port_low && inner->port_high <= outer->port_high &&
	       !(inner->transports & ~outer->transports);
}

/* What asks is in the way, or counts as what allows. */
static bool allows(const struct policy_address_rule *rule, bool asking_allows)
{
	return rule->verdict == POLICY_ALLOW || (asking_allows && rule->verdict == POLICY_ASK);
}

static bool is_allowed(const struct set *set, const struct address *address, bool asking_allows)
{
	for (unsigned i = 0; i < set->count; i++) {
		bool wins = allows(&set->rules[i], asking_allows) && covers(&set->rules[i], address);

		for (unsigned k = 0; k < set->count && wins; k++)
			wins = allows(&set->rules[k], asking_allows) || !covers(&set->rules[k], address) ||
			       lies_inside(&set->rules[i], &set->rules[k]);
		if (wins)
			return true;
	}
	return false;
}

static enum policy_verdict expected(const struct set *set, const struct address *address)
{
	if (is_allowed(set, address, false))
		return POLICY_ALLOW;
	return is_allowed(set, address, true) ? POLICY_ASK : POLICY_DENY;
}

/* What is told is a rule that decides so. */
static bool is_told_well(
        const struct set *set, const struct address *address, const struct address_verdict *verdict)
{
	bool denied = false;

	for (unsigned i = 0; i < set->count; i++)
		denied |= set->rules[i].verdict == POLICY_DENY && covers(&set->rules[i], address);
	if (!verdict->rule)
		return verdict->verdict == POLICY_DENY && !denied && verdict->error == EACCES;
	return verdict->rule->verdict == verdict->verdict && covers(verdict->rule, address) &&
	       verdict->error == verdict->rule->error;
}

/* ---- comparing ---- */

static struct address_matcher *build(const struct set *set, bool is_shuffled)
{
	struct address_entry entries[2 * RULES];
	struct address_matcher *matcher = NULL;
	unsigned count = set->count;

	for (unsigned i = 0; i < count; i++)
		entries[i] = (struct address_entry){&set->rules[i], NULL};
	for (unsigned extra = is_shuffled ? random_below(set->count + 1) : 0; extra > 0; extra--)
		entries[count++] = entries[random_below(set->count)];
	for (unsigned i = count - 1; is_shuffled && i > 0; i--) {
		unsigned k = random_below(i + 1);
		struct address_entry kept = entries[i];

		entries[i] = entries[k];
		entries[k] = kept;
	}
	return address_matcher_new(entries, count, &(struct address_files){0}, &matcher) < 0 ? NULL : matcher;
}

static bool check_address(
        const struct set *set, const struct address_matcher *plain, const struct address_matcher *shuffled)
{
	struct address address = {.kind = ADDRESS_IP,
	        .transport = 1 + random_below(2),
	        .port = (uint16_t)(random_below(20) ? random_below(11) : UINT16_MAX)};
	struct address_verdict verdict, other;
	char text[64];

	make_ip(random_below(3) > 0, random_below(16), address.ip);
	address_decide(plain, &address, POLICY_CONNECT, &verdict);
	address_decide(shuffled, &address, POLICY_CONNECT, &other);
	if (verdict.verdict == expected(set, &address) && is_told_well(set, &address, &verdict) &&
	        verdict.rule == other.rule && verdict.verdict == other.verdict)
		return true;
	fprintf(stderr, "%s by %u: verdicts %d and %d, rules %u and %u; the reference: %d\n",
	        address_text(&address, text, sizeof(text)), address.transport, (int)verdict.verdict,
	        (int)other.verdict, verdict.rule ? verdict.rule->place.line : 0,
	        other.rule ? other.rule->place.line : 0, (int)expected(set, &address));
	for (unsigned i = 0; i < set->count; i++)
		fprintf(stderr, "  %u: verdict %d families %u .%u/%u ports %u-%u transports %u\n", i + 1,
		        (int)set->rules[i].verdict, set->rules[i].families, set->rules[i].ip[15],
		        set->rules[i].prefix, set->rules[i].port_low, set->rules[i].port_high,
		        set->rules[i].transports);
	return false;
}

static bool check_set(void)
{
	struct set set = {.count = 1 + random_below(RULES)};
	struct address_matcher *plain, *shuffled;
	bool is_good;

	for (unsigned i = 0; i < set.count; i++)
		make_rule(&set.rules[i], i + 1);
	plain = build(&set, false);
	shuffled = build(&set, true);
	is_good = plain && shuffled;
	for (unsigned i = 0; i < ADDRESSES && is_good; i++)
		is_good = check_address(&set, plain, shuffled);
	address_matcher_free(plain);
	address_matcher_free(shuffled);
	return is_good;
}

/* ---- speed ---- */

enum sort { HOSTS, NETWORKS, PORTS, RANGES, NAMES, SORTS };

static const char *const sorts[SORTS] = {"hosts", "networks", "ports", "ranges", "abstract names"};

static void make_one(enum sort sort, unsigned i, struct policy_address_rule *rule, char name[16])
{
	*rule = (struct policy_address_rule){.verdict = i % 2 ? POLICY_DENY : POLICY_ALLOW,
	        .use = POLICY_CONNECT,
	        .kind = sort == NAMES ? POLICY_ADDRESS_ABSTRACT : POLICY_ADDRESS_IP,
	        .transports = POLICY_TCP,
	        .families = POLICY_IPV4 | POLICY_IPV6,
	        .port_high = UINT16_MAX,
	        .text = "many",
	        .place = {"many", i + 1, 1, NULL}};
	if (sort == HOSTS || sort == NETWORKS) {
		rule->families = POLICY_IPV4;
		rule->prefix = sort == HOSTS ? 128 : 120;
		make_ip(true, 0, rule->ip);
		rule->ip[13] = (uint8_t)(i >> 8);
		rule->ip[14] = (uint8_t)i;
		rule->ip[15] = sort == HOSTS ? (uint8_t)(i >> 16) : 0;
		rule->ip[12] = sort == HOSTS ? 10 : (uint8_t)(10 + (i >> 16));
	} else if (sort == PORTS) {
		rule->port_low = rule->port_high = (uint16_t)i;
	} else if (sort == RANGES) {
		rule->port_low = (uint16_t)(i * 7919 % 60000);
		rule->port_high = (uint16_t)(rule->port_low + i * 104729 % 5000);
	} else {
		rule->name = name;
		rule->name_length = (size_t)sprintf(name, "name-%u", i);
	}
}

/* Of our own time: others may have the processor meanwhile. */
static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

/* The nanoseconds of one decision, the best of some rounds over many addresses. */
static double measure(enum sort sort, const struct address_matcher *matcher)
{
	static struct address asked[ASKED];
	static char names[ASKED][16];
	double best = 1e18;

	for (unsigned i = 0; i < ASKED; i++) {
		struct policy_address_rule rule;

		make_one(sort, i % 2 ? i % FEW : i * 24 % MANY, &rule, names[i]);
		asked[i] = (struct address){.kind = sort == NAMES ? ADDRESS_UNIX_ABSTRACT : ADDRESS_IP,
		        .transport = POLICY_TCP,
		        .port = rule.port_low,
		        .name = rule.name,
		        .name_length = rule.name_length};
		memcpy(asked[i].ip, rule.ip, 16);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		double start = now(), took;

		for (unsigned i = 0; i < ASKED; i++) {
			struct address_verdict verdict;

			address_decide(matcher, &asked[i], POLICY_CONNECT, &verdict);
		}
		took = (now() - start) / ASKED;
		if (took < best)
			best = took;
	}
	return best;
}

static double time_of(enum sort sort, unsigned count)
{
	AUTO_FREE struct policy_address_rule *rules = calloc(count, sizeof(*rules));
	AUTO_FREE struct address_entry *entries = calloc(count, sizeof(*entries));
	AUTO_FREE char(*names)[16] = calloc(count, sizeof(*names));
	struct address_matcher *matcher = NULL;
	double took;

	if (!rules || !entries || !names)
		return 1e18;
	for (unsigned i = 0; i < count; i++) {
		make_one(sort, i, &rules[i], names[i]);
		entries[i] = (struct address_entry){&rules[i], NULL};
	}
	if (address_matcher_new(entries, count, &(struct address_files){0}, &matcher) < 0)
		return 1e18;
	took = measure(sort, matcher);
	address_matcher_free(matcher);
	return took;
}

/* Steps do not grow with the rules, or with their logarithm where ranges of ports overlap; memory that no
 * cache holds takes its time. Looking at each rule would take thousands of times as long. */
static bool is_flat(enum sort sort)
{
	for (unsigned try = 0; try < TRIES; try++) {
		double few = time_of(sort, FEW), many = time_of(sort, MANY);

		printf("%-15s %u rules %.0f ns, %u rules %.0f ns: %.2f times\n", sorts[sort], FEW, few, MANY,
		        many, many / few);
		if (many <= LIMIT * few)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "speed") == 0) {
		for (int sort = 0; sort < SORTS; sort++)
			if (!is_flat((enum sort)sort))
				return 1;
		return 0;
	}
	if (argc > 1)
		seed ^= strtoull(argv[1], NULL, 0) * UINT64_C(0x9e3779b97f4a7c15);
	for (unsigned i = 0; i < SETS; i++)
		if (!check_set())
			return 1;
	printf("%d decisions: all as the reference has them, in any order\n", SETS * ADDRESSES);
	return 0;
}
