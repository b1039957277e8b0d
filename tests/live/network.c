/* Sockets: connect, bind, listen and the sends, over loopback and UNIX sockets. Ports are the kernel's choice
 * and are never said. */
#include <arpa/inet.h>
#include <grp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "live.h"

#ifndef UIO_MAXIOV
#define UIO_MAXIOV 1024
#endif

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_nl nl;
	char bytes[256];
};

static void *unmapped;

/* ---- what is said of a socket ---- */

static void say_name(const char *what, const union address *name, socklen_t size)
{
	char text[64];

	printf(" %s=%d", what, (int)size);
	if (size < sizeof(sa_family_t))
		return;
	switch (name->any.sa_family) {
	case AF_INET:
		printf(" %s:%s", inet_ntop(AF_INET, &name->in.sin_addr, text, sizeof(text)),
		        name->in.sin_port ? "port" : "0");
		break;
	case AF_INET6:
		printf(" [%s]:%s", inet_ntop(AF_INET6, &name->in6.sin6_addr, text, sizeof(text)),
		        name->in6.sin6_port ? "port" : "0");
		break;
	case AF_UNIX:
		if (size > 2 && name->un.sun_path[0])
			printf(" %.108s", name->un.sun_path);
		else if (size > 2)
			printf(" abstract");
		break;
	default:
		printf(" family %d", name->any.sa_family);
	}
}

static void say_socket(const char *label, long r, int fd)
{
	union address name;
	socklen_t size = sizeof(name);
	int error = 0;
	socklen_t error_size = sizeof(error);

	printf("%s: %s", label, outcome(r));
	memset(&name, 0, sizeof(name));
	if (getsockname(fd, &name.any, &size) == 0)
		say_name("own", &name, size);
	size = sizeof(name);
	memset(&name, 0, sizeof(name));
	if (getpeername(fd, &name.any, &size) == 0)
		say_name("peer", &name, size);
	else
		printf(" %s", outcome(-1));
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 && error)
		printf(" error=%s", strerrorname_np(error));
	putchar('\n');
}

/* ---- addresses ---- */

static union address ipv4(const char *text, int port)
{
	union address a;

	memset(&a, 0, sizeof(a));
	a.in.sin_family = AF_INET;
	a.in.sin_port = htons((uint16_t)port);
	inet_pton(AF_INET, text, &a.in.sin_addr);
	return a;
}

static union address ipv6(const char *text, int port)
{
	union address a;

	memset(&a, 0, sizeof(a));
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons((uint16_t)port);
	inet_pton(AF_INET6, text, &a.in6.sin6_addr);
	return a;
}

static union address file(const char *path)
{
	union address a;

	memset(&a, 0, sizeof(a));
	a.un.sun_family = AF_UNIX;
	snprintf(a.bytes + 2, sizeof(a.bytes) - 2, "%s", path);
	return a;
}

static socklen_t file_size(const char *path)
{
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

static int port_of(int fd)
{
	union address a;
	socklen_t size = sizeof(a);

	memset(&a, 0, sizeof(a));
	getsockname(fd, &a.any, &size);
	return ntohs(a.in.sin_port);
}

/* Waits for connections, or datagrams, on any port of loopback. */
static int server(int domain, int type, int backlog, int *ret_port)
{
	int fd = socket(domain, type, 0);
	union address a = domain == AF_INET ? ipv4("127.0.0.1", 0) : ipv6("::", 0);

	if (bind(fd, &a.any, domain == AF_INET ? sizeof(a.in) : sizeof(a.in6)) < 0)
		printf("cannot prepare a server: %s\n", outcome(-1));
	if (type == SOCK_STREAM)
		listen(fd, backlog);
	*ret_port = port_of(fd);
	return fd;
}

static int file_server(const char *path, int type, int backlog)
{
	int fd = socket(AF_UNIX, type, 0);
	union address a = file(path);

	unlink(path);
	if (bind(fd, &a.any, file_size(path)) < 0)
		printf("cannot prepare %s: %s\n", path, outcome(-1));
	if (type != SOCK_DGRAM)
		listen(fd, backlog);
	return fd;
}

static void set_timeout(int fd, int milliseconds)
{
	struct timeval t = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static void say_timeout(int fd)
{
	struct timeval t;
	socklen_t size = sizeof(t);

	getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, &size);
	printf("timeout %ld.%06ld flags %o\n", (long)t.tv_sec, (long)t.tv_usec, fcntl(fd, F_GETFL));
}

/* ---- descriptors, addresses and lengths that are wrong, in every order ---- */

static void wrong_descriptors(void)
{
	int fds[] = {-1, 999, open("file", O_RDONLY), open("file", O_PATH), open(".", O_RDONLY), 0};
	union address a = ipv4("127.0.0.1", 9);
	struct msghdr message = {0};
	struct mmsghdr messages[2] = {{{0}, 0}};
	static const int lengths[] = {16, 129, -1, 0};
	char label[64];

	for (size_t i = 0; i < COUNT(fds); i++)
		for (size_t k = 0; k < COUNT(lengths); k++)
			for (int bad = 0; bad < 2; bad++) {
				void *at = bad ? unmapped : (void *)&a;

				snprintf(label, sizeof(label), "descriptor %zu length %d bad %d", i,
				        lengths[k], bad);
				printf("%s connect %s", label,
				        outcome(syscall(SYS_connect, fds[i], at, lengths[k])));
				printf(" bind %s", outcome(syscall(SYS_bind, fds[i], at, lengths[k])));
				printf(" sendto %s",
				        outcome(syscall(SYS_sendto, fds[i], "x", 1, 0, at, lengths[k])));
				printf(" buffer %s",
				        outcome(syscall(SYS_sendto, fds[i], unmapped, 1, 0, at, lengths[k])));
				printf(" listen %s\n", outcome(listen(fds[i], 1)));
			}
	for (size_t i = 0; i < COUNT(fds); i++) {
		printf("descriptor %zu sendmsg %s", i, outcome(sendmsg(fds[i], &message, 0)));
		printf(" nothing %s", outcome(syscall(SYS_sendmsg, fds[i], NULL, 0)));
		printf(" sendmmsg %s", outcome(sendmmsg(fds[i], messages, 2, 0)));
		printf(" none %s", outcome(sendmmsg(fds[i], messages, 0, 0)));
		printf(" nowhere %s\n", outcome(syscall(SYS_sendmmsg, fds[i], unmapped, 1, 0)));
	}
	close(fds[2]);
	close(fds[3]);
	close(fds[4]);
}

static void wrong_addresses(void)
{
	static const struct {
		int domain, type;
		const char *name;
	} kinds[] = {{AF_INET, SOCK_STREAM, "tcp"}, {AF_INET, SOCK_DGRAM, "udp"},
	        {AF_INET6, SOCK_STREAM, "tcp6"}, {AF_INET6, SOCK_DGRAM, "udp6"},
	        {AF_UNIX, SOCK_STREAM, "unix"}, {AF_UNIX, SOCK_DGRAM, "unix datagram"},
	        {AF_UNIX, SOCK_SEQPACKET, "unix packet"}};
	static const int families[] = {AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, 77, 65535};
	static const int lengths[] = {-1, 0, 1, 2, 3, 8, 15, 16, 24, 27, 28, 110, 111, 128, 129};
	int tcp, udp, tcp_fd = server(AF_INET6, SOCK_STREAM, 1000, &tcp),
	              udp_fd = server(AF_INET6, SOCK_DGRAM, 0, &udp);
	char label[96];

	for (size_t k = 0; k < COUNT(kinds); k++)
		for (size_t f = 0; f < COUNT(families); f++)
			for (size_t l = 0; l < COUNT(lengths); l++) {
				int port = kinds[k].type == SOCK_STREAM ? tcp : udp, fd;
				union address a =
				        families[f] == AF_INET6 ? ipv6("::1", port) : ipv4("127.0.0.1", port);

				if (families[f] == AF_UNIX)
					a = file("nothing-there");
				a.any.sa_family = (sa_family_t)families[f];
				snprintf(label, sizeof(label), "%s family %d length %d", kinds[k].name,
				        families[f], lengths[l]);
				printf("connect ");
				fd = socket(kinds[k].domain, kinds[k].type, 0);
				say_socket(label, syscall(SYS_connect, fd, &a, lengths[l]), fd);
				close(fd);
				fd = socket(kinds[k].domain, kinds[k].type, 0);
				printf("sendto ");
				say_socket(label,
				        syscall(SYS_sendto, fd, "x", 1, MSG_NOSIGNAL, &a, lengths[l]), fd);
				close(fd);
				if (families[f] == AF_UNIX)
					continue;
				fd = socket(kinds[k].domain, kinds[k].type, 0);
				a.in.sin_port = 0;
				printf("bind ");
				say_socket(label, syscall(SYS_bind, fd, &a, lengths[l]), fd);
				memset(&a.in.sin_addr, 0, 4);
				printf("bind any ");
				say_socket(label, syscall(SYS_bind, fd, &a, lengths[l]), fd);
				close(fd);
			}
	close(tcp_fd);
	close(udp_fd);
}

/* ---- TCP ---- */

static void accept_and_close(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd >= 0)
		close(fd);
}

