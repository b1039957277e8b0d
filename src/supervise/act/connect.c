/* connect: on a copy of the task's socket, to a copy of the address that was judged. */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "supervise/act/act.h"
#include "supervise/act/names.h"
#include "supervise/act/socket.h"
#include "supervise/act/unplugged.h"
#include "supervise/decode.h"

struct connecting {
	int fd;
	const struct call_address *to;
};

static ssize_t try_connect(void *user, bool waits)
{
	const struct connecting *connecting = user;

	(void)waits;
	return sockets_connect(connecting->fd, &connecting->to->as, connecting->to->length);
}

/* Whether the other end is on another machine, as far as can be told. */
static bool is_far(const struct sockets_kind *kind, const struct call_address *to)
{
	switch (kind->domain) {
	case AF_INET:
		return to->as.any.sa_family == AF_INET &&
		       to->as.bytes[offsetof(struct sockaddr_in, sin_addr)] != 127;
	case AF_INET6:
		return !IN6_IS_ADDR_LOOPBACK(&to->as.in6.sin6_addr);
	default:
		return false;
	}
}

static ssize_t connect_to(
        struct worker *worker, struct exchange *x, const struct sockets_kind *kind, struct connecting *to)
{
	struct waiting_call call = {.worker = worker,
	        .x = x,
	        .fd = to->fd,
	        .try = try_connect,
	        .user = to,
	        .connects = true,
	        .is_far = is_far(kind, to->to),
	        .polls = kind->domain != AF_UNIX};
	ssize_t r;
	int shown;

	/* What has no connections has nothing to wait for. */
	if (kind->type != SOCK_STREAM && kind->type != SOCK_SEQPACKET)
		return try_connect(to, false);
	if (kind->domain != AF_UNIX)
		return act_wait(&call);
	shown = act_show(worker);
	r = shown < 0 ? shown : act_wait(&call);
	act_hide(worker);
	return r;
}

static void connect_unplugged(
        struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind)
{
	const struct call_address *to = &x->call.address;
	int r;

	if (!act_may_unplugged(x, fd, kind, POLICY_CONNECT))
		return;
	r = act_still_wanted(worker, x);
	if (r == 0)
		r = sockets_connect(fd, &to->as, to->length);
	if (r != 0)
		return act_unplugged_failed(x, fd, kind, r);
	x->reply = (struct reply){.kind = REPLY_VALUE, .fd = -EBADF};
}

static void perform(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind)
{
	struct destination destination;
	struct connecting to = {.fd = fd, .to = &destination.address};
	ssize_t r;

	if (act_is_unplugged(worker, fd, kind))
		return connect_unplugged(worker, x, fd, kind);
	if (!act_redirect(worker, x, fd, kind))
		return;
	if (act_turns_to_names(worker, x, fd, kind))
		return act_connect_to_names(worker, x, fd, kind);
	if (!act_judge_destination(worker, x, fd, kind, &destination))
		return;
	r = kind->domain == AF_NETLINK ? act_name_netlink(x, fd) : 0;
	if (r == 0)
		r = act_still_wanted(worker, x);
	if (!GUARDED(one_read)) {
		decode_address(x, x->request.data.args[1], (int)x->request.data.args[2]);
		destination.address = x->call.address;
	}
	if (r == 0)
		r = connect_to(worker, x, kind, &to);
	if (r == 0)
		x->reply = (struct reply){.kind = REPLY_VALUE, .fd = -EBADF};
	else if (r != WAITING_REPLIED)
		act_fail(x, (int)r);
	act_kept_within(x);
	if (destination.has_object)
		resolved_done(&x->resolved[0]);
}

void act_connect(struct worker *worker, struct exchange *x)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	AUTO_CLOSE int fd = act_fetch(x, (int)(uint32_t)args[0]);
	struct sockets_kind kind;
	int r;

	if (fd < 0)
		return;
	r = decode_address(x, args[1], (int)(uint32_t)args[2]);
	if (r != 0)
		return act_fail(x, r);
	if (!act_kind_of(x, fd, &kind))
		return;
	r = act_as_task(worker, x);
	if (r != 0)
		return act_fail(x, r);
	perform(worker, x, fd, &kind);
}
