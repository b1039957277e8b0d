/* Descriptors over sockets, and out of other processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reeve/reeve.h"

#define MANY 600

static int sockets[2];

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static int setup(void **state)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets);
}

static int teardown(void **state)
{
	close(sockets[0]);
	close(sockets[1]);
	return 0;
}

static bool is_null(int fd)
{
	struct stat here, null;

	return fstat(fd, &here) == 0 && stat("/dev/null", &null) == 0 && here.st_rdev == null.st_rdev;
}

static void send_null(size_t count)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), fds[MANY];

	for (size_t i = 0; i < count; i++)
		fds[i] = null;
	assert_int_equal(reeve_fds_send(sockets[0], fds, count), 0);
	close(null);
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static void test_counts(void **state)
{
	static const size_t counts[] = {0, 1, 2, 252, 253, 254, 506, 507, MANY};
	int before = open_descriptors();

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		int fds[MANY];

		send_null(counts[i]);
		assert_int_equal(reeve_fds_receive(sockets[1], fds, counts[i]), 0);
		for (size_t j = 0; j < counts[i]; j++) {
			assert_true(is_null(fds[j]));
			assert_int_equal(fcntl(fds[j], F_GETFD), FD_CLOEXEC);
		}
		close_all(fds, counts[i]);
	}
	assert_int_equal(open_descriptors(), before);
}

static void test_other_socket_types(void **state)
{
	static const int types[] = {SOCK_SEQPACKET, SOCK_DGRAM};

	for (size_t i = 0; i < 2; i++) {
		int pair[2], fds[300], sent[300];

		assert_int_equal(socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, pair), 0);
		for (size_t j = 0; j < 300; j++)
			sent[j] = pair[0];
		assert_int_equal(reeve_fds_send(pair[0], sent, 300), 0);
		assert_int_equal(reeve_fds_receive(pair[1], fds, 300), 0);
		close_all(fds, 300);
		close_all(pair, 2);
	}
}

static void test_wrong_counts(void **state)
{
	int before = open_descriptors(), fds[MANY];

	send_null(3);
	assert_int_equal(reeve_fds_receive(sockets[1], fds, 2), -EMSGSIZE);
	send_null(253);
	assert_int_equal(reeve_fds_receive(sockets[1], fds, 1), -EMSGSIZE);
	send_null(2);
	assert_int_equal(reeve_fds_receive(sockets[1], fds, 3), -EBADMSG);
	/* The first message is as it should be, the second is not. */
	send_null(253 + 2);
	assert_int_equal(reeve_fds_receive(sockets[1], fds, 253 + 3), -EBADMSG);
	assert_int_equal(write(sockets[0], "x", 1), 1);
	assert_int_equal(reeve_fds_receive(sockets[1], fds, 1), -EBADMSG);
	assert_int_equal(open_descriptors(), before);
}

/* What the options of a socket add to each message takes no room from the descriptors, and does not stay
 * open. */