static void tcp_to(const char *label, int domain, union address a, socklen_t size, int listener)
{
	int fd = socket(domain, SOCK_STREAM, 0), on = 1, again;
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
	char text[128];

	snprintf(text, sizeof(text), "%s blocking", label);
	say_socket(text, connect(fd, &a.any, size), fd);
	if (errno != ECONNREFUSED && errno != ENETUNREACH)
		accept_and_close(listener);
	snprintf(text, sizeof(text), "%s again", label);
	say_socket(text, connect(fd, &a.any, size), fd);
	say_timeout(fd);
	close(fd);
	fd = poll_fd.fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	printf("%s not blocking: %s\n", label, outcome(connect(fd, &a.any, size)));
	again = poll(&poll_fd, 1, 60000);
	printf("%s poll %d", label, again);
	again = connect(fd, &a.any, size);
	printf(" then %s", outcome(again));
	say_socket("", connect(fd, &a.any, size), fd);
	say_timeout(fd);
	close(fd);
}

static void tcp(void)
{
	int port, port6, fd = server(AF_INET, SOCK_STREAM, 100, &port),
	                 fd6 = server(AF_INET6, SOCK_STREAM, 100, &port6);
	union address none = {.any.sa_family = AF_UNSPEC};
	int s;

	tcp_to("v4", AF_INET, ipv4("127.0.0.1", port), sizeof(struct sockaddr_in), fd);
	tcp_to("v4 any", AF_INET, ipv4("0.0.0.0", port), sizeof(struct sockaddr_in), fd);
	tcp_to("v6", AF_INET6, ipv6("::1", port6), sizeof(struct sockaddr_in6), fd6);
	tcp_to("v6 any", AF_INET6, ipv6("::", port6), sizeof(struct sockaddr_in6), fd6);
	tcp_to("v6 short", AF_INET6, ipv6("::1", port6), 24, fd6);
	tcp_to("mapped", AF_INET6, ipv6("::ffff:127.0.0.1", port), sizeof(struct sockaddr_in6), fd);
	tcp_to("mapped any", AF_INET6, ipv6("::ffff:0.0.0.0", port), sizeof(struct sockaddr_in6), fd);
	close(fd);
	close(fd6);
	tcp_to("refused", AF_INET, ipv4("127.0.0.1", port), sizeof(struct sockaddr_in), fd);
	tcp_to("refused v6", AF_INET6, ipv6("::1", port6), sizeof(struct sockaddr_in6), fd6);
	fd = server(AF_INET, SOCK_STREAM, 100, &port);
	s = socket(AF_INET, SOCK_STREAM, 0);
	{
		union address a = ipv4("127.0.0.1", port);

		connect(s, &a.any, sizeof(a.in));
		say_socket("dissolved", connect(s, &none.any, sizeof(none.any)), s);
		say_socket("dissolved twice", connect(s, &none.any, 2), s);
		say_socket("and connected", connect(s, &a.any, sizeof(a.in)), s);
		close(s);
		s = socket(AF_INET, SOCK_STREAM, 0);
		a.in.sin_port = 0;
		say_socket("bound", bind(s, &a.any, sizeof(a.in)), s);
		say_socket("bound twice", bind(s, &a.any, sizeof(a.in)), s);
		a = ipv4("127.0.0.1", port);
		say_socket("bound and connected", connect(s, &a.any, sizeof(a.in)), s);
		say_socket("listens when connected", listen(s, 1), s);
		close(s);
		s = socket(AF_INET, SOCK_STREAM, 0);
		say_socket("bound where another is", bind(s, &a.any, sizeof(a.in)), s);
		a = ipv4("198.51.100.7", 0);
		say_socket("bound to another's", bind(s, &a.any, sizeof(a.in)), s);
		a = ipv4("127.0.0.1", 1);
		say_socket("bound to a low port", bind(s, &a.any, sizeof(a.in)), s);
		close(s);
		s = socket(AF_INET, SOCK_STREAM, 0);
		say_socket("listens without a name", listen(s, 1), s);
		say_socket("listens twice", listen(s, -1), s);
		say_socket("connects as it listens", connect(s, &a.any, sizeof(a.in)), s);
		close(s);
		s = socket(AF_INET6, SOCK_STREAM, 0);
		say_socket("listens on v6", listen(s, 1 << 20), s);
		close(s);
		s = socket(AF_INET, SOCK_DGRAM, 0);
		say_socket("a datagram socket listens", listen(s, 1), s);
		close(s);
	}
	close(fd);
}

