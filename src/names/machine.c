#include "names/machine.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define PORT 53

/* As libc has them. */
enum { USUAL_TIMEOUT = 5, MOST_TIMEOUT = 30, USUAL_ATTEMPTS = 2, MOST_ATTEMPTS = 5 };

/* ---- name servers ---- */

static int read_port(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

/* "fe80::1%eth0": the part behind the mark. */
static uint32_t read_scope(char *text)
{
	char *mark = strchr(text, '%');

	if (!mark)
		return 0;
	*mark = '\0';
	return isdigit((unsigned char)mark[1]) ? (uint32_t)strtoul(mark + 1, NULL, 10)
	                                       : if_nametoindex(mark + 1);
}

static int server_of(char *host, uint16_t port, struct machine_server *ret)
{
	struct machine_server server = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&server.address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&server.address;

	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		server.length = sizeof(*in);
	} else {
		uint32_t scope = read_scope(host);

		if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
			return -EINVAL;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		in6->sin6_scope_id = scope;
		server.length = sizeof(*in6);
	}
	*ret = server;
	return 0;
}

int machine_read_server(const char *text, struct machine_server *ret)
{
	char host[128];
	const char *colon = strrchr(text, ':'), *close = strchr(text, ']');
	uint16_t port = PORT;
	size_t length = strlen(text);

	if (text[0] == '[') {
		if (!close || (close[1] && close[1] != ':'))
			return -EINVAL;
		if (close[1] && read_port(close + 2, &port) < 0)
			return -EINVAL;
		text++;
		length = (size_t)(close - text);
	} else if (colon && strchr(text, ':') == colon) {
		if (read_port(colon + 1, &port) < 0)
			return -EINVAL;
		length = (size_t)(colon - text);
	}
	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	return server_of(host, port, ret);
}

/* "timeout:2" */
static void read_option(const char *word, const char *name, unsigned most, unsigned *ret)
{
	size_t n = strlen(name);
	char *end;
	unsigned long value;

	if (strncmp(word, name, n) != 0 || word[n] != ':' || !isdigit((unsigned char)word[n + 1]))
		return;
	value = strtoul(word + n + 1, &end, 10);
	if (!*end)
		*ret = value == 0 ? 1 : value > most ? most : (unsigned)value;
}

static void read_options(char **rest, struct machine_servers *ret)
{
	const char *word;

	while ((word = strtok_r(NULL, " \t\n", rest))) {
		read_option(word, "timeout", MOST_TIMEOUT, &ret->timeout);
		read_option(word, "attempts", MOST_ATTEMPTS, &ret->attempts);
	}
}

void machine_servers(const char *path, struct machine_servers *ret)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	size_t size = 0;

	*ret = (struct machine_servers){.timeout = USUAL_TIMEOUT, .attempts = USUAL_ATTEMPTS};
	while (file && getline(&line, &size, file) >= 0) {
		char *rest = NULL, *value;
		const char *word = strtok_r(line, " \t\n", &rest);

		if (word && strcmp(word, "options") == 0)
			read_options(&rest, ret);
		if (!word || strcmp(word, "nameserver") != 0 || ret->count == MACHINE_SERVERS)
			continue;
		value = strtok_r(NULL, " \t\n", &rest);
		if (value && server_of(value, PORT, &ret->items[ret->count]) == 0)
			ret->count++;
	}
	if (ret->count == 0)
		ret->count = machine_read_server("127.0.0.1", &ret->items[0]) == 0;
}

static bool is_at(const struct machine_server *server, const uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const struct sockaddr_in *in = (const struct sockaddr_in *)&server->address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&server->address;

	if (server->address.ss_family == AF_INET6)
		return memcmp(&in6->sin6_addr, ip, 16) == 0;
	return memcmp(ip, mapped, sizeof(mapped)) == 0 && memcmp(&in->sin_addr, ip + sizeof(mapped), 4) == 0;
}

size_t machine_find_server(const struct machine_servers *servers, const uint8_t ip[16])
{
	for (size_t i = 0; i < servers->count; i++)
		if (is_at(&servers->items[i], ip))
			return i;
	return 0;
}

/* ---- names that need no server ---- */

static const uint8_t loopback_4[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
static const uint8_t loopback_6[16] = {[15] = 1};

static int read_ip(const char *text, uint8_t ret[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET6, text, ret) == 1)
		return 0;
	memcpy(ret, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ret + sizeof(mapped)) == 1 ? 0 : -EINVAL;
}

static void clean_name(char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
	if (n > 1 && name[n - 1] == '.')
		name[n - 1] = '\0';
}

