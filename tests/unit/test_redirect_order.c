/* Random redirects of addresses in a small world, where a set is a bit for each of its addresses: which
 * policies are taken, where each address leads, and what rules beside them say then, is as the sets say,
 * whatever the order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/redirect.h"

enum {
	HOSTS = 8,
	PORTS = 8,
	TRANSPORTS = 2,
	ADDRESSES = HOSTS * PORTS * TRANSPORTS,
	RULES = 6,
	ROUNDS = 4000
};

static uint64_t seed = 0x2545f4914f6cdd1d;

static unsigned random_below(unsigned limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % limit;
}

struct rule {
	bool has[ADDRESSES];
	unsigned to;
	char text[96];
};

static unsigned index_of(unsigned host, unsigned port, unsigned transport)
{
	return (host * PORTS + port) * TRANSPORTS + transport;
}

/* "udp:10.0.0.4/30:2-5=127.0.0.1:101" */
static void make(struct rule *rule)
{
	static const char *const words[] = {"tcp:", "udp:", ""};
	unsigned bits = random_below(4), first = random_below(HOSTS) >> bits << bits, how = random_below(3);
	unsigned low = random_below(PORTS), high = low + random_below(PORTS - low);

	memset(rule->has, 0, sizeof(rule->has));
	rule->to = random_below(3);
	if (bits == 3 && random_below(2))
		snprintf(rule->text, sizeof(rule->text), "%s*:%u-%u=127.0.0.1:%u", words[how], low, high,
		        100 + rule->to);
	else
		snprintf(rule->text, sizeof(rule->text), "%s10.0.0.%u/%u:%u-%u=127.0.0.1:%u", words[how],
		        first, 32 - bits, low, high, 100 + rule->to);
	for (unsigned host = first; host < first + (1u << bits); host++)
		for (unsigned port = low; port <= high; port++)
			for (unsigned transport = 0; transport < TRANSPORTS; transport++)
				rule->has[index_of(host, port, transport)] = how == 2 || how == transport;
}

static bool is_inside(const bool *inner, const bool *outer)
{
	for (unsigned i = 0; i < ADDRESSES; i++)
		if (inner[i] && !outer[i])
			return false;
	return true;
}

static bool is_same(const bool *a, const bool *b)
{
	return is_inside(a, b) && is_inside(b, a);
}

/* "*" and 10.0.0.0/29 have the same addresses in this world, and not in the other one. */
static bool is_wide(const struct rule *rule)
{
	return strchr(rule->text, '*') != NULL;
}

static bool has_set(const struct rule *rules, const bool *set, bool wide)
{
	for (unsigned i = 0; i < RULES; i++)
		if (is_same(rules[i].has, set) && is_wide(&rules[i]) == wide)
			return true;
	return false;
}

static bool is_contradiction(const struct rule *rules, const struct rule *a, const struct rule *b)
{
	bool common[ADDRESSES], any = false;

	if (a->to == b->to)
		return false;
	for (unsigned i = 0; i < ADDRESSES; i++) {
		common[i] = a->has[i] && b->has[i];
		any |= common[i];
	}
	if (!any)
		return false;
	if (is_same(a->has, b->has) && is_wide(a) == is_wide(b))
		return true;
	if ((is_inside(a->has, b->has) && (!is_wide(a) || is_wide(b))) ||
	        (is_inside(b->has, a->has) && (!is_wide(b) || is_wide(a))))
		return false;
	return !has_set(rules, common, is_wide(a) && is_wide(b));
}

static bool is_good(const struct rule *rules)
{
	for (unsigned i = 0; i < RULES; i++)
		for (unsigned k = 0; k < i; k++)
			if (is_contradiction(rules, &rules[i], &rules[k]))
				return false;
	return true;
}

/* The port that the address leads to; 0: it stays. */
static unsigned leads_to(const struct rule *rules, unsigned at)
{
	const struct rule *found = NULL;

	for (unsigned i = 0; i < RULES; i++)
		if (rules[i].has[at] &&
		        (!found || (is_inside(rules[i].has, found->has) &&
		                           !(is_same(rules[i].has, found->has) && is_wide(&rules[i])))))
			found = &rules[i];
	return found ? 100 + found->to : 0;
}

static const char *lookup(void *user, const char *name)
{
	return NULL;
}

/* Of the three that are led to one is allowed, one asked about, one denied; what is led nowhere is asked
 * about. */
