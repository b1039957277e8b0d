#include "supervise/act/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "supervise/act/act.h"
#include "supervise/act/names.h"
#include "supervise/decide.h"
#include "supervise/pool.h"

/* The shortest that the kernel's ticks allow, and how often somebody looks whether it is worth going on. */
#define MOMENT_US 1000
#define INTERVAL_US 8000

/* ---- the copy ---- */

int act_fetch(struct exchange *x, int number)
{
	int fd = sockets_fetch(x->request.tid, number);

	if (fd >= 0 && !(fcntl(fd, F_GETFL) & O_PATH))
		return fd;
	if (fd >= 0) {
		close(fd);
		fd = -EBADF;
	}
	if (fd == -ESRCH)
		x->reply.kind = REPLY_GONE;
	else if (fd == -EBADF || fd == -EMFILE)
		act_fail(x, fd == -EBADF ? fd : -ENOBUFS);
	else
		decide_refuse(x, EACCES, "cannot take a copy of this program's socket");
	return -1;
}

bool act_kind_of(struct exchange *x, int fd, struct sockets_kind *ret)
{
	int r = sockets_kind(fd, ret);

	if (r < 0)
		act_fail(x, r);
	return r == 0;
}

/* ---- who is seen at the other end ---- */

bool act_differs(const struct worker *worker)
{
	return worker->current.fsuid != worker->own.fsuid || worker->current.fsgid != worker->own.fsgid;
}

int act_show(struct worker *worker)
{
	return act_differs(worker) ? credentials_show(&worker->current) : 0;
}

void act_hide(struct worker *worker)
{
	if (!act_differs(worker))
		return;
	/* What fails here shows in what the thread wears, and it then serves nobody as somebody else. */
	credentials_hide(&worker->own);
	credentials_get(&worker->current);
}

/* ---- what an address means ---- */

static unsigned transport_of(const struct sockets_kind *kind)
{
	if (kind->type == SOCK_STREAM && kind->protocol == IPPROTO_TCP)
		return POLICY_TCP;
	if (kind->type == SOCK_DGRAM && kind->protocol == IPPROTO_UDP)
		return POLICY_UDP;
	return 0;
}

static void set_ipv4(struct address *address, const struct sockaddr_in *from)
{
	memset(address->ip, 0, 10);
	memset(address->ip + 10, 0xff, 2);
	memcpy(address->ip + 12, &from->sin_addr, 4);
	address->port = ntohs(from->sin_port);
}

/* An IPv6 socket that is bound to an IPv4 address stays with IPv4. */
static bool is_bound_to_ipv4(int fd)
{
	struct sockaddr_in6 own = {0};
	socklen_t size = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &size) == 0 && own.sin6_family == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&own.sin6_addr);
}

static bool is_unspecified(const struct address *address)
{
	static const uint8_t none[16];

	return memcmp(address->ip, none, 16) == 0;
}

/* "Any address" as a destination means this machine; but the kernel takes the one that the socket is bound
 * to. Ours is what was judged. */
static void make_loopback(int fd, struct address *address, struct call_address *written)
{
	struct address before = *address;

	if (is_unspecified(address) && is_bound_to_ipv4(fd))
		memset(address->ip + 10, 0xff, 2);
	address_normalise(address);
	if (memcmp(before.ip, address->ip, 16) == 0 || !GUARDED(loopback))
		return;
	if (written->as.any.sa_family == AF_INET6)
		memcpy(&written->as.in6.sin6_addr, address->ip, 16);
	else
		memcpy(&written->as.in.sin_addr, address->ip + 12, 4);
}

/* What an address without a family means goes by the socket's, and one of IPv6 that is connected to IPv4 can
 * be made one of IPv4 at any time (IPV6_ADDRFORM). So what the kernel is given means the same to both, or an
 * error to the other: for a datagram of IPv6, which ignores it, it is too short to be one of IPv4; for bind
 * it is of a family that neither takes. Dissolving a connection is the same in both. */
