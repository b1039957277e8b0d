/* Which sockets the filter lets be made, and what it does with calls on them, on both architectures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "plan/sockets.h"

#define ERRNO(number) (SECCOMP_RET_ERRNO | (number))
#define ALLOW SECCOMP_RET_ALLOW
#define NOTIFY SECCOMP_RET_USER_NOTIF
#define HIGH (1ULL << 40)
#define MPTCP 262
#define ULP 31         /* TCP_ULP */
#define FLOW_LABELS 32 /* IPV6_FLOWLABEL_MGR */

/* The calls on sockets as a plan with this network drafts them, as a program for one architecture. */
static struct filter_program program_of(
        const struct plan_network *network, bool notifies, enum syscalls_arch arch)
{
	AUTO_FREE struct plan *plan = calloc(1, sizeof(*plan));
	AUTO_FREE struct filter_call *calls = calloc(PLAN_MAX_CALLS, sizeof(*calls));
	struct draft_cases lists[PLAN_MAX_CALLS] = {0};
	struct filter_program program = {0};
	struct filter_part part = {.arch = arch,
	        .calls = calls,
	        .default_action = ALLOW,
	        .highest = syscalls_highest(arch),
	        .unknown_action = ERRNO(ENOSYS)};

	plan->network = *network;
	plan->notifies[SYSCALLS_CONNECT] = plan->notifies[SYSCALLS_SEND] = plan->notifies[SYSCALLS_LISTEN] =
	        notifies;
	for (unsigned nr = 0; nr <= part.highest; nr++) {
		const struct syscalls_row *row = syscalls_row_by_nr(arch, nr);
		struct draft draft = {.nr = nr, .action = ALLOW};

		if (!row || !sockets_draft(plan, row, &draft))
			continue;
		lists[part.call_count] = draft.refusals;
		for (size_t i = 0; i < draft.cases.count; i++)
			draft_add(&lists[part.call_count], &draft.cases.items[i]);
		free(draft.cases.items);
		calls[part.call_count] = (struct filter_call){.nr = nr,
		        .action = draft.action,
		        .cases = lists[part.call_count].items,
		        .case_count = lists[part.call_count].count};
		part.call_count++;
	}
	assert_int_equal(filter_build(&part, 1, SECCOMP_RET_KILL_PROCESS, &program), 0);
	for (size_t i = 0; i < part.call_count; i++)
		free(lists[i].items);
	return program;
}

struct expected {
	const char *call;
	uint64_t args[6];
	uint32_t action;
};

static void check(
        const struct plan_network *network, bool notifies, const struct expected *rows, size_t count)
{
	for (int arch = 0; arch < SYSCALLS_ARCHES; arch++) {
		struct filter_program program = program_of(network, notifies, (enum syscalls_arch)arch);

		for (size_t i = 0; i < count; i++) {
			int nr = syscalls_by_name(rows[i].call)->nr[arch];
			struct seccomp_data data = {
			        .nr = nr, .arch = syscalls_audit_arch((enum syscalls_arch)arch)};
			uint32_t action = 0;

			for (int k = 0; k < 6; k++)
				data.args[k] = rows[i].args[k];
			assert_int_equal(filter_simulate(&program, &data, &action), 0);
			if (action != rows[i].action)
				fail_msg("row %zu, %s on architecture %d: %#x, expected %#x", i, rows[i].call,
				        arch, action, rows[i].action);
		}
		filter_program_done(&program);
	}
}

#define CHECK(network, notifies, rows) check(network, notifies, rows, ELEMENTS(rows))

