#include "policy/redirect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "policy/builder.h"

/* Each is compared with each, and with what two have in common. */
enum { MOST_REDIRECTS = 256 };

/* ---- sets of addresses ---- */

static bool is_any(const struct policy_address_rule *rule)
{
	return rule->families == (POLICY_IPV4 | POLICY_IPV6);
}

static bool begins_alike(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8) == 0;
}

static bool is_network_inside(
        const struct policy_address_rule *inner, const struct policy_address_rule *outer)
{
	if (is_any(outer))
		return true;
	return inner->families == outer->families && inner->prefix >= outer->prefix &&
	       begins_alike(inner->ip, outer->ip, outer->prefix);
}

static bool is_name_inside(const struct policy_address_rule *inner, const struct policy_address_rule *outer)
{
	if (inner->name_length < outer->name_length ||
	        memcmp(inner->name, outer->name, outer->name_length) != 0)
		return false;
	return outer->is_prefix || (!inner->is_prefix && inner->name_length == outer->name_length);
}

bool redirect_is_inside(const struct policy_address_rule *inner, const struct policy_address_rule *outer)
{
	if (inner->kind != outer->kind)
		return false;
	switch (inner->kind) {
	case POLICY_ADDRESS_IP:
		return !(inner->transports & ~outer->transports) && inner->port_low >= outer->port_low &&
		       inner->port_high <= outer->port_high && is_network_inside(inner, outer);
	case POLICY_ADDRESS_UNIX:
		return path_is_within(inner->path, outer->path);
	case POLICY_ADDRESS_ABSTRACT:
		return is_name_inside(inner, outer);
	default:
		return false;
	}
}

bool redirect_intersect(const struct policy_address_rule *a, const struct policy_address_rule *b,
        struct policy_address_rule *ret)
{
	bool is_a_narrow = is_network_inside(a, b);

	if (a->kind != POLICY_ADDRESS_IP || b->kind != POLICY_ADDRESS_IP ||
	        !(is_a_narrow || is_network_inside(b, a)) || !(a->transports & b->transports) ||
	        a->port_low > b->port_high || b->port_low > a->port_high)
		return false;
	*ret = is_a_narrow ? *a : *b;
	ret->transports = a->transports & b->transports;
	ret->port_low = a->port_low > b->port_low ? a->port_low : b->port_low;
	ret->port_high = a->port_high < b->port_high ? a->port_high : b->port_high;
	return true;
}

/* ---- one address ---- */

/* As a set of its own. */
static struct policy_address_rule set_of(const struct address *address)
{
	struct policy_address_rule set = {.transports = address->transport,
	        .families = address_is_ipv4(address->ip) ? POLICY_IPV4 : POLICY_IPV6,
	        .prefix = 128,
	        .port_low = address->port,
	        .port_high = address->port,
	        .path = address->name,
	        .name = address->name,
	        .name_length = address->name_length};

	set.kind = address->kind == ADDRESS_IP          ? POLICY_ADDRESS_IP
	           : address->kind == ADDRESS_UNIX_PATH ? POLICY_ADDRESS_UNIX
	                                                : POLICY_ADDRESS_ABSTRACT;
	memcpy(set.ip, address->ip, sizeof(set.ip));
	return set;
}

/* The set that an entry is about, in its own spelling. */
static struct policy_address_rule from_of(const struct redirect_entry *entry)
{
	struct policy_address_rule from = entry->redirect->from;

	if (entry->path)
		from.path = entry->path;
	return from;
}

static bool leads_to_itself(const struct policy_address_redirect *redirect, const struct address *address)
{
	const struct policy_address_rule *to = &redirect->to, set = set_of(address);

	/* With the port that was asked for, `to` stands for all of them, and the address for its own. */
	return redirect_is_inside(&set, to);
}

const struct policy_address_redirect *redirect_find(const struct redirect_entries *entries,
        const struct address *address, const struct policy_address_redirect *last)
{
	const struct policy_address_rule set = set_of(address);
	const struct redirect_entry *found = NULL;

	for (size_t i = 0; i < entries->count; i++) {
		const struct redirect_entry *entry = &entries->items[i];
		const struct policy_address_rule from = from_of(entry), inner = found ? from_of(found) : from;

		/* It had its say about the address before, and what lies inside of it won. */
		if (last && redirect_is_inside(&last->from, &entry->redirect->from))
			continue;
		if (redirect_is_inside(&set, &from) && redirect_is_inside(&from, &inner))
			found = entry;
	}
	return found && !leads_to_itself(found->redirect, address) ? found->redirect : NULL;
}