static void settle_family(
        const struct sockets_kind *kind, enum syscalls_operation operation, struct call_address *written)
{
	if (operation == SYSCALLS_CONNECT || !GUARDED(family))
		return;
	if (kind->domain == AF_INET && operation == SYSCALLS_SEND)
		written->as.any.sa_family = AF_INET;
	else if (kind->domain == AF_INET6 && operation == SYSCALLS_BIND)
		written->as.any.sa_family = AF_UNIX;
	else if (kind->domain == AF_INET6 && written->length >= sizeof(written->as.in))
		written->length = sizeof(written->as.in) - 1;
}

/* Lengths and families as the kernel checks them: AF_UNSPEC names an IPv4 address for bind, and for a
 * datagram of an IPv4 socket; AF_INET addresses work on IPv6 sockets. */
static enum meaning inet_meaning(
        struct exchange *x, int fd, const struct sockets_kind *kind, struct address *ret)
{
	struct call_address *written = &x->call.address;
	enum syscalls_operation operation = x->row->operation;
	int family = written->length >= sizeof(sa_family_t) ? written->as.any.sa_family : -1;
	bool is_ipv4 = family == AF_INET;

	ret->kind = ADDRESS_IP;
	ret->transport = transport_of(kind);
	if (!ret->transport)
		return MEANS_UNKNOWN;
	if (operation == SYSCALLS_SEND && kind->type == SOCK_STREAM)
		return MEANS_NOTHING;
	if (family == AF_UNSPEC && kind->domain == AF_INET)
		is_ipv4 = operation != SYSCALLS_CONNECT;
	if (family == AF_UNSPEC)
		settle_family(kind, operation, written);
	if (is_ipv4 && written->length >= sizeof(written->as.in)) {
		set_ipv4(ret, &written->as.in);
	} else if (family == AF_INET6 && kind->domain == AF_INET6 &&
	           written->length >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
		memcpy(ret->ip, &written->as.in6.sin6_addr, 16);
		ret->port = ntohs(written->as.in6.sin6_port);
	} else {
		return MEANS_NOTHING;
	}
	if (operation != SYSCALLS_BIND)
		make_loopback(fd, ret, written);
	return MEANS_ADDRESS;
}

static enum meaning unix_meaning(struct exchange *x, const struct sockets_kind *kind, struct address *ret)
{
	struct call_address *written = &x->call.address;
	size_t start = offsetof(struct sockaddr_un, sun_path);

	/* Connected ones ignore or refuse an address; AF_UNSPEC takes a datagram socket's association back;
	 * a length of the family alone asks for a name by chance. */
	if ((x->row->operation == SYSCALLS_SEND && kind->type != SOCK_DGRAM) || written->length <= start ||
	        written->length > sizeof(struct sockaddr_un) || written->as.any.sa_family != AF_UNIX)
		return MEANS_NOTHING;
	ret->name = call_address_path(written);
	if (*ret->name) {
		ret->kind = ADDRESS_UNIX_PATH;
		ret->name_length = strlen(ret->name);
		return MEANS_PATH;
	}
	ret->kind = ADDRESS_UNIX_ABSTRACT;
	ret->name++;
	ret->name_length = written->length - start - 1;
	return MEANS_ADDRESS;
}

/* Routes are asked for in the kernel, and nowhere else. */
static enum meaning netlink_meaning(const struct exchange *x, const struct sockets_kind *kind)
{
	const struct call_address *written = &x->call.address;
	const struct sockaddr_nl *netlink = (const struct sockaddr_nl *)(const void *)&written->as;

	if (kind->protocol != NETLINK_ROUTE)
		return MEANS_UNKNOWN;
	if (x->row->operation == SYSCALLS_BIND || written->length < sizeof(*netlink) ||
	        (netlink->nl_pid == 0 && netlink->nl_groups == 0))
		return MEANS_NOTHING;
	return MEANS_UNKNOWN;
}

enum meaning act_meaning(struct exchange *x, int fd, const struct sockets_kind *kind, struct address *ret)
{
	*ret = (struct address){0};
	switch (kind->domain) {
	case AF_INET:
	case AF_INET6:
		return inet_meaning(x, fd, kind, ret);
	case AF_UNIX:
		return unix_meaning(x, kind, ret);
	case AF_NETLINK:
		return netlink_meaning(x, kind);
	default:
		return MEANS_UNKNOWN;
	}
}

/* ---- where it leads ---- */

