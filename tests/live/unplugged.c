/* Sockets of UDP on a machine whose network is unplugged: said natively in such a network, and under policies
 * that have no rule about them. With "alone" nothing is sent to a loopback address. Ports are never said. */
#include <arpa/inet.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "live.h"

#define HIGH (1UL << 40)

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	char bytes[128];
};

static void *unmapped;

static union address ipv4(const char *text, int port)
{
	union address a = {.in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}};

	inet_pton(AF_INET, text, &a.in.sin_addr);
	return a;
}

static union address ipv6(const char *text, int port)
{
	union address a = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)}};

	inet_pton(AF_INET6, text, &a.in6.sin6_addr);
	return a;
}

static void say_name(const char *what, const union address *name, long r)
{
	char text[64];

	if (r < 0)
		printf(" %s=%s", what, outcome(-1));
	else if (name->any.sa_family == AF_INET6)
		printf(" %s=[%s]:%s", what, inet_ntop(AF_INET6, &name->in6.sin6_addr, text, sizeof(text)),
		        name->in6.sin6_port ? "port" : "0");
	else
		printf(" %s=%s:%s", what, inet_ntop(AF_INET, &name->in.sin_addr, text, sizeof(text)),
		        name->in.sin_port ? "port" : "0");
}

static void say_socket(const char *label, long r, int fd)
{
	union address name;
	socklen_t size = sizeof(name);
	int error = 0;
	socklen_t error_size = sizeof(error);

	printf("%s: %s", label, outcome(r));
	memset(&name, 0, sizeof(name));
	say_name("own", &name, getsockname(fd, &name.any, &size));
	size = sizeof(name);
	memset(&name, 0, sizeof(name));
	say_name("peer", &name, getpeername(fd, &name.any, &size));
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 && error)
		printf(" error=%s", strerrorname_np(error));
	putchar('\n');
}

static int port_of(int fd)
{
	union address a = {0};
	socklen_t size = sizeof(a);

	getsockname(fd, &a.any, &size);
	return ntohs(a.in.sin_port);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) < 0 ? -errno : value;
}

/* ---- made ---- */

static void say_made(const char *label, long fd)
{
	struct stat st;

	printf("%s: %s", label, outcome(fd));
	if (fd >= 0) {
		fstat((int)fd, &st);
		printf(" fl=%o cloexec=%d mode=%o own=%d%d nlink=%ld is %d/%d/%d", fcntl((int)fd, F_GETFL),
		        fcntl((int)fd, F_GETFD), st.st_mode, st.st_uid == geteuid(), st.st_gid == getegid(),
		        (long)st.st_nlink, option((int)fd, SOL_SOCKET, SO_DOMAIN),
		        option((int)fd, SOL_SOCKET, SO_TYPE), option((int)fd, SOL_SOCKET, SO_PROTOCOL));
		close((int)fd);
	}
	putchar('\n');
}

static void making(void)
{
	static const unsigned long domains[] = {AF_INET, AF_INET6, AF_INET | HIGH};
	static const unsigned long types[] = {SOCK_DGRAM, SOCK_DGRAM | SOCK_CLOEXEC,
	        SOCK_DGRAM | SOCK_NONBLOCK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, SOCK_DGRAM | HIGH,
	        SOCK_DGRAM | 0x10, SOCK_DGRAM | 0x40000000, SOCK_DGRAM | 0x80000000UL};
	static const unsigned long protocols[] = {
	        0, IPPROTO_UDP, IPPROTO_UDP | HIGH, IPPROTO_TCP, 99, 255, 256, 0xffffffffUL, 0x7fffffff};
	char label[96];

	for (size_t d = 0; d < COUNT(domains); d++)
		for (size_t t = 0; t < COUNT(types); t++)
			for (size_t p = 0; p < COUNT(protocols); p++) {
				snprintf(label, sizeof(label), "socket %lx %lx %lx", domains[d], types[t],
				        protocols[p]);
				say_made(label, syscall(SYS_socket, domains[d], types[t], protocols[p]));
			}
}

static void full_table(void)
{
	struct rlimit limit;
	int next = open(".", O_RDONLY | O_CLOEXEC);

	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)next;
	setrlimit(RLIMIT_NOFILE, &limit);
	say("no number is free", socket(AF_INET, SOCK_DGRAM, 0));
	say("nor for what cannot be", socket(AF_INET, SOCK_DGRAM, 99));
	limit.rlim_cur = (rlim_t)next + 1;
	setrlimit(RLIMIT_NOFILE, &limit);
	say_made("one number is free", socket(AF_INET, SOCK_DGRAM, 0));
}

