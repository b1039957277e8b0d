/* Standard output and standard error of a running command, moved to log files, and to new ones when they are
 * full, while it runs and without its help.
 *
 *     $ ./logs 1000000 build make all
 *
 * writes build.out.0 and build.err.0, then build.out.1 and build.err.1, and so on: a new pair when one of the
 * two has reached the given number of bytes. Each write to 1 or 2 is held for a moment, and continues after
 * the descriptors behind these numbers have been replaced. Each process has descriptors of its own, so what a
 * number refers to is looked at each time: only our own output and its logs are replaced, not a pipe that a
 * shell has put there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <reeve/reeve.h>

#define MAX_LOGS 10000

static const char *const names[] = {"", "out", "err"};
static struct stat ours[3][MAX_LOGS + 1]; /* by number; 0 is what the command was started with */
static int logs[3] = {-1, -1, -1};
static int log_count;

static int child(int socket, char **command)
{
	struct sock_filter instructions[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_writev, 0, 4),
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STDOUT_FILENO, 1, 0),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STDERR_FILENO, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 8, .filter = instructions};
	int listener;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (reeve_filter_install(&program, REEVE_FILTER_WAIT_KILLABLE, &listener) < 0 ||
	        reeve_fds_send(socket, &listener, 1) < 0)
		return 125;
	execvp(command[0], command);
	return 127;
}

/* Opens the next pair of logs. */
static int rotate(const char *prefix)
{
	if (log_count == MAX_LOGS)
		return -ENOSPC;
	for (int number = 1; number <= 2; number++) {
		char path[4096];
		int fd;

		snprintf(path, sizeof(path), "%s.%s.%d", prefix, names[number], log_count);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
		if (fd < 0 || fstat(fd, &ours[number][log_count + 1]) < 0)
			return -errno;
		if (logs[number] >= 0)
			close(logs[number]);
		logs[number] = fd;
	}
	log_count++;
	return 0;
}

static bool is_full(off_t limit)
{
	struct stat out, err;

	return fstat(logs[1], &out) == 0 && fstat(logs[2], &err) == 0 &&
	       (out.st_size >= limit || err.st_size >= limit);
}

/* Whether `number` of the task refers to what it was started with, or to an older log. */
static bool is_old(pid_t tid, int number)
{
	char path[64];
	struct stat now;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", tid, number);
	if (stat(path, &now) < 0)
		return false;
	for (int i = 0; i < log_count; i++)
		if (ours[number][i].st_dev == now.st_dev && ours[number][i].st_ino == now.st_ino)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct reeve_request request;
	int sockets[2], listener, status, r;
	pid_t pid;

	if (argc < 4 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return 125;
	fstat(STDOUT_FILENO, &ours[1][0]);
	fstat(STDERR_FILENO, &ours[2][0]);
	pid = fork();
	if (pid == 0)
		_exit(child(sockets[1], argv + 3));
	close(sockets[1]);
	if (reeve_fds_receive(sockets[0], &listener, 1) < 0 || rotate(argv[2]) < 0)
		return 125;
	while ((r = reeve_receive(listener, &request)) == 0 || r == REEVE_GONE) {
		if (r == REEVE_GONE)
			continue;
		/* No room for a new log is no reason to lose what is written: the old one goes on. */
		if (is_full(atoll(argv[1])))
			rotate(argv[2]);
		for (int number = 1; number <= 2; number++)
			if (is_old(request.tid, number))
				reeve_inject_at(listener, request.id, logs[number], number, 0);
		/* Which descriptors it names is all that was asked, and what they refer to is of our making.
		 */
		reeve_respond_continue(listener, request.id);
	}
	waitpid(pid, &status, 0);
	printf("logs: %d pairs\n", log_count);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
