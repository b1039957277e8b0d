/* Connections and messages to where the policy does not let them go. The servers outside tell when one
 * arrives: here is only counted how often both sides of each window were seen. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

#define GOOD 0x7f000001u
#define BAD 0x7f000002u
#define LED 0x7f000003u /* nobody is there: the policy leads to GOOD */

static uint16_t number(const char *name)
{
	const char *text = getenv(name);

	if (!text)
		broken("no servers");
	return (uint16_t)atoi(text);
}

static struct sockaddr_in inet(uint32_t address, uint16_t port)
{
	return (struct sockaddr_in){
	        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

static struct sockaddr_in6 inet6(const char *text, uint16_t port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	inet_pton(AF_INET6, text, &a.sin6_addr);
	return a;
}

static struct sockaddr_un file(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	return a;
}

/* ---- what is swapped, by whom ---- */

struct race {
	struct sockaddr_in shared, good, bad;
	struct msghdr *message;
	struct counts counts;
	volatile bool over;
	void (*swap)(struct race *race, bool good);
	void (*attempt)(struct race *race);
};

static void *swap_until_over(void *argument)
{
	struct race *race = argument;
	unsigned seed = 7;

	for (bool good = true; !race->over; good = !good) {
		race->swap(race, good);
		for (unsigned n = rand_r(&seed) % 3000; n; n--)
			__asm__ volatile("" ::: "memory");
	}
	return NULL;
}

static void *attempt_until_over(void *argument)
{
	struct race *race = argument;

	while (!race->over)
		race->attempt(race);
	return NULL;
}

static void run(struct race *race, const char *how)
{
	pthread_t swapper, other;

	pthread_create(&swapper, NULL, swap_until_over, race);
	pthread_create(&other, NULL, attempt_until_over, race);
	while (attack_goes_on())
		race->attempt(race);
	race->over = true;
	pthread_join(swapper, NULL);
	pthread_join(other, NULL);
	window(how, race->counts.good, race->counts.refused);
}

static void count(struct counts *counts, long r)
{
	if (r >= 0 || errno == EINPROGRESS)
		counts->good++;
	else if (errno == EACCES)
		counts->refused++;
	else
		counts->other++;
}

static void swap_address(struct race *race, bool good)
{
	*(volatile uint32_t *)&race->shared.sin_addr.s_addr =
	        good ? race->good.sin_addr.s_addr : race->bad.sin_addr.s_addr;
}

static void swap_port(struct race *race, bool good)
{
	*(volatile uint16_t *)&race->shared.sin_port = good ? race->good.sin_port : race->bad.sin_port;
}

static void swap_family(struct race *race, bool good)
{
	*(volatile sa_family_t *)&race->shared.sin_family = good ? AF_UNSPEC : AF_INET;
}

static void connect_to_shared(struct race *race)
{
	const struct linger at_once = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	count(&race->counts, connect(fd, (struct sockaddr *)&race->shared, sizeof(race->shared)));
	close(fd);
}

static void send_to_shared(struct race *race)
{
	static _Thread_local int fd = -1;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	count(&race->counts,
	        sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&race->shared, sizeof(race->shared)));
}

static void swap_connect(void)
{
	struct race race = {.shared = inet(GOOD, number("NET_PORT")),
	        .good = inet(GOOD, 0),
	        .bad = inet(BAD, 0),
	        .swap = swap_address,
	        .attempt = connect_to_shared};

	run(&race, "the address is swapped under connect");
}

static void swap_connect_port(void)
{
	struct race race = {.shared = inet(GOOD, number("NET_PORT")),
	        .good = inet(GOOD, number("NET_PORT")),
	        .bad = inet(GOOD, number("NET_OTHER")),
	        .swap = swap_port,
	        .attempt = connect_to_shared};

	run(&race, "the port is swapped under connect");
}

/* Without a family a connection is dissolved, which everybody may. */
static void swap_connect_family(void)
{
	struct race race = {
	        .shared = inet(BAD, number("NET_PORT")), .swap = swap_family, .attempt = connect_to_shared};

	run(&race, "the family is swapped under connect");
}

static void swap_send(void)
{
	struct race race = {.shared = inet(GOOD, number("NET_PORT")),
	        .good = inet(GOOD, 0),
	        .bad = inet(BAD, 0),
	        .swap = swap_address,
	        .attempt = send_to_shared};

	run(&race, "the address is swapped under sendto");
}

/* By each of the calls in turn. */
static void reach_shared(struct race *race)
{
	static _Thread_local int fd = -1;
	static _Thread_local unsigned turn;
	struct iovec data = {(char[]){"x"}, 1};
	struct mmsghdr message = {.msg_hdr = {.msg_name = &race->shared,
	                                  .msg_namelen = sizeof(race->shared),
	                                  .msg_iov = &data,
	                                  .msg_iovlen = 1}};

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	switch (turn++ % 8) {
	case 0:
		send_to_shared(race);
		break;
	case 1:
		count(&race->counts, sendmsg(fd, &message.msg_hdr, MSG_DONTWAIT));
		break;
	case 2:
		count(&race->counts, sendmmsg(fd, &message, 1, MSG_DONTWAIT));
		break;
	default:
		connect_to_shared(race);
	}
}

/* What is led elsewhere is judged, and connected to, by where it leads: also when the memory tells of another
 * one. */
static void swap_led(void)
{
	struct race race = {.shared = inet(LED, number("NET_PORT")),
	        .good = inet(LED, 0),
	        .bad = inet(BAD, 0),
	        .swap = swap_address,
	        .attempt = reach_shared};

	run(&race, "an address that is led elsewhere is swapped");
}

/* ---- the family: a socket of IPv6 that is connected to IPv4 becomes one of IPv4 ---- */

static _Atomic int turned_fd = -1;

static void *turn_until_over(void *argument)
{
	struct race *race = argument;
	const int family = PF_INET;
	unsigned seed = 7;

	while (!race->over) {
		int fd = turned_fd;

		for (unsigned n = rand_r(&seed) % 60000; n && fd >= 0; n--)
			__asm__ volatile("" ::: "memory");
		race->counts.good +=
		        fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &family, sizeof(family)) == 0;
		turned_fd = -1;
	}
	return NULL;
}

