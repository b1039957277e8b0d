#include "kernel/isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/credentials.h"
#include "kernel/process.h"

bool isolation_needs_user_namespace(void)
{
	struct credentials credentials;

	return credentials_get(&credentials) < 0 || !(credentials.effective & (UINT64_C(1) << CAP_SYS_ADMIN));
}

static int write_file(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int map_ids(uid_t uid, gid_t gid)
{
	char text[64];
	int r;

	snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	r = write_file("/proc/self/uid_map", text);
	if (r < 0)
		return r;
	/* Before the group: a member that is meant to have less must not leave its groups. */
	r = write_file("/proc/self/setgroups", "deny");
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	return write_file("/proc/self/gid_map", text);
}

int isolation_loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

int isolation_enter(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int r;

	if (!isolation_needs_user_namespace()) {
		if (unshare(CLONE_NEWNET) < 0)
			return -errno;
		r = isolation_loopback_up();
		/* It could make a pair of interfaces, with one end outside. */
		return r < 0 ? r : credentials_lose(CAP_NET_ADMIN);
	}
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -errno;
	r = map_ids(uid, gid);
	if (r == 0)
		r = isolation_loopback_up();
	return r < 0 ? r : credentials_lose_all();
}

int isolation_probe(void)
{
	int status;
	/* Its end is nobody's business but ours. */
	pid_t pid = process_copy(0);

	if (pid < 0)
		return pid;
	if (pid == 0)
		syscall(SYS_exit_group, -isolation_enter());
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}
