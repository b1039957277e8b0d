#include "plan/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "plan/tell.h"
#include "policy/host.h"

struct comparison {
	const struct plan *worn, *next;
	FILE *out;
};

/* What the grants give to the whole tree at `path`. */
static unsigned granted(const struct plan *plan, const char *path)
{
	unsigned access = 0;

	for (size_t i = 0; i < plan->grant_count; i++)
		if (path_is_within(path, plan->grants[i].path))
			access |= plan->grants[i].access;
	return access;
}

static bool is_grant_of(const struct plan *plan, const struct plan_line *line, const char *path)
{
	if (!line->file || !policy_grants(line->file->verdict))
		return false;
	for (size_t i = 0; i < plan->entry_count; i++)
		if (plan->entries[i].rule == line->file && path_is_within(plan->entries[i].path, path))
			return true;
	return false;
}

/* The rules that a grant came from, with a reason behind each. */
static void tell_grant(const struct comparison *c, const struct plan *plan, const struct plan_grant *grant,
        const char *reason)
{
	bool told = false;

	for (size_t i = 0; i < plan->line_count; i++) {
		const struct plan_line *line = &plan->lines[i];

		if (line->layer == PLAN_NOWHERE || !is_grant_of(plan, line, grant->path) ||
		        (grant->access & ~line->file->access))
			continue;
		tell_rule(c->out, line->file, NULL);
		fprintf(c->out, ": %s\n", reason);
		told = true;
	}
	if (!told)
		fprintf(c->out, "%s %s: %s\n", tell_access(grant->access), grant->path, reason);
}

/* What is granted now must lie inside the domain that is on. */
static void compare_new_grants(const struct comparison *c)
{
	for (size_t i = 0; i < c->next->grant_count && c->worn->uses_landlock; i++) {
		const struct plan_grant *grant = &c->next->grants[i];

		if (grant->access & ~granted(c->worn, grant->path))
			tell_grant(c, c->next, grant, "outside of what Landlock lets this run reach");
	}
}

/* What is granted no longer must be decided in the supervisor: Landlock takes nothing back. */
static void compare_old_grants(const struct comparison *c)
{
	for (size_t i = 0; i < c->worn->grant_count; i++) {
		const struct plan_grant *grant = &c->worn->grants[i];
		unsigned lost = grant->access & ~granted(c->next, grant->path);
		uint64_t operations = plan_operations_of(lost);
		bool is_held = true;

		for (int k = 0; k < SYSCALLS_OPERATIONS; k++)
			is_held = is_held && (!(operations >> k & 1) || c->worn->notifies[k]);
		if (lost && !is_held)
			tell_grant(
			        c, c->worn, grant, "Landlock alone holds this grant, and takes nothing back");
	}
}

static bool has_port(const struct plan_ports *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->items[i] == port)
			return true;
	return false;
}

static bool ports_are_within(const struct plan_ports *inner, const struct plan_ports *outer)
{
	if (!outer->is_named)
		return true;
	for (size_t i = 0; i < inner->count; i++)
		if (!has_port(outer, inner->items[i]))
			return false;
	return inner->is_named;
}

/* One use of TCP. Where the supervisor looks at it, all may change within the domain that is on; else
 * nothing. */
struct tcp {
	enum plan_reach reach;
	const struct plan_ports *ports;
};

static bool tcp_may_change(const struct tcp *worn, const struct tcp *next, bool is_looked_at)
{
	bool is_within = worn->reach == PLAN_REACH_ALL || ports_are_within(next->ports, worn->ports);

	if (next->reach == PLAN_REACH_ALL && worn->reach != PLAN_REACH_ALL)
		is_within = worn->reach == PLAN_REACH_SOME && !worn->ports->is_named;
	if (is_looked_at)
		return is_within;
	return worn->reach == next->reach && is_within && ports_are_within(worn->ports, next->ports);
}