/* As long as it is one of IPv6, an address without a family is none. Much is to be copied before it is sent.
 */
static void send_while_turned(struct race *race, const struct sockaddr_in6 *connected)
{
	static char bytes[60000];
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)connected, sizeof(*connected)) < 0)
		skip("no IPv6");
	turned_fd = fd;
	if (sendto(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&race->shared,
	            sizeof(race->shared)) < 0 &&
	        errno == EACCES)
		race->counts.refused++;
	while (turned_fd >= 0)
		;
	close(fd);
}

static void turn_family(void)
{
	struct sockaddr_in6 connected = inet6("::ffff:127.0.0.1", number("NET_PORT"));
	struct race race = {.shared = inet(BAD, number("NET_PORT"))};
	pthread_t thread;

	race.shared.sin_family = AF_UNSPEC;
	pthread_create(&thread, NULL, turn_until_over, &race);
	while (attack_goes_on())
		send_while_turned(&race, &connected);
	race.over = true;
	pthread_join(thread, NULL);
	window("the socket's family changes under sendto", race.counts.good, race.counts.refused);
}

/* ---- messages: the pointer to the address, its length, the pieces ---- */

static struct iovec pieces[2] = {{(char[]){"a"}, 1}, {(char[]){"b"}, 1}};

static void swap_name(struct race *race, bool good)
{
	*(void *volatile *)&race->message->msg_name = good ? &race->good : &race->bad;
	*(volatile socklen_t *)&race->message->msg_namelen = good ? sizeof(race->good) : 128;
	*(struct iovec *volatile *)&race->message->msg_iov = good ? pieces : pieces + 1;
	*(volatile size_t *)&race->message->msg_iovlen = good ? 2 : 1;
}

