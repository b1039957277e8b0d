/* sendto, sendmsg, sendmmsg: the address, the bytes and the control messages are copied, judged, and sent
 * from a copy of the task's socket. A datagram goes as a whole; of a stream what can be read goes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervise/act/act.h"
#include "supervise/act/control.h"
#include "supervise/act/names.h"
#include "supervise/act/socket.h"
#include "supervise/act/unplugged.h"
#include "supervise/decide.h"
#include "supervise/decode.h"

#define PIECE 65536u
#define LARGEST (16u << 20) /* of a datagram */

#define FLAG_PROBE 0x10u
#define FLAG_ZEROCOPY 0x4000000u
#define FLAG_FASTOPEN 0x20000000u
#define FLAG_COMPAT 0x80000000u
#define LAST_ONLY (MSG_OOB | MSG_EOR)
#define KNOWN_FLAGS (LAST_ONLY | MSG_DONTROUTE | MSG_CONFIRM | MSG_MORE | FLAG_PROBE)

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

/* The reply is made. */
#define REPLIED (-5001)

struct sending {
	struct worker *worker;
	struct exchange *x;
	int fd;
	struct sockets_kind kind;
	unsigned flags; /* as the task gave them */
	struct decoded_message message;
	struct destination to;
	struct control control;
	/* one try */
	struct iovec data;
	int try_flags;
	bool is_unplugged;
	bool broke; /* nobody reads any more, and a signal is to say so */
};

static ssize_t try_send(void *user, bool waits)
{
	struct sending *s = user;
	struct msghdr header = {.msg_name = s->to.address.length ? (void *)&s->to.address.as : NULL,
	        .msg_namelen = s->to.address.length,
	        .msg_iov = (struct iovec *)&s->data,
	        .msg_iovlen = 1,
	        .msg_control = s->control.size ? s->control.bytes : NULL,
	        .msg_controllen = s->control.size};

	ssize_t n = sockets_send(s->fd, &header, s->try_flags | MSG_NOSIGNAL | (waits ? 0 : MSG_DONTWAIT));

	return n == -EPERM && control_name_ourselves(&s->control) ? try_send(s, waits) : n;
}

/* Whether it waits for room in the socket itself. Of the room in another's box poll knows nothing. */
static bool waits_for_own_room(const struct sending *s)
{
	return s->kind.domain != AF_UNIX || s->kind.type != SOCK_DGRAM || s->to.address.length == 0;
}

static ssize_t send_now(struct sending *s, bool last)
{
	struct waiting_call call = {.worker = s->worker,
	        .x = s->x,
	        .fd = s->fd,
	        .try = try_send,
	        .user = s,
	        .polls = waits_for_own_room(s)};

	s->try_flags = (int)(s->flags & KNOWN_FLAGS & (last ? ~0u : ~(unsigned)LAST_ONLY));
	return s->flags & MSG_DONTWAIT ? try_send(s, false) : act_wait(&call);
}

/* ---- one message ---- */

/* How much of a datagram is worth copying: a longer one the kernel refuses, whatever is in it. */
static ssize_t size_of_datagram(const struct sending *s)
{
	int room = 0;
	socklen_t size = sizeof(room);
	size_t most;

	if (getsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &room, &size) < 0)
		return -errno;
	most = (size_t)room > PIECE ? (size_t)room + 1 : PIECE + 1;
	if (s->message.size <= most)
		most = s->message.size;
	return most > LARGEST ? -ENOBUFS : (ssize_t)most;
}

static ssize_t send_datagram(struct sending *s)
{
	ssize_t size = size_of_datagram(s), n;
	AUTO_FREE char *bytes = size < 0 ? NULL : malloc((size_t)size + 1);

	if (size < 0 || !bytes)
		return size < 0 ? size : -ENOBUFS;
	n = decode_pieces(s->x, &s->message, 0, bytes, (size_t)size);
	if (n < 0)
		return n;
	if (n < size)
		return -EFAULT;
	s->data = (struct iovec){.iov_base = bytes, .iov_len = (size_t)size};
	return send_now(s, true);
}

