/* The smallest supervisors that can be written: what a notification costs at the least, to compare with. They
 *run a command whose getppid or openat calls notify, and answer each call with as little work as its kind
 *allows.
 *
 *	loops [-n THREADS] [-a] KIND COMMAND [ARGUMENT...]
 *
 * KIND	continue	getppid is answered with "continue"
 *	fast		openat is performed the fast way: one openat2 that refuses every link both resolves
 *the path and proves that it is the path of the object; a path with a link falls back to the slow way slow
 *openat is performed the slow way: O_PATH, readlink to learn the object's path, reopen -n	as many
 *threads receive and answer -a	the answer is ADDFD with SEND, one call; without it ADDFD, close, SEND, so
 *that no second copy of the descriptor exists when the target goes on
 *
 * No policy is looked up and nothing is recorded. What is left is safe all the same: each path is read once,
 *and the object that was looked at is the one that is handed over. A relative path and a call other than a
 *plain open are refused. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>

#include "base/cleanup.h"
#include "kernel/uapi.h"

#define MOST_THREADS 64

enum kind {
	KIND_CONTINUE,
	KIND_FAST,
	KIND_SLOW,
};

struct supervisor {
	enum kind kind;
	bool answers_at_once; /* ADDFD with SEND */
	int listener;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "loops: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* The smallest filter loads the number and compares once: it knows one architecture, the one it runs on. */
static int wear_filter(int number)
{
	struct sock_filter code[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ELEMENTS(code), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;

	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);

	return fd < 0 ? -errno : (int)fd;
}

union fd_message {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_fd(int socket, int fd)
{
	char byte = 0;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	union fd_message control = {.header = {
	                                    .cmsg_level = SOL_SOCKET,
	                                    .cmsg_type = SCM_RIGHTS,
	                                    .cmsg_len = CMSG_LEN(sizeof(int)),
	                            }};
	struct msghdr message = {.msg_iov = &data,
	        .msg_iovlen = 1,
	        .msg_control = &control,
	        .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) < 0 ? -errno : 0;
}

static int receive_fd(int socket)
{
	char byte;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	union fd_message control = {0};
	struct msghdr message = {.msg_iov = &data,
	        .msg_iovlen = 1,
	        .msg_control = &control,
	        .msg_controllen = sizeof(control)};
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) <= 0 || !CMSG_FIRSTHDR(&message))
		return -EPIPE;
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static ssize_t read_path(pid_t tid, uint64_t address, char *ret_path, size_t size)
{
	struct iovec local = {.iov_base = ret_path, .iov_len = size};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
	ssize_t got = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	/* A path may end close to a page that is not there: ask up to the end of its page only. */
	if (got < 0 && errno == EFAULT) {
		remote.iov_len = 4096 - (address & 4095);
		got = process_vm_readv(tid, &local, 1, &remote, 1, 0);
	}
	if (got <= 0)
		return -EFAULT;
	return memchr(ret_path, 0, (size_t)got) ? got : -ENAMETOOLONG;
}

