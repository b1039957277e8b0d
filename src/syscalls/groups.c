/* Groups of calls that policies name with an "@". A call may be in several; none is a boundary by itself. */
#include "syscalls/table.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

/* clang-format off */
static const struct {
	const char *name, *about;
	const char *const *calls;
} groups[] = {
	{"@clock", "setting or steering the machine's clocks",
		LIST("adjtimex", "clock_adjtime", "clock_settime", "settimeofday")},

	{"@credentials", "becoming another user or giving up or taking capabilities",
		LIST("capset", "lsm_set_self_attr", "setfsgid", "setfsuid", "setgid", "setgroups",
		"setregid", "setresgid", "setresuid", "setreuid", "setuid")},

	{"@debug", "looking into other processes, or changing them, and the kernel's own measuring of them",
		LIST("get_robust_list", "kcmp", "lookup_dcookie", "perf_event_open", "pidfd_getfd",
		"process_madvise", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace")},

	{"@file-system", "everything that finds or changes files, folders and their metadata, by path or by descriptor",
		LIST("access", "chdir", "chmod", "chown", "creat", "faccessat", "faccessat2",
		"fanotify_init", "fanotify_mark", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
		"fchownat", "fgetxattr", "file_getattr", "file_setattr", "flistxattr", "fremovexattr",
		"fsetxattr", "fstat", "fstatfs", "ftruncate", "futimesat", "getcwd", "getdents",
		"getdents64", "getxattr", "getxattrat", "inotify_add_watch", "inotify_init",
		"inotify_init1", "inotify_rm_watch", "lchown", "lgetxattr", "link", "linkat", "listxattr",
		"listxattrat", "llistxattr", "lremovexattr", "lsetxattr", "lstat", "mkdir", "mkdirat",
		"mknod", "mknodat", "name_to_handle_at", "newfstatat", "open", "open_by_handle_at",
		"openat", "openat2", "readlink", "readlinkat", "removexattr", "removexattrat", "rename",
		"renameat", "renameat2", "rmdir", "setxattr", "setxattrat", "stat", "statfs", "statx",
		"symlink", "symlinkat", "truncate", "unlink", "unlinkat", "ustat", "utime", "utimensat",
		"utimes")},

	{"@io-uring", "the submission rings that do other calls' work where no filter sees them",
		LIST("io_uring_enter", "io_uring_register", "io_uring_setup")},

	{"@ipc", "queues, semaphores and memory that are shared with other processes by key or by name",
		LIST("mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink",
		"msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat",
		"shmctl", "shmdt", "shmget")},

	{"@kexec", "starting another kernel",
		LIST("kexec_file_load", "kexec_load")},

	{"@keyring", "the kernel's key store, which is shared with other processes of the user",
		LIST("add_key", "keyctl", "request_key")},

	{"@module", "loading code into the kernel, and asking about it",
		LIST("create_module", "delete_module", "finit_module", "get_kernel_syms", "init_module",
		"query_module")},

	{"@mount", "changing or listing what is mounted where, and the root",
		LIST("chroot", "fsconfig", "fsmount", "fsopen", "fspick", "listmount", "mount",
		"mount_setattr", "move_mount", "open_tree", "open_tree_attr", "pivot_root", "statmount",
		"umount2")},

	{"@namespace", "entering or making namespaces; clone and clone3, which make threads as well, are in @process",
		LIST("setns", "unshare")},

	{"@network", "sockets of every family",
		LIST("accept", "accept4", "bind", "connect", "getpeername", "getsockname",
		"getsockopt", "listen", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto",
		"setsockopt", "shutdown", "socket", "socketpair")},

	{"@obsolete", "calls without an implementation, or kept for programs of long ago",
		LIST("_sysctl", "afs_syscall", "create_module", "epoll_ctl_old", "epoll_wait_old",
		"get_kernel_syms", "getpmsg", "lookup_dcookie", "nfsservctl", "putpmsg", "query_module",
		"security", "sysfs", "tuxcall", "uselib", "ustat", "vserver")},

	{"@privileged", "calls that act on the whole machine and that the kernel keeps for privileged users",
		LIST("_sysctl", "acct", "adjtimex", "bpf", "chroot", "clock_adjtime",
		"clock_settime", "create_module", "delete_module", "fanotify_init", "fanotify_mark",
		"finit_module", "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load",
		"lookup_dcookie", "nfsservctl", "open_by_handle_at", "perf_event_open", "pivot_root",
		"quotactl", "quotactl_fd", "reboot", "setdomainname", "sethostname", "settimeofday",
		"swapoff", "swapon", "syslog", "vhangup")},

	{"@process", "starting and replacing processes, waiting for them, and naming them by descriptor",
		LIST("clone", "clone3", "execve", "execveat", "fork", "pidfd_open",
		"pidfd_send_signal", "prctl", "setns", "unshare", "vfork", "wait4", "waitid")},

	{"@raw-io", "direct access to devices' ports",
		LIST("ioperm", "iopl")},

	{"@reboot", "restarting or stopping the machine",
		LIST("kexec_file_load", "kexec_load", "reboot")},

	{"@resources", "limits, priorities and placement, of the caller or of another process",
		LIST("ioprio_set", "mbind", "migrate_pages", "move_pages", "prlimit64",
		"sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler",
		"set_mempolicy", "set_mempolicy_home_node", "setpriority", "setrlimit")},

	{"@sandbox", "making a process confine itself",
		LIST("landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
		"seccomp")},

	{"@signal", "signals to other processes",
		LIST("kill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill",
		"tkill")},

	{"@swap", "swap space",
		LIST("swapoff", "swapon")},
};

static const char *const group_names[] = {
	"@clock", "@credentials", "@debug", "@file-system", "@io-uring", "@ipc", "@kexec", "@keyring",
	"@module", "@mount", "@namespace", "@network", "@obsolete", "@privileged", "@process", "@raw-io",
	"@reboot", "@resources", "@sandbox", "@signal", "@swap", NULL,
};
/* clang-format on */
_Static_assert(ELEMENTS(group_names) == ELEMENTS(groups) + 1, "each group is named once");

int syscalls_group(const char *name, const char *const **ret)
{
	for (size_t i = 0; name && i < ELEMENTS(groups); i++) {
		if (strcmp(groups[i].name, name) == 0) {
			*ret = groups[i].calls;
			return 0;
		}
	}
	return -ENOENT;
}

const char *syscalls_group_about(const char *name)
{
	for (size_t i = 0; name && i < ELEMENTS(groups); i++)
		if (strcmp(groups[i].name, name) == 0)
			return groups[i].about;
	return NULL;
}

const char *const *syscalls_groups(void)
{
	return group_names;
}
