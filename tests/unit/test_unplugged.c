/* Sockets that reach nothing, and the process that makes them. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "kernel/apart.h"
#include "kernel/credentials.h"
#include "kernel/process.h"
#include "kernel/unplugged.h"
#include "kernel/usage.h"

static struct unplugged unplugged;
static pthread_t maker;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int made;
static bool ends, ends_tidily;
static bool is_silent; /* we could tie networks together */

static void *make(void *user)
{
	int r = unplugged_make(&unplugged);

	pthread_mutex_lock(&lock);
	made = r < 0 ? r : 1;
	pthread_cond_broadcast(&changed);
	while (r == 0 && !ends)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (r == 0 && ends_tidily)
		unplugged_done(&unplugged);
	return NULL;
}

static int start(void)
{
	made = 0;
	ends = false;
	if (apart_start(NULL, 0, make, NULL, &maker) < 0)
		abort();
	pthread_mutex_lock(&lock);
	while (!made)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (made < 0)
		pthread_join(maker, NULL);
	return made < 0 ? made : 0;
}

static void finish(bool tidily)
{
	pthread_mutex_lock(&lock);
	ends = true;
	ends_tidily = tidily;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	pthread_join(maker, NULL);
}

static int udp(int domain, int flags)
{
	const struct island_socket wish = {.domain = domain, .type = SOCK_DGRAM | flags};
	int fd = -1;

	assert_int_equal(unplugged_socket(&unplugged, &wish, &fd), 0);
	return fd;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
	        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

static uint16_t bound(int fd)
{
	struct sockaddr_in any = loopback(0);
	socklen_t length = sizeof(any);

	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &length), 0);
	return ntohs(any.sin_port);
}

static void is_one(void **state)
{
	AUTO_CLOSE int fd = udp(AF_INET, SOCK_NONBLOCK), outside = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq interfaces[8];
	struct ifconf list = {.ifc_len = sizeof(interfaces), .ifc_req = interfaces};
	struct stat st;
	uint64_t cookie;

	assert_int_equal(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_gid, getegid());
	assert_int_equal(island_cookie_of(fd, &cookie), 0);
	assert_int_equal(cookie, unplugged.cookie);
	assert_int_equal(island_cookie_of(outside, &cookie), 0);
	assert_int_not_equal(cookie, unplugged.cookie);
	assert_int_equal(ioctl(fd, SIOCGIFCONF, &list), 0);
	assert_int_equal(list.ifc_len, sizeof(interfaces[0]));
	assert_string_equal(interfaces[0].ifr_name, "lo");
}

static void kernel_says_what_cannot_be(void **state)
{
	const struct island_socket wrong[] = {
	        {.domain = AF_INET, .type = SOCK_DGRAM, .protocol = IPPROTO_TCP},
	        {.domain = AF_INET, .type = 9}, {.domain = 77, .type = SOCK_DGRAM}};
	const int errors[] = {EPROTONOSUPPORT, ESOCKTNOSUPPORT, EAFNOSUPPORT};
	int fd = -1;

	for (size_t i = 0; i < ELEMENTS(wrong); i++)
		assert_int_equal(unplugged_socket(&unplugged, &wrong[i], &fd), errors[i]);
	assert_int_equal(fd, -1);
}

