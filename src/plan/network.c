/* Rules on addresses: which of the layers holds each of them. Calls on sockets name a descriptor, and no
 * register tells its family: so where one family needs a look at the address, the call notifies for all. What
 * decides is therefore how much is allowed of each sort of address: nothing at all and everything cost
 * nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "plan/plan.h"
#include "policy/host.h"

enum {
	MOST_PORTS = 4096,     /* that Landlock is told one by one */
	MOST_PAIRS = 10000000, /* of rules, that are looked at to find those that do not matter */
	EVERY_PORT = UINT16_MAX + 1,
};

static const char why_file[] =
        "no kernel layer of this machine bounds which socket files a program connects to";
static const char why_name[] = "Landlock knows only the target's own abstract sockets and all";
static const char why_host[] = "which addresses a name has is known only while the program runs";
static const char why_udp[] =
        "Landlock holds ports of TCP and none of UDP; 'tcp:' before the address would do";
static const char why_udp_only[] = "Landlock holds ports of TCP and none of UDP";
static const char why_address[] = "Landlock holds ports of every address and not single addresses";
static const char why_many[] = "Landlock is told ports one by one, and these are too many";
static const char why_old[] = "this kernel's Landlock does not know TCP (ABI 4, Linux 6.7)";
static const char why_asked[] = "only a supervisor can wait for an answer";
static const char why_log[] = "the kernel's layers keep no record";
static const char why_nothing[] = "no rule allows any of it: nothing there is allowed anyway";
static const char why_free[] = "nothing refuses it: all of this is allowed";
static const char why_led[] = "only who performs a call can lead it elsewhere";
static const char why_some_led[] =
        "some connections are led elsewhere by redirects, so each of them is looked at";
static const char why_nowhere[] = "nothing that it could lead to is allowed";
static const char why_closed[] = "no supervisor can listen here, so UNIX sockets are closed altogether";

struct choosing {
	struct plan *plan;
	const struct plan_options *options;
	bool too_many_pairs;
};

static bool is_ip(const struct policy_address_rule *rule, unsigned use, unsigned transport)
{
	return rule->use == use && rule->transports & transport &&
	       (rule->kind == POLICY_ADDRESS_IP || rule->kind == POLICY_ADDRESS_HOST);
}

static bool is_any_address(const struct policy_address_rule *rule)
{
	return rule->kind == POLICY_ADDRESS_IP && rule->families == (POLICY_IPV4 | POLICY_IPV6);
}

static bool is_same_network(const struct policy_address_rule *a, const struct policy_address_rule *b)
{
	unsigned bits = a->prefix < b->prefix ? a->prefix : b->prefix;

	if (is_any_address(a) || is_any_address(b))
		return true;
	if (!(a->families & b->families) || memcmp(a->ip, b->ip, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (a->ip[bits / 8] ^ b->ip[bits / 8]) >> (8 - bits % 8) == 0;
}

static bool overlap(const struct policy_address_rule *a, const struct policy_address_rule *b)
{
	if (a->port_low > b->port_high || b->port_low > a->port_high)
		return false;
	return a->kind == POLICY_ADDRESS_HOST || b->kind == POLICY_ADDRESS_HOST || is_same_network(a, b);
}

/* Whether a rule that denies takes anything away. */
static bool matters(
        const struct choosing *choosing, const struct policy_address_rule *denial, unsigned transport)
{
	const struct policy *policy = choosing->plan->policy;

	if (choosing->too_many_pairs)
		return true;
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (policy_grants(rule->verdict) && is_ip(rule, denial->use, transport) &&
		        overlap(rule, denial))
			return true;
	}
	return false;
}

/* Whether connections of this transport may be led elsewhere: then each of them has to be looked at. */
static bool redirects_ip(const struct policy *policy, unsigned use, unsigned transport)
{
	for (size_t i = 0; i < policy->redirect_count; i++)
		if (is_ip(&policy->redirects[i].from, use, transport))
			return true;
	return false;
}

/* Likewise of socket files, or abstract sockets. */
static bool redirects_unix(const struct policy *policy, int kind)
{
	for (size_t i = 0; i < policy->redirect_count; i++)
		if ((int)policy->redirects[i].from.kind == kind)
			return true;
	return false;
}

/* What the rules of one use and transport have. */
struct tally {
	size_t allows;
	bool all;       /* some rule allows all of it */
	bool denies;    /* some rule takes a part back */
	bool is_narrow; /* some rule that matters is about certain addresses */
	bool has_host, redirects;
	bool stops; /* some rule is recorded, or asks: no kernel layer does that */
};

static void count_rules(const struct choosing *choosing, unsigned use, unsigned transport, struct tally *ret)
{
	const struct policy *policy = choosing->plan->policy;

	*ret = (struct tally){.redirects = redirects_ip(policy, use, transport)};
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (!is_ip(rule, use, transport) ||
		        (rule->verdict != POLICY_ALLOW && !matters(choosing, rule, transport)))
			continue;
		if (rule->verdict != POLICY_ALLOW)
			ret->denies = true;
		else if (is_any_address(rule) && rule->port_low == 0 && rule->port_high == UINT16_MAX)
			ret->all = true;
		ret->allows += policy_grants(rule->verdict);
		ret->is_narrow |= !is_any_address(rule);
		ret->has_host |= rule->kind == POLICY_ADDRESS_HOST;
		ret->stops |= rule->log || rule->verdict == POLICY_ASK;
	}
}