static void send_shared_message(struct race *race)
{
	static _Thread_local int fd = -1;
	static _Thread_local unsigned turn;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (turn++ & 1) {
		count(&race->counts, sendmsg(fd, race->message, MSG_DONTWAIT));
		return;
	}
	count(&race->counts, sendmmsg(fd, (struct mmsghdr *)(void *)race->message, 1, MSG_DONTWAIT));
}

static void swap_message(void)
{
	static struct mmsghdr message[2];
	static struct {
		struct race race;
		char room[128];
	} wide;

	wide.race = (struct race){.message = &message[0].msg_hdr,
	        .good = inet(GOOD, number("NET_PORT")),
	        .bad = inet(BAD, number("NET_PORT")),
	        .swap = swap_name,
	        .attempt = send_shared_message};
	swap_name(&wide.race, true);
	run(&wide.race, "the message is swapped under sendmsg and sendmmsg");
}

/* ---- the socket behind the number ---- */

static int shared_fd, tcp_fd;

static void swap_socket(struct race *race, bool good)
{
	int fd = good ? socket(AF_INET, SOCK_DGRAM, 0) : dup(tcp_fd);

	(void)race;
	dup2(fd, shared_fd);
	close(fd);
}

/* A datagram socket may take any free port, and one of TCP may not. */
static void bind_shared(struct race *race)
{
	count(&race->counts, bind(shared_fd, (struct sockaddr *)&race->shared, sizeof(race->shared)));
}

static void swap_fd(void)
{
	struct race race = {.shared = inet(GOOD, 0), .swap = swap_socket, .attempt = bind_shared};
	struct sockaddr_in name = {0};
	socklen_t size = sizeof(name);

	tcp_fd = socket(AF_INET, SOCK_STREAM, 0);
	shared_fd = dup(tcp_fd);
	run(&race, "the socket is swapped under bind");
	if (getsockname(tcp_fd, (struct sockaddr *)&name, &size) < 0 || name.sin_port != 0)
		leaked("a TCP socket was bound");
}

/* A connection gives a socket a port; without it, listening would find one that no rule gives. */
static void *connect_and_dissolve(void *argument)
{
	struct race *race = argument;
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	while (!race->over) {
		if (connect(tcp_fd, (struct sockaddr *)&race->shared, sizeof(race->shared)) == 0)
			race->counts.good++;
		connect(tcp_fd, &none, sizeof(none));
	}
	return NULL;
}

static void listen_race(void)
{
	struct race race = {.shared = inet(GOOD, number("NET_PORT"))};
	const struct linger at_once = {.l_onoff = 1};
	pthread_t thread;

	tcp_fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(tcp_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	pthread_create(&thread, NULL, connect_and_dissolve, &race);
	while (attack_goes_on()) {
		if (listen(tcp_fd, 1) == 0)
			leaked("listens on a port that no rule gives");
		race.counts.refused += errno == EACCES;
	}
	race.over = true;
	shutdown(tcp_fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	window("listening while connections come and go", race.counts.good, race.counts.refused);
}

/* What a connection named shows that name on when it is gone; the port that listening takes then is the
 * kernel's choice, which may be the same one again if it is tried often enough. */
static void listen_again(void)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
	} there = {.in = inet(GOOD, number("NET_PORT"))}, name;
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	const struct linger at_once = {.l_onoff = 1};
	socklen_t size = sizeof(name);
	long refused = 0;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (connect(fd, &there.any, sizeof(there.in)) < 0 || connect(fd, &none, sizeof(none)) < 0 ||
	        getsockname(fd, &name.any, &size) < 0 || name.in.sin_port == 0)
		broken("no connection, or it left no name");
	while (attack_goes_on()) {
		if (listen(fd, 1) == 0)
			leaked("listens on a port that no rule gives");
		refused += errno == EACCES;
	}
	window("listening under the name of a connection that is gone", refused, refused);
}