static void *make_some(void *argument)
{
	long wrong = 0;

	for (int i = 0; i < 50; i++) {
		int fd = socket(i & 1 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);

		wrong += fd < 0;
		close(fd);
	}
	return (void *)wrong;
}

static void by_threads(void)
{
	pthread_t threads[8];
	long wrong = 0;

	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, make_some, NULL);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *r;

		pthread_join(threads[i], &r);
		wrong += (long)r;
	}
	printf("by threads: %ld wrong\n", wrong);
}

/* ---- named ---- */

static void bind_one(const char *label, int domain, union address a, socklen_t size)
{
	int fd = socket(domain, SOCK_DGRAM, 0);

	say_socket(label, bind(fd, &a.any, size), fd);
	say_socket("  again", bind(fd, &a.any, size), fd);
	close(fd);
}

static void naming(void)
{
	const socklen_t in = sizeof(struct sockaddr_in), in6 = sizeof(struct sockaddr_in6);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0), on = 1, port;
	union address a = ipv4("127.0.0.1", 0);

	bind_one("any", AF_INET, ipv4("0.0.0.0", 0), in);
	bind_one("loopback", AF_INET, a, in);
	bind_one("another loopback", AF_INET, ipv4("127.1.2.3", 0), in);
	bind_one("somebody's", AF_INET, ipv4("10.1.2.3", 0), in);
	bind_one("multicast", AF_INET, ipv4("224.0.0.251", 0), in);
	bind_one("broadcast", AF_INET, ipv4("255.255.255.255", 0), in);
	bind_one("any 6", AF_INET6, ipv6("::", 0), in6);
	bind_one("loopback 6", AF_INET6, ipv6("::1", 0), in6);
	bind_one("mapped", AF_INET6, ipv6("::ffff:127.0.0.1", 0), in6);
	bind_one("somebody's 6", AF_INET6, ipv6("2001:db8::1", 0), in6);
	bind_one("link 6", AF_INET6, ipv6("fe80::1", 0), in6);
	bind_one("family 4 on 6", AF_INET6, a, in);
	bind_one("family 6 on 4", AF_INET, ipv6("::1", 0), in6);
	bind_one("short", AF_INET, a, 3);
	bind_one("none", AF_INET, a, 0);
	say("unmapped", syscall(SYS_bind, fd, unmapped, 16));
	say("listen", listen(fd, 1));
	say("bound", bind(fd, &a.any, in));
	port = port_of(fd);
	a = ipv4("127.0.0.1", port);
	say("taken", bind(other, &a.any, in));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	say("shared", bind(other, &a.any, in));
	close(other);
	close(fd);
	/* The only copy is ours: what was closed is gone. */
	for (int i = 0; i < 200; i++) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (bind(fd, &a.any, in) < 0) {
			say("closed and still there", -1);
			break;
		}
		close(fd);
	}
}

/* ---- nobody to be reached ---- */

static void reach(const char *label, int domain, union address a, socklen_t size)
{
	struct iovec data = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct msghdr message = {.msg_name = &a, .msg_namelen = size, .msg_iov = &data, .msg_iovlen = 1};
	struct mmsghdr messages[2] = {{message, 0}, {message, 0}};
	int fd = socket(domain, SOCK_DGRAM, 0);

	printf("%s: sendto %s", label, outcome(sendto(fd, "x", 1, 0, &a.any, size)));
	printf(" more %s", outcome(sendto(fd, "x", 1, MSG_MORE, &a.any, size)));
	printf(" nothing %s", outcome(sendto(fd, "", 0, 0, &a.any, size)));
	printf(" sendmsg %s", outcome(sendmsg(fd, &message, MSG_DONTWAIT)));
	printf(" sendmmsg %s\n", outcome(sendmmsg(fd, messages, 2, 0)));
	say_socket("  connect", connect(fd, &a.any, size), fd);
	say("  send", send(fd, "x", 1, 0));
	say("  write", write(fd, "x", 1));
	close(fd);
}

