#include "policy/host.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_LABEL 63

bool host_is_name(const char *name)
{
	size_t label = 0;

	for (const char *c = name; *c; c++) {
		if (*c == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_') {
			if (++label > LONGEST_LABEL)
				return false;
		} else {
			return false;
		}
	}
	return label > 0;
}

static unsigned read_transport(const char **text)
{
	unsigned transport = POLICY_TCP;

	if (strncmp(*text, "udp:", 4) == 0)
		transport = POLICY_UDP;
	if (transport == POLICY_UDP || strncmp(*text, "tcp:", 4) == 0)
		*text += 4;
	return transport;
}

bool host_parse(const char *text, char ret_name[HOST_NAME], uint16_t *ret_port, unsigned *ret_transport)
{
	unsigned transport = read_transport(&text);
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	unsigned long port;
	char *end;

	if (length == 0 || length >= HOST_NAME || !isdigit((unsigned char)colon[1]))
		return false;
	port = strtoul(colon + 1, &end, 10);
	for (size_t i = 0; i < length; i++)
		ret_name[i] = (char)tolower((unsigned char)text[i]);
	length -= length > 1 && ret_name[length - 1] == '.';
	ret_name[length] = '\0';
	if (*end || port == 0 || port > UINT16_MAX || !host_is_name(ret_name))
		return false;
	*ret_port = (uint16_t)port;
	*ret_transport = transport;
	return true;
}

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

static bool is_host_rule(const struct policy_address_rule *rule, const char *name)
{
	return rule->kind == POLICY_ADDRESS_HOST && rule->use == POLICY_CONNECT &&
	       is_host_within(name, rule->host);
}

static bool covers(const struct policy_address_rule *rule, uint16_t port, unsigned transport)
{
	return port >= rule->port_low && port <= rule->port_high && (rule->transports & transport);
}

struct at {
	uint16_t port;
	unsigned transport;
};

/* A rule of that verdict that the granting one does not lie strictly inside of. NULL `at`: one that leaves
 * nothing of it. */
static const struct policy_address_rule *in_the_way(const struct policy *policy, enum policy_verdict verdict,
        const char *name, const struct policy_address_rule *grant, const struct at *at)
{
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (rule->verdict == verdict && is_host_rule(rule, name) &&
		        (at ? covers(rule, at->port, at->transport) : are_ports_within(grant, rule)) &&
		        (!is_within(grant, rule) || is_within(rule, grant)))
			return rule;
	}
	return NULL;
}

void host_decide(const struct policy *policy, const char *name, uint16_t port, unsigned transport,
        struct host_verdict *ret)
{
	const struct at at = {port, transport};
	const struct policy_address_rule *denial = NULL, *asking = NULL;

	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i], *asked_by = rule;

		if (!policy_grants(rule->verdict) || !is_host_rule(rule, name) ||
		        !covers(rule, port, transport))
			continue;
		denial = in_the_way(policy, POLICY_DENY, name, rule, &at);
		if (denial)
			continue;
		if (rule->verdict == POLICY_ALLOW)
			asked_by = in_the_way(policy, POLICY_ASK, name, rule, &at);
		if (!asked_by) {
			*ret = (struct host_verdict){.verdict = POLICY_ALLOW, .rule = rule};
			return;
		}
		asking = asking ? asking : asked_by;
	}
	if (asking) {
		*ret = (struct host_verdict){.verdict = POLICY_ASK, .error = asking->error, .rule = asking};
		return;
	}
	*ret = (struct host_verdict){
	        .verdict = POLICY_DENY, .error = denial ? denial->error : EACCES, .rule = denial};
}

bool host_is_named(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (policy_grants(rule->verdict) && is_host_rule(rule, name) &&
		        !in_the_way(policy, POLICY_DENY, name, rule, NULL))
			return true;
	}
	return false;
}

bool host_any(const struct policy *policy)
{
	for (size_t i = 0; i < policy->address_count; i++)
		if (policy->addresses[i].kind == POLICY_ADDRESS_HOST &&
		        policy_grants(policy->addresses[i].verdict))
			return true;
	return false;
}