/* ---- socket files: somebody outside swaps the links on the way ---- */

static void connect_to_link(struct race *race)
{
	struct sockaddr_un a = file("net-link");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	long r = connect(fd, (struct sockaddr *)&a, sizeof(a));

	if (r < 0 && errno == EAGAIN)
		r = 0;
	count(&race->counts, r);
	close(fd);
}

static void links(void)
{
	struct race race = {0};

	while (attack_goes_on())
		connect_to_link(&race);
	window("the link to a socket file is swapped under connect", race.counts.good, race.counts.refused);
}

static void send_to_turn(struct counts *counts)
{
	static int fd = -1;
	struct sockaddr_un a = file("net-turn/bad.dgram");

	if (fd < 0)
		fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	count(counts, sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&a, sizeof(a)));
}

static void folders(void)
{
	struct counts counts = {0};
	struct sockaddr_un a = file("net-room/bad.dgram");
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char byte;

	mkdir("net-room", 0777);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		broken("bind: %s", strerror(errno));
	while (attack_goes_on()) {
		send_to_turn(&counts);
		recv(fd, &byte, 1, MSG_DONTWAIT);
	}
	window("a folder on the way to a socket file is swapped under sendto", counts.good, counts.refused);
}

/* The folder that a new socket file is made in. The listing of the denied folder is compared afterwards. */
static void binds(void)
{
	struct sockaddr_un a = file("net-turn/made");
	struct counts counts = {0};

	mkdir("net-room", 0777);
	while (attack_goes_on()) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		count(&counts, bind(fd, (struct sockaddr *)&a, sizeof(a)));
		unlink("net-room/made");
		close(fd);
	}
	window("a folder on the way to a new socket file is swapped under bind", counts.good, counts.refused);
}

/* ---- doors ---- */

static void refuse_tcp(uint32_t address, uint16_t port, const char *how)
{
	struct sockaddr_in a = inet(address, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must_fail_with(connect(fd, (struct sockaddr *)&a, sizeof(a)), EACCES, how);
	close(fd);
}

static void refuse_udp(int domain, const void *address, socklen_t size, const char *how)
{
	struct iovec data = {(char[]){"x"}, 1};
	struct mmsghdr message = {.msg_hdr = {.msg_name = (void *)(uintptr_t)address,
	                                  .msg_namelen = size,
	                                  .msg_iov = &data,
	                                  .msg_iovlen = 1}};
	int fd = socket(domain, SOCK_DGRAM, 0);

	must_fail_with(sendto(fd, "x", 1, 0, address, size), EACCES, how);
	must_fail_with(sendmsg(fd, &message.msg_hdr, 0), EACCES, how);
	must_fail_with(sendmmsg(fd, &message, 1, 0), EACCES, how);
	if (((const struct sockaddr *)address)->sa_family != AF_UNSPEC)
		must_fail_with(connect(fd, address, size), EACCES, how);
	close(fd);
}

/* Everything that connects without connect(2). */
static void fast_open(uint16_t port)
{
	struct sockaddr_in a = inet(BAD, port);
	struct iovec data = {(char[]){"x"}, 1};
	struct mmsghdr message = {
	        .msg_hdr = {.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &data, .msg_iovlen = 1}};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	must_fail(sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a)),
	        "fast open");
	must_fail(sendmsg(fd, &message.msg_hdr, MSG_FASTOPEN | MSG_NOSIGNAL), "fast open by sendmsg");
	must_fail(sendmmsg(fd, &message, 1, MSG_FASTOPEN | MSG_NOSIGNAL), "fast open by sendmmsg");
	must_fail(syscall(SYS_sendto, fd, "x", 1, (1ul << 40) | MSG_FASTOPEN | MSG_NOSIGNAL, &a, sizeof(a)),
	        "fast open with high bits");
	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
	must_fail(connect(fd, (struct sockaddr *)&a, sizeof(a)), "fast open by an option");
	must_fail(write(fd, "x", 1) < 0 ? -1 : 0, "a write that connects");
	close(fd);
}

