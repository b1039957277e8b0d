#include "kernel/opening.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/fault.h"

int opening_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
	int fd;

	do
		fd = (int)FAULTABLE("openat2", syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int opening_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}
