#include "reeve/reeve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/fault.h"
#include "kernel/uapi.h"

/* The leader of the task's thread group, from its status file; -ESRCH when there is no such task. */
static int leader_of(pid_t tid)
{
	AUTO_CLOSE int fd = -EBADF;
	char path[64], text[512], *line;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = FAULTABLE("open_status", open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	length = read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	line = strstr(text, "\nTgid:");
	return line ? atoi(line + strlen("\nTgid:")) : -ESRCH;
}

int reeve_task_open(pid_t tid, int *ret_pidfd)
{
	long r;

	if (tid <= 0)
		return -EINVAL;
	r = FAULTABLE("pidfd_open_thread", syscall(SYS_pidfd_open, tid, PIDFD_THREAD));
	/* Before 6.9, and in filters that look at the flag. The number of a thread was refused then. */
	if (r < 0 && (errno == EINVAL || errno == EPERM)) {
		int leader = leader_of(tid);

		if (leader < 0)
			return leader;
		r = FAULTABLE("pidfd_open", syscall(SYS_pidfd_open, leader, 0));
	}
	if (r < 0)
		return -errno;
	*ret_pidfd = (int)r;
	return 0;
}

int reeve_task_fd(int pidfd, int number, int *ret_fd)
{
	long r = FAULTABLE("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, number, 0));

	if (r < 0)
		return -errno;
	*ret_fd = (int)r;
	return 0;
}

int reeve_listener_take(pid_t pid, int number, int *ret_listener)
{
	AUTO_CLOSE int pidfd = -EBADF;

	pidfd = (int)FAULTABLE("pidfd_open", syscall(SYS_pidfd_open, pid, 0));
	if (pidfd < 0)
		return -errno;
	return reeve_task_fd(pidfd, number, ret_listener);
}
