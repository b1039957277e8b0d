#include "kernel/island.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/credentials.h"
#include "kernel/isolation.h"
#include "kernel/process.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

#define LOOPBACK_INDEX 1 /* in every network namespace */
#define BACKLOG 64

/* What the process says: an error, or descriptors beside it. */
struct reply {
	int error;
	uint32_t present; /* when it starts: a bit for each listener that there is */
	uint64_t cookie;
};

/* ---- on the island ---- */

/* "local default dev lo": every address of the family is ours. */
static int all_local(int netlink, unsigned char family)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		struct rtattr attribute;
		uint32_t device;
	} request = {
	        .header = {.nlmsg_len = sizeof(request),
	                .nlmsg_type = RTM_NEWROUTE,
	                .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE},
	        .route = {.rtm_family = family,
	                .rtm_table = RT_TABLE_LOCAL,
	                .rtm_protocol = RTPROT_STATIC,
	                .rtm_scope = RT_SCOPE_HOST,
	                .rtm_type = RTN_LOCAL},
	        .attribute = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = RTA_OIF},
	        .device = LOOPBACK_INDEX,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer;
	ssize_t n;

	if (send(netlink, &request, sizeof(request), 0) != sizeof(request))
		return -errno;
	n = recv(netlink, &answer, sizeof(answer), 0);
	if (n < (ssize_t)(sizeof(answer.header) + sizeof(answer.error)))
		return n < 0 ? -errno : -EPROTO;
	return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}

