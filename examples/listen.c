/* Tells where a command listens, and keeps it from some ports.
 *
 *     $ ./listen 'python3 -m http.server 8000' 80 443
 *
 * The command is one for the shell. What a descriptor refers to may change a moment after the look at it
 * (another thread's dup2): so listen() is performed on the very copy that was looked at. A UNIX socket's
 * peers then see the supervisor as the one that listens (SO_PEERCRED).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <reeve/reeve.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

/* Other architectures and x32 are killed, io_uring could listen unseen. */
static struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 0, 7),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_listen, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 2, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static int child(int socket, char *command)
{
	struct sock_fprog program = {
	        .len = sizeof(instructions) / sizeof(instructions[0]), .filter = instructions};
	int listener;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (reeve_filter_install(&program, REEVE_FILTER_WAIT_KILLABLE, &listener) < 0 ||
	        reeve_fds_send(socket, &listener, 1) < 0)
		return 125;
	execl("/bin/sh", "sh", "-c", command, NULL);
	return 127;
}

/* The port of a socket, 0 for one without, -errno; ret_text is its address as people write it. */
static int where(int fd, char *ret_text, size_t size)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un un;
	} address = {0};
	socklen_t length = sizeof(address);
	char host[INET6_ADDRSTRLEN];

	if (getsockname(fd, &address.any, &length) < 0)
		return -errno;
	if (address.any.sa_family == AF_INET || address.any.sa_family == AF_INET6) {
		bool v6 = address.any.sa_family == AF_INET6;
		int port = ntohs(v6 ? address.v6.sin6_port : address.v4.sin_port);

		inet_ntop(address.any.sa_family,
		        v6 ? (void *)&address.v6.sin6_addr : (void *)&address.v4.sin_addr, host,
		        sizeof(host));
		snprintf(ret_text, size, v6 ? "[%s] port %d" : "%s port %d", host, port);
		return port;
	}
	if (!address.un.sun_path[0] && length > sizeof(sa_family_t))
		address.un.sun_path[0] = '@';
	snprintf(ret_text, size, "unix %.*s", (int)(length - sizeof(sa_family_t)), address.un.sun_path);
	return 0;
}

static bool is_refused(int port, char **ports)
{
	while (*ports && (port <= 0 || atoi(*ports) != port))
		ports++;
	return *ports;
}

/* The errno that the caller gets, or 0. */
static int perform(int listener, const struct reeve_request *request, char **refused)
{
	int pidfd = -1, fd = -1, error = 0, r;
	char text[200];

	r = reeve_task_open(request->tid, &pidfd);
	if (r == 0)
		r = reeve_task_fd(pidfd, (int)request->data.args[0], &fd);
	if (r == 0)
		r = where(fd, text, sizeof(text));
	if (r < 0)
		error = -r;
	else if (is_refused(r, refused))
		error = EACCES;
	else if (reeve_is_valid(listener, request->id) == 0 && listen(fd, (int)request->data.args[1]) < 0)
		error = errno;
	/* An unbound socket gets its port from listen itself; and another thread may have bound it meanwhile.
	 */
	if (r >= 0 && !error && is_refused(where(fd, text, sizeof(text)), refused)) {
		shutdown(fd, SHUT_RDWR);
		error = EACCES;
	}
	fprintf(stderr, "listen: %s: %s\n", r < 0 ? "?" : text, error ? strerror(error) : "allowed");
	close(fd);
	close(pidfd);
	return error;
}

int main(int argc, char **argv)
{
	struct reeve_request request;
	int sockets[2], listener, status, r;
	pid_t pid;

	if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return 125;
	if ((pid = fork()) == 0)
		_exit(child(sockets[1], argv[1]));
	close(sockets[1]);
	if (reeve_fds_receive(sockets[0], &listener, 1) < 0)
		return 125;
	while ((r = reeve_receive(listener, &request)) == 0 || r == REEVE_GONE) {
		if (r == 0 && (r = perform(listener, &request, argv + 2)) > 0)
			reeve_respond_error(listener, request.id, r);
		else if (r == 0)
			reeve_respond_value(listener, request.id, 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