/* ---- waiting ---- */

static _Atomic int alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

static void handle(int flags)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};

	alarms = 0;
	sigaction(SIGALRM, &action, NULL);
}

static void every(long microseconds)
{
	struct itimerval timer = {{0, microseconds}, {0, microseconds}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void block_alarms(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Takes what waits, after a few signals. */
static void *make_room(void *argument)
{
	int fd = *(int *)argument, type = 0;
	socklen_t size = sizeof(type);
	char bytes[4096];

	block_alarms();
	while (alarms < 5)
		usleep(1000);
	/* On a crowded machine a call may take longer than there is between two signals. */
	every(0);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
	if (type == SOCK_DGRAM)
		recv(fd, bytes, sizeof(bytes), 0);
	else
		for (int i = 0; i < 2; i++)
			accept_and_close(fd);
	return NULL;
}

static void full(const char *label, int domain, const union address *a, socklen_t size, int listener)
{
	char text[64];
	int filler = socket(domain, SOCK_STREAM, 0), fd = socket(domain, SOCK_STREAM, 0);
	pthread_t thread;

	connect(filler, &a->any, size);
	set_timeout(fd, 50);
	snprintf(text, sizeof(text), "%s full, a timeout", label);
	say_socket(text, connect(fd, &a->any, size), fd);
	snprintf(text, sizeof(text), "%s full, a timeout again", label);
	say_socket(text, connect(fd, &a->any, size), fd);
	say_timeout(fd);
	handle(SA_RESTART);
	set_timeout(fd, 20000);
	every(20000);
	snprintf(text, sizeof(text), "%s full, a signal with a timeout", label);
	say_socket(text, connect(fd, &a->any, size), fd);
	say_timeout(fd);
	every(0);
	close(fd);
	fd = socket(domain, SOCK_STREAM, 0);
	handle(0);
	every(20000);
	snprintf(text, sizeof(text), "%s full, a signal", label);
	say_socket(text, connect(fd, &a->any, size), fd);
	snprintf(text, sizeof(text), "%s full, a signal again", label);
	say_socket(text, connect(fd, &a->any, size), fd);
	every(0);
	close(fd);
	fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0);
	snprintf(text, sizeof(text), "%s full, not blocking", label);
	say_socket(text, connect(fd, &a->any, size), fd);
	snprintf(text, sizeof(text), "%s full, not blocking again", label);
	say_socket(text, connect(fd, &a->any, size), fd);
	close(fd);
	fd = socket(domain, SOCK_STREAM, 0);
	handle(SA_RESTART);
	pthread_create(&thread, NULL, make_room, &listener);
	every(20000);
	snprintf(text, sizeof(text), "%s full, signals that restart", label);
	say_socket(text, connect(fd, &a->any, size), fd);
	every(0);
	printf("%d signals at least\n", alarms >= 5 ? 5 : alarms);
	pthread_join(thread, NULL);
	say_timeout(fd);
	close(fd);
	close(filler);
}

static void waiting(void)
{
	union address a;
	int port, fd = server(AF_INET, SOCK_STREAM, 0, &port);

	a = ipv4("127.0.0.1", port);
	full("tcp", AF_INET, &a, sizeof(a.in), fd);
	close(fd);
	fd = file_server("full", SOCK_STREAM, 0);
	a = file("full");
	full("unix", AF_UNIX, &a, file_size("full"), fd);
	close(fd);
}

/* A queue of datagrams that is full, and a stream that nobody reads. */
static void waiting_sends(void)
{
	int receiver = file_server("datagrams", SOCK_DGRAM, 0), fd = socket(AF_UNIX, SOCK_DGRAM, 0), pair[2];
	union address a = file("datagrams");
	socklen_t size = file_size("datagrams");
	static char big[1 << 20];
	struct iovec data = {.iov_base = big, .iov_len = sizeof(big)};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	pthread_t thread;

	while (sendto(fd, "x", 1, MSG_DONTWAIT, &a.any, size) == 1)
		;
	say("queue full", -1);
	set_timeout(fd, 50);
	say("queue full, a timeout", sendto(fd, "x", 1, 0, &a.any, size));
	say_timeout(fd);
	set_timeout(fd, 0);
	handle(0);
	every(20000);
	say("queue full, a signal", sendto(fd, "x", 1, 0, &a.any, size));
	handle(SA_RESTART);
	pthread_create(&thread, NULL, make_room, &receiver);
	say("queue full, signals that restart", sendto(fd, "x", 1, 0, &a.any, size));
	every(0);
	pthread_join(thread, NULL);
	close(fd);
	close(receiver);

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	while (send(pair[0], big, 4096, MSG_DONTWAIT) > 0)
		;
	say("stream full", sendmsg(pair[0], &message, MSG_DONTWAIT));
	handle(0);
	every(20000);
	say("stream full, a signal", sendmsg(pair[0], &message, 0));
	every(0);
	set_timeout(pair[0], 50);
	say("stream full, a timeout", sendmsg(pair[0], &message, 0));
	say_timeout(pair[0]);
	close(pair[0]);
	close(pair[1]);
}

static void *send_big(void *argument)
{
	static char big[100000];
	struct iovec data = {.iov_base = big, .iov_len = sizeof(big)};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	return (void *)sendmsg(*(int *)argument, &message, 0);
}

static void *drain(void *argument)
{
	char bytes[4096];

	while (alarms < 10)
		usleep(1000);
	every(0);
	while (read(*(int *)argument, bytes, sizeof(bytes)) > 0)
		;
	return NULL;
}

/* One waits until there is room: what others do on the socket meanwhile waits as well, and has no end of its
 * own. */
static void two_writers(int type)
{
	static char small[1024];
	int pair[2];
	bool seen = false;
	struct timeval t = {0};
	socklen_t size = sizeof(t);
	pthread_t sender, reader;
	void *sent;

	socketpair(AF_UNIX, type, 0, pair);
	while (send(pair[0], small, sizeof(small), MSG_DONTWAIT) > 0)
		;
	handle(SA_RESTART);
	pthread_create(&sender, NULL, send_big, &pair[0]);
	every(10000);
	while (alarms < 5) {
		getsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &t, &size);
		seen |= t.tv_sec || t.tv_usec;
	}
	printf("a timeout %d\n", seen);
	pthread_create(&reader, NULL, drain, &pair[1]);
	say("another writes", write(pair[0], small, sizeof(small)));
	pthread_join(sender, &sent);
	printf("sent %ld\n", (long)sent);
	close(pair[0]);
	pthread_join(reader, NULL);
	close(pair[1]);
}

static void *send_until_signalled(void *argument)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	say("a signal that only this thread takes", (long)send_big(argument));
	return NULL;
}