/* What the filter holds of addresses is compared with it. */
static void compare_networks(const struct comparison *c)
{
	const struct plan_network *worn = &c->worn->network, *next = &c->next->network;
	const struct tcp connects[2] = {
	        {worn->tcp_connect, &worn->connect_ports}, {next->tcp_connect, &next->connect_ports}};
	const struct tcp listens[2] = {
	        {worn->tcp_listen, &worn->listen_ports}, {next->tcp_listen, &next->listen_ports}};

	if (!c->worn->uses_landlock)
		return;
	if (!tcp_may_change(&connects[0], &connects[1], c->worn->notifies[SYSCALLS_CONNECT]))
		fputs("rules about TCP connections: Landlock alone holds their ports, and they cannot "
		      "change\n",
		        c->out);
	if (!tcp_may_change(&listens[0], &listens[1], c->worn->notifies[SYSCALLS_BIND]))
		fputs("rules about TCP listening: Landlock alone holds their ports, and they cannot change\n",
		        c->out);
	if (worn->names != next->names &&
	        (worn->names_within || worn->names == PLAN_REACH_ALL || next->names == PLAN_REACH_ALL))
		fputs("rules about abstract sockets: Landlock's scope holds them, and it cannot change\n",
		        c->out);
}

static bool calls_are_equal(const struct policy_syscall_rule *a, const struct policy_syscall_rule *b)
{
	return a->verdict == b->verdict && a->error == b->error && a->log == b->log &&
	       strcmp(a->text, b->text) == 0 && memcmp(a->nr, b->nr, sizeof(a->nr)) == 0;
}

static void tell_calls(const struct comparison *c, const struct policy *policy, const struct policy *other,
        const char *reason)
{
	for (size_t i = 0; i < policy->syscall_count; i++) {
		bool found = false;

		for (size_t k = 0; k < other->syscall_count && !found; k++)
			found = calls_are_equal(&policy->syscalls[i], &other->syscalls[k]);
		if (found)
			continue;
		tell_rule(c->out, NULL, &policy->syscalls[i]);
		fprintf(c->out, ": %s\n", reason);
	}
}

static void tell_line(FILE *out, const struct plan_line *line)
{
	if (line->address)
		tell_address_rule(out, line->address);
	else
		tell_rule(out, line->file, line->call);
}

/* Rules that make more notify than does. */
static void tell_notifying(const struct comparison *c)
{
	for (size_t i = 0; i < c->next->line_count; i++) {
		const struct plan_line *line = &c->next->lines[i];
		const char *separator = ": the filter lets these pass without asking: ";

		for (int k = 0; k < SYSCALLS_OPERATIONS; k++) {
			if (!(line->notifies >> k & 1) || c->worn->notifies[k])
				continue;
			if (separator[0] == ':')
				tell_line(c->out, line);
			fprintf(c->out, "%s%s", separator, syscalls_operation_name(k));
			separator = ", ";
		}
		if (separator[0] != ':')
			fputc('\n', c->out);
	}
}

static void compare_limits(const struct comparison *c)
{
	for (int i = 0; i < POLICY_LIMITS; i++) {
		const struct policy_limit *worn = &c->worn->policy->limits[i],
		                          *next = &c->next->policy->limits[i];
		const struct policy_limit *told = next->is_set ? next : worn;

		if (worn->is_set == next->is_set && (!worn->is_set || worn->value == next->value))
			continue;
		fprintf(c->out, "%s %s at ", policy_limit_names[i], told->text);
		tell_place(c->out, &told->place);
		fputs(": limits cannot change\n", c->out);
	}
}

/* The resolver is there from the start, or not at all. */
static void compare_names(const struct comparison *c)
{
	const struct policy *next = c->next->policy;

	if (host_any(c->worn->policy))
		return;
	for (size_t i = 0; i < next->address_count; i++) {
		const struct policy_address_rule *rule = &next->addresses[i];

		if (rule->kind != POLICY_ADDRESS_HOST || !policy_grants(rule->verdict))
			continue;
		fprintf(c->out, "%sconnect %s at ", rule->verdict == POLICY_ASK ? "ask-" : "", rule->text);
		tell_place(c->out, &rule->place);
		fputs(": nobody resolves host names in this run\n", c->out);
	}
}