static void test_socket_options(void **state)
{
	const int pass_pidfd = 76, on = 1;
	int before = open_descriptors(), fds[253];

	assert_int_equal(setsockopt(sockets[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	if (setsockopt(sockets[1], SOL_SOCKET, pass_pidfd, &on, sizeof(on)) < 0)
		print_message("no SO_PASSPIDFD here: not tried\n");
	send_null(253);
	assert_int_equal(reeve_fds_receive(sockets[1], fds, 253), 0);
	close_all(fds, 253);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(setsockopt(sockets[1], SOL_SOCKET, SO_PASSCRED, &(int){0}, sizeof(on)), 0);
	setsockopt(sockets[1], SOL_SOCKET, pass_pidfd, &(int){0}, sizeof(on));
}

/* The limit on open files cuts a message: nothing of it may stay. */
static void test_truncated(void **state)
{
	int before = open_descriptors(), fds[MANY], lowest = dup(0);
	struct rlimit limit, small;

	close(lowest);
	send_null(40);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	small = limit;
	small.rlim_cur = (rlim_t)lowest + 10;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	assert_int_equal(reeve_fds_receive(sockets[1], fds, 40), -EMSGSIZE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(open_descriptors(), before);
}

static void test_peer_gone(void **state)
{
	int fds[2] = {0, 0}, pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(reeve_fds_send(pair[0], fds, 1), 0);
	close(pair[0]);
	assert_int_equal(reeve_fds_receive(pair[1], fds, 1), 0);
	close(fds[0]);
	assert_int_equal(reeve_fds_receive(pair[1], fds, 1), -ECONNRESET);
	fds[0] = 0;
	assert_int_equal(reeve_fds_send(pair[1], fds, 2), -EPIPE);
	close(pair[1]);
	assert_int_equal(reeve_fds_send(-1, fds, 2), -EBADF);
	fds[1] = -1;
	assert_int_equal(reeve_fds_send(sockets[0], fds, 2), -EBADF);
	assert_int_equal(reeve_fds_receive(-1, fds, 2), -EBADF);
}

/* --- tasks
 * -------------------------------------------------------------------------------------------------- */

/* A child with /dev/null at 90 and a second thread. */
struct child {
	pid_t pid, thread;
};

static int thread_pipe[2], release_pipe[2];

static void *second_thread(void *arg)
{
	pid_t tid = gettid();
	char byte;

	if (write(thread_pipe[1], &tid, sizeof(tid)) != sizeof(tid) || read(release_pipe[0], &byte, 1) != 0)
		_exit(1);
	return NULL;
}

static void start(struct child *child)
{
	assert_int_equal(pipe2(thread_pipe, O_CLOEXEC), 0);
	assert_int_equal(pipe2(release_pipe, O_CLOEXEC), 0);
	child->pid = fork();
	if (child->pid == 0) {
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(release_pipe[1]);
		if (dup2(open("/dev/null", O_RDONLY), 90) != 90 ||
		        pthread_create(&thread, NULL, second_thread, NULL))
			_exit(2);
		pthread_join(thread, NULL);
		_exit(0);
	}
	close(thread_pipe[1]);
	close(release_pipe[0]);
	assert_int_equal(read(thread_pipe[0], &child->thread, sizeof(pid_t)), sizeof(pid_t));
	close(thread_pipe[0]);
}

static void end(const struct child *child)
{
	int status;

	close(release_pipe[1]);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_int_equal(status, 0);
}

static void test_task(void **state)
{
	struct child child;
	int before = open_descriptors(), pidfd, fd = -7;

	start(&child);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(reeve_task_open(i == 0 ? child.pid : child.thread, &pidfd), 0);
		assert_int_equal(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(reeve_task_fd(pidfd, 91, &fd), -EBADF);
		assert_int_equal(reeve_task_fd(pidfd, -1, &fd), -EBADF);
		assert_int_equal(fd, -7);
		assert_int_equal(reeve_task_fd(pidfd, 90, &fd), 0);
		assert_true(is_null(fd));
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
		fd = -7;
		close(pidfd);
	}
	assert_int_equal(reeve_task_open(child.pid, &pidfd), 0);
	end(&child);
	assert_int_equal(reeve_task_fd(pidfd, 90, &fd), -ESRCH);
	assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, -1), 1);
	close(pidfd);
	assert_int_equal(reeve_task_open(child.pid, &pidfd), -ESRCH);
	assert_int_equal(reeve_task_open(child.thread, &pidfd), -ESRCH);
	assert_int_equal(reeve_task_open(0, &pidfd), -EINVAL);
	assert_int_equal(reeve_task_open(-1, &pidfd), -EINVAL);
	assert_int_equal(open_descriptors(), before);
}

static void test_take(void **state)
{
	struct child child;
	int before = open_descriptors(), fd;

	start(&child);
	assert_int_equal(reeve_listener_take(child.pid, 91, &fd), -EBADF);
	assert_int_equal(reeve_listener_take(child.pid, 90, &fd), 0);
	assert_true(is_null(fd));
	close(fd);
	end(&child);
	assert_int_equal(reeve_listener_take(child.pid, 90, &fd), -ESRCH);
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_counts),
	        cmocka_unit_test(test_other_socket_types),
	        cmocka_unit_test(test_wrong_counts),
	        cmocka_unit_test(test_socket_options),
	        cmocka_unit_test(test_truncated),
	        cmocka_unit_test(test_peer_gone),
	        cmocka_unit_test(test_task),
	        cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