static void no_socket(int domain, int type, int protocol, const char *how)
{
	must_fail(socket(domain, type, protocol), how);
	must_fail(socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), how);
	must_fail(syscall(SYS_socket, domain | 1ul << 40, type | 1ul << 41, protocol | 1ul << 42), how);
}

static void kinds(void)
{
	no_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP, "MPTCP");
	no_socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, "MPTCP");
	no_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP, "SCTP");
	no_socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, "SCTP");
	no_socket(AF_INET, SOCK_RAW, IPPROTO_TCP, "raw");
	no_socket(AF_INET, SOCK_RAW, IPPROTO_RAW, "raw");
	no_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "ping");
	no_socket(AF_PACKET, SOCK_DGRAM, 0, "packet");
	no_socket(40, SOCK_STREAM, 0, "vsock");
	no_socket(38, SOCK_SEQPACKET, 0, "AF_ALG");
	no_socket(AF_NETLINK, SOCK_RAW, 16, "generic netlink");
	no_socket(43, SOCK_STREAM, 0, "SMC");
}

static void binding(uint16_t port)
{
	struct sockaddr_in a = inet(GOOD, 0), any = inet(0, 0);
	struct sockaddr_in6 a6 = inet6("::", 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must_fail(bind(fd, (struct sockaddr *)&a, sizeof(a)), "bind to a free port");
	any.sin_family = AF_UNSPEC;
	must_fail(bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind without a family");
	any.sin_port = htons(port ^ 1);
	must_fail(bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind without a family");
	must_fail(listen(fd, 1), "listen without bind");
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	must_fail(bind(fd, (struct sockaddr *)&a6, sizeof(a6)), "bind to a free port of IPv6");
	must_fail(listen(fd, 1), "listen without bind on IPv6");
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	a.sin_port = htons(port ^ 1);
	must_fail_with(bind(fd, (struct sockaddr *)&a, sizeof(a)), EACCES, "bind of a datagram socket");
	close(fd);
}

/* A socket's own address decides where "any" leads to. */
static void any_address(uint16_t port)
{
	struct sockaddr_in own = inet(BAD, 0), any = inet(0, port);
	struct sockaddr_in6 own6 = inet6("::ffff:127.0.0.2", 0), any6 = inet6("::", port),
	                    mapped = inet6("::ffff:0.0.0.0", port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), fd6 = socket(AF_INET6, SOCK_DGRAM, 0);

	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		broken("bind to any port: %s", strerror(errno));
	sendto(fd, "any", 3, 0, (struct sockaddr *)&any, sizeof(any));
	connect(fd, (struct sockaddr *)&any, sizeof(any));
	send(fd, "any", 3, 0);
	if (fd6 >= 0 && bind(fd6, (struct sockaddr *)&own6, sizeof(own6)) == 0) {
		sendto(fd6, "any", 3, 0, (struct sockaddr *)&any6, sizeof(any6));
		sendto(fd6, "any", 3, 0, (struct sockaddr *)&mapped, sizeof(mapped));
		sendto(fd6, "any", 3, 0, (struct sockaddr *)&any, sizeof(any));
	}
	close(fd);
	close(fd6);
}

static void control_messages(uint16_t port)
{
	static const struct {
		int level, type;
		unsigned char data[8];
		size_t size;
	} tried[] = {{IPPROTO_IP, IP_RETOPTS, {131, 7, 4, 127, 0, 0, 2, 0}, 8},
	        {IPPROTO_IPV6, IPV6_RTHDR, {0}, 8}, {IPPROTO_IPV6, 5, {0}, 8},
	        {IPPROTO_IPV6, IPV6_DSTOPTS, {0}, 8}, {IPPROTO_IPV6, IPV6_HOPOPTS, {0}, 8},
	        {IPPROTO_IPV6, 9, {0}, 8}};
	struct sockaddr_in a = inet(GOOD, port);
	struct sockaddr_in6 a6 = inet6("::1", port);
	static char control[64] __attribute__((aligned(16)));
	struct iovec data = {(char[]){"x"}, 1};
	struct cmsghdr *header = (struct cmsghdr *)(void *)control;

	for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
		bool is_ip = tried[i].level == IPPROTO_IP;
		struct msghdr message = {.msg_name = is_ip ? (void *)&a : (void *)&a6,
		        .msg_namelen = is_ip ? sizeof(a) : sizeof(a6),
		        .msg_iov = &data,
		        .msg_iovlen = 1,
		        .msg_control = control,
		        .msg_controllen = CMSG_SPACE(tried[i].size)};
		int fd = socket(is_ip ? AF_INET : AF_INET6, SOCK_DGRAM, 0);

		header->cmsg_level = tried[i].level;
		header->cmsg_type = tried[i].type;
		header->cmsg_len = CMSG_LEN(tried[i].size);
		memcpy(CMSG_DATA(header), tried[i].data, tried[i].size);
		if (fd >= 0)
			must_fail(sendmsg(fd, &message, 0), "a control message that leads elsewhere");
		close(fd);
	}
}

/* Options that lead all packets of a socket elsewhere. */
static void routes(void)
{
	static const unsigned char route[] = {131, 7, 4, 127, 0, 0, 2, 0}, header[24] = {0, 2, 4, 1},
	                           label[32] = {[15] = 1, [20] = 0, 1, 0xff, 0, 1};
	int fd = socket(AF_INET, SOCK_STREAM, 0), fd6 = socket(AF_INET6, SOCK_DGRAM, 0);

	must_fail(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof(route)), "a source route");
	must_fail(syscall(SYS_setsockopt, fd, 1ul << 40, IP_OPTIONS | 1ul << 40, route, sizeof(route)),
	        "a source route with high bits");
	must_fail(setsockopt(fd6, IPPROTO_IPV6, IPV6_RTHDR, header, sizeof(header)), "a routing header");
	must_fail(setsockopt(fd6, IPPROTO_IPV6, 6, header, sizeof(header)), "packet options");
	must_fail_with(setsockopt(fd6, IPPROTO_IPV6, 32, label, sizeof(label)), EPERM, "a flow label");
	must_fail_with(setsockopt(fd, IPPROTO_TCP, 31, "smc", 3), ENOENT, "SMC in the place of TCP");
	close(fd);
	close(fd6);
}

static void socket_files(void)
{
	static const char *const paths[] = {
	        "closed/bad.dgram", "../readonly/bad.dgram", "./vault/../closed/bad.dgram"};
	static const char *const streams[] = {"closed/bad.stream", "../readonly/bad.stream"};
	int pair[2];

	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		struct sockaddr_un a = file(streams[i]);
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		must_fail_with(connect(fd, (struct sockaddr *)&a, sizeof(a)), EACCES, streams[i]);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct sockaddr_un a = file(paths[i]);
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

		must_fail(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)), paths[i]);
		must_fail(connect(fd, (struct sockaddr *)&a, sizeof(a)), paths[i]);
		close(fd);
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
			continue;
		must_fail(sendto(pair[0], "x", 1, 0, (struct sockaddr *)&a, sizeof(a)), "one of a pair");
		close(pair[0]);
		close(pair[1]);
	}
}

