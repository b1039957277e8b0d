/* Doors beside the calls that everybody knows: handles, rings, foreign numbers, high bits, effects by flags.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

static void handles(void)
{
	struct {
		struct file_handle head;
		unsigned char bytes[128];
	} handle = {.head.handle_bytes = 128};
	int mount, here = open(".", O_RDONLY | O_DIRECTORY);

	if (name_to_handle_at(AT_FDCWD, "secret", &handle.head, &mount, 0) < 0)
		tell("name_to_handle_at: %s", strerror(errno));
	must_fail(open_by_handle_at(here, &handle.head, O_RDONLY), "open_by_handle_at");
}

/* Requests that do things to files where no path is and no security module is asked: of a descriptor that is
 * none, the kernel itself would say EBADF. */
static void requests(void)
{
	static const struct {
		const char *name;
		unsigned long number;
		int error; /* 0: of root alone */
	} known[] = {
	        {"BTRFS_IOC_SNAP_CREATE", 0x50009401, ENOTTY},
	        {"BTRFS_IOC_SNAP_CREATE_V2", 0x50009417, ENOTTY},
	        {"BTRFS_IOC_SNAP_DESTROY", 0x5000940f, ENOTTY},
	        {"BTRFS_IOC_SNAP_DESTROY_V2", 0x5000943f, ENOTTY},
	        {"BTRFS_IOC_SUBVOL_CREATE", 0x5000940e, ENOTTY},
	        {"BTRFS_IOC_SUBVOL_CREATE_V2", 0x50009418, ENOTTY},
	        {"BCH_IOCTL_SUBVOLUME_CREATE", 0x4020bc10, ENOTTY},
	        {"BCH_IOCTL_SUBVOLUME_DESTROY", 0x4020bc11, ENOTTY},
	        {"OCFS2_IOC_REFLINK", 0x40186f04, ENOTTY},
	        {"BTRFS_IOC_SEND", 0x40489426, 0},
	        {"BTRFS_IOC_TREE_SEARCH", 0xd0009411, 0},
	        {"BTRFS_IOC_TREE_SEARCH_V2", 0xc0709411, 0},
	        {"XFS_IOC_OPEN_BY_HANDLE", 0xc038586b, 0},
	        {"XFS_IOC_ATTRMULTI_BY_HANDLE", 0x4048587b, 0},
	        {"FIFREEZE", 0xc0045877, 0},
	        {"FS_IOC_SHUTDOWN", 0x8004587d, 0},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].error || getuid() == 0)
			must_fail_with(ioctl(-1, known[i].number, NULL),
			        known[i].error ? known[i].error : EPERM, known[i].name);
}

/* In a child of its own: the signal that ended it, or its exit code. */
static int fate(void (*attempt)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		attempt();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == ATTACK_LEAKED)
		_exit(ATTACK_LEAKED);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

#ifdef __x86_64__
static void old_open(void)
{
	static char path[] = "secret";
	char *low = (char *)(uintptr_t)0x10000;
	long result;

	/* The 32-bit entry sees 32 bits of the address: a stack address would only be cut off. */
	(void)low;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(5L), "b"(path), "c"(0L), "d"(0L) : "memory");
	_exit(result >= 0 ? ATTACK_LEAKED : 5);
}

static void old_getpid(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
	_exit(6);
}

static void x32_open(void)
{
	look((int)syscall(0x40000000 | SYS_open, "secret", O_RDONLY), "an x32 number");
	_exit(7);
}
#endif

static void negative(void)
{
	look((int)syscall(-500, "secret", 0, 0, 0, 0, 0), "a negative number");
	_exit(errno == ENOSYS ? 0 : 8);
}

static void numbers(void)
{
	int end = fate(negative);

#ifdef __x86_64__
	if (fate(old_open) != SIGSYS || fate(old_getpid) != SIGSYS)
		leaked("a 32-bit call did not end its caller");
	if (fate(x32_open) != SIGSYS)
		leaked("an x32 number did not end its caller");
#endif
	/* It has the bit of x32. */
	if (end != SIGSYS && end != 0)
		leaked("a negative number did not end its caller");
	for (long nr = 500; nr < 1000000; nr = nr * 3 / 2) {
		must_fail_with(syscall(nr, "secret", 0, 0, 0, 0, 0), ENOSYS, "an unknown number");
	}
	must_fail_with(syscall(SYS_io_uring_setup, 8, NULL), ENOSYS, "io_uring_setup");
	must_fail_with(syscall(SYS_io_uring_enter, 0, 0, 0, 0, 0, 0), ENOSYS, "io_uring_enter");
	must_fail_with(syscall(SYS_io_uring_register, 0, 0, 0, 0), ENOSYS, "io_uring_register");
}

