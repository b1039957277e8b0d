/* The notification primitives, against real children. The suite runs this again with each kernel call that
 * has a fall-back made to fail: nothing here may notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "unit/wearer.h"

static struct reeve_features features;

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static int run_once(void *arg)
{
	return (int)syscall(SYS_getppid);
}

static void receive(const struct wearer *wearer, struct reeve_request *ret)
{
	assert_int_equal(reeve_receive(wearer->listener, ret), 0);
	assert_int_equal(reeve_is_valid(wearer->listener, ret->id), 0);
}

static void expect_end(struct wearer *wearer, int status)
{
	struct reeve_request request;

	assert_int_equal(reeve_receive(wearer->listener, &request), REEVE_ENDED);
	assert_int_equal(wearer_end(wearer), status);
}

/* --- answers
 * ------------------------------------------------------------------------------------------------ */

static int run_answers(void *arg)
{
	if (syscall(SYS_getppid) != 77)
		return 1;
	if (syscall(SYS_getppid) != 1L << 40)
		return 2;
	errno = 0;
	if (syscall(SYS_getppid) != -1 || errno != EDQUOT)
		return 3;
	if (syscall(SYS_getppid) != getpid() && syscall(SYS_getppid) != (long)(intptr_t)arg)
		return 4;
	return 0;
}

static void test_answers(void **state)
{
	struct wearer wearer;
	struct reeve_request request;

	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_answers, (void *)(intptr_t)getpid()), 0);
	receive(&wearer, &request);
	assert_int_equal(request.tid, wearer.pid);
	assert_int_equal(request.data.nr, SYS_getppid);
	assert_int_equal(reeve_respond_value(wearer.listener, request.id, 77), 0);
	receive(&wearer, &request);
	assert_int_equal(reeve_respond_value(wearer.listener, request.id, INT64_C(1) << 40), 0);
	receive(&wearer, &request);
	assert_int_equal(reeve_respond_error(wearer.listener, request.id, 0), -EINVAL);
	assert_int_equal(reeve_respond_error(wearer.listener, request.id, -EPERM), -EINVAL);
	assert_int_equal(reeve_respond_error(wearer.listener, request.id, 4096), -EINVAL);
	assert_int_equal(reeve_respond_error(wearer.listener, request.id, EDQUOT), 0);
	for (int i = 0; i < 2; i++) {
		receive(&wearer, &request);
		assert_int_equal(reeve_respond_continue(wearer.listener, request.id), 0);
	}
	expect_end(&wearer, 0);
}

static void test_answered_twice(void **state)
{
	struct wearer wearer;
	struct reeve_request request;
	int r;

	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_once, NULL), 0);
	receive(&wearer, &request);
	assert_int_equal(reeve_respond_value(wearer.listener, request.id + 1, 0), REEVE_GONE);
	assert_int_equal(reeve_respond_value(wearer.listener, request.id, 9), 0);
	r = reeve_respond_value(wearer.listener, request.id, 8);
	assert_true(r == REEVE_GONE || r == -EINPROGRESS);
	expect_end(&wearer, 9);
}

static void test_no_listener(void **state)
{
	struct reeve_request request;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(reeve_receive(-1, &request) == -EBADF);
	assert_true(reeve_receive(fd, &request) < 0);
	assert_true(reeve_respond_value(-1, 1, 0) == -EBADF);
	assert_true(reeve_listener_wake_synchronously(fd, true) < 0);
	close(fd);
}

/* --- injection
 * ---------------------------------------------------------------------------------------------- */

/* The call's result is a descriptor: exits with 10 plus its close-on-exec flag if its content is "hello". */
static int run_use_injected(void *arg)
{
	int fd = (int)syscall(SYS_getppid);
	char text[8] = {0};

	if (fd < 0)
		return errno;
	if (pread(fd, text, 5, 0) != 5 || strcmp(text, "hello"))
		return 2;
	return 10 + fcntl(fd, F_GETFD);
}

static int hello(void)
{
	char path[] = "/tmp/reeve-test-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	unlink(path);
	return fd >= 0 && write(fd, "hello", 5) == 5 ? fd : -1;
}

static void test_inject(void **state)
{
	for (unsigned flags = 0; flags <= REEVE_INJECT_CLOEXEC; flags++) {
		struct wearer wearer;
		struct reeve_request request;
		int fd = hello(), number = -7;

		assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_use_injected, NULL), 0);
		receive(&wearer, &request);
		assert_int_equal(reeve_inject(wearer.listener, request.id, fd, 8, &number), -EINVAL);
		assert_int_equal(reeve_inject(wearer.listener, request.id, -1, flags, &number), -EBADF);
		assert_int_equal(number, -7);
		assert_int_equal(reeve_inject(wearer.listener, request.id, fd, flags, &number), 0);
		assert_true(number >= 0);
		close(fd);
		assert_int_equal(reeve_respond_value(wearer.listener, request.id, number), 0);
		expect_end(&wearer, 10 + (flags ? FD_CLOEXEC : 0));
	}
}

