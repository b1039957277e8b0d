/* A small process between a program that is not ours and the command that it starts. What of the command's tree loses
 * its parent becomes the keeper's, which waits for it: so the tree is what is below the keeper and nothing else, however
 * many other children the program has, and its end is the keeper's. It has the program's memory as it was, and no
 * descriptor of it. It ends with the thread that made it, and the command with it. */
#pragma once

#include <errno.h>
#include <sys/types.h>

struct keeper {
	pid_t pid;   /* a child of the calling process, without an end signal; -1: none */
	int process; /* its pidfd */
	int channel; /* SOCK_SEQPACKET, to it */
};

#define KEEPER_NONE {.pid = -1, .process = -EBADF, .channel = -EBADF}

/* Makes it, and the command's process as its child, in which `run` is called with the keeper's number: it never
 * returns, and only makes system calls. 0, or -errno with nothing left. */
int keeper_start(void (*run)(void *user, pid_t keeper), void *user, struct keeper *ret, pid_t *ret_pid, int *ret_child);

/* Waits for the command's end: 0, or -ESHUTDOWN: the keeper was killed. */
int keeper_wait_for_command(const struct keeper *keeper, int *ret_status);

/* Waits until all of the tree have ended. */
void keeper_wait_for_all(const struct keeper *keeper);

/* The same, and frees. */
void keeper_finish(struct keeper *keeper);
