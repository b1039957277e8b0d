/* What sockets do with addresses that lead to servers on the loopback: by themselves, or by redirects.
 * leads.py says which addresses those are, and compares what is said here, one line for each call. No port
 * and no path is said. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "live.h"

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

struct named {
	union address address;
	socklen_t size;
};

static const char *variable(const char *name)
{
	const char *text = getenv(name);

	if (!text) {
		printf("%s is not set\n", name);
		exit(2);
	}
	return text;
}

/* ---- addresses: "127.0.0.1 8080", "/run/x", "@name" ---- */

static struct named ipv4(const char *name)
{
	struct named a = {.size = sizeof(a.address.in)};
	char ip[64];
	int port;

	if (sscanf(variable(name), "%63s %d", ip, &port) != 2 ||
	        inet_pton(AF_INET, ip, &a.address.in.sin_addr) != 1)
		exit(2);
	a.address.in.sin_family = AF_INET;
	a.address.in.sin_port = htons((uint16_t)port);
	return a;
}

static struct named mapped(const char *name)
{
	struct named from = ipv4(name), a = {.size = sizeof(a.address.in6)};

	a.address.in6.sin6_family = AF_INET6;
	a.address.in6.sin6_port = from.address.in.sin_port;
	memset(a.address.in6.sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(a.address.in6.sin6_addr.s6_addr + 12, &from.address.in.sin_addr, 4);
	return a;
}

static struct named ipv6(const char *name)
{
	struct named a = {.size = sizeof(a.address.in6)};
	char ip[64];
	int port;

	if (sscanf(variable(name), "%63s %d", ip, &port) != 2 ||
	        inet_pton(AF_INET6, ip, &a.address.in6.sin6_addr) != 1)
		exit(2);
	a.address.in6.sin6_family = AF_INET6;
	a.address.in6.sin6_port = htons((uint16_t)port);
	return a;
}

static struct named local(const char *name)
{
	const char *text = variable(name);
	struct named a = {.address.un.sun_family = AF_UNIX};
	size_t start = offsetof(struct sockaddr_un, sun_path), length = strlen(text);

	memcpy(a.address.un.sun_path, text, length + 1);
	a.size = (socklen_t)(start + length + 1);
	if (text[0] == '@') {
		a.address.un.sun_path[0] = '\0';
		a.size--;
	}
	return a;
}

/* ---- what is said ---- */

/* The other end, without its port. */
static void say_peer(int fd)
{
	union address peer = {0};
	socklen_t size = sizeof(peer);
	char text[64] = "";

	if (getpeername(fd, &peer.any, &size) < 0)
		printf(" %s", outcome(-1));
	else if (peer.any.sa_family == AF_UNIX)
		printf(" a UNIX socket");
	else
		printf(" %s", inet_ntop(peer.any.sa_family,
		                      peer.any.sa_family == AF_INET ? (void *)&peer.in.sin_addr
		                                                    : (void *)&peer.in6.sin6_addr,
		                      text, sizeof(text)));
}

/* What the server greets with, or answers. */
static void say_answer(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char text[64];
	ssize_t n = poll(&ready, 1, 10000) == 1 ? recv(fd, text, sizeof(text), 0) : -1;

	if (n < 0)
		printf(" %s", outcome(-1));
	else
		printf(" '%.*s'", (int)n, text);
}

static void say_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	printf(" error=%s", error ? strerrorname_np(error) : "0");
}

/* ---- connections ---- */

static void connect_and_wait(const char *label, int domain, const struct named *to)
{
	int fd = socket(domain, SOCK_STREAM, 0);
	int r = connect(fd, &to->address.any, to->size);

	printf("%s: %s", label, outcome(r));
	say_peer(fd);
	if (r == 0)
		say_answer(fd);
	printf(" again=%s", outcome(connect(fd, &to->address.any, to->size)));
	putchar('\n');
	close(fd);
}

static void connect_without_waiting(const char *label, int domain, const struct named *to)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int r = connect(fd, &to->address.any, to->size);

	printf("%s, not waiting: %s", label, outcome(r));
	if (poll(&ready, 1, 10000) != 1)
		printf(" nothing came");
	say_error(fd);
	say_peer(fd);
	printf(" again=%s", outcome(connect(fd, &to->address.any, to->size)));
	printf(" and=%s\n", outcome(connect(fd, &to->address.any, to->size)));
	close(fd);
}

static volatile sig_atomic_t rang;

static void ring(int number)
{
	rang = number;
}