static void nothing_is_outside(void **state)
{
	static const char *const addresses[] = {"8.8.8.8", "10.0.0.1", "255.255.255.255", "224.0.0.1"};
	AUTO_CLOSE int fd = udp(AF_INET, 0), listener = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in to = loopback(53);
	char byte;

	for (size_t i = 0; i < ELEMENTS(addresses); i++) {
		inet_pton(AF_INET, addresses[i], &to.sin_addr);
		assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)), -1);
		assert_true(errno == ENETUNREACH);
		assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), -1);
	}
	/* Of the machine's own loopback nothing is here. */
	to = loopback(bound(listener));
	assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)), is_silent ? -1 : 1);
	assert_int_equal(recv(listener, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void each_other(void **state)
{
	AUTO_CLOSE int one = udp(AF_INET, 0), other = udp(AF_INET, SOCK_NONBLOCK);
	const struct sockaddr_in to = loopback(bound(other));
	char byte = 0;

	if (!is_silent) {
		assert_int_equal(sendto(one, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)), 1);
		assert_int_equal(recv(other, &byte, 1, 0), 1);
		return;
	}
	assert_int_equal(connect(one, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(one, "x", 1, 0), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(connect(one, &(const struct sockaddr){.sa_family = AF_UNSPEC}, 16), 0);
	assert_int_equal(sendto(one, "x", 1, MSG_MORE, (const struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(setsockopt(one, SOL_SOCKET, SO_DETACH_FILTER, &byte, sizeof(int)), -1);
	assert_int_equal(errno, EPERM);
}

/* On one processor, which the process that makes them gets when nobody else wants it: what it has left to do
 * when its answer is there comes late. */
static void hold_back(void)
{
	const struct sched_param none = {0};
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(sched_setaffinity(unplugged.process, sizeof(one), &one), 0);
	assert_int_equal(sched_setscheduler(unplugged.process, SCHED_IDLE, &none), 0);
}

/* A port is free again as soon as the only copy is closed. */
static void no_copies(void **state)
{
	cpu_set_t before;

	sched_getaffinity(0, sizeof(before), &before);
	hold_back();

	for (int i = 0; i < 1000; i++) {
		AUTO_CLOSE int other = udp(AF_INET, 0);
		int fd = udp(AF_INET, 0);
		const struct sockaddr_in address = loopback(bound(fd));

		close(fd);
		assert_int_equal(bind(other, (const struct sockaddr *)&address, sizeof(address)), 0);
	}
	sched_setaffinity(0, sizeof(before), &before);
}

static size_t descriptors_of(pid_t pid)
{
	char path[64];
	DIR *folder;
	size_t count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	folder = opendir(path);
	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count > 2 ? count - 2 : 0;
}

static void nobody_sees_its_process(void **state)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(descriptors_of(unplugged.process), 2);
}

/* Limits are for the target alone. */
static void it_does_not_count(void **state)
{
	struct usage usage;
	pid_t pid;

	assert_int_equal(usage_measure(getpid(), &usage), 0);
	assert_int_equal(usage.tasks, 0);
	assert_int_equal(usage.resident, 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(usage_measure(getpid(), &usage), 0);
	assert_int_equal(usage.tasks, 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static bool is_there(pid_t pid)
{
	char state = process_state(pid);

	return state && state != 'Z';
}

static void it_ends_with_its_thread(void **state)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	pid_t pid = unplugged.process;

	finish(true);
	assert_false(is_there(pid));
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(start(), 0);
	pid = unplugged.process;
	finish(false);
	for (int i = 0; i < 20000 && is_there(pid); i++)
		nanosleep(&moment, NULL);
	assert_false(is_there(pid));
	assert_int_equal(waitpid(pid, NULL, __WALL), pid);
	assert_int_equal(start(), 0);
}

static void it_is_killed(void **state)
{
	const struct island_socket wish = {.domain = AF_INET, .type = SOCK_DGRAM};
	pid_t pid = unplugged.process;
	int fd = -1;

	kill(pid, SIGKILL);
	while (is_there(pid))
		;
	assert_true(unplugged_socket(&unplugged, &wish, &fd) < 0);
	/* Also where somebody else has waited for it. */
	assert_int_equal(waitpid(pid, NULL, __WALL), pid);
	assert_true(unplugged_socket(&unplugged, &wish, &fd) < 0);
	assert_int_equal(fd, -1);
	finish(true);
}

static bool may_tie_networks(int socket)
{
	AUTO_CLOSE int network = ioctl(socket, SIOCGSKNS);
	struct credentials credentials;

	return network >= 0 || credentials_get(&credentials) < 0 ||
	       credentials.effective & (1ull << CAP_NET_ADMIN | 1ull << CAP_SYS_ADMIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(is_one),
	        cmocka_unit_test(kernel_says_what_cannot_be),
	        cmocka_unit_test(nothing_is_outside),
	        cmocka_unit_test(each_other),
	        cmocka_unit_test(no_copies),
	        cmocka_unit_test(nobody_sees_its_process),
	        cmocka_unit_test(it_does_not_count),
	        cmocka_unit_test(it_ends_with_its_thread),
	        cmocka_unit_test(it_is_killed),
	};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int r = start();

	is_silent = may_tie_networks(fd);
	if (r == -EPERM || r == -ENOSPC || r == -EINVAL || r == -EUSERS) {
		printf("no network namespaces are to be had here: %s\n", strerror(-r));
		return 77;
	}
	if (r < 0) {
		printf("unplugged_make: %s\n", strerror(-r));
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