/* The next piece, from `done` on. Bytes sent, or -errno. */
static ssize_t send_piece(struct sending *s, size_t done, char *bytes, bool *ret_ended)
{
	size_t rest = s->message.size - done, wanted = rest < PIECE ? rest : PIECE;
	ssize_t n = decode_pieces(s->x, &s->message, done, bytes, wanted), sent;

	if (n < 0)
		return n;
	if (n == 0 && wanted > 0)
		return -EFAULT;
	s->data = (struct iovec){.iov_base = bytes, .iov_len = (size_t)n};
	sent = send_now(s, (size_t)n == rest);
	*ret_ended = sent < 0 || done + (size_t)sent == s->message.size ||
	             (sent < n && ((s->flags & MSG_DONTWAIT) || sockets_is_nonblocking(s->fd)));
	return sent;
}

static ssize_t send_stream(struct sending *s)
{
	AUTO_FREE char *bytes = malloc(s->message.size < PIECE ? s->message.size + 1 : PIECE);
	size_t done = 0;
	bool ended = false;

	if (!bytes)
		return -ENOBUFS;
	while (!ended) {
		ssize_t sent = send_piece(s, done, bytes, &ended);

		/* What has been sent counts, whatever came then. */
		if (sent < 0 && done > 0 && s->x->reply.kind != REPLY_GONE)
			break;
		if (sent < 0) {
			s->broke = sent == -EPIPE && !(s->flags & MSG_NOSIGNAL);
			return sent;
		}
		done += (size_t)sent;
		control_done(&s->control); /* it goes with the first bytes */
	}
	return (ssize_t)done;
}

/* Bytes that stay where they are until the network has taken them cannot be ours: as where there is no room
 * to remember them, for which callers have to be ready. */
static bool wants_no_copy(const struct sending *s)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return (s->flags & FLAG_ZEROCOPY) && getsockopt(s->fd, SOL_SOCKET, SO_ZEROCOPY, &value, &size) == 0 &&
	       value;
}

static bool find_destination(struct sending *s)
{
	s->to.has_object = false;
	s->to.address.length = 0;
	if (s->x->call.address.length == 0)
		return true;
	if (s->is_unplugged) {
		s->to.address = s->x->call.address;
		return act_may_unplugged(s->x, s->fd, &s->kind, POLICY_CONNECT);
	}
	if (!act_redirect(s->worker, s->x, s->fd, &s->kind))
		return false;
	if (act_turns_to_names(s->worker, s->x, s->fd, &s->kind)) {
		int fd = act_exchange_for_names(s->worker, s->x, s->fd, &s->kind);

		if (fd < 0)
			return false;
		s->fd = fd;
	}
	if (!act_judge_destination(s->worker, s->x, s->fd, &s->kind, &s->to))
		return false;
	if (s->kind.type == SOCK_STREAM && s->kind.domain != AF_UNIX)
		s->to.address.length = 0; /* a connection has its other end */
	return true;
}

static ssize_t send_prepared(struct sending *s)
{
	int r = control_read(s->x, &s->kind, &s->message, &s->control);

	if (r == 0 && wants_no_copy(s))
		r = -ENOBUFS;
	if (r == 0 && s->kind.domain == AF_NETLINK)
		r = act_name_netlink(s->x, s->fd);
	if (r == 0)
		r = act_still_wanted(s->worker, s->x);
	if (r == REEVE_GONE)
		return -ESRCH;
	if (r != 0)
		return r == CONTROL_REFUSED ? REPLIED : r;
	return s->kind.type == SOCK_STREAM ? send_stream(s) : send_datagram(s);
}

/* Bytes, -errno, -ESRCH when the task is gone, REPLIED. */
static ssize_t send_message(struct sending *s)
{
	bool shows = s->kind.domain == AF_UNIX;
	ssize_t n;
	int r;

	if (!find_destination(s))
		return s->x->reply.kind == REPLY_GONE ? -ESRCH : REPLIED;
	r = shows ? act_show(s->worker) : 0;
	n = r < 0 ? r : send_prepared(s);
	if (shows)
		act_hide(s->worker);
	control_done(&s->control);
	if (s->to.has_object)
		resolved_done(&s->x->resolved[0]);
	return n == WAITING_REPLIED ? REPLIED : n;
}

/* ---- the calls ---- */

static void conclude(struct sending *s, ssize_t n)
{
	if (n == -ESRCH || s->x->reply.kind == REPLY_GONE)
		s->x->reply.kind = REPLY_GONE;
	else if (n >= 0)
		s->x->reply = (struct reply){.kind = REPLY_VALUE, .value = n, .fd = -EBADF};
	else if (n != REPLIED && !s->x->why && s->is_unplugged)
		act_unplugged_failed(s->x, s->fd, &s->kind, (int)n);
	else if (n != REPLIED && !s->x->why)
		act_fail(s->x, (int)n);
}