static void test_inject_respond(void **state)
{
	for (unsigned flags = 0; flags <= REEVE_INJECT_CLOEXEC; flags++) {
		struct wearer wearer;
		struct reeve_request request;
		int fd = hello(), number = -7;

		assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_use_injected, NULL), 0);
		receive(&wearer, &request);
		assert_int_equal(reeve_inject_respond(wearer.listener, request.id, fd, 8, &number), -EINVAL);
		assert_int_equal(
		        reeve_inject_respond(wearer.listener, request.id, -1, flags, &number), -EBADF);
		assert_int_equal(
		        reeve_inject_respond(wearer.listener, request.id, fd, flags, flags ? NULL : &number),
		        0);
		assert_true(flags || number >= 0);
		close(fd);
		expect_end(&wearer, 10 + (flags ? FD_CLOEXEC : 0));
	}
}

static int run_use_numbers(void *arg)
{
	char text[8] = {0};

	if (syscall(SYS_getppid) != 100)
		return 1;
	if (pread(100, text, 5, 0) != 5 || strcmp(text, "hello"))
		return 2;
	if (fcntl(100, F_GETFD) != FD_CLOEXEC)
		return 3;
	if (pread(0, text, 5, 0) != 5 || strcmp(text, "hello") || fcntl(0, F_GETFD) != 0)
		return 4;
	return 0;
}

static void test_inject_at(void **state)
{
	struct wearer wearer;
	struct reeve_request request;
	int fd = hello(), path_only = open("/", O_PATH | O_CLOEXEC);
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_use_numbers, NULL), 0);
	receive(&wearer, &request);
	assert_int_equal(reeve_inject_at(wearer.listener, request.id, fd, -1, 0), -EBADF);
	assert_int_equal(reeve_inject_at(wearer.listener, request.id, fd, (int)limit.rlim_cur, 0), -EBADF);
	assert_int_equal(reeve_inject_at(wearer.listener, request.id, path_only, 100, 0), -EBADF);
	assert_int_equal(reeve_inject_at(wearer.listener, request.id, fd, 100, 4), -EINVAL);
	assert_int_equal(reeve_inject_at(wearer.listener, request.id, fd, 100, REEVE_INJECT_CLOEXEC), 0);
	assert_int_equal(reeve_inject_at(wearer.listener, request.id, fd, 0, 0), 0);
	close(fd);
	close(path_only);
	assert_int_equal(reeve_respond_value(wearer.listener, request.id, 100), 0);
	expect_end(&wearer, 0);
}

static int run_without_room(void *arg)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_NOFILE, &none);
	if (syscall(SYS_getppid) != -1 || errno != EMFILE)
		return 1;
	return 0;
}

static void test_inject_without_room(void **state)
{
	struct wearer wearer;
	struct reeve_request request;
	int number;

	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_without_room, NULL), 0);
	receive(&wearer, &request);
	assert_int_equal(reeve_inject(wearer.listener, request.id, 0, 0, &number), -EMFILE);
	/* The call still waits. */
	assert_int_equal(reeve_is_valid(wearer.listener, request.id), 0);
	assert_int_equal(reeve_respond_error(wearer.listener, request.id, EMFILE), 0);
	expect_end(&wearer, 0);
}

static void test_inject_respond_without_room(void **state)
{
	struct wearer wearer;
	struct reeve_request request;

	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_without_room, NULL), 0);
	receive(&wearer, &request);
	assert_int_equal(reeve_inject_respond(wearer.listener, request.id, 0, 0, NULL), -EMFILE);
	assert_int_equal(reeve_respond_error(wearer.listener, request.id, EMFILE), 0);
	expect_end(&wearer, 0);
}

/* --- the end of things
 * -------------------------------------------------------------------------------------- */

static void test_died_while_held(void **state)
{
	struct wearer wearer;
	struct reeve_request request;
	int number;

	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_once, NULL), 0);
	receive(&wearer, &request);
	kill(wearer.pid, SIGKILL);
	waitid(P_PID, (id_t)wearer.pid, NULL, WEXITED | WNOWAIT);
	assert_int_equal(reeve_is_valid(wearer.listener, request.id), REEVE_GONE);
	assert_int_equal(reeve_respond_value(wearer.listener, request.id, 1), REEVE_GONE);
	assert_int_equal(reeve_respond_error(wearer.listener, request.id, EPERM), REEVE_GONE);
	assert_int_equal(reeve_respond_continue(wearer.listener, request.id), REEVE_GONE);
	assert_int_equal(reeve_inject(wearer.listener, request.id, 0, 0, &number), REEVE_GONE);
	assert_int_equal(reeve_inject_at(wearer.listener, request.id, 0, 0, 0), REEVE_GONE);
	assert_int_equal(reeve_inject_respond(wearer.listener, request.id, 0, 0, &number), REEVE_GONE);
	expect_end(&wearer, 128 + SIGKILL);
}

