/* An island: a network namespace that is connected to nothing, in which every address is local and only our own
 * sockets listen. A socket that lives there can reach us under whatever address it names, and nobody else.
 *
 * A thread of a program with threads cannot enter such a namespace without rights that an ordinary user lacks. So
 * a small process lives there, makes sockets when it is asked for them, and ends when all copies of the channel to
 * it are closed. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum island_listener {
	ISLAND_UDP4,
	ISLAND_UDP6,
	ISLAND_TCP4,
	ISLAND_TCP6,
	ISLAND_LISTENERS,
};

struct island {
	int channel; /* SOCK_SEQPACKET, to the process on the island */
	/* Bound to the port on every address, without blocking; those of UDP tell what address they were asked
	 * under. The IPv6 ones take no IPv4, and are -EBADF where the machine has no IPv6. */
	int listeners[ISLAND_LISTENERS];
	uint64_t cookie; /* SO_NETNS_COOKIE of what lives there */
	pid_t process;   /* a child of the calling thread, without an exit signal */
};

/* Makes one. 0; -EPERM, -ENOSPC, -EINVAL when the machine gives out no such namespaces; other -errno. */
int island_make(uint16_t port, struct island *ret);

/* Closes what is open of it here, and ends its process. */
void island_done(struct island *island);

/* What kind of socket is asked for; with a length, it is connected there at once. */
struct island_socket {
	int domain, type, protocol; /* type: SOCK_STREAM or SOCK_DGRAM, with SOCK_NONBLOCK */
	uint32_t length;
	struct sockaddr_storage address;
};

/* A socket on the island, close-on-exec, or -errno. For any thread that has the channel open; callers take
 * turns. */
int island_socket(int channel, const struct island_socket *wish);

/* Tells the network that a socket lives on: SO_NETNS_COOKIE. */
int island_cookie_of(int fd, uint64_t *ret);

/* ---- for others who keep a process that makes sockets where it lives ---- */

/* In it: makes what the channel asks for, until nobody can ask any more. `finish`, or NULL, has a hand in each socket:
 * 0, or -errno, and there is none. */
void island_serve(int channel, int (*finish)(int fd));

/* Asks for a socket, as island_socket. 0; the error that making it gave, positive; -errno: nobody can be asked there
 * any more. */
int island_ask(int channel, const struct island_socket *wish, int *ret);
