/* Putting filters on, the probe, and the names of calls. Each case runs in a child: a filter never comes off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/probe.h"
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

/* Runs `in_child` in a child: 0, or the line that it failed in. */
static int run(int (*in_child)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(in_child());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			return __LINE__ % 255 + 1;                                                           \
	} while (0)

/* Becomes an ordinary user: 0, or -1 where there is no other user, as in a user namespace with one alone. */
static int become_ordinary(void)
{
	if (geteuid() != 0)
		return 0;
	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0) {
		print_message("no other user here: not tried\n");
		return -1;
	}
	return 0;
}

static struct sock_filter instructions[4];

static int install(unsigned flags, int *ret_listener)
{
	struct sock_fprog program = wearer_program(SYS_getppid, instructions);

	return reeve_filter_install(&program, flags, ret_listener);
}

static int without_privilege(void)
{
	int listener = -7;

	if (become_ordinary() < 0)
		return 0;
	CHECK(install(0, &listener) == -EACCES);
	CHECK(listener == -7);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(install(0, &listener) == 0);
	CHECK(fcntl(listener, F_GETFD) == FD_CLOEXEC);
	return 0;
}

static int with_bad_arguments(void)
{
	struct sock_filter falls_off = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	struct sock_fprog program = {.len = 1, .filter = &falls_off};
	int listener = -7;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(install(4, &listener) == -EINVAL);
	CHECK(install(REEVE_FILTER_WAIT_KILLABLE, NULL) == -EINVAL);
	CHECK(reeve_filter_install(&program, 0, &listener) == -EINVAL);
	CHECK(reeve_filter_install(NULL, 0, &listener) == -EFAULT);
	CHECK(listener == -7);
	return 0;
}

static int without_listener(void)
{
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(install(0, NULL) == 0);
	CHECK(syscall(SYS_getppid) == -1 && errno == ENOSYS);
	return 0;
}

static int twice(void)
{
	int listener, second = -7;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(install(0, &listener) == 0);
	CHECK(install(0, &second) == -EBUSY);
	CHECK(second == -7);
	return 0;
}

static pthread_barrier_t barrier;

static void *other_thread(void *arg)
{
	if (arg)
		install(0, NULL);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return (void *)(intptr_t)syscall(SYS_getppid);
}

/* The other thread wears the filter as well, so its call is answered with ENOSYS once the listener is closed.
 */
static int all_threads(void)
{
	int listener = -7;
	pthread_t thread;
	void *result;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
	CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0);
	pthread_barrier_wait(&barrier);
	CHECK(install(REEVE_FILTER_ALL_THREADS, &listener) == 0);
	close(listener);
	pthread_barrier_wait(&barrier);
	CHECK(pthread_join(thread, &result) == 0 && (intptr_t)result == -1);
	return 0;
}

/* A thread with a filter of its own cannot follow. */
static int not_all_threads(void)
{
	int listener = -7;
	pthread_t thread;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
	CHECK(pthread_create(&thread, NULL, other_thread, &barrier) == 0);
	pthread_barrier_wait(&barrier);
	CHECK(install(REEVE_FILTER_ALL_THREADS, &listener) == -ESRCH);
	CHECK(install(REEVE_FILTER_ALL_THREADS, NULL) == -ESRCH);
	CHECK(listener == -7 && syscall(SYS_getppid) > 0);
	return 0;
}

static void test_install(void **state)
{
	assert_int_equal(run(without_privilege), 0);
	assert_int_equal(run(with_bad_arguments), 0);
	assert_int_equal(run(without_listener), 0);
	assert_int_equal(run(twice), 0);
	assert_int_equal(run(all_threads), 0);
	assert_int_equal(run(not_all_threads), 0);
}

/* --- the probe
 * ---------------------------------------------------------------------------------------------- */

/* By fields: padding may hold anything. */
static bool is_same(const struct reeve_features *a, const struct reeve_features *b)
{
	return !memcmp(a, b, offsetof(struct reeve_features, close_range) + sizeof(bool)) &&
	       a->landlock_abi == b->landlock_abi && a->listener_exists == b->listener_exists &&
	       a->notif_size == b->notif_size && a->notif_resp_size == b->notif_resp_size &&
	       a->data_size == b->data_size;
}

static void test_probe_leaves_nothing(void **state)
{
	struct reeve_features first, second;
	int before = open_descriptors();

	assert_int_equal(reeve_probe(&first), 0);
	assert_int_equal(reeve_probe(&second), 0);
	assert_true(is_same(&first, &second));
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, __WALL), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 0);
	assert_true(first.user_notification && first.inject && first.continue_response && first.pidfd_getfd);
	assert_false(first.listener_exists);
	assert_true(first.notif_size >= sizeof(struct seccomp_notif));
}