static enum plan_reach reach_of(const struct choosing *choosing, const struct tally *tally)
{
	if (tally->allows == 0)
		return tally->stops ? PLAN_REACH_SOME : PLAN_REACH_NONE;
	if (tally->all && !tally->denies && !tally->stops && !tally->redirects &&
	        !choosing->options->verbose_denials)
		return PLAN_REACH_ALL;
	return PLAN_REACH_SOME;
}

/* ---- ports ---- */

static int take_ports(const uint8_t *is_wanted, struct plan_ports *ret)
{
	size_t count = 0;

	for (unsigned port = 0; port < EVERY_PORT; port++)
		count += is_wanted[port];
	if (count > MOST_PORTS)
		return 0;
	ret->items = calloc(count + 1, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (unsigned port = 0; port < EVERY_PORT; port++)
		if (is_wanted[port])
			ret->items[ret->count++] = (uint16_t)port;
	ret->is_named = true;
	return 0;
}

/* All ports that some rule allows or may allow, whatever is taken back. */
static int find_outline(
        const struct choosing *choosing, unsigned use, const struct tally *tally, struct plan_ports *ret)
{
	const struct policy *policy = choosing->plan->policy;
	AUTO_FREE uint8_t *is_wanted = NULL;

	ret->is_named = tally->allows == 0;
	if (ret->is_named || tally->has_host || tally->all)
		return 0;
	is_wanted = calloc(EVERY_PORT, 1);
	if (!is_wanted)
		return -ENOMEM;
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (policy_grants(rule->verdict) && is_ip(rule, use, POLICY_TCP))
			memset(is_wanted + rule->port_low, 1, rule->port_high - rule->port_low + 1u);
	}
	return take_ports(is_wanted, ret);
}

/* The ports that are allowed where every rule is about every address: asked of what decides, once between
 * each two ends of rules. */
static int find_allowed(const struct choosing *choosing, unsigned use, struct plan_ports *ret)
{
	const struct policy *policy = choosing->plan->policy;
	struct address address = {.kind = ADDRESS_IP, .transport = POLICY_TCP, .ip = {0x20, 1, 0xd, 0xb8}};
	AUTO_FREE uint8_t *is_wanted = calloc(EVERY_PORT, 1), *begins = calloc(EVERY_PORT + 1, 1);
	struct address_verdict verdict = {.verdict = POLICY_DENY};

	if (!is_wanted || !begins)
		return -ENOMEM;
	begins[0] = 1;
	for (size_t i = 0; i < policy->address_count; i++) {
		begins[policy->addresses[i].port_low] = 1;
		begins[policy->addresses[i].port_high + 1] = 1;
	}
	for (unsigned port = 0; port < EVERY_PORT; port++) {
		address.port = (uint16_t)port;
		if (begins[port])
			address_decide(choosing->plan->addresses, &address, use, &verdict);
		is_wanted[port] = verdict.verdict == POLICY_ALLOW;
	}
	return take_ports(is_wanted, ret);
}