static void add_rules(struct policy_builder *builder)
{
	policy_add_flag(builder, "ask-connect", "10.0.0.0/29:*");
	policy_add_flag(builder, "connect", "127.0.0.1:100");
	policy_add_flag(builder, "ask-connect", "127.0.0.1:101");
}

static enum policy_verdict verdict_of(unsigned leads_to)
{
	static const enum policy_verdict verdicts[] = {POLICY_ALLOW, POLICY_ASK, POLICY_DENY};

	return leads_to ? verdicts[leads_to - 100] : POLICY_ASK;
}

static struct policy *policy_of(const struct rule *rules, bool backwards)
{
	const struct policy_context context = {"/home/me", "/", lookup, NULL};
	struct policy_builder *builder = NULL;
	struct policy *policy = NULL;

	if (policy_builder_new(&context, &builder) < 0)
		abort();
	if (backwards)
		add_rules(builder);
	for (unsigned i = 0; i < RULES; i++)
		policy_add_flag(builder, "redirect-connect", rules[backwards ? RULES - 1 - i : i].text);
	if (!backwards)
		add_rules(builder);
	policy_builder_finish(builder, &policy);
	policy_builder_free(builder);
	return policy;
}

static struct address_matcher *matcher_of(const struct policy *policy)
{
	struct address_entry entries[8];
	struct address_matcher *matcher = NULL;

	for (size_t i = 0; i < policy->address_count; i++)
		entries[i] = (struct address_entry){&policy->addresses[i], NULL};
	if (address_matcher_new(entries, policy->address_count, &(struct address_files){0}, &matcher) < 0)
		abort();
	return matcher;
}

static unsigned asked(
        const struct policy *policy, unsigned host, unsigned port, unsigned transport, struct address *ret)
{
	struct redirect_entry items[RULES];
	const struct redirect_entries entries = {items, policy->redirect_count};
	const struct policy_address_redirect *last;
	struct address address = {.kind = ADDRESS_IP,
	        .transport = transport ? POLICY_UDP : POLICY_TCP,
	        .ip = {[10] = 0xff, 0xff, 10, 0, 0, (uint8_t)host},
	        .port = (uint16_t)port};

	for (size_t i = 0; i < policy->redirect_count; i++)
		items[i] = (struct redirect_entry){&policy->redirects[i], NULL};
	if (redirect_follow(&entries, &address, &last) < 0)
		abort();
	*ret = address;
	return last ? address.port : 0;
}

static bool agrees_about(const struct rule *rules, const struct policy *policy,
        const struct address_matcher *matcher, unsigned at)
{
	unsigned host = at / TRANSPORTS / PORTS, port = at / TRANSPORTS % PORTS,
	         expected = leads_to(rules, at);
	struct address_verdict verdict;
	struct address address;
	unsigned got = asked(policy, host, port, at % TRANSPORTS, &address);

	address_decide(matcher, &address, POLICY_CONNECT, &verdict);
	if (got == expected && verdict.verdict == verdict_of(expected))
		return true;
	fprintf(stderr, "10.0.0.%u:%u leads to %u and not to %u, verdict %d\n", host, port, got, expected,
	        (int)verdict.verdict);
	return false;
}

static bool agrees(const struct rule *rules, const struct policy *policy)
{
	struct address_matcher *matcher = matcher_of(policy);
	bool is_right = true;

	for (unsigned at = 0; at < ADDRESSES && is_right; at++)
		is_right = agrees_about(rules, policy, matcher, at);
	address_matcher_free(matcher);
	return is_right;
}

int main(void)
{
	struct rule rules[RULES];
	unsigned good = 0, bad = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < RULES; i++)
			make(&rules[i]);
		for (unsigned backwards = 0; backwards < 2; backwards++) {
			struct policy *policy = policy_of(rules, backwards);
			bool is_right =
			        (policy != NULL) == is_good(rules) && (!policy || agrees(rules, policy));

			good += policy != NULL;
			bad += !policy;
			policy_unref(policy);
			if (is_right)
				continue;
			fprintf(stderr, "%s:\n", is_good(rules) ? "good" : "contradictory");
			for (unsigned i = 0; i < RULES; i++)
				fprintf(stderr, "  %s\n", rules[i].text);
			return 1;
		}
	}
	printf("%u policies taken, %u refused\n", good, bad);
	return good < 100 || bad < 100;
}
