#include "kernel/landlock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/fault.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

struct net_port_attr {
	uint64_t allowed_access, port;
};

uint64_t landlock_rights(int abi)
{
	if (abi <= 0)
		return 0;
	if (abi == 1)
		return LANDLOCK_RIGHT_REFER - 1;
	if (abi == 2)
		return LANDLOCK_RIGHT_TRUNCATE - 1;
	if (abi <= 4)
		return LANDLOCK_RIGHT_IOCTL_DEV - 1;
	return (LANDLOCK_RIGHT_IOCTL_DEV << 1) - 1;
}

/* An older kernel knows the first fields only and refuses a longer structure that is not zero behind them;
 * some vendors check the size alone. */
static size_t size_of(const struct ruleset_attr *attr)
{
	if (attr->scoped)
		return sizeof(*attr);
	return attr->handled_access_net ? offsetof(struct ruleset_attr, scoped)
	                                : offsetof(struct ruleset_attr, handled_access_net);
}

int landlock_ruleset_new(const struct landlock_handled *handled)
{
	struct ruleset_attr attr = {.handled_access_fs = handled->files,
	        .handled_access_net = handled->network,
	        .scoped = handled->scopes};
	int fd = (int)FAULTABLE("landlock", syscall(SYS_landlock_create_ruleset, &attr, size_of(&attr), 0));

	return fd < 0 ? -errno : fd;
}

int landlock_grant_port(int ruleset, uint16_t port, uint64_t rights)
{
	struct net_port_attr attr = {.allowed_access = rights, .port = port};

	return syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &attr, 0) < 0 ? -errno : 0;
}

int landlock_grant(int ruleset, int path_fd, uint64_t rights)
{
	struct path_beneath_attr attr = {.allowed_access = rights, .parent_fd = path_fd};

	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0)
		return -errno;
	return 0;
}

int landlock_restrict_thread(int ruleset)
{
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