static int choose_tcp(const struct choosing *choosing, unsigned use, enum plan_reach *ret_reach,
        struct plan_ports *ret_ports)
{
	struct tally tally;
	int r = 0;

	count_rules(choosing, use, POLICY_TCP, &tally);
	*ret_reach = reach_of(choosing, &tally);
	if (*ret_reach == PLAN_REACH_ALL)
		return 0;
	if (*ret_reach == PLAN_REACH_SOME && !tally.is_narrow && !tally.stops && !tally.redirects &&
	        !choosing->options->verbose_denials) {
		r = find_allowed(choosing, use, ret_ports);
		if (r < 0)
			return r;
		if (ret_ports->is_named)
			*ret_reach = ret_ports->count ? PLAN_REACH_PORTS : PLAN_REACH_NONE;
	}
	if (!ret_ports->is_named)
		r = find_outline(choosing, use, &tally, ret_ports);
	if (*ret_reach != PLAN_REACH_ALL && choosing->plan->lacks & PLAN_LACKS_PORTS)
		*ret_reach = tally.allows ? PLAN_REACH_SOME : PLAN_REACH_NONE;
	return r;
}

/* ---- UNIX sockets ---- */

static bool has_unix(
        const struct policy *policy, int kind, unsigned use, bool (*is_such)(enum policy_verdict))
{
	for (size_t i = 0; i < policy->address_count; i++)
		if ((int)policy->addresses[i].kind == kind && policy->addresses[i].use == use &&
		        is_such(policy->addresses[i].verdict))
			return true;
	return false;
}

static bool refuses(enum policy_verdict verdict)
{
	return verdict != POLICY_ALLOW;
}

static bool logs_unix(const struct policy *policy, int kind)
{
	for (size_t i = 0; i < policy->address_count; i++)
		if ((int)policy->addresses[i].kind == kind && policy->addresses[i].log)
			return true;
	return false;
}

/* Whether a grant to write may ever mean a socket: a file that is there and is none will not become one,
 * unless its folder is granted, too. */
static bool may_hold_sockets(const struct plan_line *line)
{
	struct stat st;

	if (!line->file || !policy_grants(line->file->verdict) || !(line->file->access & POLICY_WRITE) ||
	        line->layer == PLAN_NOWHERE)
		return false;
	if (line->file->is_glob || stat(line->file->path, &st) < 0)
		return true;
	return S_ISDIR(st.st_mode) || S_ISSOCK(st.st_mode);
}

static enum plan_reach reach_of_files(const struct choosing *choosing)
{
	const struct plan *plan = choosing->plan;
	bool some = has_unix(plan->policy, POLICY_ADDRESS_UNIX, POLICY_CONNECT, policy_grants);

	for (size_t i = 0; i < plan->line_count && !some; i++)
		some = may_hold_sockets(&plan->lines[i]);
	if (!some)
		return PLAN_REACH_NONE;
	if (choosing->options->verbose_denials || logs_unix(plan->policy, POLICY_ADDRESS_UNIX) ||
	        redirects_unix(plan->policy, POLICY_ADDRESS_UNIX))
		return PLAN_REACH_SOME;
	return address_allows_every_file(plan->addresses, POLICY_CONNECT) ? PLAN_REACH_ALL : PLAN_REACH_SOME;
}

static enum plan_reach reach_of_names(const struct choosing *choosing)
{
	const struct policy *policy = choosing->plan->policy;

	if (!has_unix(policy, POLICY_ADDRESS_ABSTRACT, POLICY_CONNECT, policy_grants))
		return PLAN_REACH_NONE;
	if (choosing->options->verbose_denials || logs_unix(policy, POLICY_ADDRESS_ABSTRACT) ||
	        redirects_unix(policy, POLICY_ADDRESS_ABSTRACT) ||
	        has_unix(policy, POLICY_ADDRESS_ABSTRACT, POLICY_CONNECT, refuses))
		return PLAN_REACH_SOME;
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (rule->kind == POLICY_ADDRESS_ABSTRACT && rule->use == POLICY_CONNECT && rule->is_prefix &&
		        rule->name_length == 0)
			return PLAN_REACH_ALL;
	}
	return PLAN_REACH_SOME;
}

