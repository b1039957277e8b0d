/* Each kernel call made to fail: the errno reaches the caller as it is, outputs keep their values, nothing
 * stays open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "unit/wearer.h"

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* The value of `expression` while the calls of `faults` fail. */
#define UNDER(faults, expression)                                                                            \
	__extension__({                                                                                      \
		__typeof__(expression) result_;                                                              \
		setenv("REEVE_FAULT", (faults), 1);                                                          \
		result_ = (expression);                                                                      \
		unsetenv("REEVE_FAULT");                                                                     \
		result_;                                                                                     \
	})

static int run_twice(void *arg)
{
	return syscall(SYS_getppid) == 5 && syscall(SYS_getppid) == 6 ? 0 : 1;
}

/* Not at first use: the sizes are asked for once. */
static void test_first_use(void **state)
{
	struct reeve_request request = {.id = 7};

	assert_int_equal(UNDER("notif_sizes:ENOSYS", reeve_receive(0, &request)), -ENOSYS);
	assert_int_equal(UNDER("notif_sizes:EINVAL", reeve_respond_value(0, 1, 2)), -EINVAL);
	assert_int_equal(request.id, 7);
}

static void test_listener(void **state)
{
	struct reeve_request request = {.id = 7};
	struct wearer wearer;
	int number = -7, before = open_descriptors();

	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_twice, NULL), 0);
	assert_int_equal(UNDER("recv:ENOMEM", reeve_receive(wearer.listener, &request)), -ENOMEM);
	/* A request that vanished, while others may come. */
	assert_int_equal(UNDER("recv:ENOENT", reeve_receive(wearer.listener, &request)), REEVE_GONE);
	assert_int_equal(
	        UNDER("recv:ENOENT,poll:ENOMEM", reeve_receive(wearer.listener, &request)), REEVE_GONE);
	assert_int_equal(request.id, 7);
	assert_int_equal(reeve_receive(wearer.listener, &request), 0);

	assert_int_equal(UNDER("id_valid:ENOENT", reeve_is_valid(wearer.listener, request.id)), REEVE_GONE);
	assert_int_equal(UNDER("id_valid:EBADF", reeve_is_valid(wearer.listener, request.id)), -EBADF);
	assert_int_equal(
	        UNDER("send:ENOENT", reeve_respond_value(wearer.listener, request.id, 5)), REEVE_GONE);
	assert_int_equal(UNDER("send:EIO", reeve_respond_error(wearer.listener, request.id, EPERM)), -EIO);
	assert_int_equal(UNDER("send:EINVAL", reeve_respond_continue(wearer.listener, request.id)), -EINVAL);
	assert_int_equal(
	        UNDER("addfd:EMFILE", reeve_inject(wearer.listener, request.id, 0, 0, &number)), -EMFILE);
	assert_int_equal(
	        UNDER("addfd:ENOENT", reeve_inject(wearer.listener, request.id, 0, 0, &number)), REEVE_GONE);
	assert_int_equal(UNDER("addfd:EBUSY", reeve_inject_at(wearer.listener, request.id, 0, 9, 0)), -EBUSY);
	assert_int_equal(
	        UNDER("addfd_send:EMFILE", reeve_inject_respond(wearer.listener, request.id, 0, 0, &number)),
	        -EMFILE);
	assert_int_equal(
	        UNDER("addfd_send:ENOENT", reeve_inject_respond(wearer.listener, request.id, 0, 0, &number)),
	        REEVE_GONE);
	/* The fall-back's own failures. */
	assert_int_equal(UNDER("addfd_send:EINVAL,addfd:EMFILE",
	                         reeve_inject_respond(wearer.listener, request.id, 0, 0, &number)),
	        -EMFILE);
	assert_int_equal(UNDER("addfd_send:EINVAL,addfd:EINVAL",
	                         reeve_inject_respond(wearer.listener, request.id, 0, 0, &number)),
	        -EINVAL);
	assert_int_equal(UNDER("addfd_send:EINVAL,send:ENOENT",
	                         reeve_inject_respond(wearer.listener, request.id, 0, 0, &number)),
	        REEVE_GONE);
	assert_int_equal(number, -7);
	assert_int_equal(
	        UNDER("set_flags:EINVAL", reeve_listener_wake_synchronously(wearer.listener, true)), -EINVAL);

	assert_int_equal(reeve_respond_value(wearer.listener, request.id, 5), 0);
	assert_int_equal(reeve_receive(wearer.listener, &request), 0);
	assert_int_equal(reeve_respond_value(wearer.listener, request.id, 6), 0);
	assert_int_equal(reeve_receive(wearer.listener, &request), REEVE_ENDED);
	assert_int_equal(wearer_end(&wearer), 0);
	assert_int_equal(open_descriptors(), before);
}

static void test_the_rest(void **state)
{
	int sockets[2], fd = -7, fds[2] = {0, 0}, before = open_descriptors();
	struct sock_filter instructions[4];
	struct sock_fprog program = wearer_program(SYS_getppid, instructions);
	char byte = 'x';

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(UNDER("sendmsg:EAGAIN", reeve_fds_send(sockets[0], fds, 2)), -EAGAIN);
	assert_int_equal(UNDER("recvmsg:ENOMEM", reeve_fds_receive(sockets[1], fds, 2)), -ENOMEM);
	close(sockets[0]);
	close(sockets[1]);
	assert_int_equal(UNDER("filter_install:EBUSY", reeve_filter_install(&program, 0, &fd)), -EBUSY);
	assert_int_equal(UNDER("pidfd_open_thread:EMFILE", reeve_task_open(getpid(), &fd)), -EMFILE);
	assert_int_equal(
	        UNDER("pidfd_open_thread:EINVAL,pidfd_open:ENOSYS", reeve_task_open(getpid(), &fd)), -ENOSYS);
	assert_int_equal(
	        UNDER("pidfd_open_thread:EINVAL,open_status:ENOENT", reeve_task_open(getpid(), &fd)), -ESRCH);
	assert_int_equal(UNDER("pidfd_open:ENOSYS", reeve_listener_take(getpid(), 0, &fd)), -ENOSYS);
	assert_int_equal(UNDER("pidfd_getfd:EPERM", reeve_listener_take(getpid(), 0, &fd)), -EPERM);
	assert_int_equal(fd, -7);
	assert_int_equal(
	        UNDER("process_vm_readv:EFAULT", reeve_memory_read(getpid(), (uintptr_t)&byte, &byte, 1)),
	        -EFAULT);
	/* Neither way works: without /proc the first answer is the honest one. */
	assert_int_equal(UNDER("process_vm_readv:ENOSYS,open_mem:EACCES",
	                         reeve_memory_read(getpid(), (uintptr_t)&byte, &byte, 1)),
	        -EPERM);
	assert_int_equal(UNDER("process_vm_readv:ENOSYS,open_mem:ENOENT",
	                         reeve_memory_read(getpid(), (uintptr_t)&byte, &byte, 1)),
	        -ENOSYS);
	assert_int_equal(UNDER("process_vm_writev:EPERM,open_mem:EMFILE",
	                         reeve_memory_write(getpid(), (uintptr_t)&byte, "y", 1)),
	        -EMFILE);
	assert_int_equal(byte, 'x');
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_first_use),
	        cmocka_unit_test(test_listener),
	        cmocka_unit_test(test_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