/* The process's first thread takes signals for all of it, unless it blocks them. */
static void signals_of_others(void)
{
	int pair[2];
	sigset_t before;
	pthread_t sender;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	while (send(pair[0], pair, sizeof(pair), MSG_DONTWAIT) > 0)
		;
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	block_alarms();
	handle(0);
	pthread_create(&sender, NULL, send_until_signalled, &pair[0]);
	every(20000);
	pthread_join(sender, NULL);
	every(0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(pair[0]);
	close(pair[1]);
}

static _Noreturn void wait_beside_a_sender(int fd)
{
	pthread_t sender;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_create(&sender, NULL, send_big, &fd);
	for (;;)
		pause();
}

/* A process stops when all of its threads do. */
static void stops(void)
{
	int pair[2], status;
	pid_t pid;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	while (send(pair[0], pair, sizeof(pair), MSG_DONTWAIT) > 0)
		;
	pid = fork();
	if (pid == 0)
		wait_beside_a_sender(pair[0]);
	for (int i = 0; i < 3; i++) {
		usleep(20000);
		kill(pid, SIGSTOP);
		waitpid(pid, &status, WUNTRACED);
		printf("stopped %d\n", WIFSTOPPED(status));
		kill(pid, SIGCONT);
		waitpid(pid, &status, WCONTINUED);
		printf("continued %d\n", WIFCONTINUED(status));
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(pair[0]);
	close(pair[1]);
}

static void *read_all(void *argument)
{
	int fd = *(int *)argument;
	unsigned char bytes[5000];
	unsigned long sum = 0, count = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + bytes[i] + count++;
	return (void *)sum;
}

/* Much more than fits at once, in pieces of every size. */
static void long_stream(const char *label, int from, int to)
{
	static unsigned char big[3000000];
	struct iovec pieces[300];
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = COUNT(pieces)};
	size_t at = 0;
	pthread_t thread;
	void *sum;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (unsigned char)(i * 7 + i / 1000);
	for (size_t i = 0; i < COUNT(pieces); i++) {
		size_t length = i * 66;

		pieces[i] = (struct iovec){.iov_base = big + at, .iov_len = length};
		at += length;
	}
	pthread_create(&thread, NULL, read_all, &to);
	printf("%s %zu:", label, at);
	say("", sendmsg(from, &message, 0));
	shutdown(from, SHUT_WR);
	pthread_join(thread, &sum);
	printf("sum %lx\n", (unsigned long)sum);
}

static void streams(void)
{
	int pair[2], port, fd = server(AF_INET, SOCK_STREAM, 10, &port);
	union address a = ipv4("127.0.0.1", port), other = ipv4("127.0.0.1", 9);

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	long_stream("unix stream", pair[0], pair[1]);
	close(pair[0]);
	close(pair[1]);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	say("sends before", sendto(pair[0], "x", 1, MSG_NOSIGNAL, &a.any, sizeof(a.in)));
	connect(pair[0], &a.any, sizeof(a.in));
	pair[1] = accept(fd, NULL, NULL);
	say("an address is ignored", sendto(pair[0], "x", 1, 0, &other.any, sizeof(other.in)));
	say("a bad one is not", syscall(SYS_sendto, pair[0], "x", 1, 0, unmapped, 16));
	long_stream("tcp stream", pair[0], pair[1]);
	close(pair[0]);
	close(pair[1]);
	close(fd);
}

/* Nobody reads any more. */
static void broken(int type, int flags, bool far)
{
	int pair[2];
	struct iovec data = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	socketpair(AF_UNIX, type, 0, pair);
	if (far)
		close(pair[1]);
	else
		shutdown(pair[0], SHUT_WR);
	say("broken", sendmsg(pair[0], &message, flags));
}

static void broken_stream(void)
{
	broken(SOCK_STREAM, 0, true);
}

static void broken_quietly(void)
{
	broken(SOCK_STREAM, MSG_NOSIGNAL, true);
	broken(SOCK_SEQPACKET, 0, true);
	broken(SOCK_DGRAM, 0, true);
	broken(SOCK_DGRAM, 0, false);
	signal(SIGPIPE, SIG_IGN);
	broken(SOCK_STREAM, 0, false);
	signal(SIGPIPE, on_alarm);
	alarms = 0;
	broken(SOCK_STREAM, 0, false);
	printf("%d signals\n", alarms);
}

/* ---- datagrams ---- */

static void received(int fd)
{
	char bytes[256];
	union address from;
	socklen_t size = sizeof(from);
	ssize_t n;

	memset(&from, 0, sizeof(from));
	n = recvfrom(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT | MSG_TRUNC, &from.any, &size);
	printf("received %s", outcome(n));
	if (n >= 0) {
		bytes[n < 255 ? n : 255] = '\0';
		printf(" %.20s", bytes);
		say_name("from", &from, size);
	}
	putchar('\n');
}

static void datagrams_on(const char *label, int domain, union address a, socklen_t size, int receiver)
{
	static char big[70000];
	int fd = socket(domain, SOCK_DGRAM, 0);
	union address none = {.any.sa_family = AF_UNSPEC};

	printf("%s\n", label);
	say_socket("sent", sendto(fd, "one", 3, 0, &a.any, size), fd);
	received(receiver);
	say("nothing", sendto(fd, "", 0, 0, &a.any, size));
	received(receiver);
	say("nowhere", sendto(fd, unmapped, 0, 0, &a.any, size));
	received(receiver);
	say("unmapped", sendto(fd, unmapped, 5, 0, &a.any, size));
	say("half mapped", sendto(fd, (char *)unmapped - 3, 5, 0, &a.any, size));
	say("large", sendto(fd, big, 60000, 0, &a.any, size));
	received(receiver);
	say("too large", sendto(fd, big, sizeof(big), 0, &a.any, size));
	say("urgent", sendto(fd, "one", 3, MSG_OOB, &a.any, size));
	say("flags", sendto(fd, "flags", 5, MSG_CONFIRM | MSG_DONTROUTE | MSG_EOR | 0x100, &a.any, size));
	received(receiver);
	say("more", sendto(fd, "mo", 2, MSG_MORE, &a.any, size));
	say("more", sendto(fd, "re", 2, 0, &a.any, size));
	received(receiver);
	say_socket("connected", connect(fd, &a.any, size), fd);
	say("by itself", send(fd, "two", 3, 0));
	received(receiver);
	say("with an address", sendto(fd, "three", 5, 0, &a.any, size));
	received(receiver);
	say("no length", syscall(SYS_sendto, fd, "four", 4, 0, &a, 0));
	received(receiver);
	say("unspecified", sendto(fd, "five", 4, 0, &none.any, sizeof(none.in)));
	received(receiver);
	say_socket("dissolved", connect(fd, &none.any, 2), fd);
	say("nobody", send(fd, "six", 3, 0));
	a.in.sin_port = 0;
	say("port 0", sendto(fd, "x", 1, 0, &a.any, size));
	close(fd);
}

static void datagrams(void)
{
	int port, port6, fd = server(AF_INET, SOCK_DGRAM, 0, &port),
	                 fd6 = server(AF_INET6, SOCK_DGRAM, 0, &port6), s;
	union address a = ipv4("127.0.0.1", port);

	datagrams_on("udp", AF_INET, a, sizeof(a.in), fd);
	datagrams_on("udp any", AF_INET, ipv4("0.0.0.0", port), sizeof(a.in), fd);
	datagrams_on("udp6", AF_INET6, ipv6("::1", port6), sizeof(a.in6), fd6);
	datagrams_on("udp6 any", AF_INET6, ipv6("::", port6), sizeof(a.in6), fd6);
	datagrams_on("udp6 mapped", AF_INET6, ipv6("::ffff:127.0.0.1", port), sizeof(a.in6), fd);
	datagrams_on("udp6 to v4", AF_INET6, a, sizeof(a.in), fd);
	s = socket(AF_INET6, SOCK_DGRAM, 0);
	{
		int on = 1;
		union address mapped = ipv6("::ffff:127.0.0.1", 0), any = ipv6("::", port);

		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		say_socket("v6 only to v4", sendto(s, "x", 1, 0, &a.any, sizeof(a.in)), s);
		say_socket("v6 only connects to v4", connect(s, &a.any, sizeof(a.in)), s);
		close(s);
		s = socket(AF_INET6, SOCK_DGRAM, 0);
		say_socket("bound to v4", bind(s, &mapped.any, sizeof(mapped.in6)), s);
		say_socket("v6 any from v4", sendto(s, "any", 3, 0, &any.any, sizeof(any.in6)), s);
		received(fd);
		say_socket("v6 any from v4 connects", connect(s, &any.any, sizeof(any.in6)), s);
		close(s);
	}
	close(fd);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	connect(s, &a.any, sizeof(a.in));
	say("refused", sendto(s, "x", 1, 0, &a.any, sizeof(a.in)));
	say("refused, told", sendto(s, "x", 1, 0, &a.any, sizeof(a.in)));
	close(s);
	close(fd6);
}

/* ---- messages ---- */

static char control[1024] __attribute__((aligned(16)));

static size_t put_control(size_t at, int level, int type, const void *data, size_t size)
{
	struct cmsghdr *header = (struct cmsghdr *)(void *)(control + at);

	memset(header, 0, CMSG_SPACE(size));
	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), data, size);
	return at + CMSG_SPACE(size);
}