/* The supervisor's descriptors have numbers, too: none of them may come along. */
static void foreign_descriptors(void)
{
	static char control[2 * CMSG_SPACE(sizeof(int))] __attribute__((aligned(16)));
	struct iovec data = {(char[]){"x"}, 1};
	struct cmsghdr *header = (struct cmsghdr *)(void *)control;
	int pair[2], own = open("public", O_RDONLY);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		broken("socketpair: %s", strerror(errno));
	for (size_t cut = 0; cut < 8; cut++)
		for (int fd = own + 3; fd < own + 60; fd++) {
			struct msghdr message = {.msg_iov = &data,
			        .msg_iovlen = 1,
			        .msg_control = control,
			        .msg_controllen = sizeof(control) - cut};

			for (int i = 0; i < 2; i++) {
				header = (struct cmsghdr *)(void *)(control + i * CMSG_SPACE(sizeof(int)));
				*header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
				        .cmsg_type = SCM_RIGHTS,
				        .cmsg_len = CMSG_LEN(sizeof(int))};
				memcpy(CMSG_DATA(header), i ? &fd : &own, sizeof(int));
			}
			must_fail(sendmsg(pair[0], &message, 0), "a descriptor that is not ours");
		}
	close(own);
	close(pair[0]);
	close(pair[1]);
}