/* To a server that takes no more: it goes on until something ends it. */
static void connect_in_vain(void)
{
	struct named to = ipv4("LEAD_FULL");
	const struct sigaction once = {.sa_handler = ring},
	                       restart = {.sa_handler = ring, .sa_flags = SA_RESTART};
	const struct timeval soon = {.tv_usec = 200000};
	const struct itimerval alarm_soon = {.it_value = soon};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	say("full, not waiting", connect(fd, &to.address.any, to.size));
	say("full, again", connect(fd, &to.address.any, to.size));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	sigaction(SIGALRM, &once, NULL);
	setitimer(ITIMER_REAL, &alarm_soon, NULL);
	say("full, a signal", connect(fd, &to.address.any, to.size));
	printf("the handler ran: %d\n", rang);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	say("full, a timeout", connect(fd, &to.address.any, to.size));
	sigaction(SIGALRM, &restart, NULL);
	close(fd);
}

static void streams(void)
{
	struct named good = ipv4("LEAD_TCP"), closed = ipv4("LEAD_CLOSED"), good6 = mapped("LEAD_TCP"),
	             closed6 = mapped("LEAD_CLOSED"), other6 = ipv6("LEAD_TCP6");

	connect_and_wait("TCP", AF_INET, &good);
	connect_without_waiting("TCP", AF_INET, &good);
	connect_and_wait("TCP to nobody", AF_INET, &closed);
	connect_without_waiting("TCP to nobody", AF_INET, &closed);
	connect_and_wait("TCP of IPv6, mapped", AF_INET6, &good6);
	connect_without_waiting("TCP of IPv6, mapped", AF_INET6, &good6);
	connect_and_wait("TCP of IPv6, mapped, to nobody", AF_INET6, &closed6);
	connect_and_wait("TCP of IPv6, an address of IPv4", AF_INET6, &good);
	connect_and_wait("TCP of IPv6", AF_INET6, &other6);
	connect_in_vain();
}

/* Lengths, pointers, no family. */
static void odd(void)
{
	struct named good = ipv4("LEAD_TCP");
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	say("too short", connect(fd, &good.address.any, 15));
	say("no address", connect(fd, NULL, good.size));
	say("a wrong pointer", connect(fd, (void *)8, good.size));
	say("longer", connect(fd, &good.address.any, sizeof(good.address)));
	say("dissolved", connect(fd, &none, sizeof(none)));
	printf("then:");
	say_peer(fd);
	putchar('\n');
	say("connected anew", connect(fd, &good.address.any, good.size));
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	good = ipv4("LEAD_UDP");
	say("UDP too short", sendto(fd, "x", 1, 0, &good.address.any, 15));
	good.address.any.sa_family = AF_UNSPEC;
	say("UDP without a family", sendto(fd, "x", 1, 0, &good.address.any, good.size));
	printf("it answers:");
	say_answer(fd);
	putchar('\n');
	say("UDP dissolved", connect(fd, &none, sizeof(none)));
	close(fd);
	say("not a socket", connect(0, &good.address.any, good.size));
	say("no descriptor", connect(99, &good.address.any, good.size));
}

/* ---- datagrams ---- */

static struct msghdr message_of(const struct named *to, struct iovec *data)
{
	return (struct msghdr){
	        .msg_name = (void *)&to->address, .msg_namelen = to->size, .msg_iov = data, .msg_iovlen = 1};
}

/* Who answered, without the port. */
static void say_source(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	union address from = {0};
	socklen_t size = sizeof(from);
	char text[64], name[64] = "?";
	ssize_t n = poll(&ready, 1, 10000) == 1 ? recvfrom(fd, text, sizeof(text), 0, &from.any, &size) : -1;

	if (n < 0) {
		printf(" %s", outcome(-1));
		return;
	}
	if (from.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &from.in.sin_addr, name, sizeof(name));
	else if (from.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &from.in6.sin6_addr, name, sizeof(name));
	printf(" '%.*s' from %s", (int)n, text, name);
}

