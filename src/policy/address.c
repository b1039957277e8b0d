#include "policy/address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/abstract.h"
#include "policy/networks.h"

enum { USES = 2 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t unspecified[16];

bool address_is_ipv4(const uint8_t ip[16])
{
	return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

bool address_is_unspecified(const uint8_t ip[16])
{
	return memcmp(ip, unspecified, address_is_ipv4(ip) ? 0 : 16) == 0 &&
	       memcmp(ip + 12, unspecified, 4) == 0;
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
	const struct matcher *matcher;
	struct matcher *own; /* NULL: the matcher is that of all files */
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

static bool speaks_of_sockets(const struct address_entry *entries, size_t count, unsigned use)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].rule->use == use && entries[i].rule->kind == POLICY_ADDRESS_UNIX)
			return true;
	return false;
}

static int socket_files_init(struct socket_files *files, const struct address_entry *entries, size_t count,
        unsigned use, const struct address_files *rules)
{
	AUTO_FREE struct match_entry *all = NULL;
	size_t used = 0;
	int r;

	/* What may be written to: the matcher of all files says the same of that. */
	if (rules->matcher && !speaks_of_sockets(entries, count, use)) {
		files->matcher = rules->matcher;
		return 0;
	}
	all = calloc(count + rules->count + 1, sizeof(*all));
	files->items = calloc(count + 1, sizeof(*files->items));
	if (!all || !files->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (entries[i].rule->use != use || entries[i].rule->kind != POLICY_ADDRESS_UNIX)
			continue;
		all[used++] = (struct match_entry){&files->items[files->count].file, entries[i].path};
		add_socket_file(files, entries[i].rule);
	}
	for (size_t i = 0; i < rules->count; i++)
		if (counts_for_sockets(rules->entries[i].rule))
			all[used++] = rules->entries[i];
	r = matcher_new(all, used, &files->own);
	files->matcher = files->own;
	return r;
}

static void socket_files_done(struct socket_files *files)
{
	matcher_free(files->own);
	free(files->items);
}
/* ---- the matcher ---- */

/* The rules on networks and names, seen in one way. */
struct view {
	struct policy_address_rule *copies; /* NULL: the rules are those of the policy */
	const struct policy_address_rule **originals;
	struct networks networks[USES];
	struct abstract_names names[USES];
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
			r = abstract_init(&view->names[i], entries, count, uses[i]);
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
		abstract_done(&view->names[i]);
	}
	free(view->copies);
	free(view->originals);
}

int address_matcher_new(const struct address_entry *entries, size_t count, const struct address_files *files,
        struct address_matcher **ret)
{
	static const unsigned uses[USES] = {POLICY_CONNECT, POLICY_LISTEN};
	struct address_matcher *matcher = calloc(1, sizeof(*matcher));
	int r = 0;

	if (!matcher)
		return -ENOMEM;
	r = view_init(&matcher->freely, entries, count);
	for (unsigned i = 0; i < USES && r == 0; i++)
		r = socket_files_init(&matcher->files[i], entries, count, uses[i], files);
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
void address_allow(struct address_verdict *ret, const struct policy_address_rule *rule)
{
	*ret = (struct address_verdict){.verdict = POLICY_ALLOW, .rule = rule};
}

void address_deny(struct address_verdict *ret, const struct policy_address_rule *rule)
{
	*ret = (struct address_verdict){
	        .verdict = POLICY_DENY, .error = rule ? rule->error : EACCES, .rule = rule};
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
		networks_decide(&view->networks[i], address, ret);
	else
		abstract_decide(&view->names[i], address, ret);
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
		address_allow(ret, NULL);
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
