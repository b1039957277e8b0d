/* The resolver's thread: questions of the target, by UDP and TCP. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "kernel/credentials.h"
#include "names/inner.h"

#define CLIENTS 32
#define CLIENT_SECONDS 10
#define LONGEST_QUESTION 1024 /* by TCP: names are short, and what else may be there is little */

/* Where an answer goes. */
struct asker {
	struct sockaddr_storage address;
	socklen_t length;
	int listener;  /* UDP: which */
	size_t client; /* TCP */
	unsigned generation;
	bool is_stream;
	size_t control_length; /* the address that it asked under, and is answered from */
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control;
};

struct client {
	int fd;
	unsigned generation;
	uint64_t deadline;
	struct sockaddr_storage address;
	size_t length;
	uint8_t bytes[2 + LONGEST_QUESTION];
};

struct resolver {
	struct names *names;
	struct forward *forward;
	struct client clients[CLIENTS];
	uint8_t answer[2 + MESSAGE_SIZE];
	struct message_answer known;
};

/* ---- answers ---- */

static void close_client(struct client *client)
{
	cleanup_close(&client->fd);
	client->fd = -EBADF;
	client->generation++;
	client->length = 0;
}

static void send_stream(struct resolver *resolver, const struct asker *asker, size_t n)
{
	struct client *client = &resolver->clients[asker->client];

	if (client->fd < 0 || client->generation != asker->generation)
		return;
	resolver->answer[0] = (uint8_t)(n >> 8);
	resolver->answer[1] = (uint8_t)n;
	/* Who does not read what was asked for gets no more. */
	if (send(client->fd, resolver->answer, n + 2, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n + 2)
		close_client(client);
}

static void send_datagram(struct resolver *resolver, const struct asker *asker, size_t n)
{
	struct iovec iov = {.iov_base = resolver->answer + 2, .iov_len = n};
	struct msghdr message = {.msg_name = (void *)&asker->address,
	        .msg_namelen = asker->length,
	        .msg_iov = &iov,
	        .msg_iovlen = 1,
	        .msg_control = (void *)&asker->control,
	        .msg_controllen = asker->control_length};

	sendmsg(resolver->names->island.listeners[asker->listener], &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

struct response {
	const struct message_answer *answer;
	int code;
	bool forbidden;
};

static void respond(struct resolver *resolver, const struct asker *asker,
        const struct message_question *question, const struct response *response)
{
	size_t n = message_write_answer(question, response->answer, response->code, response->forbidden,
	        asker->is_stream ? MESSAGE_SIZE : question->most, resolver->answer + 2);

	if (asker->is_stream)
		send_stream(resolver, asker, n);
	else
		send_datagram(resolver, asker, n);
}

/* ---- questions ---- */

static void set_ip(uint8_t ret[16], int family, const void *address)
{
	if (family == AF_INET6) {
		memcpy(ret, address, 16);
		return;
	}
	ret[10] = ret[11] = 0xff;
	memcpy(ret + 12, address, 4);
}

#define USUAL_PORT "443" /* which one is meant, a question does not tell */

static void record_unnamed(struct names *names, const struct asker *asker, const char *name)
{
	char allow[MESSAGE_NAME + sizeof(USUAL_PORT) + 1];
	bool can_be_written = host_is_name(name) && strlen(name) < LEARNED_NAME;

	snprintf(allow, sizeof(allow), "%s:" USUAL_PORT, name);
	names_record(names, (const struct sockaddr *)&asker->address,
	        &(struct names_refusal){.object = name, .allow = can_be_written ? allow : NULL});
}

/* What the machine knows by itself. False when it does not know the name. */
static bool answer_known(
        struct resolver *resolver, const struct asker *asker, const struct message_question *question)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const struct names *names = resolver->names;
	struct message_answer *answer = &resolver->known;
	bool is_known = false;

	*answer = (struct message_answer){.ttl = NAMES_LEAST_SECONDS};
	for (size_t i = 0; i < names->host_count; i++) {
		const uint8_t *ip = names->hosts[i].ip;
		bool is_ipv4 = memcmp(ip, mapped, sizeof(mapped)) == 0;

		if (strcmp(names->hosts[i].name, question->name) != 0)
			continue;
		is_known = true;
		if (is_ipv4 == (question->type == ns_t_a) && answer->address_count < MESSAGE_ADDRESSES)
			memcpy(answer->addresses[answer->address_count++].ip, ip, 16);
	}
	if (is_known)
		respond(resolver, asker, question, &(struct response){.answer = answer});
	return is_known;
}

/* Which server it asked, as it thinks. All zeros where that is not known. */
static void asked_address(const struct resolver *resolver, const struct asker *asker, uint8_t ret[16])
{
	struct sockaddr_storage own = {0};
	socklen_t size = sizeof(own);
	const void *data = CMSG_DATA(&asker->control.header);

	memset(ret, 0, 16);
	if (asker->is_stream) {
		if (getsockname(resolver->clients[asker->client].fd, (struct sockaddr *)&own, &size) == 0)
			set_ip(ret, own.ss_family,
			        own.ss_family == AF_INET6
			                ? (const void *)&((struct sockaddr_in6 *)&own)->sin6_addr
			                : &((struct sockaddr_in *)&own)->sin_addr);
	} else if (asker->control_length >= sizeof(asker->control.header)) {
		if (asker->control.header.cmsg_level == IPPROTO_IPV6)
			set_ip(ret, AF_INET6, &((const struct in6_pktinfo *)data)->ipi6_addr);
		else
			set_ip(ret, AF_INET, &((const struct in_pktinfo *)data)->ipi_addr);
	}
}

static void answer_question(
        struct resolver *resolver, const struct asker *asker, const struct message_question *question)
{
	struct names *names = resolver->names;
	struct asker *ticket;
	uint8_t asked[16];
	bool is_host = host_is_name(question->name),
	     is_named = is_host && host_is_named(names->policy, question->name);

	if (!is_named)
		record_unnamed(names, asker, question->name);
	/* "No such name" and not "refused": that ends every program's search at once. */
	if (!is_host || (!is_named && !names->permissive && GUARDED(named)))
		return respond(resolver, asker, question,
		        &(struct response){.code = ns_r_nxdomain, .forbidden = true});
	/* Of a host that is named, nothing but addresses. */
	if (question->type != ns_t_a && question->type != ns_t_aaaa)
		return respond(resolver, asker, question, &(struct response){0});
	if (answer_known(resolver, asker, question))
		return;
	ticket = malloc(sizeof(*ticket));
	if (ticket)
		*ticket = *asker;
	asked_address(resolver, asker, asked);
	if (!ticket || forward_ask(resolver->forward, question, asked, ticket) < 0) {
		free(ticket);
		respond(resolver, asker, question, &(struct response){.code = ns_r_servfail});
	}
}

static void forwarded(void *user, void *ticket, const struct message_question *question,
        const struct message_answer *answer)
{
	struct resolver *resolver = user;
	AUTO_FREE struct asker *asker = ticket;

	if (!answer)
		return respond(resolver, asker, question, &(struct response){.code = ns_r_servfail});
	resolver->known = *answer;
	/* What is answered is open before it is answered. */
	names_learn(
	        resolver->names, (const struct sockaddr *)&asker->address, question->name, &resolver->known);
	respond(resolver, asker, question,
	        &(struct response){.answer = &resolver->known, .code = resolver->known.code});
}

static void take_question(
        struct resolver *resolver, const struct asker *asker, const uint8_t *bytes, size_t size)
{
	struct message_question question;
	int r = message_read_question(bytes, size, &question);

	if (r == 0)
		answer_question(resolver, asker, &question);
	else if (r > 0)
		respond(resolver, asker, &question, &(struct response){.code = r});
}

/* ---- by UDP ---- */

static void take_datagram(struct resolver *resolver, int listener)
{
	struct asker asker = {.listener = listener};
	uint8_t bytes[LONGEST_QUESTION];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr message = {.msg_name = &asker.address,
	        .msg_namelen = sizeof(asker.address),
	        .msg_iov = &iov,
	        .msg_iovlen = 1,
	        .msg_control = &asker.control,
	        .msg_controllen = sizeof(asker.control)};
	ssize_t n = recvmsg(resolver->names->island.listeners[listener], &message, MSG_DONTWAIT);

	if (n < 0 || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return;
	asker.length = message.msg_namelen;
	asker.control_length = message.msg_controllen;
	take_question(resolver, &asker, bytes, (size_t)n);
}

/* ---- by TCP ---- */

static void take_client(struct resolver *resolver, int listener)
{
	struct client *client = NULL, *oldest = &resolver->clients[0];
	socklen_t length = sizeof(client->address);

	for (size_t i = 0; i < CLIENTS && !client; i++) {
		if (resolver->clients[i].fd < 0)
			client = &resolver->clients[i];
		else if (resolver->clients[i].deadline < oldest->deadline)
			oldest = &resolver->clients[i];
	}
	if (!client) {
		close_client(oldest);
		client = oldest;
	}
	client->fd = accept4(resolver->names->island.listeners[listener], (struct sockaddr *)&client->address,
	        &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	client->deadline = names_milliseconds() + CLIENT_SECONDS * 1000;
}

/* Questions may come one after the other, without waiting for answers. */
static void take_stream(struct resolver *resolver, size_t index)
{
	struct client *client = &resolver->clients[index];
	struct asker asker = {.client = index,
	        .generation = client->generation,
	        .is_stream = true,
	        .address = client->address};
	ssize_t n =
	        recv(client->fd, client->bytes + client->length, sizeof(client->bytes) - client->length, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return close_client(client);
	client->length += (size_t)n;
	client->deadline = names_milliseconds() + CLIENT_SECONDS * 1000;
	while (client->length >= 2) {
		size_t size = (size_t)client->bytes[0] << 8 | client->bytes[1];

		if (size > LONGEST_QUESTION)
			return close_client(client);
		if (client->length < size + 2)
			return;
		take_question(resolver, &asker, client->bytes + 2, size);
		if (client->generation != asker.generation)
			return;
		client->length -= size + 2;
		memmove(client->bytes, client->bytes + size + 2, client->length);
	}
}

/* ---- the loop ---- */

enum {
	SOURCE_WAKE,
	SOURCE_LISTENERS,
	SOURCE_CLIENTS = SOURCE_LISTENERS + ISLAND_LISTENERS,
	SOURCE_FORWARD = SOURCE_CLIENTS + CLIENTS,
	SOURCES = SOURCE_FORWARD + FORWARD_MOST,
};

static void wait_for_work(const struct resolver *resolver, struct pollfd fds[SOURCES])
{
	uint64_t now = names_milliseconds();
	int timeout = -1;

	fds[SOURCE_WAKE] = (struct pollfd){.fd = resolver->names->wake, .events = POLLIN};
	for (int i = 0; i < ISLAND_LISTENERS; i++)
		fds[SOURCE_LISTENERS + i] =
		        (struct pollfd){.fd = resolver->names->island.listeners[i], .events = POLLIN};
	for (size_t i = 0; i < CLIENTS; i++) {
		const struct client *client = &resolver->clients[i];
		int left = client->deadline > now ? (int)(client->deadline - now) : 0;

		fds[SOURCE_CLIENTS + i] = (struct pollfd){.fd = client->fd, .events = POLLIN};
		if (client->fd >= 0 && (timeout < 0 || left < timeout))
			timeout = left;
	}
	forward_poll(resolver->forward, fds + SOURCE_FORWARD, &timeout);
	if (poll(fds, SOURCES, timeout) < 0)
		for (size_t i = 0; i < SOURCES; i++)
			fds[i].revents = 0;
}

static void serve(struct resolver *resolver)
{
	struct pollfd fds[SOURCES];

	for (;;) {
		wait_for_work(resolver, fds);
		if (fds[SOURCE_WAKE].revents)
			return;
		pthread_mutex_lock(&resolver->names->policy_lock);
		forward_serve(resolver->forward, fds + SOURCE_FORWARD, FORWARD_MOST);
		for (size_t i = 0; i < CLIENTS; i++) {
			struct client *client = &resolver->clients[i];

			if (client->fd < 0)
				continue;
			if (fds[SOURCE_CLIENTS + i].revents)
				take_stream(resolver, i);
			else if (client->deadline <= names_milliseconds())
				close_client(client);
		}
		for (int i = ISLAND_UDP4; i <= ISLAND_UDP6; i++)
			if (fds[SOURCE_LISTENERS + i].revents)
				take_datagram(resolver, i);
		for (int i = ISLAND_TCP4; i <= ISLAND_TCP6; i++)
			if (fds[SOURCE_LISTENERS + i].revents)
				take_client(resolver, i);
		pthread_mutex_unlock(&resolver->names->policy_lock);
	}
}

static int prepare(struct names *names)
{
	int r = credentials_own_files();

	prctl(PR_SET_NAME, "reeve-names");
	for (size_t i = 0; i < ISLAND_LISTENERS && r == 0; i++)
		r = credentials_keep(
		        names->kept, &names->kept_count, ELEMENTS(names->kept), names->island.listeners[i]);
	if (r == 0)
		r = credentials_keep(names->kept, &names->kept_count, ELEMENTS(names->kept), names->wake);
	return r < 0 ? r : credentials_keep_descriptors(names->kept, names->kept_count);
}

void *resolver_main(void *argument)
{
	struct names *names = argument;
	AUTO_FREE struct resolver *resolver = calloc(1, sizeof(*resolver));
	int r = resolver ? prepare(names) : -ENOMEM;

	for (size_t i = 0; resolver && i < CLIENTS; i++)
		resolver->clients[i].fd = -EBADF;
	if (r == 0) {
		resolver->names = names;
		r = forward_new(names, forwarded, resolver, &resolver->forward);
	}
	pthread_mutex_lock(&names->start_lock);
	names->start = r;
	pthread_cond_signal(&names->started);
	pthread_mutex_unlock(&names->start_lock);
	if (r == 0) {
		serve(resolver);
		forward_free(resolver->forward);
	}
	return NULL;
}