static void messages(void)
{
	int port, fd = server(AF_INET, SOCK_DGRAM, 0, &port), s = socket(AF_INET, SOCK_DGRAM, 0), ttl = 9;
	union address a = ipv4("127.0.0.1", port), short_one = ipv4("127.0.0.1", port);
	static char y[] = "y";
	static struct iovec many[1030];
	struct iovec two[2] = {{(char[]){"ab"}, 2}, {(char[]){"cde"}, 3}};
	struct msghdr message = {.msg_name = &a,
	                      .msg_namelen = sizeof(a.in),
	                      .msg_iov = two,
	                      .msg_iovlen = 2},
	              m;
	struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK)};
	struct mmsghdr list[4];

	say("message", sendmsg(s, &message, 0));
	received(fd);
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = (struct iovec){y, 1};
	m = message;
	m.msg_iov = many;
	for (m.msg_iovlen = 1023; m.msg_iovlen < 1027; m.msg_iovlen++) {
		say("pieces", sendmsg(s, &m, 0));
		received(fd);
	}
	m.msg_iovlen = 3;
	many[1].iov_base = unmapped;
	say("a bad piece", sendmsg(s, &m, 0));
	many[1].iov_len = 0;
	say("an empty bad piece", sendmsg(s, &m, 0));
	received(fd);
	many[1].iov_len = (size_t)-1;
	say("a negative piece", sendmsg(s, &m, 0));
	m = message;
	m.msg_iov = unmapped;
	say("bad pieces", sendmsg(s, &m, 0));
	m.msg_iovlen = 0;
	say("no pieces", sendmsg(s, &m, 0));
	received(fd);
	m = message;
	m.msg_name = unmapped;
	say("a bad name", sendmsg(s, &m, 0));
	m.msg_iovlen = 2000;
	say("a bad name, too many pieces", sendmsg(s, &m, 0));
	m = message;
	m.msg_namelen = (socklen_t)-1;
	say("a negative name", sendmsg(s, &m, 0));
	m.msg_namelen = 4000;
	say("a long name", sendmsg(s, &m, 0));
	received(fd);
	m.msg_name = NULL;
	say("no name, a length", sendmsg(s, &m, 0));
	m = message;
	m.msg_name = &short_one;
	m.msg_namelen = 8;
	say("a short name", sendmsg(s, &m, 0));
	m = message;
	m.msg_control = control;
	m.msg_controllen = put_control(0, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	say("control", sendmsg(s, &m, 0));
	received(fd);
	m.msg_controllen = put_control(m.msg_controllen, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	say("more control", sendmsg(s, &m, 0));
	received(fd);
	((struct cmsghdr *)(void *)control)->cmsg_len = 3;
	say("short control", sendmsg(s, &m, 0));
	((struct cmsghdr *)(void *)control)->cmsg_len = 4000;
	say("long control", sendmsg(s, &m, 0));
	m.msg_control = unmapped;
	say("bad control", sendmsg(s, &m, 0));
	m.msg_controllen = 7;
	say("little bad control", sendmsg(s, &m, 0));
	m.msg_control = control;
	say("little control", sendmsg(s, &m, 0));
	m.msg_control = NULL;
	say("no control", sendmsg(s, &m, 0));
	m.msg_controllen = (size_t)1 << 33;
	say("much control", sendmsg(s, &m, 0));
	say("compat", sendmsg(s, &message, (int)0x80000000));

	while (recv(fd, control, sizeof(control), MSG_DONTWAIT) >= 0)
		;
	for (size_t i = 0; i < COUNT(list); i++)
		list[i] = (struct mmsghdr){.msg_hdr = message, .msg_len = 77};
	say("many", sendmmsg(s, list, COUNT(list), 0));
	printf("lengths %u %u %u %u\n", list[0].msg_len, list[1].msg_len, list[2].msg_len, list[3].msg_len);
	for (size_t i = 0; i < COUNT(list); i++) {
		received(fd);
		list[i].msg_len = 77;
	}
	list[2].msg_hdr.msg_iov = unmapped;
	say("many, the third bad", sendmmsg(s, list, COUNT(list), 0));
	printf("lengths %u %u %u %u\n", list[0].msg_len, list[1].msg_len, list[2].msg_len, list[3].msg_len);
	received(fd);
	received(fd);
	received(fd);
	say("many, the first bad", sendmmsg(s, list + 2, 2, 0));
	say("many, none", sendmmsg(s, list, 0, 0));
	close(fd);
	close(s);
}

/* ---- UNIX sockets ---- */

static void to_file(int type, const char *path)
{
	union address a = file(path);
	int fd = socket(AF_UNIX, type, 0);
	char label[300];

	snprintf(label, sizeof(label), "type %d to %.200s", type, path);
	say_socket(label, connect(fd, &a.any, file_size(path)), fd);
	close(fd);
	if (type != SOCK_DGRAM)
		return;
	fd = socket(AF_UNIX, type, 0);
	snprintf(label, sizeof(label), "send to %.200s", path);
	say_socket(label, sendto(fd, "x", 1, 0, &a.any, file_size(path)), fd);
	close(fd);
}

static void files(void)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	static const char *const servers[] = {"stream", "dgram", "packet"};
	static const char *const paths[] = {"./stream", "dir/../dgram", "stream/", "stream/x", "nothing",
	        "dir", "file", "link", "loop", "dangling", "shut/x", "nodir/x", "", ".",
	        "/proc/self/cwd/stream", "fifo"};
	char here[512], path[600];
	int fds[3];

	getcwd(here, sizeof(here));
	mkdir("dir", 0755);
	put("file", "x", 0644);
	mkfifo("fifo", 0644);
	symlink("stream", "link");
	symlink("loop", "loop");
	symlink("gone", "dangling");
	for (int i = 0; i < 3; i++)
		fds[i] = file_server(servers[i], types[i], 100);
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 3; k++)
			to_file(types[i], servers[k]);
		for (size_t k = 0; k < COUNT(paths); k++)
			to_file(types[i], paths[k]);
		snprintf(path, sizeof(path), "%s/%s", here, servers[i]);
		to_file(types[i], path);
	}
	chmod("stream", 0);
	to_file(SOCK_STREAM, "stream");
	unlink("stream");
	to_file(SOCK_STREAM, "stream");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	to_file(SOCK_DGRAM, "dgram");
	to_file(SOCK_SEQPACKET, "packet");
}