static bool judge_file(struct worker *worker, struct exchange *x, struct destination *ret)
{
	struct call_path path = {.dirfd = AT_FDCWD};
	struct resolved *at = &x->resolved[0];
	struct address address = {.kind = ADDRESS_UNIX_PATH};
	const char *written = x->led_to;
	int r;

	if (!written)
		written = call_address_path(&x->call.address);
	path.length = strlen(written);
	memcpy(path.text, written, path.length + 1);
	r = resolve_object(&x->task, AT_FDCWD, path.text, RESOLVE_FOLLOW, at);
	if (r < 0) {
		act_resolution_failed(worker, x, &path, r);
		return false;
	}
	address.name = at->path;
	address.name_length = strlen(at->path);
	/* What is no socket refuses by itself; but what is hidden is not there. */
	if ((!S_ISSOCK(at->stat.st_mode) && !decide_is_hidden(x->plan, at->path)) ||
	        decide_address(x, x->plan, &address, POLICY_CONNECT)) {
		ret->has_object = true;
		if (!GUARDED(same_object))
			return true;
		ret->address.as.un.sun_family = AF_UNIX;
		act_fd_path(at->object, ret->address.as.un.sun_path);
		ret->address.length = sizeof(ret->address.as.un);
		return true;
	}
	resolved_done(at);
	return false;
}

/* Names that no rule speaks of are kept within the target by our own domain; one that a task put on itself
 * keeps them within itself, and we are not in it. */
static bool obeys_domains(struct worker *worker, struct exchange *x, const struct address *address)
{
	if (address->kind != ADDRESS_UNIX_ABSTRACT || x->address_rule ||
	        !atomic_load(&worker->shared->domains_differ))
		return true;
	decide_refuse(x, EPERM,
	        "some program put a Landlock domain on itself, and whether that keeps this socket in is not "
	        "known");
	return false;
}

bool act_judge_destination(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind,
        struct destination *ret)
{
	struct address address;
	enum meaning meaning = act_meaning(x, fd, kind, &address);

	ret->has_object = false;
	ret->address = x->call.address;
	switch (meaning) {
	case MEANS_NOTHING:
		return true;
	case MEANS_ADDRESS:
		if (!act_judge_address(worker, x, fd, &address))
			return false;
		ret->address = x->call.address;
		return obeys_domains(worker, x, &address);
	case MEANS_PATH:
		return judge_file(worker, x, ret);
	default:
		decide_refuse(x, EACCES, "no rule can speak of addresses of this kind of socket");
		return false;
	}
}

void act_kept_within(struct exchange *x)
{
	const struct call_address *address = &x->call.address;

	if (x->reply.kind != REPLY_ERROR || x->reply.error != EPERM || x->address_rule || !x->is_judged ||
	        x->verdict.verdict != POLICY_ALLOW || address->as.any.sa_family != AF_UNIX ||
	        call_address_path(address)[0])
		return;
	x->verdict = (struct match_verdict){.verdict = POLICY_DENY, .error = EPERM};
}

/* ---- waiting ---- */

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Until when; and whether nothing but a signal ends it. */
struct patience {
	uint64_t timeout, end;
	bool told; /* the others know that this one blocks */
};

/* Whether the call still may go on. 0, -EAGAIN when time is up, -EINTR, WAITING_REPLIED. */
static int may_wait(struct waiting_call *call, struct patience *patience)
{
	if (!patience->told)
		pool_will_block(call->worker);
	patience->told = true;
	if (act_still_wanted(call->worker, call->x) != 0) {
		call->x->reply.kind = REPLY_GONE;
		return WAITING_REPLIED;
	}
	if (patience->timeout && now_us() >= patience->end)
		return -EAGAIN;
	if (!act_signal_pending(call->x))
		return 0;
	/* With a timeout of its own a call is never made again. */
	if (patience->timeout)
		return -EINTR;
	call->x->reply.kind = REPLY_RESTART;
	return WAITING_REPLIED;
}

static uint64_t moment(const struct patience *patience, uint64_t longest)
{
	uint64_t now = now_us();

	if (!patience->timeout || patience->end > now + longest)
		return longest;
	return patience->end > now ? patience->end - now : 1;
}