/* Two wear the filter: one calls, the other waits until its pipe closes. */
static int run_pair(void *arg)
{
	const int *pipe_fds = arg;
	char byte;

	close(pipe_fds[1]);
	if (fork() == 0)
		_exit(read(pipe_fds[0], &byte, 1) == 0 ? 0 : 1);
	syscall(SYS_getppid);
	return 0;
}

static void test_vanished_before_receipt(void **state)
{
	struct wearer wearer;
	struct reeve_request request;
	struct pollfd poll_fd = {.events = POLLIN};
	int pipe_fds[2];

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_pair, pipe_fds), 0);
	close(pipe_fds[0]);
	poll_fd.fd = wearer.listener;
	assert_int_equal(poll(&poll_fd, 1, -1), 1);
	kill(wearer.pid, SIGKILL);
	waitid(P_PID, (id_t)wearer.pid, NULL, WEXITED | WNOWAIT);
	/* A kernel where a poll comes first waits for the end instead. */
	if (features.receive_ends)
		assert_int_equal(reeve_receive(wearer.listener, &request), REEVE_GONE);
	close(pipe_fds[1]);
	expect_end(&wearer, 128 + SIGKILL);
}

static void test_short_runs_leave_nothing(void **state)
{
	int before = open_descriptors();

	for (int i = 0; i < 1000; i++) {
		struct wearer wearer;
		struct reeve_request request;

		assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_once, NULL), 0);
		assert_int_equal(reeve_receive(wearer.listener, &request), 0);
		assert_int_equal(reeve_inject_respond(wearer.listener, request.id, 1, 0, NULL), 0);
		assert_int_equal(reeve_receive(wearer.listener, &request), REEVE_ENDED);
		assert_in_range(wearer_end(&wearer), 3, 63);
	}
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, __WALL), -1);
	assert_int_equal(errno, ECHILD);
}

/* --- signals
 * ------------------------------------------------------------------------------------------------ */

static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	signals++;
}

/* Exits with 20 plus the signals that it saw, if the call gave 5; with errno if it failed. */
static int run_with_handler(void *arg)
{
	struct sigaction action = {.sa_handler = count_signal};
	long r;

	sigaction(SIGUSR1, &action, NULL);
	r = syscall(SYS_getppid);
	if (r < 0)
		return errno;
	return r == 5 ? 20 + signals : 1;
}

static void test_signal_interrupts(void **state)
{
	struct wearer wearer;
	struct reeve_request request;

	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_with_handler, NULL), 0);
	receive(&wearer, &request);
	kill(wearer.pid, SIGUSR1);
	while (reeve_is_valid(wearer.listener, request.id) == 0)
		sched_yield();
	assert_int_equal(reeve_is_valid(wearer.listener, request.id), REEVE_GONE);
	expect_end(&wearer, EINTR);
}

static void test_wait_killable(void **state)
{
	struct wearer wearer;
	struct reeve_request request;

	if (!features.wait_killable) {
		print_message("skipped: no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\n");
		skip();
	}
	assert_int_equal(
	        wearer_start(&wearer, SYS_getppid, REEVE_FILTER_WAIT_KILLABLE, run_with_handler, NULL), 0);
	receive(&wearer, &request);
	kill(wearer.pid, SIGUSR1);
	for (int i = 0; i < 200; i++) {
		sched_yield();
		assert_int_equal(reeve_is_valid(wearer.listener, request.id), 0);
	}
	assert_int_equal(reeve_respond_value(wearer.listener, request.id, 5), 0);
	expect_end(&wearer, 21);
	/* It still can be killed. */
	assert_int_equal(
	        wearer_start(&wearer, SYS_getppid, REEVE_FILTER_WAIT_KILLABLE, run_with_handler, NULL), 0);
	receive(&wearer, &request);
	kill(wearer.pid, SIGKILL);
	expect_end(&wearer, 128 + SIGKILL);
}

static void ignore_signal(int signal)
{
}

/* The supervisor's own signals: RECV is retried with a buffer that is clean again. */
static void *pester(void *arg)
{
	const pthread_t *thread = arg;

	for (int i = 0; i < 200; i++) {
		pthread_kill(*thread, SIGUSR2);
		sched_yield();
	}
	return NULL;
}