/* Such a rule takes nothing away: without any, all may be bound to. */
static bool allows_every_name(const struct policy_address_rule *rule)
{
	return rule->kind == POLICY_ADDRESS_ABSTRACT && rule->verdict == POLICY_ALLOW && rule->is_prefix &&
	       rule->name_length == 0 && !rule->log;
}

static bool has_unix_rule(const struct policy *policy, unsigned use)
{
	for (size_t i = 0; i < policy->address_count; i++)
		if (policy->addresses[i].use == use && !allows_every_name(&policy->addresses[i]) &&
		        (policy->addresses[i].kind == POLICY_ADDRESS_UNIX ||
		                policy->addresses[i].kind == POLICY_ADDRESS_ABSTRACT))
			return true;
	return false;
}

static bool may_listen_unix(const struct policy *policy)
{
	return has_unix(policy, POLICY_ADDRESS_UNIX, POLICY_LISTEN, policy_grants) ||
	       has_unix(policy, POLICY_ADDRESS_ABSTRACT, POLICY_LISTEN, policy_grants);
}

static void choose_unix(const struct choosing *choosing, struct plan_network *network)
{
	const struct plan *plan = choosing->plan;

	network->files = reach_of_files(choosing);
	network->names = reach_of_names(choosing);
	network->names_within = network->names == PLAN_REACH_NONE && !(plan->lacks & PLAN_LACKS_SCOPES) &&
	                        (!choosing->options->worn || choosing->options->worn->network.names_within);
	network->makes_unix = network->files != PLAN_REACH_NONE || network->names != PLAN_REACH_NONE ||
	                      may_listen_unix(plan->policy) || choosing->options->verbose_denials;
	if (network->makes_unix && plan->lacks & PLAN_LACKS_LISTENER &&
	        !(network->files == PLAN_REACH_ALL && network->names_within))
		network->makes_unix = false;
	network->makes_unix_datagrams =
	        network->makes_unix &&
	        (network->files == PLAN_REACH_ALL || redirects_unix(plan->policy, POLICY_ADDRESS_UNIX) ||
	                redirects_unix(plan->policy, POLICY_ADDRESS_ABSTRACT) ||
	                has_unix(plan->policy, POLICY_ADDRESS_UNIX, POLICY_CONNECT, policy_grants) ||
	                network->names != PLAN_REACH_NONE);
}

/* Whether connections of UNIX sockets have to be looked at. */
static bool asks_unix(const struct plan *plan)
{
	const struct plan_network *network = &plan->network;

	if (!network->makes_unix)
		return false;
	return redirects_unix(plan->policy, POLICY_ADDRESS_ABSTRACT) || network->files != PLAN_REACH_ALL ||
	       (network->names != PLAN_REACH_ALL && !network->names_within);
}

/* ---- what notifies ---- */

static void choose_sockets(const struct choosing *choosing, struct plan_network *network)
{
	const struct plan *plan = choosing->plan;

	/* Programs that only make sockets work: that a connection is refused is for connect to say. */
	network->makes_tcp =
	        !(plan->lacks & PLAN_LACKS_PORTS && plan->lacks & PLAN_LACKS_LISTENER &&
	                network->tcp_connect == PLAN_REACH_NONE && network->tcp_listen == PLAN_REACH_NONE);
	network->makes_udp =
	        network->udp_connect != PLAN_REACH_NONE || network->udp_listen != PLAN_REACH_NONE;
	network->refuses_listen = !network->makes_unix && network->tcp_listen == PLAN_REACH_NONE &&
	                          !choosing->options->verbose_denials;
	network->refuses_fast_open = network->tcp_connect != PLAN_REACH_ALL;
	network->refuses_routes =
	        network->refuses_fast_open || (network->makes_udp && network->udp_connect != PLAN_REACH_ALL);
	network->refuses_protocols = network->refuses_fast_open || network->tcp_listen != PLAN_REACH_ALL;
}