static void high_bits(void)
{
	long high = 1L << 32;

	must_fail(syscall(SYS_openat, AT_FDCWD | 1L << 40, "secret", O_RDONLY), "openat, high bits in dirfd");
	must_fail(syscall(SYS_openat, 0x1ffffff9cL, "secret", O_RDONLY), "openat, high bits in dirfd");
	must_fail(syscall(SYS_openat, AT_FDCWD, "secret", O_RDONLY | high), "openat, high bits in flags");
#ifdef SYS_open
	must_fail(syscall(SYS_open, "secret", (long)O_PATH << 32), "open, O_PATH in the high half");
	must_fail(syscall(SYS_open, "secret", O_RDONLY | high, high), "open, high bits in flags");
	must_fail(syscall(SYS_open | high, "secret", O_RDONLY), "open, high bits in the number");
#endif
	must_fail(
	        syscall(SYS_linkat, AT_FDCWD, "secret", AT_FDCWD | high, "name", high), "linkat, high bits");
	must_fail(syscall(SYS_renameat2, AT_FDCWD | high, "secret", AT_FDCWD, "name", high),
	        "renameat2, high bits");
	must_fail(syscall(SYS_unlinkat, AT_FDCWD, "secret", high), "unlinkat, high bits");
	must_fail(syscall(SYS_fchmodat, AT_FDCWD, "secret", 0777 | high), "fchmodat, high bits");
	if (!look((int)syscall(SYS_openat, 0x1ffffff9cL, "public", O_RDONLY | high), "public"))
		broken("high bits are not ignored as the kernel ignores them: %s", strerror(errno));
}

/* ---- what changes files ---- */

static void effects_on(const char *path)
{
	struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 5}};

	must_fail(open(path, O_RDONLY | O_TRUNC), "O_TRUNC");
	must_fail(open(path, O_WRONLY), "O_WRONLY");
	must_fail(open(path, O_RDWR | O_NONBLOCK), "O_RDWR");
	must_fail(open(path, O_WRONLY | O_APPEND), "O_APPEND");
	must_fail(open(path, O_CREAT | O_WRONLY, 0644), "O_CREAT");
	must_fail(open(path, 3), "the access mode 3");
	must_fail(open(path, O_CREAT | O_EXCL | O_WRONLY, 0644), "O_EXCL");
	must_fail(creat(path, 0644), "creat");
	must_fail(truncate(path, 0), "truncate");
	must_fail(rename("public", path), "rename onto it");
	must_fail(rename(path, "away"), "rename away");
	must_fail(syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, "public", 2), "exchange");
	must_fail(syscall(SYS_renameat2, AT_FDCWD, "public", AT_FDCWD, path, 2), "exchange");
	must_fail(unlink(path), "unlink");
	must_fail(rmdir(path), "rmdir");
	must_fail(symlink("public", path), "symlink");
	must_fail(link("public", path), "link");
	must_fail(mkdir(path, 0755), "mkdir");
	must_fail(mknod(path, S_IFREG | 0644, 0), "mknod");
	must_fail(mkfifo(path, 0644), "mkfifo");
	if (strncmp(path, "../readonly", 11) == 0)
		return;
	must_fail(chmod(path, 0777), "chmod");
	must_fail(chown(path, getuid(), getgid()), "chown");
	must_fail(lchown(path, getuid(), getgid()), "lchown");
	must_fail(utimensat(AT_FDCWD, path, times, 0), "utimensat");
	must_fail(utimensat(AT_FDCWD, path, NULL, 0), "utimensat now");
#ifdef SYS_open
	must_fail(syscall(SYS_utime, path, NULL), "utime");
	must_fail(syscall(SYS_utimes, path, NULL), "utimes");
	must_fail(syscall(SYS_futimesat, AT_FDCWD, path, NULL), "futimesat");
#endif
	must_fail(syscall(SYS_setxattr, path, "user.a", "b", 1, 0), "setxattr");
	must_fail(syscall(SYS_lsetxattr, path, "user.a", "b", 1, 0), "lsetxattr");
	must_fail(syscall(SYS_removexattr, path, "user.a"), "removexattr");
	must_fail(syscall(468, AT_FDCWD, path, NULL, 0, 0),
	        "file_getattr"); /* 6.17; hide or not, an empty buffer */
	must_fail(syscall(469, AT_FDCWD, path, NULL, 0, 0), "file_setattr");
}