static int run_after_pipe(void *arg)
{
	const int *pipe_fds = arg;
	char byte;

	close(pipe_fds[1]);
	if (read(pipe_fds[0], &byte, 1) != 0)
		return 1;
	return (int)syscall(SYS_getppid);
}

static void *pester_then_release(void *arg)
{
	void **args = arg;

	pester(args[0]);
	close(((int *)args[1])[1]);
	return NULL;
}

static void test_interrupted_supervisor(void **state)
{
	struct sigaction action = {.sa_handler = ignore_signal}, before;
	struct wearer wearer;
	struct reeve_request request;
	pthread_t self = pthread_self(), thread;
	int pipe_fds[2];
	void *args[] = {&self, pipe_fds};

	sigaction(SIGUSR2, &action, &before);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_after_pipe, pipe_fds), 0);
	assert_int_equal(pthread_create(&thread, NULL, pester_then_release, args), 0);
	receive(&wearer, &request);
	assert_int_equal(reeve_respond_value(wearer.listener, request.id, 42), 0);
	expect_end(&wearer, 42);
	pthread_join(thread, NULL);
	close(pipe_fds[0]);
	sigaction(SIGUSR2, &before, NULL);
}

/* --- wake-up and threads
 * ------------------------------------------------------------------------------------ */

static int run_many(void *arg)
{
	for (int i = 0; i < 1000; i++)
		if (syscall(SYS_getppid) != 5)
			return 1;
	return 0;
}

static void test_synchronous_wake(void **state)
{
	struct wearer wearer;
	struct reeve_request request;
	int r;

	if (!features.synchronous_wake) {
		print_message("skipped: no SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP\n");
		skip();
	}
	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_many, NULL), 0);
	assert_int_equal(reeve_listener_wake_synchronously(wearer.listener, false), 0);
	assert_int_equal(reeve_listener_wake_synchronously(wearer.listener, true), 0);
	while ((r = reeve_receive(wearer.listener, &request)) == 0)
		assert_int_equal(reeve_respond_value(wearer.listener, request.id, 5), 0);
	assert_int_equal(r, REEVE_ENDED);
	assert_int_equal(wearer_end(&wearer), 0);
}

static void *run_many_thread(void *arg)
{
	return (void *)(intptr_t)run_many(arg);
}

static int run_many_threads(void *arg)
{
	pthread_t threads[4];
	int result = 0;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, run_many_thread, NULL))
			return 2;
	for (int i = 0; i < 4; i++) {
		void *r;

		pthread_join(threads[i], &r);
		result |= (int)(intptr_t)r;
	}
	return result;
}

static atomic_int answered;

static void *serve(void *arg)
{
	int listener = *(int *)arg;
	struct reeve_request request;
	int r;

	while ((r = reeve_receive(listener, &request)) == 0 || r == REEVE_GONE)
		if (r == 0 && reeve_respond_value(listener, request.id, 5) == 0)
			atomic_fetch_add(&answered, 1);
	return (void *)(intptr_t)r;
}

static void test_many_threads(void **state)
{
	struct wearer wearer;
	pthread_t threads[4];

	/* Before 6.11 one thread receives: see reeve_receive. */
	int count = features.receive_ends ? 4 : 1;

	answered = 0;
	assert_int_equal(wearer_start(&wearer, SYS_getppid, 0, run_many_threads, NULL), 0);
	for (int i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, serve, &wearer.listener), 0);
	for (int i = 0; i < count; i++) {
		void *r;

		pthread_join(threads[i], &r);
		assert_int_equal((intptr_t)r, REEVE_ENDED);
	}
	assert_int_equal(answered, 4000);
	assert_int_equal(wearer_end(&wearer), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_answers),
	        cmocka_unit_test(test_answered_twice),
	        cmocka_unit_test(test_no_listener),
	        cmocka_unit_test(test_inject),
	        cmocka_unit_test(test_inject_respond),
	        cmocka_unit_test(test_inject_at),
	        cmocka_unit_test(test_inject_without_room),
	        cmocka_unit_test(test_inject_respond_without_room),
	        cmocka_unit_test(test_died_while_held),
	        cmocka_unit_test(test_vanished_before_receipt),
	        cmocka_unit_test(test_short_runs_leave_nothing),
	        cmocka_unit_test(test_signal_interrupts),
	        cmocka_unit_test(test_wait_killable),
	        cmocka_unit_test(test_interrupted_supervisor),
	        cmocka_unit_test(test_synchronous_wake),
	        cmocka_unit_test(test_many_threads),
	};

	if (reeve_probe(&features) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
