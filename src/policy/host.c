#include "policy/host.h"

#include <errno.h>
#include <string.h>

static bool is_wildcard(const char *host)
{
	return host[0] == '*' && host[1] == '.';
}

/* Whether all names that `inner` can stand for are names that `outer` can stand for. */
static bool is_host_within(const char *inner, const char *outer)
{
	size_t n = strlen(inner), m = strlen(outer);

	if (strcmp(inner, outer) == 0)
		return true;
	return is_wildcard(outer) && n > m - 1 && strcmp(inner + n - (m - 1), outer + 1) == 0;
}

static bool are_ports_within(const struct policy_address_rule *inner, const struct policy_address_rule *outer)
{
	return inner->port_low >= outer->port_low && inner->port_high <= outer->port_high &&
	       (inner->transports & ~outer->transports) == 0;
}

static bool is_within(const struct policy_address_rule *inner, const struct policy_address_rule *outer)
{
	return is_host_within(inner->host, outer->host) && are_ports_within(inner, outer);
}

static bool is_host_rule(
        const struct policy_address_rule *rule, enum policy_verdict verdict, const char *name)
{
	return rule->kind == POLICY_ADDRESS_HOST && rule->use == POLICY_CONNECT && rule->verdict == verdict &&
	       is_host_within(name, rule->host);
}

static bool covers(const struct policy_address_rule *rule, uint16_t port, unsigned transport)
{
	return port >= rule->port_low && port <= rule->port_high && (rule->transports & transport);
}

/* A deny rule that the allow rule does not lie strictly inside of. NULL `at`: one that leaves nothing of it.
 */
struct at {
	uint16_t port;
	unsigned transport;
};

static const struct policy_address_rule *denied_by(const struct policy *policy, const char *name,
        const struct policy_address_rule *allow, const struct at *at)
{
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (is_host_rule(rule, POLICY_DENY, name) &&
		        (at ? covers(rule, at->port, at->transport) : are_ports_within(allow, rule)) &&
		        (!is_within(allow, rule) || is_within(rule, allow)))
			return rule;
	}
	return NULL;
}

void host_decide(const struct policy *policy, const char *name, uint16_t port, unsigned transport,
        struct host_verdict *ret)
{
	const struct at at = {port, transport};
	const struct policy_address_rule *denial = NULL;

	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (!is_host_rule(rule, POLICY_ALLOW, name) || !covers(rule, port, transport))
			continue;
		denial = denied_by(policy, name, rule, &at);
		if (denial)
			continue;
		*ret = (struct host_verdict){.verdict = POLICY_ALLOW, .rule = rule};
		return;
	}
	*ret = (struct host_verdict){
	        .verdict = POLICY_DENY, .error = denial ? denial->error : EACCES, .rule = denial};
}

bool host_is_named(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (is_host_rule(rule, POLICY_ALLOW, name) && !denied_by(policy, name, rule, NULL))
			return true;
	}
	return false;
}

bool host_any(const struct policy *policy)
{
	for (size_t i = 0; i < policy->address_count; i++)
		if (policy->addresses[i].kind == POLICY_ADDRESS_HOST &&
		        policy->addresses[i].verdict == POLICY_ALLOW)
			return true;
	return false;
}
