/* Calls on sockets in the filter: which sockets are made, by family, type and protocol; and which calls
 * notify. The kernel takes all of these from ints, so their upper halves are nothing. */
#include "plan/sockets.h"

#include <errno.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define ERRNO(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))
#define ALL 0xffffffffu /* bits of an int */
#define TYPE 0xfu       /* of a socket's type; flags lie above */
#define FAMILY_ARGUMENT 0
#define PROTOCOLS 263           /* higher ones no kernel takes (IPPROTO_MAX) */
#define OPTION_PACKET_OPTIONS 6 /* IPV6_2292PKTOPTIONS: several at once */
#define OPTION_FLOW_LABELS 32   /* IPV6_FLOWLABEL_MGR: a label has such options, too */

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

/* One test that belongs to a condition which goes on. */
static void test(struct draft_cases *cases, int arg, uint32_t mask, uint32_t value, enum filter_link link)
{
	draft_add(cases, &(struct filter_case){
	                         .arg = (uint8_t)arg, .mask = mask, .value = value, .link = (uint8_t)link});
}

static void test_inet(struct draft_cases *cases)
{
	test(cases, 0, ALL, AF_INET, FILTER_OR);
	test(cases, 0, ALL, AF_INET6, FILTER_AND);
}

/* `family` of one type with either of two protocols. */
static void add_inet(struct draft_cases *cases, uint32_t type, uint32_t protocol, uint32_t action)
{
	test_inet(cases);
	test(cases, 1, TYPE, type, FILTER_AND);
	test(cases, 2, ALL, 0, FILTER_OR);
	draft_add_equal(cases, 2, false, ALL, protocol, action);
}

static void allow_unix(struct draft_cases *cases, bool datagrams)
{
	test(cases, 0, ALL, AF_UNIX, FILTER_AND);
	test(cases, 1, TYPE, SOCK_STREAM, FILTER_OR);
	if (datagrams)
		test(cases, 1, TYPE, SOCK_DGRAM, FILTER_OR);
	test(cases, 1, TYPE, SOCK_SEQPACKET, FILTER_AND);
	test(cases, 2, ALL, 0, FILTER_OR);
	draft_add_equal(cases, 2, false, ALL, AF_UNIX, SECCOMP_RET_ALLOW);
}

/* Protocols that the kernel does not know, beside those that it may know and that are closed. */
static void add_other_datagrams(struct draft_cases *cases)
{
	test_inet(cases);
	test(cases, 1, TYPE, SOCK_DGRAM, FILTER_AND);
	test(cases, 2, ALL, IPPROTO_ICMP, FILTER_OR);
	test(cases, 2, ALL, IPPROTO_ICMPV6, FILTER_OR);
	draft_add_equal(cases, 2, false, ALL, IPPROTO_UDPLITE, ERRNO(EACCES));
	test_inet(cases);
	test(cases, 1, TYPE, SOCK_DGRAM, FILTER_AND);
	draft_add(cases, &(struct filter_case){.arg = 2,
	                         .mask = ALL,
	                         .compare = FILTER_FROM,
	                         .value = PROTOCOLS,
	                         .action = ERRNO(EINVAL)});
	test_inet(cases);
	draft_add_equal(cases, 1, false, TYPE, SOCK_DGRAM, ERRNO(EPROTONOSUPPORT));
}

/* What is not there gets the errno of a kernel without it, and programs know how to go on. */
static void add_socket(struct plan *plan, struct draft *call)
{
	const struct plan_network *network = &plan->network;
	struct draft_cases *cases = &call->refusals;

	call->opened_by = FAMILY_ARGUMENT;
	/* Before all else, as the kernel says it. */
	draft_add(cases, &(struct filter_case){.arg = 1,
	                         .mask = ~(TYPE | SOCK_CLOEXEC | SOCK_NONBLOCK) & ALL,
	                         .value = 0,
	                         .negated = true,
	                         .action = ERRNO(EINVAL)});
	if (network->makes_tcp)
		add_inet(cases, SOCK_STREAM, IPPROTO_TCP, SECCOMP_RET_ALLOW);
	if (network->makes_udp)
		add_inet(cases, SOCK_DGRAM, IPPROTO_UDP, SECCOMP_RET_ALLOW);
	if (network->unplugs_udp) {
		add_inet(cases, SOCK_DGRAM, IPPROTO_UDP, SECCOMP_RET_USER_NOTIF);
		plan->calls[call->nr].action = PLAN_CALL_PATHS;
	}
	if (network->makes_unix)
		allow_unix(cases, network->makes_unix_datagrams);
	/* The routing family alone: getaddrinfo and if_nameindex ask it for the machine's addresses. */
	test(cases, 0, ALL, AF_NETLINK, FILTER_AND);
	draft_add_equal(cases, 2, false, ALL, 0, SECCOMP_RET_ALLOW);
	draft_add_equal(cases, 0, false, ALL, AF_NETLINK, ERRNO(EPROTONOSUPPORT));
	draft_add_equal(cases, 0, false, ALL, AF_UNIX, ERRNO(EACCES));
	/* MPTCP, SCTP and their like: no layer below knows their connections. */
	if (network->makes_tcp) {
		test_inet(cases);
		test(cases, 1, TYPE, SOCK_STREAM, FILTER_AND);
		draft_add_equal(cases, 2, false, 0, 0, ERRNO(EPROTONOSUPPORT));
	}
	if (network->makes_udp || network->unplugs_udp)
		add_other_datagrams(cases);
	test_inet(cases);
	draft_add_equal(cases, 2, false, 0, 0, ERRNO(EACCES));
	draft_add_always(cases, ERRNO(EAFNOSUPPORT));
}

