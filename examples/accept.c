/* A worker that serves connections but owns no listening socket: the supervisor accepts for it.
 *
 *     $ ./accept 8080 2
 *
 * The supervisor listens on 127.0.0.1 (port 0: any) and performs the worker's accept calls on its own
 * socket; each connection is injected. The worker answers so many connections, one line each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <reeve/reeve.h>

static int worker(int socket, int count)
{
	struct sock_filter instructions[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_accept, 1, 0),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_accept4, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 5, .filter = instructions};
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	char line[200];
	int listener;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (reeve_filter_install(&program, 0, &listener) < 0 || reeve_fds_send(socket, &listener, 1) < 0)
		return 1;
	close(listener);
	for (int i = 1; i <= count; i++) {
		/* No descriptor of the worker's is needed. */
		int connection = accept(-1, (struct sockaddr *)&peer, &length);
		ssize_t got = connection < 0 ? -1 : read(connection, line, sizeof(line));

		if (got < 0 || write(connection, line, (size_t)got) != got)
			return 2;
		printf("worker: connection %d from %s: %.*s\n", i, inet_ntoa(peer.sin_addr),
		        (int)strcspn(line, "\n"), line);
		close(connection);
	}
	return 0;
}

static int listen_on(int port)
{
	struct sockaddr_in address = {
	        .sin_family = AF_INET,
	        .sin_port = htons((uint16_t)port),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 16) < 0 ||
	        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -1;
	printf("supervisor: listening on port %d\n", ntohs(address.sin_port));
	return fd;
}

/* Waits for a connection, but no longer than somebody wants it. */
static int accept_for(int listener, uint64_t id, int door, struct sockaddr_in *peer, int flags)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = door, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
		socklen_t length = sizeof(*peer);
		int fd;

		/* A signal takes the call back; its next one is what is seen of it then. */
		poll(fds, 2, -1);
		if (fds[1].revents && reeve_is_valid(listener, id) != 0)
			return -ECANCELED;
		fd = accept4(door, (struct sockaddr *)peer, &length, SOCK_CLOEXEC | flags);
		if (fd >= 0 || errno != EAGAIN)
			return fd < 0 ? -errno : fd;
	}
}

/* Writes the peer's address where the worker asked for it; 0 or -errno. */
static int give_address(int listener, const struct reeve_request *request, const struct sockaddr_in *peer)
{
	uint64_t address = request->data.args[1], length_address = request->data.args[2];
	uint32_t room, length = sizeof(*peer);

	if (!address)
		return 0;
	if (reeve_memory_read(request->tid, length_address, &room, sizeof(room)) != sizeof(room))
		return -EFAULT;
	room = room < length ? room : length;
	/* Once the call is over, the memory may be used for something else. */
	if (reeve_is_valid(listener, request->id) != 0)
		return -ECANCELED;
	if (reeve_memory_write(request->tid, address, peer, room) != (ssize_t)room ||
	        reeve_memory_write(request->tid, length_address, &length, sizeof(length)) != sizeof(length))
		return -EFAULT;
	return 0;
}

static void perform(int listener, const struct reeve_request *request, int door)
{
	int flags = request->data.nr == SYS_accept4 ? (int)request->data.args[3] : 0;
	struct sockaddr_in peer;
	int fd = accept_for(listener, request->id, door, &peer, flags & SOCK_NONBLOCK);
	int number, r = fd < 0 ? fd : give_address(listener, request, &peer);

	if (r >= 0)
		r = reeve_inject(
		        listener, request->id, fd, flags & SOCK_CLOEXEC ? REEVE_INJECT_CLOEXEC : 0, &number);
	close(fd);
	if (r < 0)
		reeve_respond_error(listener, request->id, -r);
	else if (r == 0)
		reeve_respond_value(listener, request->id, number);
}

int main(int argc, char **argv)
{
	struct reeve_request request;
	int sockets[2], listener, status, r, door = listen_on(argc > 1 ? atoi(argv[1]) : 0);

	fflush(stdout);
	if (door < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return 1;
	if (fork() == 0)
		return close(door) || worker(sockets[1], argc > 2 ? atoi(argv[2]) : 1);
	close(sockets[1]);
	if (reeve_fds_receive(sockets[0], &listener, 1) < 0)
		return 1;
	while ((r = reeve_receive(listener, &request)) == 0 || r == REEVE_GONE)
		if (r == 0)
			perform(listener, &request, door);
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