/* What the one on a thread tells is what the one with a child tells, and of the thread nothing is left. */
static void test_listening(void **state)
{
	struct reeve_features all, features;
	int before = open_descriptors();

	assert_int_equal(reeve_probe(&all), 0);
	assert_int_equal(probe_alone(&features), 0);
	assert_int_equal(probe_listening(&features), 0);
	assert_true(features.user_notification && !features.listener_exists);
	assert_int_equal(features.inject, all.inject);
	assert_int_equal(features.inject_respond, all.inject_respond);
	assert_int_equal(features.continue_response, all.continue_response);
	assert_int_equal(features.synchronous_wake, all.synchronous_wake);
	assert_false(features.pidfd_getfd || features.process_vm);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 0);
	assert_int_equal(syscall(SYS_getppid), getppid());
}

/* What is expected of a release is what is found by trying, and the listener offers it. */
static int expected_without_trying(void)
{
	struct reeve_features tried, features;
	int listener;

	CHECK(probe_alone(&tried) == 0);
	features = tried;
	CHECK(probe_listening(&tried) == 0);
	CHECK(probe_expects(&features));
	CHECK(is_same(&tried, &features));
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(install(0, &listener) == 0);
	CHECK(probe_offers(listener, &features) == 0);
	CHECK(!probe_expects(&features));
	return 0;
}

static int listening_under_a_filter(void)
{
	struct reeve_features features = {.user_notification = true};
	int listener;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(install(0, &listener) == 0);
	CHECK(probe_listening(&features) == 0);
	CHECK(features.listener_exists && features.user_notification && features.inject);
	return 0;
}

static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	signals++;
}

/* The child ends without a signal to the caller. */
static int probe_sends_no_signal(void)
{
	struct reeve_features features;

	signal(SIGCHLD, count_signal);
	CHECK(reeve_probe(&features) == 0);
	CHECK(signals == 0);
	return 0;
}

static int probe_under_a_filter(void)
{
	struct reeve_features features;
	int listener;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(install(0, &listener) == 0);
	CHECK(reeve_probe(&features) == 0);
	CHECK(features.listener_exists && features.user_notification);
	CHECK(features.inject && features.pidfd_getfd && features.process_vm);
	return 0;
}

static int probe_unprivileged(void)
{
	struct reeve_features before, features;

	CHECK(reeve_probe(&before) == 0);
	if (become_ordinary() < 0)
		return 0;
	/* As a program that such a user starts; a change of user makes this one unreadable. */
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	CHECK(reeve_probe(&features) == 0);
	CHECK(is_same(&before, &features));
	return 0;
}

static void test_probe_elsewhere(void **state)
{
	assert_int_equal(run(probe_sends_no_signal), 0);
	assert_int_equal(run(probe_under_a_filter), 0);
	assert_int_equal(run(listening_under_a_filter), 0);
	assert_int_equal(run(expected_without_trying), 0);
	if (geteuid() == 0)
		assert_int_equal(run(probe_unprivileged), 0);
}

/* The best of many: what is measured is the work, not the other work of the machine. A crowded one gets more
 * tries. */
static void test_probe_is_cheap(void **state)
{
	struct reeve_features features;
#if defined(__SANITIZE_ADDRESS__)
	const double limit = 50;
#else
	const double limit = 2;
#endif
	double best = 1e9;

	for (int i = 0; i < 20 || (best >= limit && i < 2000); i++) {
		struct timespec start, stop;
		double took;

		clock_gettime(CLOCK_MONOTONIC, &start);
		assert_int_equal(reeve_probe(&features), 0);
		clock_gettime(CLOCK_MONOTONIC, &stop);
		took = (double)(stop.tv_sec - start.tv_sec) * 1e3 +
		       (double)(stop.tv_nsec - start.tv_nsec) / 1e6;
		if (took < best)
			best = took;
	}
	print_message("probe: %.3f ms\n", best);
	assert_true(best < limit);
}

#ifdef REEVE_FAULTS
static void expect_missing(const char *fault, size_t feature)
{
	struct reeve_features features;

	setenv("REEVE_FAULT", fault, 1);
	assert_int_equal(reeve_probe(&features), 0);
	unsetenv("REEVE_FAULT");
	if (((const bool *)&features)[feature])
		fail_msg("%s: the probe says that it works", fault);
}