/* Both ends are connected from the beginning; but one for datagrams may send elsewhere all the same. */
static void add_pair(const struct plan_network *network, struct draft *call)
{
	struct draft_cases *cases = &call->refusals;

	call->opened_by = FAMILY_ARGUMENT;
	allow_unix(cases, network->makes_unix_datagrams);
	draft_add_equal(cases, 0, false, ALL, AF_UNIX, ERRNO(EACCES));
	test_inet(cases);
	draft_add_equal(cases, 2, false, 0, 0, ERRNO(EOPNOTSUPP));
	draft_add_always(cases, ERRNO(EAFNOSUPPORT));
}

static void notify(struct plan *plan, struct draft *call)
{
	call->action = SECCOMP_RET_USER_NOTIF;
	plan->calls[call->nr].action = PLAN_CALL_PATHS;
}

/* The argument that points to the address, -1 when it lies deeper in memory. */
static int address_argument(const struct syscalls_row *row)
{
	for (int i = 0; i < 6; i++)
		if (row->args[i] == SYSCALLS_ADDRESS)
			return i;
	return -1;
}

/* Without an address there is nothing to look at: the data path of a connected socket. */
static void add_addressed(struct plan *plan, const struct syscalls_row *row, struct draft *call)
{
	int address = address_argument(row);

	/* This flag connects. */
	if (row->operation == SYSCALLS_SEND && plan->network.refuses_fast_open)
		draft_add_equal(
		        &call->cases, row->flags_arg, false, MSG_FASTOPEN, MSG_FASTOPEN, ERRNO(EOPNOTSUPP));
	if (!plan->notifies[row->operation])
		return;
	if (address >= 0)
		draft_add_equal(&call->cases, address, true, ~0ull, 0, SECCOMP_RET_ALLOW);
	notify(plan, call);
}

/* Options of TCP that make sendto or write connect, or the socket one of SMC, whose connections no layer
 * below knows (which one is asked for is in memory, and TLS goes with it); and of IP, that send what is meant
 * for one address to another first. */
static void add_option(const struct plan *plan, const struct syscalls_row *row, struct draft *call)
{
	if (strcmp(row->name, "setsockopt") != 0)
		return;
	if (plan->network.refuses_routes) {
		test(&call->cases, 1, ALL, IPPROTO_IP, FILTER_AND);
		draft_add_equal(&call->cases, 2, false, ALL, IP_OPTIONS, ERRNO(EPERM));
		test(&call->cases, 1, ALL, IPPROTO_IPV6, FILTER_AND);
		test(&call->cases, 2, ALL, IPV6_RTHDR, FILTER_OR);
		test(&call->cases, 2, ALL, OPTION_FLOW_LABELS, FILTER_OR);
		draft_add_equal(&call->cases, 2, false, ALL, OPTION_PACKET_OPTIONS, ERRNO(EPERM));
	}
	if (plan->network.refuses_protocols) {
		test(&call->cases, 1, ALL, IPPROTO_TCP, FILTER_AND);
		draft_add_equal(&call->cases, 2, false, ALL, TCP_ULP, ERRNO(ENOENT));
	}
	if (!plan->network.refuses_fast_open)
		return;
	test(&call->cases, 1, ALL, IPPROTO_TCP, FILTER_AND);
	test(&call->cases, 2, ALL, TCP_FASTOPEN, FILTER_OR);
	draft_add_equal(&call->cases, 2, false, ALL, TCP_FASTOPEN_CONNECT, ERRNO(EOPNOTSUPP));
}

bool sockets_draft(struct plan *plan, const struct syscalls_row *row, struct draft *call)
{
	switch (row->operation) {
	case SYSCALLS_SOCKET:
		if (strcmp(row->name, "socketpair") == 0)
			add_pair(&plan->network, call);
		else
			add_socket(plan, call);
		return true;
	case SYSCALLS_CONNECT:
	case SYSCALLS_BIND:
	case SYSCALLS_SEND:
		add_addressed(plan, row, call);
		return true;
	case SYSCALLS_LISTEN:
		if (plan->network.refuses_listen)
			draft_add_always(&call->cases, ERRNO(EACCES));
		else if (plan->notifies[SYSCALLS_LISTEN])
			notify(plan, call);
		return true;
	case SYSCALLS_SOCKET_OPTION:
		add_option(plan, row, call);
		return true;
	default:
		return false;
	}
}
