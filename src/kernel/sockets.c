#include "kernel/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <reeve/reeve.h>

#include "base/cleanup.h"
#include "kernel/blocking.h"
#include "kernel/credentials.h"
#include "kernel/landlock.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

int sockets_fetch(pid_t tid, int number)
{
	AUTO_CLOSE int pidfd = -EBADF;
	int fd = -EBADF, r = reeve_task_open(tid, &pidfd);

	if (r == 0)
		r = reeve_task_fd(pidfd, number, &fd);
	return r < 0 ? r : fd;
}

static int option(int fd, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -errno : value;
}

int sockets_kind(int fd, struct sockets_kind *ret)
{
	struct sockets_kind kind = {.domain = option(fd, SO_DOMAIN)};

	if (kind.domain < 0)
		return kind.domain;
	kind.type = option(fd, SO_TYPE);
	kind.protocol = option(fd, SO_PROTOCOL);
	if (kind.type < 0 || kind.protocol < 0)
		return kind.type < 0 ? kind.type : kind.protocol;
	*ret = kind;
	return 0;
}

bool sockets_is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || (flags & O_NONBLOCK);
}

int sockets_send_timeout(int fd, uint64_t *ret)
{
	struct timeval value = {0};
	socklen_t size = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, &size) < 0)
		return -errno;
	*ret = (uint64_t)value.tv_sec * 1000000 + (uint64_t)value.tv_usec;
	return 0;
}

int sockets_set_send_timeout(int fd, uint64_t microseconds)
{
	struct timeval value = {
	        .tv_sec = (time_t)(microseconds / 1000000), .tv_usec = (suseconds_t)(microseconds % 1000000)};

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof(value)) < 0 ? -errno : 0;
}

uint64_t sockets_number(int fd)
{
	uint64_t value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &value, &size) < 0 ? 0 : value;
}

static void copy_option(int from, int to, int level, int name)
{
	char value[32];
	socklen_t size = sizeof(value);

	if (getsockopt(from, level, name, value, &size) == 0)
		setsockopt(to, level, name, value, size);
}

void sockets_copy_options(int from, int to)
{
	static const struct {
		int level, name;
	} options[] = {
	        {SOL_SOCKET, SO_RCVTIMEO},
	        {SOL_SOCKET, SO_SNDTIMEO},
	        {SOL_SOCKET, SO_TIMESTAMP},
	        {SOL_SOCKET, SO_KEEPALIVE},
	        {IPPROTO_IP, IP_RECVERR},
	        {IPPROTO_IP, IP_PKTINFO},
	        {IPPROTO_IP, IP_MTU_DISCOVER},
	        {IPPROTO_IPV6, IPV6_RECVERR},
	        {IPPROTO_IPV6, IPV6_RECVPKTINFO},
	        {IPPROTO_IPV6, IPV6_V6ONLY},
	        {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
	        {IPPROTO_TCP, TCP_NODELAY},
	};

	for (size_t i = 0; i < ELEMENTS(options); i++)
		copy_option(from, to, options[i].level, options[i].name);
}

void sockets_bind_anywhere(int fd, int domain)
{
	const struct sockaddr_storage any = {.ss_family = (sa_family_t)domain};

	(void)bind(fd, (const struct sockaddr *)&any,
	        domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
}

int sockets_connect(int fd, const void *address, socklen_t length)
{
	return connect(fd, address, length) < 0 ? -errno : 0;
}

int sockets_bind(int fd, const void *address, socklen_t length)
{
	return bind(fd, address, length) < 0 ? -errno : 0;
}

int sockets_listen(int fd, int backlog)
{
	return listen(fd, backlog) < 0 ? -errno : 0;
}

ssize_t sockets_send(int fd, const struct msghdr *message, int flags)
{
	ssize_t n = sendmsg(fd, message, flags);

	return n < 0 ? -errno : n;
}

/* The folder, and nothing around it. */
static int domain_within(int parent)
{
	AUTO_CLOSE int ruleset =
	        landlock_ruleset_new(&(const struct landlock_handled){.files = LANDLOCK_RIGHT_MAKE_SOCK});
	int r;

	if (ruleset < 0)
		return TAKE_FD(ruleset);
	r = landlock_grant(ruleset, parent, LANDLOCK_RIGHT_MAKE_SOCK);
	return r < 0 ? r : TAKE_FD(ruleset);
}

static int bind_in_domain(int fd, const void *address, socklen_t length, int cwd, int ruleset)
{
	int r = credentials_no_new_privileges();

	if (r == 0)
		r = landlock_restrict_thread(ruleset);
	if (r == 0 && fchdir(cwd) < 0)
		r = -errno;
	return r < 0 ? r : sockets_bind(fd, address, length);
}

int sockets_bind_within(
        int fd, const void *address, socklen_t length, int cwd, int parent, _Atomic pid_t *helper)
{
	AUTO_CLOSE int ruleset = domain_within(parent);
	int status = 0;
	pid_t pid;

	if (ruleset < 0)
		return ruleset;
	*helper = BLOCKING_STARTS;
	/* No exit signal: its end is nobody's business but ours. */
	pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (pid == 0)
		_exit(-bind_in_domain(fd, address, length, cwd, ruleset));
	*helper = pid < 0 ? 0 : pid;
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, __WCLONE | __WNOTHREAD) < 0 && errno == EINTR)
		;
	*helper = 0;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

void sockets_signal_pipe(pid_t tgid, pid_t tid)
{
	syscall(SYS_tgkill, tgid, tid, SIGPIPE);
}