static bool needs_look(const struct plan *plan, enum plan_reach reach)
{
	return reach == PLAN_REACH_SOME ||
	       (plan->network.makes_tcp && plan->lacks & PLAN_LACKS_PORTS && reach == PLAN_REACH_NONE);
}

static void choose_notifications(struct plan *plan)
{
	const struct plan_network *network = &plan->network;
	bool creates = plan->notifies[SYSCALLS_CREATE];
	bool tcp_connects = needs_look(plan, network->tcp_connect);
	bool tcp_binds = needs_look(plan, network->tcp_listen);

	plan->notifies[SYSCALLS_CONNECT] = asks_unix(plan) || tcp_connects ||
	                                   (network->makes_udp && network->udp_connect != PLAN_REACH_ALL);
	plan->notifies[SYSCALLS_SEND] = (network->makes_udp && network->udp_connect != PLAN_REACH_ALL) ||
	                                (network->makes_unix_datagrams && asks_unix(plan));
	plan->notifies[SYSCALLS_BIND] = tcp_binds ||
	                                (network->makes_udp && network->udp_listen != PLAN_REACH_ALL) ||
	                                (network->makes_unix && has_unix_rule(plan->policy, POLICY_LISTEN)) ||
	                                (network->makes_unix && creates);
	/* An unbound socket of TCP that listens gets a port, and no layer below sees it. */
	plan->notifies[SYSCALLS_LISTEN] =
	        !network->refuses_listen && network->makes_tcp && network->tcp_listen != PLAN_REACH_ALL;
	plan->undoes_domains |= tcp_connects || plan->notifies[SYSCALLS_BIND] ||
	                        (plan->notifies[SYSCALLS_CONNECT] &&
	                                (network->tcp_connect != PLAN_REACH_NONE || !network->names_within));
}

/* ---- the lines ---- */

static bool is_looked_at(const struct plan *plan, const struct policy_address_rule *rule, unsigned transport)
{
	const struct plan_network *network = &plan->network;
	bool connects = rule->use == POLICY_CONNECT;

	if (!(rule->transports & transport))
		return false;
	if (transport == POLICY_UDP)
		return (connects ? network->udp_connect : network->udp_listen) == PLAN_REACH_SOME;
	return (connects ? network->tcp_connect : network->tcp_listen) == PLAN_REACH_SOME;
}

static const char *why_looked_at(const struct plan *plan, const struct policy_address_rule *rule)
{
	if (rule->kind == POLICY_ADDRESS_HOST)
		return why_host;
	if (rule->verdict == POLICY_ASK)
		return why_asked;
	if (rule->log)
		return why_log;
	if (is_any_address(rule) && redirects_ip(plan->policy, rule->use, rule->transports))
		return why_some_led;
	if (is_looked_at(plan, rule, POLICY_TCP)) {
		if (plan->lacks & PLAN_LACKS_PORTS)
			return why_old;
		return is_any_address(rule) && rule->port_high - rule->port_low > MOST_PORTS ? why_many
		                                                                             : why_address;
	}
	return rule->transports & POLICY_TCP ? why_udp : why_udp_only;
}

static void tell_ip(const struct choosing *choosing, struct plan_line *line)
{
	const struct plan *plan = choosing->plan;
	const struct policy_address_rule *rule = line->address;
	enum plan_reach tcp =
	        rule->use == POLICY_CONNECT ? plan->network.tcp_connect : plan->network.tcp_listen;

	if (rule->verdict != POLICY_ALLOW && !rule->log && !matters(choosing, rule, POLICY_TCP) &&
	        !matters(choosing, rule, POLICY_UDP)) {
		line->why = why_nothing;
	} else if (is_looked_at(plan, rule, POLICY_TCP) || is_looked_at(plan, rule, POLICY_UDP)) {
		line->layer = PLAN_SUPERVISOR;
		line->why = why_looked_at(plan, rule);
		line->backstop = rule->transports & POLICY_TCP && tcp != PLAN_REACH_ALL &&
		                 (rule->use == POLICY_CONNECT ? plan->network.connect_ports
		                                              : plan->network.listen_ports)
		                         .is_named;
	} else if (rule->transports & POLICY_TCP && tcp == PLAN_REACH_PORTS) {
		line->layer = PLAN_LANDLOCK;
	} else {
		line->why = why_free;
	}
}