static void pause_for_a_moment(void)
{
	const struct timespec pause = {.tv_nsec = MOMENT_US * 1000};

	nanosleep(&pause, NULL);
}

/* Of the threads that serve several calls on one socket only one at a time has its timeout in hand, so that
 * what the task set comes back. 0 and the slot that stands for it, or what may_wait says. */
static int take_timeout(struct waiting_call *call, struct patience *patience, _Atomic uint64_t **ret_slot)
{
	uint64_t number = sockets_number(call->fd), none = 0;
	_Atomic uint64_t *slot = &call->worker->shared->timed[number % TIMED_SLOTS];
	int r;

	while (!atomic_compare_exchange_strong(slot, &none, number)) {
		none = 0;
		r = may_wait(call, patience);
		if (r < 0)
			return r;
		pause_for_a_moment();
	}
	*ret_slot = slot;
	return 0;
}

static int read_timeout(const struct waiting_call *call, struct patience *patience, uint64_t *ret)
{
	int r = sockets_send_timeout(call->fd, ret);

	if (r == 0 && !patience->end)
		*patience = (struct patience){*ret, now_us() + *ret, patience->told};
	return r;
}

/* A try that blocks ends soon, since the socket's own timeout is short while it lasts. */
static int try_for_a_moment(
        struct waiting_call *call, struct patience *patience, uint64_t longest, ssize_t *ret)
{
	_Atomic uint64_t *slot;
	uint64_t before;
	int r = take_timeout(call, patience, &slot);

	if (r < 0)
		return r;
	r = read_timeout(call, patience, &before);
	if (r == 0)
		r = sockets_set_send_timeout(call->fd, moment(patience, longest));
	if (r == 0) {
		*ret = call->try(call->user, true);
		sockets_set_send_timeout(call->fd, before);
	}
	atomic_store(slot, 0);
	return r;
}

/* A try that does not block: the socket stays as it is for everybody else who waits on it. */
static int try_at_once(struct waiting_call *call, struct patience *patience, ssize_t *ret)
{
	_Atomic uint64_t *slot;
	uint64_t before;
	int r = 0;

	if (!patience->end) {
		r = take_timeout(call, patience, &slot);
		if (r < 0)
			return r;
		r = read_timeout(call, patience, &before);
		atomic_store(slot, 0);
	}
	if (r == 0)
		*ret = call->try(call->user, false);
	return r;
}

static bool is_unfinished(const struct waiting_call *call, ssize_t r)
{
	return call->connects && call->polls ? r == -EINPROGRESS || r == -EALREADY : r == -EAGAIN;
}

static bool sleep_until_ready(const struct waiting_call *call, const struct patience *patience)
{
	struct pollfd poll_fd = {.fd = call->fd, .events = POLLOUT};

	return poll(&poll_fd, 1, (int)(moment(patience, INTERVAL_US) + 999) / 1000) > 0;
}

static int try_again(struct waiting_call *call, struct patience *patience, ssize_t *ret)
{
	bool was_ready = call->polls && sleep_until_ready(call, patience);
	int r;

	if (call->connects || !call->polls)
		return try_for_a_moment(call, patience, call->polls ? MOMENT_US : INTERVAL_US, ret);
	r = try_at_once(call, patience, ret);
	/* Room that is not enough, or another's by now. */
	if (r == 0 && was_ready && is_unfinished(call, *ret))
		pause_for_a_moment();
	return r;
}

ssize_t act_wait(struct waiting_call *call)
{
	struct patience patience = {0};
	bool blocks = !sockets_is_nonblocking(call->fd);
	ssize_t first, result;
	int r = 0;

	if (call->is_far && blocks) {
		pool_will_block(call->worker);
		patience.told = true;
	}
	if (call->connects)
		r = try_for_a_moment(call, &patience, MOMENT_US, &result);
	else
		result = call->try(call->user, false);
	if (r < 0)
		return r;
	first = result;
	while (blocks && is_unfinished(call, result)) {
		r = may_wait(call, &patience);
		if (r == 0)
			r = try_again(call, &patience, &result);
		if (r < 0)
			return r == -EAGAIN ? first : r;
	}
	return result;
}
