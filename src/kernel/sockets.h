/* Calls on our own copy of a task's socket. Thin: -errno. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct sockets_kind {
	int domain, type, protocol; /* SO_DOMAIN, SO_TYPE, SO_PROTOCOL */
};

/* Descriptor `number` of a task as one of ours: it shares the open file, whatever that is. -EBADF, -EPERM when the
 * task may not be looked at, -ESRCH. */
int sockets_fetch(pid_t tid, int number);

/* -ENOTSOCK; -EBADF for a descriptor that only names a file (O_PATH). */
int sockets_kind(int fd, struct sockets_kind *ret);

bool sockets_is_nonblocking(int fd);

/* How long a call may block on it (SO_SNDTIMEO), in microseconds; 0: without end. */
int sockets_send_timeout(int fd, uint64_t *ret);
int sockets_set_send_timeout(int fd, uint64_t microseconds);

/* The same for all copies of a socket, and of no other one. 0 where it cannot be told. */
uint64_t sockets_number(int fd);

/* What a program may have set before a connection, from one socket to another of its kind. Best effort. */
void sockets_copy_options(int from, int to);

/* Gives a socket the name that its first send would give it. */
void sockets_bind_anywhere(int fd, int domain);

int sockets_connect(int fd, const void *address, socklen_t length);
int sockets_bind(int fd, const void *address, socklen_t length);
int sockets_listen(int fd, int backlog);
ssize_t sockets_send(int fd, const struct msghdr *message, int flags);

/* As sockets_bind, from the folder `cwd`, in a short-lived process that can make sockets nowhere but in what the
 * folder `parent` holds. `helper` is that process while there is one (see kernel/blocking.h). */
int sockets_bind_within(
        int fd, const void *address, socklen_t length, int cwd, int parent, _Atomic pid_t *helper);

/* As the kernel does for a thread that writes where nobody reads any more. */
void sockets_signal_pipe(pid_t tgid, pid_t tid);
