#include "kernel/unplugged.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "kernel/credentials.h"
#include "kernel/fault.h"
#include "kernel/isolation.h"
#include "kernel/process.h"
#include "kernel/sockets.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define PATIENCE_SECONDS 20 /* with a process that is stopped */

#define NETWORK_CAPABILITIES (UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_NET_ADMIN)

/* What the process says first. */
struct greeting {
	int error;
	uint64_t cookie;
};

/* Of the capabilities over networks, and to enter them, those that the thread uses. */
static uint64_t network_capabilities(void)
{
	struct credentials credentials;

	return credentials_get(&credentials) < 0 ? 0 : credentials.effective & NETWORK_CAPABILITIES;
}

bool unplugged_is_owned(void)
{
	return network_capabilities() != NETWORK_CAPABILITIES;
}

/* ---- in it: only system calls ---- */

/* Only where the kernel would let programs make user namespaces, too: whoever owns one has all capabilities
 * over the sockets in it. */
static bool are_kept_from_programs(void)
{
	AUTO_CLOSE int fd =
	        open("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", O_RDONLY | O_CLOEXEC);
	char byte = '1';

	if (fd < 0)
		return errno != ENOENT;
	return read(fd, &byte, 1) != 1 || byte != '0';
}

static int leave_the_world(void)
{
	bool is_owned = unplugged_is_owned();

	if (is_owned && are_kept_from_programs())
		return -EPERM;
	return FAULTABLE("unshare", unshare(CLONE_NEWNET | (is_owned ? CLONE_NEWUSER : 0))) < 0 ? -errno : 0;
}

/* Asked before it is left. Who has none of the capabilities may yet own the network that we are on: the
 * kernel shows a socket's network to those alone who may change its settings. */
static bool may_tie_networks(void)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	AUTO_CLOSE int network = fd < 0 ? -EBADF : ioctl(fd, SIOCGSKNS);

	return fd < 0 || network >= 0 || errno != EPERM || network_capabilities() != 0;
}

/* Neither can be taken back: an end that is shut, and a filter that is locked. */
static int silence(int fd)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {.len = 1, .filter = &none};
	const int on = 1;

	/* It says that there is no connection to shut, and shuts the socket all the same. */
	if (shutdown(fd, SHUT_WR) < 0 && errno != ENOTCONN)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
	        setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

/* What is counted on is seen once. */
static int check_silence(void)
{
	const struct sockaddr_in self = {
	        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : silence(fd);

	if (r < 0)
		return r;
	if (sendto(fd, "", 1, 0, (const struct sockaddr *)&self, sizeof(self)) >= 0 || errno != EPIPE)
		return -ENOTSUP;
	return 0;
}

static int settle(bool *ret_silent, uint64_t *ret_cookie)
{
	AUTO_CLOSE int fd = -EBADF;
	int r = credentials_use_permitted();

	*ret_silent = r < 0 || may_tie_networks();
	if (r == 0)
		r = leave_the_world();
	if (r == 0)
		r = isolation_loopback_up();
	if (r == 0 && *ret_silent)
		r = check_silence();
	if (r < 0)
		return r;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : island_cookie_of(fd, ret_cookie);
}

/* Both ends stay open here, so that whoever is to ask finds one. */
static _Noreturn void live_there(const int channel[2], pid_t parent)
{
	struct greeting greeting = {0};
	bool silent = true;
	int keep[2], r;
	size_t count = 0;

	credentials_keep(keep, &count, ELEMENTS(keep), channel[0]);
	credentials_keep(keep, &count, ELEMENTS(keep), channel[1]);
	prctl(PR_SET_NAME, "reeve-unplugged");
	r = credentials_keep_descriptors(keep, count);
	if (r == 0)
		r = settle(&silent, &greeting.cookie);
	if (r == 0)
		r = process_die_with_parent(parent);
	greeting.error = -r;
	if (send(channel[1], &greeting, sizeof(greeting), MSG_NOSIGNAL) < 0 || r < 0)
		_exit(1);
	island_serve(channel[1], silent && GUARDED(silence) ? silence : NULL);
	_exit(0);
}

/* ---- outside ---- */

static int hear_greeting(int channel, struct unplugged *ret)
{
	struct greeting greeting;
	ssize_t n;

	do
		n = recv(channel, &greeting, sizeof(greeting), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(greeting))
		return n < 0 ? -errno : -ESHUTDOWN;
	if (greeting.error)
		return -greeting.error;
	ret->cookie = greeting.cookie;
	ret->asked_through = sockets_number(channel);
	return 0;
}

static void end(pid_t process, int handle)
{
	siginfo_t info;

	/* Somebody else may have waited for it: its number is sure only where it could not be held. */
	if (handle >= 0)
		process_signal(handle, SIGKILL);
	else
		kill(process, SIGKILL);
	while (waitid(handle >= 0 ? P_PIDFD : P_PID, (id_t)(handle >= 0 ? handle : process), &info,
	               WEXITED | __WALL) < 0 &&
	        errno == EINTR)
		;
}

int unplugged_make(struct unplugged *ret)
{
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	struct unplugged unplugged = {0};
	AUTO_CLOSE int ours = -EBADF, theirs = -EBADF, handle = -EBADF;
	pid_t parent = getpid();
	int channel[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
		return -errno;
	ours = unplugged.channel = channel[0];
	theirs = channel[1];
	if (setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	unplugged.process = process_copy(0);
	if (unplugged.process == 0)
		live_there(channel, parent);
	if (unplugged.process < 0)
		return unplugged.process;
	cleanup_close(&theirs);
	theirs = -EBADF;
	r = handle = process_open(unplugged.process);
	if (r >= 0)
		r = hear_greeting(ours, &unplugged);
	if (r < 0) {
		end(unplugged.process, handle);
		return r;
	}
	unplugged.handle = TAKE_FD(handle);
	*ret = unplugged;
	return 0;
}

void unplugged_done(struct unplugged *unplugged)
{
	end(unplugged->process, unplugged->handle);
	cleanup_close(&unplugged->handle);
	*unplugged = (struct unplugged){.process = -1, .handle = -EBADF};
}

int unplugged_socket(const struct unplugged *unplugged, const struct island_socket *wish, int *ret)
{
	AUTO_CLOSE int channel = sockets_fetch(unplugged->process, unplugged->channel);

	if (channel < 0)
		return channel;
	/* Where it was killed and waited for, this is a number of anybody's. */
	if (sockets_number(channel) != unplugged->asked_through)
		return -ESHUTDOWN;
	return island_ask(channel, wish, ret);
}