static void say_file(const char *path)
{
	struct stat st;

	printf("%s", path);
	if (lstat(path, &st) < 0)
		printf(" %s", outcome(-1));
	else
		say_stat(&st);
	putchar('\n');
}

static void names(void)
{
	static const char *const paths[] = {"new", "./dotted", "dir/inner", "dir/../up", "missing/x", "file",
	        "dir", "file/x", "dangling", "link", "theirs/x", "shut/x", "slash/", ".", "..", "dir/.",
	        "loop/x"};
	char here[512], path[600], label[300];
	union address a;
	int fd;

	getcwd(here, sizeof(here));
	mkdir("dir", 0755);
	put("file", "x", 0644);
	symlink("nowhere", "dangling");
	symlink("dir", "link");
	symlink("loop", "loop");
	for (int mask = 0; mask <= 077; mask += 077) {
		umask((mode_t)mask);
		for (size_t i = 0; i < COUNT(paths); i++) {
			a = file(paths[i]);
			fd = socket(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
			snprintf(label, sizeof(label), "bind %s", paths[i]);
			say_socket(label, bind(fd, &a.any, file_size(paths[i])), fd);
			say_file(paths[i]);
			say_socket("bind twice", bind(fd, &a.any, file_size(paths[i])), fd);
			close(fd);
			if (strcmp(paths[i], "file") != 0 && strcmp(paths[i], "link") != 0 &&
			        strcmp(paths[i], "dangling") != 0)
				unlink(paths[i]);
		}
	}
	umask(022);
	snprintf(path, sizeof(path), "%s/absolute", here);
	a = file(path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	say_socket("bind absolute", bind(fd, &a.any, file_size(path)), fd);
	say_file("absolute");
	say_socket("listens", listen(fd, 5), fd);
	to_file(SOCK_STREAM, "absolute");
	close(fd);
	/* The end of the name is the end of the address. */
	a = file("exactly");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	say_socket("without a NUL", bind(fd, &a.any, 2 + 5), fd);
	say_file("exact");
	close(fd);
	memset(path, 'n', sizeof(path));
	for (size_t n = 106; n <= 109; n++) {
		memset(&a, 0, sizeof(a));
		a.un.sun_family = AF_UNIX;
		memcpy(a.bytes + 2, path, n);
		fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		printf("%zu ", n);
		say_socket("long name", bind(fd, &a.any, (socklen_t)(2 + n)), fd);
		printf("%zu ", n);
		say("to a long name", sendto(fd, "x", 1, 0, &a.any, (socklen_t)(2 + n)));
		close(fd);
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	say_socket("listens without a name", listen(fd, 5), fd);
	a = file("");
	say_socket("by chance", bind(fd, &a.any, 2), fd);
	say_socket("by chance again", bind(fd, &a.any, 2), fd);
	say_socket("listens by chance", listen(fd, 5), fd);
	close(fd);
	chdir("dir");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	a = file("moved");
	say_socket("elsewhere", bind(fd, &a.any, file_size("moved")), fd);
	close(fd);
	chdir("..");
	say_file("dir/moved");
}

static void abstract_names(void)
{
	union address a;
	int fd, to, type;

	memset(&a, 0, sizeof(a));
	a.un.sun_family = AF_UNIX;
	snprintf(a.bytes + 3, sizeof(a.bytes) - 3, "reeve-live-%d", getpid());
	for (type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		fd = socket(AF_UNIX, type, 0);
		say_socket("abstract", bind(fd, &a.any, 40), fd);
		if (type == SOCK_STREAM)
			listen(fd, 10);
		to = socket(AF_UNIX, type, 0);
		say_socket("to it", connect(to, &a.any, 40), to);
		close(to);
		to = socket(AF_UNIX, type, 0);
		say_socket("to a longer one", connect(to, &a.any, 41), to);
		say_socket("to a shorter one", connect(to, &a.any, 39), to);
		say_socket("to an empty one", connect(to, &a.any, 3), to);
		close(to);
		to = socket(AF_UNIX, type, 0);
		say_socket("another of that name", bind(to, &a.any, 40), to);
		close(to);
		close(fd);
	}
}

static void unix_datagrams(void)
{
	static char big[300000];
	int one = file_server("one", SOCK_DGRAM, 0), two = file_server("two", SOCK_DGRAM, 0), pair[2];
	int fd = file_server("sender", SOCK_DGRAM, 0), stream = file_server("stream2", SOCK_STREAM, 5), s;
	union address a = file("one"), b = file("two"), none = {.any.sa_family = AF_UNSPEC},
	              c = file("stream2");

	say("to one", sendto(fd, "1", 1, 0, &a.any, file_size("one")));
	received(one);
	say_socket("connected", connect(fd, &a.any, file_size("one")), fd);
	say("to two", sendto(fd, "2", 1, 0, &b.any, file_size("two")));
	received(two);
	say("itself", send(fd, "3", 1, 0));
	received(one);
	say_socket("dissolved", connect(fd, &none.any, 2), fd);
	say("nobody", sendmsg(fd, &(struct msghdr){0}, 0));
	say("empty", sendto(fd, "", 0, 0, &a.any, file_size("one")));
	received(one);
	say("too large", sendto(fd, big, sizeof(big), 0, &a.any, file_size("one")));
	say("unmapped", sendto(fd, unmapped, 5, 0, &a.any, file_size("one")));
	say("to a stream", sendto(fd, "x", 1, 0, &c.any, file_size("stream2")));
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	say("from a pair", sendto(pair[0], "4", 1, 0, &a.any, file_size("one")));
	received(one);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	say("an unconnected stream", sendto(s, "x", 1, MSG_NOSIGNAL, &c.any, file_size("stream2")));
	connect(s, &c.any, file_size("stream2"));
	say("a connected stream", sendto(s, "x", 1, MSG_NOSIGNAL, &c.any, file_size("stream2")));
	close(s);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	say("packets", sendto(pair[0], "5", 1, MSG_EOR, &a.any, file_size("one")));
	received(pair[1]);
	close(one);
	say("to nobody", sendto(fd, "x", 1, 0, &a.any, file_size("one")));
	close(two);
	close(fd);
	close(stream);
}

/* ---- descriptors and credentials ---- */

static long send_control(int fd, size_t size, const union address *to, socklen_t to_size)
{
	struct iovec data = {.iov_base = (char[]){"c"}, .iov_len = 1};
	struct msghdr message = {.msg_name = (void *)to,
	        .msg_namelen = to_size,
	        .msg_iov = &data,
	        .msg_iovlen = 1,
	        .msg_control = control,
	        .msg_controllen = size};

	return sendmsg(fd, &message, 0);
}

static void receive_control(int fd)
{
	static char room[4096] __attribute__((aligned(16)));
	char byte;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
	        .msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);

	printf("control of %s", outcome(n));
	if (n < 0) {
		putchar('\n');
		return;
	}
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
		size_t size = h->cmsg_len - CMSG_LEN(0);

		printf(" %d/%d/%zu", h->cmsg_level, h->cmsg_type, size);
		if (h->cmsg_type == SCM_CREDENTIALS) {
			struct ucred ucred;

			memcpy(&ucred, CMSG_DATA(h), sizeof(ucred));
			printf(" uid=%d gid=%d", ucred.uid, ucred.gid);
		}
		for (size_t i = 0; h->cmsg_type == SCM_RIGHTS && i < size / sizeof(int); i++) {
			struct stat st;
			int got;

			memcpy(&got, CMSG_DATA(h) + i * sizeof(int), sizeof(got));
			fstat(got, &st);
			if (i < 3)
				printf(" %o fl=%o at=%ld", st.st_mode, fcntl(got, F_GETFL),
				        (long)lseek(got, 0, SEEK_CUR));
			close(got);
		}
	}
	putchar('\n');
}

static void passing(void)
{
	static int many[254];
	int pair[2], box = file_server("box", SOCK_DGRAM, 0), s = socket(AF_UNIX, SOCK_DGRAM, 0), on = 1;
	int fds[4] = {open("file", O_RDWR), open(".", O_RDONLY), open("file", O_RDONLY | O_APPEND), 999},
	    path_only;
	union address a = file("box");
	struct ucred ucred = {.pid = getpid(), .uid = getuid(), .gid = getgid()};
	size_t size;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	lseek(fds[0], 1, SEEK_SET);
	size = put_control(0, SOL_SOCKET, SCM_RIGHTS, fds, 3 * sizeof(int));
	say("descriptors", send_control(pair[0], size, NULL, 0));
	receive_control(pair[1]);
	say("descriptors to a name", send_control(s, size, &a, file_size("box")));
	receive_control(box);
	path_only = open("file", O_PATH);
	size = put_control(0, SOL_SOCKET, SCM_RIGHTS, &path_only, sizeof(int));
	printf("O_PATH sent %s ", outcome(send_control(pair[0], size, NULL, 0)));
	receive_control(pair[1]);
	close(path_only);
	size = put_control(0, SOL_SOCKET, SCM_RIGHTS, fds, 4 * sizeof(int));
	say("a bad descriptor", send_control(pair[0], size, NULL, 0));
	size = put_control(0, SOL_SOCKET, SCM_RIGHTS, fds, 0);
	say("no descriptors", send_control(pair[0], size, NULL, 0));
	receive_control(pair[1]);
	put_control(0, SOL_SOCKET, SCM_RIGHTS, fds, 5);
	say("part of a number", send_control(pair[0], CMSG_SPACE(5), NULL, 0));
	receive_control(pair[1]);
	size = put_control(0, SOL_SOCKET, SCM_RIGHTS, fds, sizeof(int));
	size = put_control(size, SOL_SOCKET, SCM_RIGHTS, fds, sizeof(int));
	say("two messages", send_control(pair[0], size, NULL, 0));
	receive_control(pair[1]);
	/* The padding of the last one is cut off. */
	say("an end that is cut off", send_control(pair[0], size - 4, NULL, 0));
	receive_control(pair[1]);
	put_control(CMSG_SPACE(sizeof(int)), SOL_SOCKET, SCM_RIGHTS, &fds[3], sizeof(int));
	say("a bad descriptor at an end that is cut off", send_control(pair[0], size - 4, NULL, 0));
	say("an end that is cut short", send_control(pair[0], size - 5, NULL, 0));
	say("a header that is cut short", send_control(pair[0], size - 9, NULL, 0));
	receive_control(pair[1]);
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = fds[0];
	say("unknown", send_control(pair[0], put_control(0, SOL_SOCKET, 77, fds, 4), NULL, 0));
	say("another level", send_control(pair[0], put_control(0, 77, 77, fds, 4), NULL, 0));
	receive_control(pair[1]);
	size = put_control(0, SOL_SOCKET, SCM_CREDENTIALS, &ucred, sizeof(ucred));
	setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	say("credentials", send_control(pair[0], size, NULL, 0));
	receive_control(pair[1]);
	say("short credentials",
	        send_control(pair[0], put_control(0, SOL_SOCKET, SCM_CREDENTIALS, &ucred, 8), NULL, 0));
	say("plain", send_control(pair[0], 0, NULL, 0));
	receive_control(pair[1]);
	{
		static char room[CMSG_SPACE(sizeof(many))] __attribute__((aligned(16)));
		struct iovec data = {.iov_base = (char[]){"m"}, .iov_len = 1};
		struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room};
		struct cmsghdr *header = (struct cmsghdr *)(void *)room;

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(header), many, sizeof(many));
		for (size_t n = 253; n <= 254; n++) {
			header->cmsg_len = CMSG_LEN(n * sizeof(int));
			message.msg_controllen = CMSG_SPACE(n * sizeof(int));
			say("many descriptors", sendmsg(pair[0], &message, 0));
			receive_control(pair[1]);
		}
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(pair[0]);
	close(pair[1]);
	close(box);
	close(s);
}