static void tell_unix(const struct plan *plan, struct plan_line *line)
{
	const struct plan_network *network = &plan->network;
	bool is_file = line->address->kind == POLICY_ADDRESS_UNIX;
	enum plan_reach reach = is_file ? network->files : network->names;

	if (!network->makes_unix) {
		line->layer = policy_grants(line->address->verdict) ? PLAN_NOWHERE : PLAN_FILTER;
		line->why = policy_grants(line->address->verdict) ? why_closed : NULL;
	} else if ((line->address->use == POLICY_CONNECT && reach == PLAN_REACH_ALL) ||
	           (allows_every_name(line->address) && !has_unix_rule(plan->policy, POLICY_LISTEN))) {
		line->why = why_free;
	} else {
		line->layer = PLAN_SUPERVISOR;
		line->why = line->address->verdict == POLICY_ASK ? why_asked : is_file ? why_file : why_name;
	}
}

static bool makes_notify(const struct policy_address_rule *rule, enum syscalls_operation operation)
{
	switch (operation) {
	case SYSCALLS_CONNECT:
		return rule->use == POLICY_CONNECT;
	case SYSCALLS_SEND:
		return rule->use == POLICY_CONNECT && rule->transports != POLICY_TCP;
	case SYSCALLS_BIND:
		return rule->use == POLICY_LISTEN;
	case SYSCALLS_LISTEN:
		return rule->use == POLICY_LISTEN && rule->transports & POLICY_TCP;
	default:
		return false;
	}
}

static int tell_rules(const struct choosing *choosing)
{
	struct plan *plan = choosing->plan;

	for (size_t i = 0; i < plan->policy->address_count; i++) {
		struct plan_line *line = plan_add_line(plan);

		if (!line)
			return -ENOMEM;
		line->address = &plan->policy->addresses[i];
		if (line->address->kind == POLICY_ADDRESS_IP || line->address->kind == POLICY_ADDRESS_HOST)
			tell_ip(choosing, line);
		else
			tell_unix(plan, line);
		for (int k = 0; k < SYSCALLS_OPERATIONS && line->layer == PLAN_SUPERVISOR; k++)
			if (plan->notifies[k] && makes_notify(line->address, k))
				line->notifies |= UINT64_C(1) << k;
	}
	return 0;
}

/* Whether anything is allowed of the sort that a redirect is about, so that it is looked at. */
static bool may_lead_somewhere(const struct plan *plan, const struct policy_address_rule *from)
{
	const struct plan_network *network = &plan->network;

	if (from->kind != POLICY_ADDRESS_IP)
		return network->makes_unix;
	return (from->transports & POLICY_TCP && network->tcp_connect == PLAN_REACH_SOME) ||
	       (from->transports & POLICY_UDP && network->udp_connect == PLAN_REACH_SOME);
}

static int tell_redirects(struct plan *plan)
{
	for (size_t i = 0; i < plan->policy->redirect_count; i++) {
		const struct policy_address_rule *from = &plan->policy->redirects[i].from;
		struct plan_line *line = plan_add_line(plan);

		if (!line)
			return -ENOMEM;
		line->address = from;
		line->why = why_nowhere;
		if (!may_lead_somewhere(plan, from))
			continue;
		line->layer = PLAN_SUPERVISOR;
		line->why = why_led;
		line->notifies = UINT64_C(1) << SYSCALLS_CONNECT;
		if (from->transports != POLICY_TCP && plan->notifies[SYSCALLS_SEND])
			line->notifies |= UINT64_C(1) << SYSCALLS_SEND;
	}
	return 0;
}