/* The one on a thread ends, whatever is not answered, and sees the same. */
static void expect_missing_there(const char *fault, size_t feature)
{
	struct reeve_features features = {.user_notification = true};

	setenv("REEVE_FAULT", fault, 1);
	assert_int_equal(probe_listening(&features), 0);
	unsetenv("REEVE_FAULT");
	if (((const bool *)&features)[feature])
		fail_msg("%s: the probe on a thread says that it works", fault);
}

#define FEATURE(name) offsetof(struct reeve_features, name)

static int not_offered(void)
{
	static const char *const faults[] = {
	        "offers_addfd:EINVAL", "offers_addfd_send:EINVAL", "offers_continue:EINVAL"};
	struct reeve_features features = {.inject = true, .inject_respond = true, .continue_response = true};
	int listener;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(install(0, &listener) == 0);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		setenv("REEVE_FAULT", faults[i], 1);
		CHECK(!probe_expects(&features));
		CHECK(probe_offers(listener, &features) == -ENOTSUP);
	}
	return 0;
}

static void test_probe_sees_what_is_missing(void **state)
{
	struct reeve_features features;

	assert_int_equal(run(not_offered), 0);
	expect_missing("action_avail:EOPNOTSUPP", FEATURE(user_notification));
	expect_missing("filter_install:EINVAL", FEATURE(user_notification));
	expect_missing("send:EINVAL", FEATURE(continue_response));
	expect_missing("addfd:EINVAL", FEATURE(inject));
	expect_missing("addfd_send:EINVAL", FEATURE(inject_respond));
	expect_missing("wait_killable:EINVAL", FEATURE(wait_killable));
	expect_missing("set_flags:EINVAL", FEATURE(synchronous_wake));
	expect_missing("tsync_listener:EINVAL", FEATURE(tsync_listener));
	expect_missing("pidfd_open:ENOSYS", FEATURE(pidfd));
	expect_missing("pidfd_open:ENOSYS", FEATURE(pidfd_getfd));
	expect_missing("pidfd_open_thread:EINVAL", FEATURE(pidfd_thread));
	expect_missing("pidfd_getfd:EPERM", FEATURE(pidfd_getfd));
	expect_missing("openat2:ENOSYS", FEATURE(openat2));
	expect_missing("process_vm_readv:EPERM", FEATURE(process_vm));
	expect_missing("close_range:ENOSYS", FEATURE(close_range));
	expect_missing_there("filter_install:EINVAL", FEATURE(user_notification));
	expect_missing_there("recv:EINVAL", FEATURE(inject));
	expect_missing_there("send:EINVAL", FEATURE(continue_response));
	expect_missing_there("addfd:EINVAL", FEATURE(inject));
	expect_missing_there("addfd_send:EINVAL", FEATURE(inject_respond));
	expect_missing_there("set_flags:EINVAL", FEATURE(synchronous_wake));
	setenv("REEVE_FAULT", "landlock_create_ruleset:EINVAL", 1);
	assert_int_equal(reeve_probe(&features), 0);
	assert_int_equal(features.landlock_abi, 0);
	setenv("REEVE_FAULT", "landlock_version:EOPNOTSUPP", 1);
	assert_int_equal(reeve_probe(&features), 0);
	assert_int_equal(features.landlock_abi, 0);
	setenv("REEVE_FAULT", "notif_sizes:ENOSYS,clone:EAGAIN", 1);
	assert_int_equal(reeve_probe(&features), -EAGAIN);
	unsetenv("REEVE_FAULT");
}
#endif

#ifndef WITHOUT_NAMES
static void test_names(void **state)
{
	assert_string_equal(reeve_call_name(AUDIT_ARCH_X86_64, 0), "read");
	assert_string_equal(reeve_call_name(AUDIT_ARCH_X86_64, 257), "openat");
	assert_string_equal(reeve_call_name(AUDIT_ARCH_AARCH64, 56), "openat");
	assert_null(reeve_call_name(AUDIT_ARCH_X86_64, 0x40000000));
	assert_null(reeve_call_name(AUDIT_ARCH_X86_64, -1));
	assert_null(reeve_call_name(AUDIT_ARCH_X86_64, 100000));
	assert_null(reeve_call_name(AUDIT_ARCH_I386, 1));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_install),
	        cmocka_unit_test(test_probe_leaves_nothing),
	        cmocka_unit_test(test_listening),
	        cmocka_unit_test(test_probe_elsewhere),
	        cmocka_unit_test(test_probe_is_cheap),
#ifdef REEVE_FAULTS
	        cmocka_unit_test(test_probe_sees_what_is_missing),
#endif
#ifndef WITHOUT_NAMES
	        cmocka_unit_test(test_names),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