int machine_hosts(
        const char *path, int (*each)(void *user, const char *name, const uint8_t ip[16]), void *user)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	int r = each(user, "localhost", loopback_4);

	if (r == 0)
		r = each(user, "localhost", loopback_6);
	while (file && r == 0 && getline(&line, &size, file) >= 0) {
		char *rest = NULL, *name;
		const char *address;
		uint8_t ip[16];

		line[strcspn(line, "#\n")] = '\0';
		address = strtok_r(line, " \t", &rest);
		if (!address || read_ip(address, ip) < 0)
			continue;
		while (r == 0 && (name = strtok_r(NULL, " \t", &rest))) {
			clean_name(name);
			r = each(user, name, ip);
		}
	}
	return r;
}

/* ---- the public network ---- */

struct range {
	uint8_t ip[16];
	unsigned prefix;
};

#define IP4(a, b, c, d)                                                                                      \
	{                                                                                                    \
		[10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c, [15] = d                             \
	}

/* IANA's registers of addresses for special use. Addresses for documentation are left in: they lead nowhere.
 */
static const struct range not_public[] = {
        {IP4(0, 0, 0, 0), 96 + 8}, {IP4(10, 0, 0, 0), 96 + 8}, {IP4(100, 64, 0, 0), 96 + 10},
        {IP4(127, 0, 0, 0), 96 + 8}, {IP4(169, 254, 0, 0), 96 + 16}, {IP4(172, 16, 0, 0), 96 + 12},
        {IP4(192, 0, 0, 0), 96 + 24}, {IP4(192, 168, 0, 0), 96 + 16}, {IP4(198, 18, 0, 0), 96 + 15},
        {IP4(224, 0, 0, 0), 96 + 3}, /* multicast, reserved, broadcast */
};

static bool is_within(const uint8_t ip[16], const struct range *range)
{
	unsigned bytes = range->prefix / 8, bits = range->prefix % 8;

	if (memcmp(ip, range->ip, bytes) != 0)
		return false;
	return bits == 0 || (ip[bytes] ^ range->ip[bytes]) >> (8 - bits) == 0;
}

static bool is_public_4(const uint8_t ip[16])
{
	for (size_t i = 0; i < ELEMENTS(not_public); i++)
		if (is_within(ip, &not_public[i]))
			return false;
	return true;
}

/* The IPv4 address that a gateway makes of an IPv6 one: 64:ff9b::/96, and 6to4. */
static bool is_carrier(const uint8_t ip[16], uint8_t ret[16])
{
	static const struct range nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96}, to4 = {{0x20, 0x02}, 16};
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(ret, mapped, sizeof(mapped));
	if (is_within(ip, &nat64))
		memcpy(ret + 12, ip + 12, 4);
	else if (is_within(ip, &to4))
		memcpy(ret + 12, ip + 2, 4);
	else
		return false;
	return true;
}

bool machine_is_public(const uint8_t ip[16])
{
	static const struct range mapped = {IP4(0, 0, 0, 0), 96}, global = {{0x20}, 3};
	uint8_t inner[16];

	if (is_within(ip, &mapped))
		return is_public_4(ip);
	if (is_carrier(ip, inner))
		return is_public_4(inner);
	return is_within(ip, &global);
}

/* ---- what the machine itself is reached at ---- */

int machine_addresses(struct machine_addresses *ret)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return -errno;
	ret->list = list;
	return 0;
}

void machine_addresses_done(struct machine_addresses *addresses)
{
	if (addresses->list)
		freeifaddrs(addresses->list);
	addresses->list = NULL;
}

static bool is_address_of(const struct sockaddr *address, const uint8_t ip[16])
{
	static const struct range mapped = {IP4(0, 0, 0, 0), 96};

	if (address->sa_family == AF_INET)
		return is_within(ip, &mapped) &&
		       memcmp(&((const struct sockaddr_in *)address)->sin_addr, ip + 12, 4) == 0;
	return address->sa_family == AF_INET6 &&
	       memcmp(&((const struct sockaddr_in6 *)address)->sin6_addr, ip, 16) == 0;
}

bool machine_has(const struct machine_addresses *addresses, const uint8_t ip[16])
{
	uint8_t inner[16];
	bool is_carried = is_carrier(ip, inner);

	for (const struct ifaddrs *own = addresses->list; own; own = own->ifa_next)
		if (own->ifa_addr && (is_address_of(own->ifa_addr, ip) ||
		                             (is_carried && is_address_of(own->ifa_addr, inner))))
			return true;
	return false;
}