void redirect_lead(const struct policy_address_redirect *redirect, struct address *address)
{
	const struct policy_address_rule *to = &redirect->to;

	switch (to->kind) {
	case POLICY_ADDRESS_UNIX:
		*address = (struct address){.kind = ADDRESS_UNIX_PATH, .name = to->path};
		address->name_length = strlen(to->path);
		return;
	case POLICY_ADDRESS_ABSTRACT:
		*address = (struct address){
		        .kind = ADDRESS_UNIX_ABSTRACT, .name = to->name, .name_length = to->name_length};
		return;
	default:
		memcpy(address->ip, to->ip, sizeof(address->ip));
		if (to->port_low == to->port_high)
			address->port = to->port_low;
	}
}

int redirect_follow(const struct redirect_entries *entries, struct address *address,
        const struct policy_address_redirect **ret)
{
	const struct policy_address_redirect *last = NULL, *next;

	for (int i = 0; (next = redirect_find(entries, address, last)); i++) {
		if (i == REDIRECT_MOST)
			return -ELOOP;
		redirect_lead(next, address);
		last = next;
	}
	*ret = last;
	return 0;
}

/* ---- reading ---- */

/* One end on its way; the diagnostics are about it. */
struct end {
	struct policy_builder *builder;
	const struct policy_words *words;
	struct policy_addresses found;
};

#define COMPLAIN(end, ...) policy_diagnose((end)->builder, &(end)->words->place, __VA_ARGS__)

static int read_end(struct end *end)
{
	const struct policy_address_rule rule = {
	        .verdict = POLICY_REDIRECT, .use = POLICY_CONNECT, .place = end->words->place};

	return policy_read_address(end->builder, &rule, end->words->text, end->words->length, &end->found);
}

static bool is_unspecified(const struct policy_address_rule *rule)
{
	struct address address = {.kind = ADDRESS_IP};

	if (rule->kind != POLICY_ADDRESS_IP || rule->prefix != 128)
		return false;
	memcpy(address.ip, rule->ip, sizeof(address.ip));
	address_normalise(&address);
	return memcmp(address.ip, rule->ip, sizeof(address.ip)) != 0;
}

/* What neither end may be. Sets the count to 0 when it complains. */
static int check_end(struct end *end, const char *key)
{
	const struct policy_address_rule *rule = &end->found.items[0];
	struct policy_quote quote = policy_quote(end->words->text, end->words->length);

	if (end->found.count == 0)
		return 0;
	if (rule->kind != POLICY_ADDRESS_HOST && !(rule->kind == POLICY_ADDRESS_UNIX && rule->is_glob) &&
	        !is_unspecified(rule))
		return 0;
	end->found.count = 0;
	if (rule->kind == POLICY_ADDRESS_HOST)
		return COMPLAIN(end,
		        "'%s' of a redirect expects an address; '%s' is a host name, which may stand for "
		        "many "
		        "and share each with others: write %s",
		        key, quote.text,
		        strcmp(key, "to") == 0 ? "the address"
		                               : "its address, or '*' before the port for every one");
	if (rule->kind == POLICY_ADDRESS_UNIX)
		return COMPLAIN(end, "'%s' of a redirect expects a path, not a pattern", key);
	return COMPLAIN(end, "'%s' means this machine: write %s", quote.text,
	        rule->families == POLICY_IPV4 ? "127.0.0.1" : "[::1]");
}

/* That `to` is one address. */
static int check_to(struct end *to)
{
	const struct policy_address_rule *rule = &to->found.items[0];
	struct policy_quote quote = policy_quote(to->words->text, to->words->length);
	size_t count = to->found.count;

	to->found.count = 0;
	if (count == 0)
		return 0;
	if (count > 1)
		return COMPLAIN(
		        to, "'localhost' means 127.0.0.1 and [::1]: 'to' of a redirect is one of them");
	if (rule->kind == POLICY_ADDRESS_ABSTRACT && rule->is_prefix)
		return COMPLAIN(to, "'to' of a redirect expects one name, found '%s'", quote.text);
	if (rule->kind == POLICY_ADDRESS_IP && rule->prefix != 128)
		return COMPLAIN(to, "'to' of a redirect expects one address, found '%s'", quote.text);
	if (rule->kind == POLICY_ADDRESS_IP && rule->port_low != rule->port_high &&
	        !(rule->port_low == 0 && rule->port_high == UINT16_MAX))
		return COMPLAIN(to,
		        "'to' of a redirect expects one port, or '*' for the one that was asked for, found "
		        "'%s'",
		        quote.text);
	if (rule->kind == POLICY_ADDRESS_IP && rule->port_high == 0)
		return COMPLAIN(to, "'%s': nobody can connect to port 0", quote.text);
	to->found.count = 1;
	return 0;
}

