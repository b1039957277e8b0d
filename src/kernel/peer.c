#include "kernel/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/process.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

static int read_status(pid_t pid, struct peer *ret)
{
	char path[32], text[8192];
	const char *privileges, *filters;
	AUTO_CLOSE int fd = -EBADF;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	privileges = strstr(text, "\nNoNewPrivs:");
	filters = strstr(text, "\nSeccomp_filters:");
	if (!privileges || !filters)
		return -ESRCH;
	ret->gained_nothing = strtoul(strchr(privileges, ':') + 1, NULL, 10) != 0;
	ret->filters = (unsigned)strtoul(strchr(filters, ':') + 1, NULL, 10);
	return 0;
}

int peer_look(int socket, struct peer *ret)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials), fd_size = sizeof(int);
	AUTO_CLOSE int pidfd = -EBADF;
	struct peer peer;
	int r;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0 || credentials.pid <= 0)
		return -ESRCH;
	/* By number only where the kernel has nothing better: the number of one that ended may be another's.
	 */
	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &fd_size) < 0) {
		if (errno != ENOPROTOOPT)
			return -ESRCH;
		pidfd = process_open(credentials.pid);
	}
	if (pidfd < 0)
		return -ESRCH;
	peer = (struct peer){.pid = credentials.pid, .uid = credentials.uid};
	r = read_status(credentials.pid, &peer);
	/* Still there after it was read, so what was read was about it. EPERM is alive, too. */
	if (r == 0 && process_signal(pidfd, 0) == -ESRCH)
		r = -ESRCH;
	if (r < 0)
		return r;
	*ret = peer;
	return 0;
}

bool peer_is_confined(const struct peer *peer)
{
	struct peer own;

	return peer->gained_nothing && (read_status(getpid(), &own) < 0 || peer->filters > own.filters);
}
