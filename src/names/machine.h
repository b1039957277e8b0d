/* What this machine says of names: its name servers, and the names that it knows by itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define MACHINE_SERVERS 3

struct machine_server {
	struct sockaddr_storage address;
	socklen_t length;
};

struct machine_servers {
	unsigned timeout;  /* seconds that one of them may take */
	unsigned attempts; /* how often each is asked */
	size_t count;
	struct machine_server items[MACHINE_SERVERS];
};

/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353". 0 or -EINVAL. */
int machine_read_server(const char *text, struct machine_server *ret);

/* The name servers of a file like /etc/resolv.conf, and its options on patience; one on this machine when it names none,
 * as everyone takes it. Never fails. */
void machine_servers(const char *path, struct machine_servers *ret);

/* Which of them has this address; the first where none has. IPv4 is ::ffff:a.b.c.d. */
size_t machine_find_server(const struct machine_servers *servers, const uint8_t ip[16]);

/* Calls back for every name of a file like /etc/hosts, lower case and without a final dot, and for what needs no
 * file: localhost. A file that is not there has no names. 0, or what `each` returned when that was not 0. */
int machine_hosts(const char *path, int (*each)(void *user, const char *name, const uint8_t ip[16]), void *user);

/* Whether an address is one of the public network: not loopback, not private, not of the link, not reserved. IPv4
 * is ::ffff:a.b.c.d. Addresses that carry an IPv4 address inside are what that is. */
bool machine_is_public(const uint8_t ip[16]);

/* The addresses that this machine has itself, public ones too, as they are now. */
struct ifaddrs;

struct machine_addresses {
	struct ifaddrs *list;
};

/* 0, and machine_addresses_done frees them, or -errno. */
int machine_addresses(struct machine_addresses *ret);
void machine_addresses_done(struct machine_addresses *addresses);
bool machine_has(const struct machine_addresses *addresses, const uint8_t ip[16]);