/* That one can stand for the other. */
static int check_both(struct end *from, struct end *to)
{
	const struct policy_address_rule *a = &from->found.items[0], *b = &to->found.items[0];
	struct policy_quote quote = policy_quote(from->words->text, from->words->length);

	if ((a->kind == POLICY_ADDRESS_IP) != (b->kind == POLICY_ADDRESS_IP)) {
		to->found.count = 0;
		return COMPLAIN(to, "'%s' is %s, so 'to' has to be one, too", quote.text,
		        a->kind == POLICY_ADDRESS_IP ? "an address of IP" : "a UNIX socket");
	}
	if (a->transports & ~b->transports) {
		to->found.count = 0;
		return COMPLAIN(to, "'%s' is about %s, which this is not: the transport stays as it is",
		        quote.text, a->transports & ~b->transports & POLICY_TCP ? "TCP" : "UDP");
	}
	return 0;
}

static bool is_same_target(const struct policy_address_rule *a, const struct policy_address_rule *b)
{
	return redirect_is_inside(a, b) && redirect_is_inside(b, a);
}

static bool is_same_set(const struct policy_address_rule *a, const struct policy_address_rule *b)
{
	return redirect_is_inside(a, b) && redirect_is_inside(b, a);
}

static int add(struct policy_builder *builder, const struct policy_address_redirect *redirect)
{
	for (size_t i = 0; i < builder->redirects.count; i++) {
		const struct policy_address_redirect *other = &builder->redirects.items[i];
		char where[256];

		if (!is_same_set(&redirect->from, &other->from))
			continue;
		if (is_same_target(&redirect->to, &other->to))
			return 0;
		return policy_diagnose(builder, &redirect->from.place,
		        "'%s' is redirected already, '%s', at %s", redirect->from.text, other->from.text,
		        policy_place_text(&other->from.place, where, sizeof(where)));
	}
	if (builder->redirects.count == MOST_REDIRECTS)
		return policy_diagnose(builder, &redirect->from.place,
		        "more than %d redirects of addresses: a policy has no more", MOST_REDIRECTS);
	return ARRAY_PUSH(&builder->redirects, *redirect);
}

int policy_add_address_redirect(struct policy_builder *builder, const struct policy_place *place,
        const struct policy_words *from, const struct policy_words *to)
{
	struct end ends[2] = {{.builder = builder, .words = from}, {.builder = builder, .words = to}};
	size_t size = from->length + to->length + sizeof(" to ");
	char *text = store_take(&builder->store, size);
	int r = text ? read_end(&ends[0]) : -ENOMEM;

	if (r == 0)
		r = check_end(&ends[0], "from");
	if (r == 0)
		r = read_end(&ends[1]);
	if (r == 0)
		r = check_end(&ends[1], "to");
	if (r == 0)
		r = check_to(&ends[1]);
	if (r == 0 && ends[0].found.count > 0 && ends[1].found.count > 0)
		r = check_both(&ends[0], &ends[1]);
	if (r < 0 || ends[1].found.count == 0)
		return r;
	snprintf(text, size, "%.*s to %.*s", (int)from->length, from->text, (int)to->length, to->text);
	for (size_t i = 0; i < ends[0].found.count && r == 0; i++) {
		struct policy_address_redirect redirect = {ends[0].found.items[i], ends[1].found.items[0]};

		redirect.from.text = text;
		redirect.from.place = *place;
		r = add(builder, &redirect);
	}
	return r;
}

/* ---- all of them ---- */

static bool has_set(const struct policy_builder *builder, const struct policy_address_rule *set)
{
	for (size_t i = 0; i < builder->redirects.count; i++)
		if (is_same_set(&builder->redirects.items[i].from, set))
			return true;
	return false;
}

/* So that for each address one of those that cover it lies inside all others. */
static int check_pair(struct policy_builder *builder, const struct policy_address_redirect *first,
        const struct policy_address_redirect *second)
{
	const struct policy_address_rule *a = &first->from, *b = &second->from;
	struct policy_address_rule common;
	char where[256];

	if (is_same_target(&first->to, &second->to) || redirect_is_inside(a, b) || redirect_is_inside(b, a) ||
	        !redirect_intersect(a, b, &common) || has_set(builder, &common))
		return 0;
	return policy_diagnose(builder, &b->place,
	        "'%s' and '%s' at %s have addresses in common, and neither lies inside of the other: a third "
	        "redirect for just those has to say where they lead",
	        b->text, a->text, policy_place_text(&a->place, where, sizeof(where)));
}

int policy_settle_redirects(struct policy_builder *builder)
{
	int r = 0;

	for (size_t i = 0; i < builder->redirects.count; i++)
		for (size_t k = 0; k < i && r == 0; k++)
			r = check_pair(builder, &builder->redirects.items[k], &builder->redirects.items[i]);
	return r;
}