static void datagrams(const char *label, int domain, const struct named *to)
{
	int fd = socket(domain, SOCK_DGRAM, 0);
	struct iovec pieces[3] = {{(char[]){"b"}, 1}, {(char[]){"c"}, 1}, {(char[]){"d"}, 1}};
	struct msghdr one = message_of(to, &pieces[0]);
	struct mmsghdr two[2] = {
	        {.msg_hdr = message_of(to, &pieces[1])}, {.msg_hdr = message_of(to, &pieces[2])}};

	printf("%s: %s", label, outcome(sendto(fd, "a", 1, 0, &to->address.any, to->size)));
	say_source(fd);
	printf(" %s", outcome(sendmsg(fd, &one, 0)));
	say_source(fd);
	printf(" %s", outcome(sendmmsg(fd, two, 2, 0)));
	say_source(fd);
	say_source(fd);
	printf(" %u %u\n", two[0].msg_len, two[1].msg_len);
	printf("%s, connected: %s", label, outcome(connect(fd, &to->address.any, to->size)));
	say_peer(fd);
	printf(" %s", outcome(send(fd, "e", 1, 0)));
	say_source(fd);
	printf(" %s", outcome(sendto(fd, "f", 1, 0, &to->address.any, to->size)));
	say_source(fd);
	putchar('\n');
	close(fd);
}

static void all_datagrams(void)
{
	struct named good = ipv4("LEAD_UDP"), good6 = mapped("LEAD_UDP"), other6 = ipv6("LEAD_UDP6"),
	             closed = ipv4("LEAD_CLOSED");
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	datagrams("UDP", AF_INET, &good);
	datagrams("UDP of IPv6, mapped", AF_INET6, &good6);
	datagrams("UDP of IPv6, an address of IPv4", AF_INET6, &good);
	datagrams("UDP of IPv6", AF_INET6, &other6);
	say("UDP to nobody", connect(fd, &closed.address.any, closed.size));
	say("UDP to nobody, sent", send(fd, "x", 1, 0));
	say("UDP to nobody, told", send(fd, "x", 1, 0));
	close(fd);
}

/* ---- UNIX sockets ---- */

static void locals(const char *label, const char *stream, const char *datagram)
{
	struct named to = local(stream), away = local(datagram);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct iovec data = {(char[]){"b"}, 1};
	struct msghdr message = message_of(&away, &data);

	connect_and_wait(label, AF_UNIX, &to);
	printf("%s, datagrams: %s", label, outcome(sendto(fd, "a", 1, 0, &away.address.any, away.size)));
	printf(" %s", outcome(sendmsg(fd, &message, 0)));
	printf(" %s", outcome(connect(fd, &away.address.any, away.size)));
	say_peer(fd);
	printf(" %s\n", outcome(send(fd, "c", 1, 0)));
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	printf("%s, of another type: %s\n", label, outcome(connect(fd, &away.address.any, away.size)));
	close(fd);
}

/* ---- only where redirects are on ---- */

static void refused(void)
{
	struct named denied = ipv4("LEAD_DENIED"), away = ipv4("LEAD_TO_IPV6"), loop = ipv4("LEAD_LOOP"),
	             good = ipv4("LEAD_TCP"), udp = ipv4("LEAD_UDP");
	struct named mapped_away = mapped("LEAD_TO_IPV6");
	struct iovec data = {(char[]){"x"}, 1};
	struct mmsghdr two[2] = {
	        {.msg_hdr = message_of(&udp, &data)}, {.msg_hdr = message_of(&denied, &data)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	say("to what is denied", connect(fd, &denied.address.any, denied.size));
	say("to IPv6", connect(fd, &away.address.any, away.size));
	say("round in a circle", connect(fd, &loop.address.any, loop.size));
	say("fast open by a flag",
	        sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, &good.address.any, good.size));
	say("fast open by an option", setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)));
	close(fd);
	connect_and_wait("to IPv6, from a socket of IPv6", AF_INET6, &mapped_away);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	good = ipv6("LEAD_TO_IPV4");
	say("to IPv4, from a socket for IPv6 alone", connect(fd, &good.address.any, good.size));
	close(fd);
	connect_and_wait("to IPv4, from a socket of IPv6", AF_INET6, &good);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	say("UDP to what is denied", sendto(fd, "x", 1, 0, &denied.address.any, denied.size));
	say("the second message is refused", sendmmsg(fd, two, 2, 0));
	say("UDP to IPv6", sendto(fd, "x", 1, 0, &away.address.any, away.size));
	close(fd);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1) {
		struct named good = ipv4("LEAD_TCP");

		if (strcmp(argv[1], "refused") == 0)
			refused();
		else
			connect_and_wait("TCP", AF_INET, &good);
		return 0;
	}
	streams();
	odd();
	all_datagrams();
	locals("a file", "LEAD_FILE", "LEAD_FILE_DATAGRAM");
	locals("a name", "LEAD_NAME", "LEAD_NAME_DATAGRAM");
	return 0;
}