/* ---- who is at the other end ---- */

static void peers(void)
{
	int fd = file_server("peers", SOCK_STREAM, 5), s = socket(AF_UNIX, SOCK_STREAM, 0), there;
	union address a = file("peers");
	struct ucred ucred;
	socklen_t size = sizeof(ucred);

	connect(s, &a.any, file_size("peers"));
	there = accept(fd, NULL, NULL);
	getsockopt(there, SOL_SOCKET, SO_PEERCRED, &ucred, &size);
	printf("peer uid=%d gid=%d there=%d\n", ucred.uid, ucred.gid,
	        kill(ucred.pid, 0) == 0 || errno == EPERM);
	getsockopt(s, SOL_SOCKET, SO_PEERCRED, &ucred, &size);
	printf("server uid=%d gid=%d\n", ucred.uid, ucred.gid);
	close(fd);
	close(s);
	close(there);
}

/* Root that became somebody else: what it may, and how others see it. */
static void as_nobody(void)
{
	int closed = file_server("closed-socket", SOCK_STREAM, 5),
	    box = file_server("open-box", SOCK_DGRAM, 0), on = 1, s;
	union address a = file("closed-socket"), low = ipv4("127.0.0.1", 77);
	struct ucred ucred = {0};

	chmod("closed-socket", 0600);
	chmod("open-box", 0666);
	setsockopt(box, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	mkdir("of-nobody", 0777);
	chmod("of-nobody", 0777);
	chdir("of-nobody");
	setgroups(0, NULL);
	say("group", setresgid(65534, 65534, 65534));
	say("user", setresuid(65534, 65534, 65534));
	a = file("../closed-socket");
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	say_socket("to a closed one", connect(s, &a.any, file_size("../closed-socket")), s);
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	a = file("../open-box");
	say_socket("to an open one", sendto(s, "x", 1, 0, &a.any, file_size("../open-box")), s);
	receive_control(box);
	say("as root", send_control(s, put_control(0, SOL_SOCKET, SCM_CREDENTIALS, &ucred, sizeof(ucred)), &a,
	                       file_size("../open-box")));
	ucred = (struct ucred){.pid = getpid(), .uid = getuid(), .gid = getgid()};
	say("as itself", send_control(s, put_control(0, SOL_SOCKET, SCM_CREDENTIALS, &ucred, sizeof(ucred)),
	                         &a, file_size("../open-box")));
	receive_control(box);
	s = socket(AF_INET, SOCK_STREAM, 0);
	say_socket("a low port", bind(s, &low.any, sizeof(low.in)), s);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	say_socket("a low port", bind(s, &low.any, sizeof(low.in)), s);
	peers();
	say_file("peers");
	close(closed);
}

/* ---- routes ---- */

static void routes(void)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg body;
	} request = {.header = {.nlmsg_len = sizeof(request),
	                     .nlmsg_type = RTM_GETLINK,
	                     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
	                     .nlmsg_seq = 5},
	        .body = {.rtgen_family = AF_UNSPEC}};
	static char answer[65536];
	union address a;
	socklen_t size = sizeof(a);
	struct if_nameindex *list;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0) {
		say("routes", fd);
		return;
	}
	memset(&a, 0, sizeof(a));
	a.nl.nl_family = AF_NETLINK;
	say("routes bind", bind(fd, &a.any, sizeof(a.nl)));
	getsockname(fd, &a.any, &size);
	printf("routes %s\n", a.nl.nl_pid == (uint32_t)getpid() ? "ours" : "another's");
	memset(&a, 0, sizeof(a));
	a.nl.nl_family = AF_NETLINK;
	say("routes ask", sendto(fd, &request, sizeof(request), 0, &a.any, sizeof(a.nl)));
	printf("routes answer %d\n", recv(fd, answer, sizeof(answer), 0) > 0);
	list = if_nameindex();
	printf("interfaces %s\n", list && list[0].if_name ? list[0].if_name : "none");
	if_freenameindex(list);
	close(fd);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	say("routes ask without a name", sendto(fd, &request, sizeof(request), 0, &a.any, sizeof(a.nl)));
	getsockname(fd, &a.any, &size);
	printf("routes %s\n", a.nl.nl_pid == (uint32_t)getpid() ? "ours" : "another's");
	close(fd);
}

int main(void)
{
	unmapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap((char *)unmapped + 4096, 4096);
	unmapped = (char *)unmapped + 4096;
	put("file", "0123456789", 0644);
	wrong_descriptors();
	wrong_addresses();
	tcp();
	waiting();
	waiting_sends();
	two_writers(SOCK_STREAM);
	two_writers(SOCK_SEQPACKET);
	signals_of_others();
	stops();
	streams();
	apart("a broken stream", broken_stream);
	apart("broken quietly", broken_quietly);
	datagrams();
	messages();
	files();
	names();
	abstract_names();
	unix_datagrams();
	passing();
	peers();
	apart("as nobody", as_nobody);
	routes();
	return 0;
}