static void send_to(struct sending *s)
{
	const uint64_t *args = (const uint64_t *)s->x->request.data.args;
	uint64_t size = args[2] > INT64_MAX ? (uint64_t)INT64_MAX : args[2];
	const uint64_t most = (uint64_t)INT32_MAX & ~4095ull;
	int r = args[4] ? decode_address(s->x, args[4], (int)(uint32_t)args[5]) : 0;

	s->message.piece_count = 1;
	s->message.pieces[0] =
	        (struct iovec){.iov_base = (void *)(uintptr_t)args[1], .iov_len = size < most ? size : most};
	s->message.size = s->message.pieces[0].iov_len;
	s->message.control_size = 0;
	if (r == REEVE_GONE)
		r = -ESRCH;
	/* Here an address of no length is not the same as none, but one that is too short. */
	if (r == 0 && args[4] && s->x->call.address.length == 0 && s->kind.type == SOCK_DGRAM &&
	        (s->kind.domain == AF_INET || s->kind.domain == AF_INET6))
		s->x->call.address.length = 1;
	conclude(s, r < 0 ? r : send_message(s));
}

/* One struct msghdr. */
static ssize_t send_header(struct sending *s, uint64_t address)
{
	int r = decode_message(s->x, address, &s->message);

	if (r == REEVE_GONE)
		return -ESRCH;
	return r < 0 ? r : send_message(s);
}

static void send_many(struct sending *s)
{
	const uint64_t *args = (const uint64_t *)s->x->request.data.args;
	uint32_t count = (uint32_t)args[2] < UIO_MAXIOV ? (uint32_t)args[2] : UIO_MAXIOV, sent = 0;
	ssize_t n = 0;

	while (sent < count) {
		uint64_t at = args[1] + sent * sizeof(struct mmsghdr);
		uint32_t length;
		int r;

		n = send_header(s, at);
		if (n < 0)
			break;
		length = (uint32_t)n;
		r = decode_write(
		        s->worker, s->x, at + offsetof(struct mmsghdr, msg_len), &length, sizeof(length));
		n = r == REEVE_GONE ? -ESRCH : r;
		if (n < 0)
			break;
		sent++;
		if (length < s->message.size)
			break;
	}
	/* What stopped it is told to whoever sends the rest. */
	if (sent > 0 && n != -ESRCH) {
		s->x->why = NULL;
		s->broke = false;
		n = sent;
	}
	conclude(s, n);
}

static void signal_pipe(struct worker *worker, struct exchange *x)
{
	struct task_status status;

	act_as_self(worker);
	if (task_status(&x->task, &status) == 0 && act_still_wanted(worker, x) == 0)
		sockets_signal_pipe(status.tgid, x->request.tid);
}

/* 0, or what is said before anything is looked at. */
static int check_flags(const struct exchange *x)
{
	if (strcmp(x->row->name, "sendto") != 0 && (x->call.flags & FLAG_COMPAT))
		return -EINVAL;
	return x->call.flags & FLAG_FASTOPEN ? -EOPNOTSUPP : 0;
}

void act_send(struct worker *worker, struct exchange *x)
{
	AUTO_CLOSE int fd = -EBADF;
	AUTO_FREE struct sending *s = NULL;
	int r = check_flags(x);

	if (r < 0)
		return act_fail(x, r);
	fd = act_fetch(x, (int)(uint32_t)x->request.data.args[0]);
	if (fd < 0)
		return;
	s = malloc(sizeof(*s));
	if (!s)
		return act_fail(x, -ENOBUFS);
	s->worker = worker;
	s->x = x;
	s->fd = fd;
	s->flags = (unsigned)x->call.flags;
	s->control = (struct control){0};
	s->broke = false;
	if (!act_kind_of(x, fd, &s->kind))
		return;
	s->is_unplugged = act_is_unplugged(worker, fd, &s->kind);
	r = act_as_task(worker, x);
	if (r != 0)
		return act_fail(x, r);
	x->call.address.length = 0;
	if (strcmp(x->row->name, "sendto") == 0)
		send_to(s);
	else if (strcmp(x->row->name, "sendmsg") == 0)
		conclude(s, send_header(s, x->request.data.args[1]));
	else
		send_many(s);
	if (s->broke)
		signal_pipe(worker, x);
}