static void nobody(void)
{
	const socklen_t in = sizeof(struct sockaddr_in), in6 = sizeof(struct sockaddr_in6);
	union address link = ipv6("fe80::1", 53);

	reach("a server", AF_INET, ipv4("8.8.8.8", 53), in);
	reach("a private one", AF_INET, ipv4("10.0.0.1", 53), in);
	reach("a link's", AF_INET, ipv4("169.254.169.254", 80), in);
	reach("multicast", AF_INET, ipv4("224.0.0.251", 5353), in);
	reach("broadcast", AF_INET, ipv4("255.255.255.255", 67), in);
	reach("a server 6", AF_INET6, ipv6("2001:4860:4860::8888", 53), in6);
	reach("mapped", AF_INET6, ipv6("::ffff:8.8.8.8", 53), in6);
	reach("family 4 on 6", AF_INET6, ipv4("8.8.8.8", 53), in);
	reach("family 6 on 4", AF_INET, ipv6("2001:db8::1", 53), in6);
	reach("multicast 6", AF_INET6, ipv6("ff02::fb", 5353), in6);
	reach("link without interface", AF_INET6, link, in6);
	link.in6.sin6_scope_id = 1;
	reach("link of the loopback", AF_INET6, link, in6);
	link.in6.sin6_scope_id = 77;
	reach("link of no interface", AF_INET6, link, in6);
	reach("short", AF_INET, ipv4("8.8.8.8", 53), 8);
	reach("family 77", AF_INET, (union address){.any.sa_family = 77}, in);
}

/* An address of ours that nothing is sent to. */
static void connected(void)
{
	const socklen_t in = sizeof(struct sockaddr_in), in6 = sizeof(struct sockaddr_in6);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0);
	union address a = ipv4("127.0.0.1", 9), none = {.any.sa_family = AF_UNSPEC};

	say_socket("fresh", 0, fd);
	say("nowhere", send(fd, "x", 1, 0));
	say("write nowhere", write(fd, "x", 1));
	say_socket("connected", connect(fd, &a.any, in), fd);
	a = ipv4("8.8.8.8", 9);
	say_socket("elsewhere", connect(fd, &a.any, in), fd);
	say_socket("dissolved", connect(fd, &none.any, 2), fd);
	a = ipv4("0.0.0.0", 9);
	say_socket("unspecified", connect(fd, &a.any, in), fd);
	a = ipv6("::1", 9);
	say_socket("six", connect(six, &a.any, in6), six);
	a = ipv4("127.0.0.1", 9);
	say_socket("six to four", connect(six, &a.any, in), six);
	say("unmapped", syscall(SYS_connect, fd, unmapped, 16));
	say("negative", syscall(SYS_connect, fd, &a, -1));
	close(fd);
	close(six);
}

/* ---- asked ---- */

static void options(void)
{
	static const struct {
		int level, name;
	} list[] = {{SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_RCVBUF}, {SOL_SOCKET, SO_BROADCAST},
	        {SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_REUSEPORT}, {SOL_SOCKET, SO_ACCEPTCONN},
	        {SOL_SOCKET, SO_TIMESTAMP}, {IPPROTO_IP, IP_TTL}, {IPPROTO_IP, IP_MULTICAST_TTL},
	        {IPPROTO_IP, IP_MTU_DISCOVER}, {IPPROTO_IP, IP_PKTINFO}, {IPPROTO_UDP, UDP_CORK}};
	struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(0xe00000fb)};
	struct ifreq interfaces[4], lo = {.ifr_name = "lo"}, other = {.ifr_name = "eth0"};
	struct ifconf all = {.ifc_len = sizeof(interfaces), .ifc_req = interfaces};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, count = 0;

	for (size_t i = 0; i < COUNT(list); i++)
		printf("option %d/%d: %d\n", list[i].level, list[i].name,
		        option(fd, list[i].level, list[i].name));
	say("broadcast", setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)));
	say("pktinfo", setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)));
	say("group", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	group.imr_ifindex = 1;
	say("group on lo", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	say("interfaces", ioctl(fd, SIOCGIFCONF, &all));
	printf("%d: %.4s\n", all.ifc_len, interfaces[0].ifr_name);
	say("lo's flags", ioctl(fd, SIOCGIFFLAGS, &lo));
	printf("%x\n", lo.ifr_flags);
	say("lo's address", ioctl(fd, SIOCGIFADDR, &lo));
	say("lo's number", ioctl(fd, SIOCGIFINDEX, &lo));
	printf("%d\n", lo.ifr_ifindex);
	say("eth0", ioctl(fd, SIOCGIFINDEX, &other));
	say("bytes to read", ioctl(fd, FIONREAD, &count));
	say("nonblock", ioctl(fd, FIONBIO, &on));
	printf("fl=%o\n", fcntl(fd, F_GETFL));
	say("receive", recv(fd, &on, sizeof(on), 0));
	say("accept", accept(fd, NULL, NULL));
	say("shutdown", shutdown(fd, SHUT_RDWR));
	close(fd);
}

static void waiting(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), set = epoll_create1(EPOLL_CLOEXEC);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP};
	union address a = ipv4("127.0.0.1", 0);

	bind(fd, &a.any, sizeof(a.in));
	say("poll", poll(&poll_fd, 1, 0));
	printf("%x\n", poll_fd.revents);
	say("epoll", epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	say("epoll", epoll_wait(set, &event, 1, 0));
	printf("%x\n", event.events);
	close(set);
	close(fd);
}

