/* Questions to name servers. Each is asked from a socket of its own, so from a random port, with a random
 * number; the socket is connected, so only the server that was asked is heard. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "names/inner.h"

#define MOST_PATIENCE 30000 /* milliseconds in all, whatever the machine's options say */

struct asking {
	bool is_used;
	struct message_question question;
	void *ticket;
	struct machine_servers servers;
	size_t first; /* of the servers */
	unsigned attempt;
	bool plain; /* without EDNS: the server did not understand it */
	int fd;
	bool is_stream, is_sent;
	uint16_t id;
	uint64_t deadline, end; /* of this attempt, and of all */
	uint8_t *bytes;         /* what came by TCP; owned */
	size_t length;
};

struct forward {
	struct names *names;
	void (*done)(void *user, void *ticket, const struct message_question *question,
	        const struct message_answer *answer);
	void *user;
	struct asking asking[FORWARD_MOST];
	struct message_answer answer;
	uint8_t bytes[NS_MAXMSG];
};

int forward_new(struct names *names,
        void (*done)(void *user, void *ticket, const struct message_question *question,
                const struct message_answer *answer),
        void *user, struct forward **ret)
{
	struct forward *forward = calloc(1, sizeof(*forward));

	if (!forward)
		return -ENOMEM;
	forward->names = names;
	forward->done = done;
	forward->user = user;
	*ret = forward;
	return 0;
}

static void close_socket(struct asking *asking)
{
	cleanup_close(&asking->fd);
	asking->fd = -EBADF;
	free(asking->bytes);
	asking->bytes = NULL;
	asking->length = 0;
	asking->is_sent = false;
}

void forward_free(struct forward *forward)
{
	if (!forward)
		return;
	for (size_t i = 0; i < FORWARD_MOST; i++) {
		if (!forward->asking[i].is_used)
			continue;
		close_socket(&forward->asking[i]);
		free(forward->asking[i].ticket);
	}
	free(forward);
}

static void finish(struct forward *forward, struct asking *asking, const struct message_answer *answer)
{
	struct message_question question = asking->question;

	close_socket(asking);
	asking->is_used = false;
	forward->done(forward->user, TAKE_PTR(asking->ticket), &question, answer);
}

static const struct machine_server *server_of(const struct asking *asking)
{
	return &asking->servers.items[(asking->first + asking->attempt) % asking->servers.count];
}

/* A socket connected to the present server. */
static int open_socket(struct asking *asking)
{
	const struct machine_server *server = server_of(asking);
	int type = (asking->is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	AUTO_CLOSE int fd = socket(server->address.ss_family, type, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&server->address, server->length) < 0 &&
	        errno != EINPROGRESS)
		return -errno;
	asking->fd = TAKE_FD(fd);
	return 0;
}

/* The question, with its length before it where it goes by TCP. */
static int send_question(struct asking *asking)
{
	uint8_t bytes[2 + MESSAGE_LEAST];
	size_t skip = asking->is_stream ? 0 : 2;
	int n = message_write_question(
	        asking->question.name, asking->question.type, asking->id, !asking->plain, bytes + 2);

	if (n < 0)
		return n;
	bytes[0] = (uint8_t)(n >> 8);
	bytes[1] = (uint8_t)n;
	/* So short a text goes out whole, or not at all. */
	if (send(asking->fd, bytes + skip, (size_t)n + 2 - skip, MSG_NOSIGNAL) != n + 2 - (ssize_t)skip)
		return errno ? -errno : -EIO;
	asking->is_sent = true;
	return 0;
}

static int start_attempt(struct asking *asking)
{
	int r;

	close_socket(asking);
	if (getrandom(&asking->id, sizeof(asking->id), 0) != sizeof(asking->id))
		return -EIO;
	r = open_socket(asking);
	if (r == 0 && !asking->is_stream)
		r = send_question(asking);
	asking->deadline = names_milliseconds() + 1000 * asking->servers.timeout;
	if (asking->deadline > asking->end)
		asking->deadline = asking->end;
	return r;
}

/* The next server that takes the question; at the end nobody has answered. */
static void try_next(struct forward *forward, struct asking *asking)
{
	asking->is_stream = false;
	while (++asking->attempt < asking->servers.count * asking->servers.attempts &&
	        names_milliseconds() < asking->end)
		if (start_attempt(asking) == 0)
			return;
	finish(forward, asking, NULL);
}

/* A program that gets no answer asks its next server, when it thinks that it is time: what it asks is what it
 * means. */