static void effects(void)
{
	static const char *const paths[] = {"secret", "vault/key", "closed/key", ".env", "g1/priv/key",
	        "x/y/safe/pin", "../readonly/file"};
	static const char *const missing[] = {
	        "closed/none", "other/.env", "g1/priv/../../other/.env", "../readonly/none"};
	char temporary[40];
	int fd;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		effects_on(paths[i]);
		unlink("dangling");
		if (symlink(paths[i], "dangling") == 0) {
			must_fail(open("dangling", O_CREAT | O_WRONLY | O_TRUNC, 0644),
			        "O_CREAT through a link");
			must_fail(truncate("dangling", 0), "truncate through a link");
			must_fail(open("dangling", O_RDONLY | O_TRUNC), "O_TRUNC through a link");
		}
	}
	mkdir("other", 0755);
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
		unlink("dangling");
		if (symlink(missing[i], "dangling") < 0)
			broken("symlink: %s", strerror(errno));
		must_fail(open("dangling", O_CREAT | O_WRONLY, 0644), "O_CREAT through a dangling link");
		must_fail(open(missing[i], O_CREAT | O_WRONLY, 0644), "O_CREAT");
		must_fail(open(missing[i], O_PATH | O_CREAT, 0644), "O_CREAT beside O_PATH");
		must_fail(
		        open(missing[i], O_PATH | O_CREAT | O_TRUNC | O_RDWR, 0644), "O_CREAT beside O_PATH");
		must_fail(mkdir(missing[i], 0755), "mkdir");
		must_fail(rename("public", missing[i]), "rename");
		must_fail(symlink("public", missing[i]), "symlink");
	}
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	if (fd >= 0) {
		snprintf(temporary, sizeof(temporary), "/proc/self/fd/%d", fd);
		must_fail(linkat(AT_FDCWD, temporary, AT_FDCWD, "other/.env", AT_SYMLINK_FOLLOW),
		        "O_TMPFILE linked");
		must_fail(linkat(AT_FDCWD, temporary, AT_FDCWD, "closed/new", AT_SYMLINK_FOLLOW),
		        "O_TMPFILE linked");
		must_fail(linkat(fd, "", AT_FDCWD, "secret", AT_EMPTY_PATH), "O_TMPFILE linked");
		close(fd);
	}
	must_fail(open("../readonly", O_TMPFILE | O_RDWR, 0600), "O_TMPFILE");
	must_fail(open("closed", O_TMPFILE | O_RDWR, 0600), "O_TMPFILE");
	must_fail(rmdir("vault"), "rmdir of an ancestor");
	must_fail(unlinkat(AT_FDCWD, "deep/a/b", AT_REMOVEDIR), "rmdir of an ancestor");
	/* Known, and said in the manual: a read-only descriptor changes what is no content. */
	fd = open("../readonly/mine", O_RDONLY);
	tell("fchmod through a descriptor of a readable file: %s",
	        fchmod(fd, 0640) == 0 ? "works" : strerror(errno));
}

/* ---- what root may ---- */

static void machine(void)
{
	int fd;

	if (getuid() != 0)
		skip("only root may try");
	fd = (int)syscall(SYS_fanotify_init, FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
	if (fd >= 0) {
		if (fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, ".") == 0)
			tell("fanotify watches");
		/* The runner opens the denied files all the time. */
		while (attack_goes_on()) {
			struct fanotify_event_metadata events[64];
			struct pollfd p = {.fd = fd, .events = POLLIN};
			ssize_t n = poll(&p, 1, 100) > 0 ? read(fd, events, sizeof(events)) : 0;

			for (struct fanotify_event_metadata *e = events; n > 0 && FAN_EVENT_OK(e, n);
			        e = FAN_EVENT_NEXT(e, n))
				look(e->fd, "a descriptor that fanotify gave");
		}
	}
	if (put_at_null("secret")) {
		const struct timespec then[2] = {{1, 0}, {1, 0}};

		must_fail(
		        syscall(SYS_utimensat, AT_FDCWD, NULL, then, 0), "utimensat of a path at address 0");
		must_fail(syscall(SYS_utimensat, 0xffffff9c, NULL, then, 0),
		        "utimensat of a path at address 0");
	} else {
		tell("nothing can be at address 0: %s", strerror(errno));
	}
	must_fail(syscall(SYS_acct, "secret"), "acct");
	must_fail(syscall(SYS_swapon, "secret", 0), "swapon");
	must_fail_with(syscall(SYS_init_module, NULL, 0, ""), EPERM, "init_module");
	must_fail_with(syscall(SYS_finit_module, -1, "", 0), EPERM, "finit_module");
	must_fail_with(syscall(SYS_bpf, 0, NULL, 0), EPERM, "bpf");
	must_fail_with(syscall(SYS_kexec_load, 0, 0, NULL, 0), EPERM, "kexec_load");
	must_fail(mknod("disk", S_IFBLK | 0600, 0xfe00), "a block device node");
	must_fail(mknod("memory", S_IFCHR | 0600, 0x0101), "a character device node");
}

const struct attack door_attacks[] = {
        {"handles", handles},
        {"requests", requests},
        {"numbers", numbers},
        {"high-bits", high_bits},
        {"effects", effects},
        {"machine", machine},
        {0},
};