/* ---- to each other ---- */

static void received(int fd)
{
	char bytes[64] = "";
	union address from = {0};
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT | MSG_TRUNC, &from.any, &size);

	printf("received %s", outcome(n));
	if (n >= 0) {
		printf(" %s", bytes);
		say_name("from", &from, 0);
	}
	putchar('\n');
}

static void talk(const char *label, int domain, union address any, socklen_t size)
{
	static char big[70000];
	int one = socket(domain, SOCK_DGRAM, 0), other = socket(domain, SOCK_DGRAM, 0);
	struct iovec data = {.iov_base = (char[]){"three"}, .iov_len = 5};
	struct msghdr message = {.msg_name = &any, .msg_namelen = size, .msg_iov = &data, .msg_iovlen = 1};
	union address none = {.any.sa_family = AF_UNSPEC};

	printf("%s\n", label);
	bind(other, &any.any, size);
	any.in.sin_port = htons((uint16_t)port_of(other));
	say_socket("sendto", sendto(one, "one", 3, 0, &any.any, size), one);
	received(other);
	say("nothing", sendto(one, "", 0, 0, &any.any, size));
	received(other);
	say("sendmsg", sendmsg(one, &message, 0));
	received(other);
	say("more", sendto(one, "mo", 2, MSG_MORE, &any.any, size));
	say("re", sendto(one, "re", 2, 0, &any.any, size));
	received(other);
	say("unmapped", sendto(one, unmapped, 5, 0, &any.any, size));
	say("too large", sendto(one, big, sizeof(big), 0, &any.any, size));
	say("large", sendto(one, big, 60000, 0, &any.any, size));
	received(other);
	say_socket("connect", connect(one, &any.any, size), one);
	say("write", write(one, "four", 4));
	received(other);
	say("writev", writev(one, &data, 1));
	received(other);
	close(other);
	say("to nobody", send(one, "x", 1, 0));
	say("refused", send(one, "x", 1, 0));
	say("dissolve", connect(one, &none.any, 2));
	close(one);
}

static void passed_on(void)
{
	int pair[2], fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0), status;
	union address a = ipv4("127.0.0.1", 0);
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec data = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct msghdr message = {
	        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	pid_t pid;

	bind(other, &a.any, sizeof(a.in));
	a = ipv4("127.0.0.1", port_of(other));
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	*header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	say("passed", sendmsg(pair[0], &message, 0));
	close(fd);
	pid = fork();
	if (pid == 0) {
		message.msg_controllen = sizeof(control);
		if (recvmsg(pair[1], &message, 0) != 1)
			_exit(1);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
		_exit(connect(fd, &a.any, sizeof(a.in)) < 0 || send(fd, "child", 5, 0) != 5);
	}
	waitpid(pid, &status, 0);
	printf("child %x\n", status);
	received(other);
	close(other);
	close(pair[0]);
	close(pair[1]);
}

int main(int argc, char **argv)
{
	bool alone = argc > 1 && strcmp(argv[1], "alone") == 0;

	unmapped = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	making();
	apart("a full table", full_table);
	by_threads();
	naming();
	nobody();
	connected();
	options();
	waiting();
	if (alone)
		return 0;
	talk("four", AF_INET, ipv4("127.0.0.1", 0), sizeof(struct sockaddr_in));
	talk("six", AF_INET6, ipv6("::1", 0), sizeof(struct sockaddr_in6));
	talk("mapped", AF_INET6, ipv6("::ffff:127.0.0.1", 0), sizeof(struct sockaddr_in6));
	passed_on();
	return 0;
}