static void compare_own_network(const struct comparison *c)
{
	if (c->worn->policy->own_network == c->next->policy->own_network)
		return;
	fputs("network own at ", c->out);
	tell_place(c->out, c->next->policy->own_network ? &c->next->policy->own_network_place
	                                                : &c->worn->policy->own_network_place);
	fputs(": a process stays on its network\n", c->out);
}

static void compare_streams(const struct comparison *c)
{
	for (int i = 0; i < POLICY_STREAMS; i++) {
		const struct policy_stream *worn = &c->worn->policy->streams[i],
		                           *next = &c->next->policy->streams[i];
		const struct policy_stream *told = next->is_set ? next : worn;

		if (worn->is_set == next->is_set &&
		        (!worn->is_set || (strcmp(worn->path, next->path) == 0 &&
		                                  worn->rotate == next->rotate && worn->keep == next->keep)))
			continue;
		fprintf(c->out, "%s at ", policy_stream_names[i]);
		tell_place(c->out, &told->place);
		fputs(": the output cannot change\n", c->out);
	}
}

/* Who is asked is there from the start, or nobody is. */
static void compare_asking(const struct comparison *c)
{
	if (!c->next->asks || c->worn->asks)
		return;
	for (size_t i = 0; i < c->next->line_count; i++) {
		const struct plan_line *line = &c->next->lines[i];

		if ((line->file && line->file->verdict != POLICY_ASK) ||
		        (line->call && line->call->verdict != POLICY_ASK) ||
		        (line->address && line->address->verdict != POLICY_ASK))
			continue;
		tell_line(c->out, line);
		fputs(": this run asks nobody\n", c->out);
	}
}

static bool filters_are_equal(const struct plan *a, const struct plan *b)
{
	return a->filter.length == b->filter.length &&
	       memcmp(a->filter.instructions, b->filter.instructions,
	               a->filter.length * sizeof(a->filter.instructions[0])) == 0;
}

/* Where all connections were allowed the filter has no eye for those that are made without connect. */
static void tell_fast_open(const struct comparison *c)
{
	if (c->worn->network.refuses_fast_open || !c->next->network.refuses_fast_open)
		return;
	for (size_t i = 0; i < c->next->policy->redirect_count; i++) {
		const struct policy_address_rule *from = &c->next->policy->redirects[i].from;

		if (!(from->transports & POLICY_TCP))
			continue;
		tell_address_rule(c->out, from);
		fputs(": the filter lets TCP fast open pass, which connects without asking\n", c->out);
	}
}

static void compare_filters(const struct comparison *c)
{
	long before = ftell(c->out);

	if (filters_are_equal(c->worn, c->next))
		return;
	tell_notifying(c);
	tell_fast_open(c);
	tell_calls(c, c->next->policy, c->worn->policy, "a filter cannot change");
	tell_calls(c, c->worn->policy, c->next->policy, "a filter cannot change, and this is in it");
	if (ftell(c->out) == before)
		fputs("the filter would be another one\n", c->out);
}

int plan_compare(const struct plan *worn, const struct plan *next, char **ret_restart)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	struct comparison c = {worn, next, open_memstream(&text, &size)};

	if (!c.out)
		return -ENOMEM;
	compare_new_grants(&c);
	compare_old_grants(&c);
	compare_networks(&c);
	compare_limits(&c);
	compare_names(&c);
	compare_asking(&c);
	compare_own_network(&c);
	compare_streams(&c);
	compare_filters(&c);
	if (fclose(c.out) != 0)
		return -ENOMEM;
	if (size == 0)
		return 0;
	*ret_restart = TAKE_PTR(text);
	return 1;
}
