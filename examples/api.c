/* The smallest supervisor: a child asks for its process number and is told another.
 *
 *     $ ./api
 *     supervisor: getpid of task 4711
 *     child: I am 1000000
 */
#include <linux/filter.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <reeve/reeve.h>

static int child(int socket)
{
	struct sock_filter instructions[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = instructions};
	int listener;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (reeve_filter_install(&program, 0, &listener) < 0 || reeve_fds_send(socket, &listener, 1) < 0)
		return 1;
	close(listener);
	printf("child: I am %d\n", getpid());
	fflush(stdout);
	return 0;
}

int main(void)
{
	struct reeve_request request;
	int sockets[2], listener, r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return 1;
	if (fork() == 0)
		_exit(child(sockets[1]));
	close(sockets[1]);
	if (reeve_fds_receive(sockets[0], &listener, 1) < 0)
		return 1;

	while ((r = reeve_receive(listener, &request)) != REEVE_ENDED) {
		if (r == REEVE_GONE)
			continue;
		if (r < 0)
			return 1;
		printf("supervisor: getpid of task %d\n", request.tid);
		fflush(stdout);
		/* Not needed here: it is for what was read about the task meanwhile. */
		if (reeve_is_valid(listener, request.id) == REEVE_GONE)
			continue;
		if (reeve_respond_value(listener, request.id, 1000000) < 0)
			return 1;
	}
	return wait(NULL) < 0;
}