/* Where a performing thread has to make sockets that the target may not make itself. */
static int grant_places(struct plan *plan)
{
	int r = 0;

	for (size_t i = 0; i < plan->address_entry_count && r == 0; i++) {
		const struct address_entry *entry = &plan->address_entries[i];
		char folder[4096];
		struct stat st;

		if (entry->rule->kind != POLICY_ADDRESS_UNIX || entry->rule->use != POLICY_LISTEN ||
		        !policy_grants(entry->rule->verdict) || strlen(entry->path) >= sizeof(folder))
			continue;
		if (entry->rule->is_glob)
			match_glob_top(entry->path, folder, sizeof(folder));
		else
			strcpy(folder, entry->path);
		while (folder[1] && (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode))) {
			char *slash = strrchr(folder, '/');

			slash[slash == folder] = '\0';
		}
		r = plan_add_grant(plan, folder, 0, true);
	}
	return r;
}

/* What a layer below refused would stand, whoever allows it: so the supervisor decides on every address, and
 * makes what it allows. */
static void look_at_all(struct plan *plan)
{
	struct plan_network *network = &plan->network;

	free(network->connect_ports.items);
	free(network->listen_ports.items);
	*network = (struct plan_network){.tcp_connect = PLAN_REACH_SOME,
	        .tcp_listen = PLAN_REACH_SOME,
	        .udp_connect = PLAN_REACH_SOME,
	        .udp_listen = PLAN_REACH_SOME,
	        .files = PLAN_REACH_SOME,
	        .names = PLAN_REACH_SOME,
	        .makes_tcp = true,
	        .makes_udp = true,
	        .makes_unix = true,
	        .makes_unix_datagrams = true,
	        .refuses_fast_open = true,
	        .refuses_routes = true,
	        .refuses_protocols = true};
	plan->notifies[SYSCALLS_CONNECT] = plan->notifies[SYSCALLS_BIND] = plan->notifies[SYSCALLS_LISTEN] =
	        plan->notifies[SYSCALLS_SEND] = true;
	plan->undoes_domains = true;
}

int plan_choose_for_addresses(struct plan *plan, const struct plan_options *options)
{
	struct plan_network *network = &plan->network;
	struct choosing choosing = {.plan = plan,
	        .options = options,
	        .too_many_pairs = plan->policy->address_count * plan->policy->address_count > MOST_PAIRS};
	bool supervised = false;
	struct tally tally;
	int r = choose_tcp(&choosing, POLICY_CONNECT, &network->tcp_connect, &network->connect_ports);

	if (r == 0)
		r = choose_tcp(&choosing, POLICY_LISTEN, &network->tcp_listen, &network->listen_ports);
	if (r < 0)
		return r;
	count_rules(&choosing, POLICY_CONNECT, POLICY_UDP, &tally);
	network->udp_connect = reach_of(&choosing, &tally);
	count_rules(&choosing, POLICY_LISTEN, POLICY_UDP, &tally);
	network->udp_listen = reach_of(&choosing, &tally);
	/* A socket that cannot be made leaves no trace of whom it was for. */
	if (options->verbose_denials) {
		network->udp_connect = PLAN_REACH_SOME;
		network->udp_listen = PLAN_REACH_SOME;
	}
	/* Who connects to names has to ask for them, and what asks has to be seen. */
	if (host_any(plan->policy) &&
	        !(network->tcp_connect == PLAN_REACH_ALL && network->udp_connect == PLAN_REACH_ALL))
		network->udp_connect = PLAN_REACH_SOME;
	choose_unix(&choosing, network);
	choose_sockets(&choosing, network);
	for (int i = 0; i < SYSCALLS_OPERATIONS; i++)
		supervised |= plan->notifies[i];
	network->is_all_that_supervises = !supervised;
	choose_notifications(plan);
	if (options->verbose_denials)
		plan->notifies[SYSCALLS_CONNECT] = plan->notifies[SYSCALLS_BIND] =
		        plan->notifies[SYSCALLS_LISTEN] = true;
	if (options->permissive || options->asks)
		look_at_all(plan);
	if (network->names_within)
		address_matcher_trust_names(plan->addresses);
	r = tell_rules(&choosing);
	if (r == 0)
		r = tell_redirects(plan);
	return r < 0 ? r : grant_places(plan);
}
