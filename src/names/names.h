/* Host names while a program runs: a small resolver that answers whoever the target asks, forwards only names that
 * the policy opens, and opens the addresses that come back for as long as they are good.
 *
 * It listens on an island (kernel/island.h) on port 53 of every address there. A socket of the target that turns
 * to a name server is exchanged for one of the island: whatever name server it asks, under that address it finds
 * this resolver, and nothing else at all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "kernel/island.h"
#include "policy/address.h"
#include "policy/host.h"
#include "record/record.h"

#define NAMES_PORT 53
/* What a short-lived answer is good for at least: programs keep addresses for a while before they use them. */
#define NAMES_LEAST_SECONDS 60

struct names;

struct names_options {
	const struct policy *policy;           /* until names_use gives it another, or names_end */
	const struct address_matcher *matcher; /* likewise */
	struct recorder *recorder;
	const int *kept; /* descriptors of the recorder's sinks */
	size_t kept_count;
	bool permissive;     /* what would be refused is recorded, and answered all the same */
	const char *server;  /* "192.0.2.1:53": the only name server; NULL: those of /etc/resolv.conf */
	const char *resolvers, *hosts; /* other files than /etc/resolv.conf and /etc/hosts; NULL: those */
};

/* Starts it, on a thread of its own with descriptors of its own, in the domain of the calling one: which must be
 * none, since name servers are asked. 0; -EPERM, -ENOSPC, -EINVAL: this machine gives out no network namespaces;
 * -EDESTADDRREQ: `server` is none; other -errno. */
int names_start(const struct names_options *options, struct names **ret);

/* Ends the thread: nothing is answered or recorded any more. NULL is fine. */
void names_stop(struct names *names);

/* The same, and frees; in a domain that is not that of names_start its process may have to end by itself. Nobody may use it any more. NULL is fine. */
void names_end(struct names *names);

/* Descriptors that must stay open until names_end, also in threads with descriptors of their own that call
 * names_socket. */
#define NAMES_DESCRIPTORS 2
void names_descriptors(const struct names *names, int ret[NAMES_DESCRIPTORS]);

enum names_state {
	NAMES_UNKNOWN, /* no name that a rule opens there was answered with it */
	NAMES_ENDED,   /* one was, and the answer's time is over */
	NAMES_OPEN,
};

/* Whether a name that was asked for opens an address, by the rules of `policy`. `ret_rule` and `ret_name` are set
 * unless it is unknown. */
enum names_state names_decide(struct names *names, const struct policy *policy, const struct address *address,
        const struct policy_address_rule **ret_rule, char ret_name[256]);

/* Whether some rule opens the address at some port. */
bool names_knows(struct names *names, const struct policy *policy, const struct address *address);

/* From now on these rules count for questions. When it returns, the ones before are not used any more. */
void names_use(struct names *names, const struct policy *policy, const struct address_matcher *matcher);

/* A socket on the island, or -errno. */
int names_socket(struct names *names, const struct island_socket *wish);

/* Whether `fd` is a socket that lives there: all that it can reach is the resolver. */
bool names_has_socket(const struct names *names, int fd);

/* That questions from the port of `fd`, a socket of the island, are the task's: for records. */
void names_know_asker(struct names *names, int fd, pid_t tid, const char *program);