static void choose_servers(const struct names *names, const uint8_t asked[16], struct asking *asking)
{
	struct machine_servers *servers = &asking->servers;

	machine_servers(names->resolvers, servers);
	if (names->server.length > 0) {
		servers->count = 1;
		servers->items[0] = names->server;
	}
	asking->first = machine_find_server(servers, asked);
}

int forward_ask(struct forward *forward, const struct message_question *question, const uint8_t asked[16],
        void *ticket)
{
	struct asking *asking = NULL;

	for (size_t i = 0; i < FORWARD_MOST && !asking; i++)
		if (!forward->asking[i].is_used)
			asking = &forward->asking[i];
	if (!asking)
		return -ENOBUFS;
	*asking = (struct asking){.is_used = true, .question = *question, .ticket = ticket, .fd = -EBADF};
	choose_servers(forward->names, asked, asking);
	asking->end = names_milliseconds() + MOST_PATIENCE;
	if (start_attempt(asking) < 0)
		try_next(forward, asking);
	return 0;
}

size_t forward_poll(const struct forward *forward, struct pollfd fds[FORWARD_MOST], int *timeout)
{
	uint64_t now = names_milliseconds();

	for (size_t i = 0; i < FORWARD_MOST; i++) {
		const struct asking *asking = &forward->asking[i];
		int left;

		fds[i] = (struct pollfd){.fd = -1};
		if (!asking->is_used)
			continue;
		fds[i].fd = asking->fd;
		fds[i].events = asking->is_sent ? POLLIN : POLLOUT;
		left = asking->deadline > now ? (int)(asking->deadline - now) : 0;
		if (*timeout < 0 || left < *timeout)
			*timeout = left;
	}
	return FORWARD_MOST;
}

static void ask_by_tcp(struct forward *forward, struct asking *asking)
{
	asking->is_stream = true;
	if (start_attempt(asking) < 0)
		try_next(forward, asking);
}

/* A whole message came. */
static void take_message(struct forward *forward, struct asking *asking, const uint8_t *bytes, size_t size)
{
	struct message_answer *answer = &forward->answer;
	int r = message_read_answer(
	        bytes, size, asking->question.name, asking->question.type, asking->id, answer);

	if (r == -EINVAL) {
		/* By UDP somebody may have guessed our port, and the right one is still to come. */
		if (asking->is_stream)
			try_next(forward, asking);
		return;
	}
	if (r < 0)
		return finish(forward, asking, NULL);
	if (answer->is_truncated)
		return asking->is_stream ? try_next(forward, asking) : ask_by_tcp(forward, asking);
	if (answer->code == ns_r_noerror || answer->code == ns_r_nxdomain)
		return finish(forward, asking, answer);
	if (answer->code == ns_r_formerr || answer->code == ns_r_notimpl)
		asking->plain = true;
	try_next(forward, asking);
}

static void take_datagram(struct forward *forward, struct asking *asking)
{
	ssize_t n = recv(asking->fd, forward->bytes, sizeof(forward->bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		return try_next(forward, asking);
	take_message(forward, asking, forward->bytes, (size_t)n);
}

static void take_stream(struct forward *forward, struct asking *asking)
{
	size_t wanted = 2;
	ssize_t n;

	if (!asking->is_sent) {
		errno = 0;
		if (send_question(asking) < 0)
			try_next(forward, asking);
		return;
	}
	if (!asking->bytes)
		asking->bytes = calloc(1, 2 + NS_MAXMSG);
	if (!asking->bytes)
		return try_next(forward, asking);
	if (asking->length >= 2)
		wanted += (size_t)asking->bytes[0] << 8 | asking->bytes[1];
	n = recv(asking->fd, asking->bytes + asking->length, wanted - asking->length, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return try_next(forward, asking);
	asking->length += (size_t)n;
	if (asking->length > 2 && asking->length == wanted)
		take_message(forward, asking, asking->bytes + 2, asking->length - 2);
}

void forward_serve(struct forward *forward, const struct pollfd *fds, size_t count)
{
	uint64_t now = names_milliseconds();

	for (size_t i = 0; i < count; i++) {
		struct asking *asking = &forward->asking[i];

		/* One that was taken since is not the one that was polled. */
		if (!asking->is_used || fds[i].fd != asking->fd)
			continue;
		if (fds[i].revents && asking->is_stream)
			take_stream(forward, asking);
		else if (fds[i].revents)
			take_datagram(forward, asking);
		else if (asking->deadline <= now)
			try_next(forward, asking);
	}
}