static int open_slow_way(const char *path, int flags)
{
	char link[32], object[4096];
	AUTO_CLOSE int found = open(path, O_PATH | O_CLOEXEC | (flags & O_DIRECTORY));

	if (found < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);

	/* A verdict would look at the object's path here. */
	ssize_t length = readlink(link, object, sizeof(object) - 1);

	if (length < 0)
		return -errno;

	int fd = open(link, flags | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

static int open_fast_way(const char *path, int flags)
{
	struct open_how how = {
	        .flags = (uint64_t)flags | O_CLOEXEC | O_NOCTTY,
	        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd >= 0)
		return (int)fd;
	return errno == ELOOP ? open_slow_way(path, flags) : -errno;
}

static int perform_open(const struct supervisor *supervisor, const struct seccomp_notif *request)
{
	char path[256];
	int flags = (int)request->data.args[2];
	ssize_t r = read_path((pid_t)request->pid, request->data.args[1], path, sizeof(path));

	if (r < 0)
		return (int)r;
	if (ioctl(supervisor->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &request->id) < 0)
		return -errno;
	if (path[0] != '/' || (flags & ~(O_CLOEXEC | O_DIRECTORY | O_NONBLOCK | O_LARGEFILE)))
		return -EACCES;
	flags &= ~O_CLOEXEC;
	return supervisor->kind == KIND_FAST ? open_fast_way(path, flags) : open_slow_way(path, flags);
}

static void respond(int listener, struct seccomp_notif_resp response)
{
	/* ENOENT: the target is gone, and with it whoever waited for this answer. */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 && errno != ENOENT)
		fail("SEND");
}

static void answer_open(const struct supervisor *supervisor, const struct seccomp_notif *request)
{
	AUTO_CLOSE int fd = perform_open(supervisor, request);
	struct seccomp_notif_addfd add = {
	        .id = request->id,
	        .flags = supervisor->answers_at_once ? SECCOMP_ADDFD_FLAG_SEND : 0,
	        .srcfd = (uint32_t)fd,
	        .newfd_flags = (uint32_t)request->data.args[2] & O_CLOEXEC,
	};

	if (fd < 0) {
		respond(supervisor->listener, (struct seccomp_notif_resp){.id = request->id, .error = fd});
		return;
	}

	int number = ioctl(supervisor->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	int error = number < 0 ? -errno : 0;

	if (number >= 0 && supervisor->answers_at_once)
		return;
	close(TAKE_FD(fd));
	respond(supervisor->listener,
	        (struct seccomp_notif_resp){.id = request->id, .val = error ? 0 : number, .error = error});
}

static void *serve(void *data)
{
	const struct supervisor *supervisor = data;

	for (;;) {
		struct seccomp_notif request;

		memset(&request, 0, sizeof(request));
		if (ioctl(supervisor->listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			return NULL;
		}
		if (supervisor->kind == KIND_CONTINUE)
			respond(supervisor->listener, (struct seccomp_notif_resp){.id = request.id,
			                                      .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE});
		else
			answer_open(supervisor, &request);
	}
}

static _Noreturn void run_target(int socket, enum kind kind, char **argv)
{
	int listener = wear_filter(kind == KIND_CONTINUE ? SYS_getppid : SYS_openat);

	if (listener < 0) {
		errno = -listener;
		fail("filter");
	}
	if (send_fd(socket, listener) < 0)
		_exit(125);
	close(listener);
	close(socket);
	execvp(argv[0], argv);
	_exit(127);
}

static int parse(int argc, char **argv, struct supervisor *ret_supervisor, int *ret_threads)
{
	static const char *const kinds[] = {"continue", "fast", "slow"};
	int option;

	*ret_threads = 1;
	while ((option = getopt(argc, argv, "+n:a")) != -1) {
		if (option == 'n')
			*ret_threads = (int)strtol(optarg, NULL, 10);
		else if (option == 'a')
			ret_supervisor->answers_at_once = true;
		else
			return -EINVAL;
	}
	if (argc - optind < 2 || *ret_threads < 1 || *ret_threads > MOST_THREADS)
		return -EINVAL;
	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		if (strcmp(argv[optind], kinds[i]) == 0) {
			ret_supervisor->kind = (enum kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

int main(int argc, char **argv)
{
	struct supervisor supervisor = {.listener = -EBADF};
	int threads, sockets[2], status = 0;
	uint64_t flags = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;

	if (parse(argc, argv, &supervisor, &threads) < 0) {
		fprintf(stderr, "usage: loops [-n THREADS] [-a] continue|fast|slow COMMAND [ARGUMENT...]\n");
		return 125;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		fail("socketpair");

	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child == 0)
		run_target(sockets[1], supervisor.kind, argv + optind + 1);
	close(sockets[1]);
	supervisor.listener = receive_fd(sockets[0]);
	if (supervisor.listener < 0)
		fail("listener");
	/* Kernels before 6.6 do not have it: then the loop is what it is there. */
	(void)ioctl(supervisor.listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, flags);
	for (int i = 0; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, serve, &supervisor) != 0)
			fail("thread");
		pthread_detach(thread);
	}
	/* The threads end with the process: before 6.11 a RECV does not end when its last target does. */
	if (waitpid(child, &status, 0) < 0)
		fail("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
