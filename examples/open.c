/* The open calls of a child, performed by its parent: the child itself never opens anything.
 *
 * The second file is injected at a number that the parent chooses. A path name that cannot be read gives
 * EINVAL. A child that is killed in the middle of its call is not an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <reeve/reeve.h>

#define CHOSEN 100
#define UNLUCKY "/the/caller/of/this/is/killed"

static int install(int *ret_listener)
{
	struct sock_filter instructions[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = instructions};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return reeve_filter_install(&program, REEVE_FILTER_WAIT_KILLABLE, ret_listener);
}

static void try_open(const char *name, const char *path)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	char text[100];
	ssize_t length;

	if (fd < 0) {
		printf("child: %s: %s\n", name, strerror(errno));
		return;
	}
	length = read(fd, text, sizeof(text));
	printf("child: %s: descriptor %s: %.*s\n", name, fd == CHOSEN ? "as chosen" : "any",
	        (int)strcspn(text, "\n") < length ? (int)strcspn(text, "\n") : (int)length, text);
	close(fd);
}

static int child(int socket, const char *path)
{
	int listener, status;

	if (install(&listener) < 0 || reeve_fds_send(socket, &listener, 1) < 0)
		return 1;
	close(listener);
	close(socket);
	try_open("first", path);
	try_open("second", path);
	try_open("missing", "/does/not/exist");
	try_open("bad", (const char *)1);
	fflush(stdout);
	if (fork() == 0) {
		try_open("unlucky", UNLUCKY);
		_exit(0);
	}
	wait(&status);
	printf("child: unlucky: %s\n", WIFSIGNALED(status) ? "killed" : "not killed");
	try_open("after", path);
	fflush(stdout);
	return 0;
}

static void kill_caller(pid_t tid)
{
	struct pollfd end = {.events = POLLIN};

	if (reeve_task_open(tid, &end.fd) != 0)
		return;
	kill(tid, SIGKILL);
	poll(&end, 1, -1);
	close(end.fd);
}

/* Opens the copied path, so that nobody can change it between a look at it and the open. */
static int perform(int listener, const struct reeve_request *request, int count)
{
	char path[PATH_MAX];
	int fd, r, number = CHOSEN;

	if (reeve_memory_read_string(request->tid, request->data.args[1], path, sizeof(path)) < 0)
		return reeve_respond_error(listener, request->id, EINVAL);
	if (reeve_is_valid(listener, request->id) != 0)
		return REEVE_GONE;
	printf("supervisor: %s\n", path);
	if (!strcmp(path, UNLUCKY))
		kill_caller(request->tid);
	if (path[0] != '/' || ((int)request->data.args[2] & ~O_CLOEXEC) != O_RDONLY)
		return reeve_respond_error(listener, request->id, EACCES);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return reeve_respond_error(listener, request->id, errno);
	if (count == 2)
		r = reeve_inject_at(listener, request->id, fd, CHOSEN, REEVE_INJECT_CLOEXEC);
	else
		r = reeve_inject(listener, request->id, fd, REEVE_INJECT_CLOEXEC, &number);
	/* Before the answer: what the child does next must not meet our copy. */
	close(fd);
	if (r < 0)
		return reeve_respond_error(listener, request->id, -r);
	return r == 0 ? reeve_respond_value(listener, request->id, number) : r;
}

int main(int argc, char **argv)
{
	struct reeve_request request;
	int sockets[2], listener, status, r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return 1;
	if (fork() == 0)
		_exit(child(sockets[1], argc > 1 ? argv[1] : "/etc/passwd"));
	close(sockets[1]);
	if (reeve_fds_receive(sockets[0], &listener, 1) < 0)
		return 1;
	for (int count = 1; (r = reeve_receive(listener, &request)) != REEVE_ENDED; count++) {
		if (r == 0)
			r = perform(listener, &request, count);
		if (r == REEVE_GONE)
			printf("supervisor: the caller is gone\n");
		if (r < 0) {
			fprintf(stderr, "open: %s\n", strerror(-r));
			return 1;
		}
	}
	wait(&status);
	printf("supervisor: the child has ended\n");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