static void doors(void)
{
	uint16_t port = number("NET_PORT"), other = number("NET_OTHER");
	struct sockaddr_in bad = inet(BAD, port);
	struct sockaddr_in6 mapped = inet6("::ffff:127.0.0.2", port);
	int fd;

	signal(SIGPIPE, SIG_IGN);
	refuse_tcp(BAD, port, "another address");
	refuse_tcp(GOOD, other, "another port");
	refuse_udp(AF_INET, &bad, sizeof(bad), "a datagram to another address");
	refuse_udp(AF_INET6, &bad, sizeof(bad), "IPv4 on an IPv6 datagram socket");
	refuse_udp(AF_INET6, &mapped, sizeof(mapped), "a mapped address");
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd >= 0)
		must_fail_with(
		        connect(fd, (struct sockaddr *)&mapped, sizeof(mapped)), EACCES, "mapped, of TCP");
	close(fd);
	bad.sin_family = AF_UNSPEC;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	must_fail_with(sendto(fd, "x", 1, 0, (struct sockaddr *)&bad, sizeof(bad)), EACCES,
	        "a datagram without a family");
	close(fd);
	fast_open(port);
	kinds();
	binding(port);
	any_address(port);
	control_messages(port);
	routes();
	socket_files();
	foreign_descriptors();
}

/* ---- calls that block, of processes that die ---- */

static void deaths(void)
{
	struct sockaddr_un a = file("net-full");
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fillers[2];
	unsigned long killed = 0, served = 0;

	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 0) < 0)
		broken("bind: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		fillers[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (struct sockaddr *)&a, sizeof(a));
	}
	while (attack_goes_on()) {
		pid_t pids[20];

		for (size_t i = 0; i < 20; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				int fd = socket(AF_UNIX, SOCK_STREAM, 0);

				connect(fd, (struct sockaddr *)&a, sizeof(a));
				leaked("a connection to a full socket came about");
			}
		}
		/* Others are served meanwhile. */
		for (int i = 0; i < 20; i++)
			served += try_read("public", "a public file");
		for (size_t i = 0; i < 20; i++) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
			killed++;
		}
	}
	window("connections of the dead", killed, served);
}

const struct attack network_attacks[] = {
        {"net-swap", swap_connect},
        {"net-port", swap_connect_port},
        {"net-family", swap_connect_family},
        {"net-turned", turn_family},
        {"net-send", swap_send},
        {"net-message", swap_message},
        {"net-led", swap_led},
        {"net-socket", swap_fd},
        {"net-listen", listen_race},
        {"net-listen-again", listen_again},
        {"net-links", links},
        {"net-folders", folders},
        {"net-bind", binds},
        {"net-doors", doors},
        {"net-deaths", deaths},
        {NULL, NULL},
};
