/* The constants of constants.def. The only file that includes so many of the system's headers: their names
 * are looked up here and nowhere else. */
#include "syscalls/arguments.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/falloc.h>
#include <linux/fanotify.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

static const struct syscalls_constant constants[] = {
#define CONSTANT(sort, name) {#sort, #name, (uint64_t)(name)},
#define NUMBER(sort, name, value) {#sort, #name, (uint64_t)(value)},
#include "syscalls/constants.def"
#undef CONSTANT
#undef NUMBER
};

static bool is_named(const struct syscalls_constant *constant, const char *name, size_t length)
{
	return strlen(constant->name) == length && memcmp(constant->name, name, length) == 0;
}

const struct syscalls_constant *syscalls_constant(const char *sort, const char *name, size_t length)
{
	const struct syscalls_constant *found = NULL;

	for (size_t i = 0; i < ELEMENTS(constants); i++) {
		if (!is_named(&constants[i], name, length))
			continue;
		if (strcmp(constants[i].sort, sort) == 0)
			return &constants[i];
		if (!found)
			found = &constants[i];
	}
	return found;
}

const struct syscalls_constant *syscalls_constants(size_t *ret_count)
{
	*ret_count = ELEMENTS(constants);
	return constants;
}