static int listen_on(int domain, int type, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	const struct sockaddr *address =
	        domain == AF_INET ? (const struct sockaddr *)&in : (const struct sockaddr *)&in6;
	socklen_t length = domain == AF_INET ? sizeof(in) : sizeof(in6);
	AUTO_CLOSE int fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	if (domain == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (type == SOCK_DGRAM && domain == AF_INET &&
	        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
		return -errno;
	if (type == SOCK_DGRAM && domain == AF_INET6 &&
	        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		return -errno;
	/* An answer may come from any address, though no interface has it. */
	if (domain == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, address, length) < 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return -errno;
	return TAKE_FD(fd);
}

static int send_reply(int channel, const struct reply *reply, const int *fds, size_t count)
{
	struct iovec iov = {.iov_base = (void *)reply, .iov_len = sizeof(*reply)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(ISLAND_LISTENERS * sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	return sendmsg(channel, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* With a user namespace of its own, which ordinary users need and root is the safer with; without where that
 * cannot be had and root is asked. */
static int leave_the_world(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
		return 0;
	return unshare(CLONE_NEWNET) == 0 ? 0 : -errno;
}

static int settle(uint16_t port, int listeners[ISLAND_LISTENERS], struct reply *reply)
{
	static const struct {
		int domain, type;
	} kinds[] = {
	        [ISLAND_UDP4] = {AF_INET, SOCK_DGRAM},
	        [ISLAND_UDP6] = {AF_INET6, SOCK_DGRAM},
	        [ISLAND_TCP4] = {AF_INET, SOCK_STREAM},
	        [ISLAND_TCP6] = {AF_INET6, SOCK_STREAM},
	};
	AUTO_CLOSE int netlink = -EBADF;
	bool has_6;
	int r = leave_the_world();

	if (r == 0)
		r = isolation_loopback_up();
	if (r < 0)
		return r;
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (netlink < 0)
		return -errno;
	r = all_local(netlink, AF_INET);
	has_6 = all_local(netlink, AF_INET6) == 0;
	for (size_t i = 0; i < ELEMENTS(kinds) && r == 0; i++) {
		if (kinds[i].domain == AF_INET6 && !has_6)
			continue;
		listeners[i] = listen_on(kinds[i].domain, kinds[i].type, port);
		if (listeners[i] >= 0)
			reply->present |= 1u << i;
		else if (kinds[i].domain == AF_INET)
			r = listeners[i];
	}
	return r < 0 ? r : island_cookie_of(listeners[ISLAND_UDP4], &reply->cookie);
}

static int make_socket(const struct island_socket *wish, int *ret)
{
	AUTO_CLOSE int fd = socket(wish->domain, wish->type | SOCK_CLOEXEC, wish->protocol);

	if (fd < 0)
		return -errno;
	if (wish->length > 0 && connect(fd, (const struct sockaddr *)&wish->address, wish->length) < 0 &&
	        errno != EINPROGRESS)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

/* Whoever asked goes on only when no copy is left here: one that its program closes is then gone. */
static int hand_out(int channel, const struct reply *reply, int fd)
{
	const char closed = 0;
	int r = send_reply(channel, reply, &fd, fd >= 0);

	cleanup_close(&fd);
	if (r == 0 && fd >= 0 && send(channel, &closed, sizeof(closed), MSG_NOSIGNAL) < 0)
		r = -errno;
	return r;
}

void island_serve(int channel, int (*finish)(int fd))
{
	struct island_socket wish;

	for (;;) {
		struct reply reply = {0};
		ssize_t n = recv(channel, &wish, sizeof(wish), 0);
		AUTO_CLOSE int fd = -EBADF;
		int r = -EINVAL;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		if (n == sizeof(wish) && wish.length <= sizeof(wish.address))
			r = make_socket(&wish, &fd);
		if (r == 0 && finish)
			r = finish(fd);
		if (r < 0) {
			cleanup_close(&fd);
			fd = -EBADF;
		}
		reply.error = -r;
		if (hand_out(channel, &reply, TAKE_FD(fd)) < 0)
			return;
	}
}

static _Noreturn void live_there(int channel, uint16_t port)
{
	int listeners[ISLAND_LISTENERS], present[ISLAND_LISTENERS];
	struct reply reply = {0};
	size_t count = 0;

	credentials_keep_descriptors(&channel, 1);
	reply.error = -settle(port, listeners, &reply);
	for (size_t i = 0; i < ISLAND_LISTENERS && !reply.error; i++)
		if (reply.present & 1u << i)
			present[count++] = listeners[i];
	process_hide_memory();
	if (send_reply(channel, &reply, present, count) < 0 || reply.error)
		_exit(1);
	for (size_t i = 0; i < count; i++)
		close(present[i]);
	island_serve(channel, NULL);
	_exit(0);
}

/* ---- from outside ---- */

/* 0 and the descriptors, in order; the error that was told, positive; -errno. */
static int read_reply(int channel, struct reply *ret, int *fds, size_t most, size_t *ret_count)
{
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(ISLAND_LISTENERS * sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &iov,
	        .msg_iovlen = 1,
	        .msg_control = &control,
	        .msg_controllen = CMSG_SPACE(most * sizeof(int))};
	const struct cmsghdr *header;
	ssize_t n;

	do
		n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	*ret_count = 0;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
		*ret_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(header), *ret_count * sizeof(int));
	}
	if (n == sizeof(*ret) && !(message.msg_flags & MSG_CTRUNC))
		return ret->error;
	for (size_t i = 0; i < *ret_count; i++)
		close(fds[i]);
	*ret_count = 0;
	return n == 0 ? -ESHUTDOWN : -EPROTO;
}

static int take_listeners(struct island *island)
{
	struct reply reply;
	int fds[ISLAND_LISTENERS];
	size_t count = 0, next = 0;
	int r = read_reply(island->channel, &reply, fds, ISLAND_LISTENERS, &count);

	if (r != 0)
		return r > 0 ? -r : r;
	for (size_t i = 0; i < ISLAND_LISTENERS; i++)
		if (reply.present & 1u << i && next < count)
			island->listeners[i] = fds[next++];
	island->cookie = reply.cookie;
	return next == count && island->listeners[ISLAND_UDP4] >= 0 ? 0 : -EPROTO;
}

int island_make(uint16_t port, struct island *ret)
{
	struct island island = {.channel = -EBADF, .process = -1};
	AUTO_CLOSE int theirs = -EBADF;
	int pair[2], r;

	for (size_t i = 0; i < ISLAND_LISTENERS; i++)
		island.listeners[i] = -EBADF;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	island.channel = pair[0];
	theirs = pair[1];
	/* No exit signal: its end is nobody's business but ours. */
	island.process = process_copy(0);
	if (island.process == 0)
		live_there(theirs, port);
	r = island.process < 0 ? island.process : 0;
	cleanup_close(&theirs);
	theirs = -EBADF;
	if (r == 0)
		r = take_listeners(&island);
	if (r < 0) {
		island_done(&island);
		return r;
	}
	*ret = island;
	return 0;
}

void island_done(struct island *island)
{
	/* As long as the channel is open it lives, and its number is its own. */
	if (island->process > 0)
		kill(island->process, SIGKILL);
	cleanup_close(&island->channel);
	island->channel = -EBADF;
	for (size_t i = 0; i < ISLAND_LISTENERS; i++) {
		cleanup_close(&island->listeners[i]);
		island->listeners[i] = -EBADF;
	}
	while (island->process > 0 && waitpid(island->process, NULL, __WALL) < 0 && errno == EINTR)
		;
	island->process = -1;
}

static int see_it_closed(int channel)
{
	char closed;
	ssize_t n;

	do
		n = recv(channel, &closed, sizeof(closed), 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n == 0 ? -ESHUTDOWN : 0;
}

int island_ask(int channel, const struct island_socket *wish, int *ret)
{
	AUTO_CLOSE int fd = -EBADF;
	struct reply reply;
	size_t count = 0;
	int r;

	if (send(channel, wish, sizeof(*wish), MSG_NOSIGNAL) != sizeof(*wish))
		return -errno;
	r = read_reply(channel, &reply, &fd, 1, &count);
	if (r == 0)
		r = count == 1 ? see_it_closed(channel) : -EPROTO;
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}

int island_socket(int channel, const struct island_socket *wish)
{
	int fd = -EBADF, r = island_ask(channel, wish, &fd);

	return r == 0 ? fd : r > 0 ? -r : r;
}

int island_cookie_of(int fd, uint64_t *ret)
{
	uint64_t cookie;
	socklen_t length = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) < 0)
		return -errno;
	*ret = cookie;
	return 0;
}
