/* A network that is connected to nothing, in which every address is ours. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "kernel/island.h"

static struct island island;

static struct island_socket wish_of(int type, const char *ip, uint16_t port)
{
	struct island_socket wish = {.domain = AF_INET, .type = type, .length = sizeof(struct sockaddr_in)};
	struct sockaddr_in *in = (struct sockaddr_in *)&wish.address;

	if (inet_pton(AF_INET, ip, &in->sin_addr) != 1) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&wish.address;

		assert_int_equal(inet_pton(AF_INET6, ip, &in6->sin6_addr), 1);
		wish.domain = in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		wish.length = sizeof(*in6);
		return wish;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	return wish;
}

/* Asked under any address, and answered from that one. */
static void talk(int listener, const char *ip)
{
	struct island_socket wish = wish_of(SOCK_DGRAM, ip, 53);
	AUTO_CLOSE int fd = island_socket(island.channel, &wish);
	struct sockaddr_storage peer, asked;
	char bytes[16];
	uint8_t control[256];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr message = {.msg_name = &peer,
	        .msg_namelen = sizeof(peer),
	        .msg_iov = &iov,
	        .msg_iovlen = 1,
	        .msg_control = control,
	        .msg_controllen = sizeof(control)};
	socklen_t length = sizeof(asked);
	uint64_t cookie;

	assert_true(fd >= 0);
	assert_int_equal(island_cookie_of(fd, &cookie), 0);
	assert_int_equal(cookie, island.cookie);
	assert_int_equal(send(fd, "hello", 5, 0), 5);
	assert_int_equal(recvmsg(listener, &message, 0), 5);
	iov.iov_len = 2;
	assert_int_equal(sendmsg(listener, &message, 0), 2);
	/* The socket is connected, and hears nobody else. */
	assert_int_equal(recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&asked, &length), 2);
	assert_int_equal(length, wish.length);
	assert_memory_equal(&asked, &wish.address, wish.domain == AF_INET ? 8 : 24);
}

static void every_address_is_here(void **state)
{
	talk(island.listeners[ISLAND_UDP4], "10.255.255.53");
	talk(island.listeners[ISLAND_UDP4], "127.0.0.53");
	talk(island.listeners[ISLAND_UDP4], "8.8.8.8");
	if (island.listeners[ISLAND_UDP6] < 0)
		return;
	talk(island.listeners[ISLAND_UDP6], "2001:4860:4860::8888");
	talk(island.listeners[ISLAND_UDP6], "::1");
}

static void tcp(void **state)
{
	struct island_socket wish = wish_of(SOCK_STREAM | SOCK_NONBLOCK, "8.8.4.4", 53);
	AUTO_CLOSE int fd = island_socket(island.channel, &wish), other = -EBADF;
	char bytes[2];

	assert_true(fd >= 0);
	other = accept(island.listeners[ISLAND_TCP4], NULL, NULL);
	assert_true(other >= 0);
	assert_int_equal(send(fd, "ab", 2, 0), 2);
	assert_int_equal(recv(other, bytes, 2, 0), 2);
}

static void nothing_else_is_here(void **state)
{
	struct island_socket wish = wish_of(SOCK_STREAM, "127.0.0.1", 80),
	                     outside = wish_of(SOCK_DGRAM, "127.0.0.1", 9);
	AUTO_CLOSE int fd = -EBADF, listener = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	uint64_t cookie;

	assert_int_equal(island_socket(island.channel, &wish), -ECONNREFUSED);
	/* A socket of the machine is not to be reached from there. */
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	memcpy(&outside.address, &address, sizeof(address));
	fd = island_socket(island.channel, &outside);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_int_equal(send(fd, "x", 1, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(island_cookie_of(listener, &cookie), 0);
	assert_int_not_equal(cookie, island.cookie);
}

static void wrong_wishes(void **state)
{
	struct island_socket wish = {.domain = AF_UNIX, .type = 77}, longer = wish_of(SOCK_DGRAM, "::1", 53);

	assert_true(island_socket(island.channel, &wish) < 0);
	longer.length = 4000;
	assert_int_equal(island_socket(island.channel, &longer), -EINVAL);
	longer = wish_of(SOCK_DGRAM, "10.0.0.1", 53);
	longer.length = 3;
	assert_int_equal(island_socket(island.channel, &longer), -EINVAL);
}

/* With the last copy of the channel its process ends. */
static void its_end(void **state)
{
	pid_t process = island.process;

	close(island.channel);
	island.channel = -EBADF;
	assert_int_equal(waitpid(process, NULL, __WALL), process);
	island.process = -1;
	island_done(&island);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_address_is_here),
	        cmocka_unit_test(tcp),
	        cmocka_unit_test(nothing_else_is_here),
	        cmocka_unit_test(wrong_wishes),
	        cmocka_unit_test(its_end),
	};
	int r = island_make(53, &island);

	if (r == -EPERM || r == -ENOSPC || r == -EINVAL || r == -EUSERS) {
		printf("no network namespaces are to be had here: %s\n", strerror(-r));
		return 77;
	}
	if (r < 0) {
		printf("island_make: %s\n", strerror(-r));
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
