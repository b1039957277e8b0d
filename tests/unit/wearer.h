/* A child that wears a filter, for tests of what its supervisor can do. */
#pragma once

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reeve/reeve.h"

struct wearer {
	pid_t pid;
	int listener;
};

/* A filter that notifies for call `nr`; `instructions` has room for 4. */
static inline struct sock_fprog wearer_program(int nr, struct sock_filter *instructions)
{
	const struct sock_filter filter[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	for (size_t i = 0; i < 4; i++)
		instructions[i] = filter[i];
	return (struct sock_fprog){.len = 4, .filter = instructions};
}

/* Starts a child that notifies for `nr` and exits with what `run` returns. 0 or -errno. */
static inline int wearer_start(struct wearer *wearer, int nr, unsigned flags, int (*run)(void *), void *arg)
{
	struct sock_filter instructions[4];
	struct sock_fprog program = wearer_program(nr, instructions);
	int sockets[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	wearer->pid = fork();
	if (wearer->pid == 0) {
		int listener = -EBADF;

		close(sockets[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (reeve_filter_install(&program, flags, &listener) < 0)
			_exit(120);
		if (reeve_fds_send(sockets[1], &listener, 1) < 0)
			_exit(121);
		close(listener);
		close(sockets[1]);
		_exit(run(arg));
	}
	close(sockets[1]);
	r = reeve_fds_receive(sockets[0], &wearer->listener, 1);
	close(sockets[0]);
	return r;
}

/* The exit status of the child, or 128 and its signal; closes the listener. */
static inline int wearer_end(struct wearer *wearer)
{
	int status = 0;

	while (waitpid(wearer->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(wearer->listener);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