static void only_tcp(void **state)
{
	static const struct plan_network network = {.makes_tcp = true,
	        .refuses_listen = true,
	        .refuses_fast_open = true,
	        .refuses_routes = true,
	        .refuses_protocols = true};
	static const struct expected rows[] = {
	        {"socket", {AF_INET, SOCK_STREAM, 0}, ALLOW},
	        {"socket", {AF_INET6, SOCK_STREAM, IPPROTO_TCP}, ALLOW},
	        {"socket", {AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}, ALLOW},
	        /* The kernel takes ints: what is above them is nothing. */
	        {"socket", {AF_INET | HIGH, SOCK_STREAM | HIGH, IPPROTO_TCP | HIGH}, ALLOW},
	        {"socket", {AF_INET | HIGH, SOCK_DGRAM, 0}, ERRNO(EACCES)},
	        {"socket", {AF_INET, SOCK_STREAM, MPTCP}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_INET | HIGH, SOCK_STREAM | HIGH, MPTCP | HIGH}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_INET6, SOCK_STREAM, IPPROTO_SCTP}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_INET, SOCK_DGRAM, 0}, ERRNO(EACCES)},
	        {"socket", {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}, ERRNO(EACCES)},
	        {"socket", {AF_INET, SOCK_RAW, IPPROTO_TCP}, ERRNO(EACCES)},
	        {"socket", {AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP}, ERRNO(EACCES)},
	        /* SOCK_PACKET makes a packet socket of any family. */
	        {"socket", {AF_INET, 10, 0}, ERRNO(EACCES)},
	        {"socket", {AF_UNIX, SOCK_STREAM, 0}, ERRNO(EACCES)},
	        {"socket", {AF_NETLINK, SOCK_RAW, 0}, ALLOW},
	        {"socket", {AF_NETLINK | HIGH, SOCK_DGRAM | SOCK_CLOEXEC, 0}, ALLOW},
	        {"socket", {AF_NETLINK, SOCK_RAW, 9}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_NETLINK, SOCK_RAW, 9 | HIGH}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_PACKET, SOCK_RAW, 0}, ERRNO(EAFNOSUPPORT)},
	        {"socket", {AF_VSOCK, SOCK_STREAM, 0}, ERRNO(EAFNOSUPPORT)},
	        {"socket", {AF_ALG, SOCK_SEQPACKET, 0}, ERRNO(EAFNOSUPPORT)},
	        {"socket", {AF_BLUETOOTH, SOCK_RAW, 1}, ERRNO(EAFNOSUPPORT)},
	        {"socket", {0, SOCK_STREAM, 0}, ERRNO(EAFNOSUPPORT)},
	        {"socket", {(uint64_t)AF_INET << 32, SOCK_STREAM, 0}, ERRNO(EAFNOSUPPORT)},
	        {"socketpair", {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0}, ALLOW},
	        {"socketpair", {AF_UNIX | HIGH, SOCK_SEQPACKET, 0}, ALLOW},
	        {"socketpair", {AF_UNIX, SOCK_DGRAM, 0}, ERRNO(EACCES)},
	        {"socketpair", {AF_UNIX, SOCK_RAW, 0}, ERRNO(EACCES)},
	        {"socketpair", {AF_INET, SOCK_STREAM, 0}, ERRNO(EOPNOTSUPP)},
	        {"socketpair", {AF_TIPC, SOCK_STREAM, 0}, ERRNO(EAFNOSUPPORT)},
	        {"listen", {3, 1}, ERRNO(EACCES)},
	        {"connect", {3, 1, 16}, ALLOW},
	        {"sendto", {3, 1, 1, 0, 1, 16}, ALLOW},
	        {"sendto", {3, 1, 1, MSG_FASTOPEN, 1, 16}, ERRNO(EOPNOTSUPP)},
	        {"sendto", {3, 1, 1, MSG_FASTOPEN | MSG_NOSIGNAL | HIGH, 0, 0}, ERRNO(EOPNOTSUPP)},
	        {"sendto", {3, 1, 1, (uint64_t)MSG_FASTOPEN << 32, 1, 16}, ALLOW},
	        {"sendmsg", {3, 1, MSG_FASTOPEN}, ERRNO(EOPNOTSUPP)},
	        {"sendmmsg", {3, 1, 1, MSG_FASTOPEN}, ERRNO(EOPNOTSUPP)},
	        {"sendmmsg", {3, 1, MSG_FASTOPEN, 0}, ALLOW},
	        {"setsockopt", {3, IPPROTO_TCP, TCP_FASTOPEN_CONNECT}, ERRNO(EOPNOTSUPP)},
	        {"setsockopt", {3, IPPROTO_TCP | HIGH, TCP_FASTOPEN_CONNECT | HIGH}, ERRNO(EOPNOTSUPP)},
	        {"setsockopt", {3, IPPROTO_TCP, TCP_FASTOPEN}, ERRNO(EOPNOTSUPP)},
	        {"setsockopt", {3, IPPROTO_TCP, ULP}, ERRNO(ENOENT)},
	        {"setsockopt", {3, IPPROTO_TCP | HIGH, ULP | HIGH}, ERRNO(ENOENT)},
	        {"setsockopt", {3, IPPROTO_IPV6, ULP}, ALLOW},
	        {"setsockopt", {3, IPPROTO_IP, IP_OPTIONS}, ERRNO(EPERM)},
	        {"setsockopt", {3, IPPROTO_IPV6, IPV6_RTHDR}, ERRNO(EPERM)},
	        {"setsockopt", {3, IPPROTO_IPV6 | HIGH, FLOW_LABELS | HIGH}, ERRNO(EPERM)},
	        {"setsockopt", {3, IPPROTO_TCP, FLOW_LABELS}, ALLOW},
	        {"setsockopt", {3, IPPROTO_TCP, TCP_NODELAY}, ALLOW},
	        {"setsockopt", {3, SOL_SOCKET, TCP_FASTOPEN_CONNECT}, ALLOW},
	};

	CHECK(&network, false, rows);
}

/* No rule is about UDP, and there is a supervisor. */
static void unplugged(void **state)
{
	static const struct plan_network network = {
	        .makes_tcp = true, .unplugs_udp = true, .refuses_listen = true, .refuses_fast_open = true};
	static const struct expected rows[] = {
	        {"socket", {AF_INET, SOCK_DGRAM, 0}, NOTIFY},
	        {"socket",
	                {AF_INET6 | HIGH, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK | HIGH,
	                        IPPROTO_UDP | HIGH},
	                NOTIFY},
	        /* The kernel looks at unknown flags first. */
	        {"socket", {AF_INET, SOCK_DGRAM | 0x10, 0}, ERRNO(EINVAL)},
	        {"socket", {AF_INET, SOCK_DGRAM | 0x80000000, 99}, ERRNO(EINVAL)},
	        {"socket", {AF_PACKET, SOCK_RAW | 0x100000, 0}, ERRNO(EINVAL)},
	        {"socket", {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}, ERRNO(EACCES)},
	        {"socket", {AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6}, ERRNO(EACCES)},
	        {"socket", {AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE}, ERRNO(EACCES)},
	        {"socket", {AF_INET, SOCK_DGRAM, IPPROTO_TCP}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_INET6, SOCK_DGRAM, 115}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_INET, SOCK_DGRAM, 262}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_INET, SOCK_DGRAM, 263 | HIGH}, ERRNO(EINVAL)},
	        {"socket", {AF_INET, SOCK_DGRAM, ~0ULL}, ERRNO(EINVAL)},
	        {"socket", {AF_INET, SOCK_RAW, IPPROTO_UDP}, ERRNO(EACCES)},
	        {"socket", {AF_INET, SOCK_SEQPACKET, 0}, ERRNO(EACCES)},
	        {"socket", {AF_INET, SOCK_STREAM, IPPROTO_UDP}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_PACKET, SOCK_DGRAM, 0}, ERRNO(EAFNOSUPPORT)},
	        {"socket", {AF_UNIX, SOCK_DGRAM, 0}, ERRNO(EACCES)},
	        {"socket", {AF_NETLINK, SOCK_DGRAM, 0}, ALLOW},
	        {"socketpair", {AF_INET, SOCK_DGRAM, 0}, ERRNO(EOPNOTSUPP)},
	        {"sendto", {3, 1, 1, 0, 1, 16}, ALLOW},
	        {"sendmsg", {3, 1, 0}, ALLOW},
	        {"bind", {3, 1, 16}, ALLOW},
	        {"recvmsg", {3, 1, 0}, ALLOW},
	};

	CHECK(&network, false, rows);
}

static void all_that_there_is(void **state)
{
	static const struct plan_network network = {
	        .makes_tcp = true, .makes_udp = true, .makes_unix = true, .makes_unix_datagrams = true};
	static const struct expected rows[] = {
	        {"socket", {AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP}, ALLOW},
	        {"socket", {AF_INET, SOCK_DGRAM, 0}, ALLOW},
	        {"socket", {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}, ERRNO(EACCES)},
	        {"socket", {AF_INET6, SOCK_DGRAM, 58}, ERRNO(EACCES)},
	        {"socket", {AF_INET6, SOCK_DGRAM, 6}, ERRNO(EPROTONOSUPPORT)},
	        {"socket", {AF_INET, SOCK_DGRAM, 136}, ERRNO(EACCES)},
	        {"socket", {AF_UNIX, SOCK_STREAM, 0}, ALLOW},
	        {"socket", {AF_UNIX, SOCK_DGRAM, 0}, ALLOW},
	        {"socket", {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, AF_UNIX}, ALLOW},
	        {"socket", {AF_UNIX, SOCK_RAW, 0}, ERRNO(EACCES)},
	        {"socket", {AF_INET, SOCK_STREAM, MPTCP}, ERRNO(EPROTONOSUPPORT)},
	        {"socketpair", {AF_UNIX, SOCK_DGRAM, 0}, ALLOW},
	        {"listen", {3, 1}, NOTIFY},
	        {"connect", {3, 1, 16}, NOTIFY},
	        {"connect", {3, 1ULL << 32, 16}, NOTIFY},
	        {"connect", {3, 0, 16}, ALLOW},
	        {"bind", {3, 1, 16}, ALLOW},
	        {"sendto", {3, 1, 1, 0, 1, 16}, NOTIFY},
	        {"sendto", {3, 1, 1, 0, 1ULL << 32, 16}, NOTIFY},
	        {"sendto", {3, 1, 1, MSG_FASTOPEN, 0, 0}, ALLOW},
	        {"sendto", {3, 1, 1, 0, 0, 16}, ALLOW},
	        {"sendmsg", {3, 1, 0}, NOTIFY},
	        {"sendmmsg", {3, 1, 1, 0}, NOTIFY},
	        {"setsockopt", {3, IPPROTO_TCP, TCP_FASTOPEN_CONNECT}, ALLOW},
	        {"setsockopt", {3, IPPROTO_TCP, ULP}, ALLOW},
	        {"setsockopt", {3, IPPROTO_IPV6, FLOW_LABELS}, ALLOW},
	        {"recvmsg", {3, 1, 0}, ALLOW},
	        {"write", {3, 1, 1}, ALLOW},
	};

	CHECK(&network, true, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_tcp),
	        cmocka_unit_test(unplugged),
	        cmocka_unit_test(all_that_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
