/* The table of operations: every system call that takes a path, an address, a descriptor pair, a program or
 * credentials, on every architecture. The filter, decode, explain, the documentation and the tests are made
 * from it. Beside it stands the list of harmless calls; a call of the kernel that is in neither fails a test.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum syscalls_arch {
	SYSCALLS_X86_64,
	SYSCALLS_AARCH64,
	SYSCALLS_ARCHES,
};

/* What a call does to the thing it names; the planner selects calls by this. */
enum syscalls_operation {
	SYSCALLS_OPEN,        /* open, openat, openat2, creat */
	SYSCALLS_OPEN_HANDLE, /* open_by_handle_at: a way to files that has no path */
	SYSCALLS_CREATE,      /* mkdir, mknod, symlink */
	SYSCALLS_REMOVE,      /* unlink, rmdir */
	SYSCALLS_RENAME,
	SYSCALLS_LINK,
	SYSCALLS_METADATA,    /* by path: chmod, chown, utime, setxattr, removexattr, file_setattr */
	SYSCALLS_METADATA_FD, /* by descriptor: fchmod, fchown, fsetxattr */
	SYSCALLS_TRUNCATE,
	SYSCALLS_STAT,  /* looks without opening: stat, access, readlink, getxattr, statfs, file_getattr */
	SYSCALLS_WATCH, /* inotify_add_watch, fanotify_mark, name_to_handle_at */
	SYSCALLS_LIST,  /* getdents */
	SYSCALLS_CHDIR,
	SYSCALLS_ROOT,  /* chroot, pivot_root */
	SYSCALLS_MOUNT, /* mount, umount2, fsopen, open_tree, move_mount, mount_setattr, ... */
	SYSCALLS_EXEC,
	SYSCALLS_SOCKET,
	SYSCALLS_CONNECT,
	SYSCALLS_BIND,
	SYSCALLS_LISTEN,
	SYSCALLS_ACCEPT,
	SYSCALLS_SEND,
	SYSCALLS_RECEIVE,
	SYSCALLS_SOCKET_OPTION,
	SYSCALLS_CREDENTIALS, /* setuid and its like, capset, setgroups */
	SYSCALLS_NAMESPACE,   /* unshare, setns */
	SYSCALLS_PROCESS,     /* clone, clone3, fork, vfork */
	SYSCALLS_SIGNAL,      /* kill, tgkill, pidfd_send_signal, rt_sigqueueinfo */
	SYSCALLS_DEBUG,       /* ptrace, process_vm_*, pidfd_getfd, kcmp */
	SYSCALLS_SCHEDULE,    /* setpriority, sched_set*, ioprio_set, prlimit64: may name another process */
	SYSCALLS_DESCRIPTORS, /* dup2, dup3, memfd_create, ...: a descriptor or a pair of them */
	SYSCALLS_IOCTL,       /* ioctl, fcntl, prctl: many calls behind one number */
	SYSCALLS_KERNEL, /* modules, kexec, bpf, perf, keys, swap, quota, reboot, clocks, host name, ... */
	SYSCALLS_IO_URING,
	SYSCALLS_LANDLOCK,
	SYSCALLS_SECCOMP,
	SYSCALLS_IPC,      /* SysV and POSIX queues, semaphores, shared memory: named by key or name */
	SYSCALLS_HARMLESS, /* names nothing outside the process that the rows above do not already govern */
	SYSCALLS_OPERATIONS,
};

/* The shape of one argument: how decode reads it. */
enum syscalls_shape {
	SYSCALLS_NONE,
	SYSCALLS_INT,     /* the kernel uses 32 bits: the upper half is ignored */
	SYSCALLS_LONG,    /* all 64 bits count */
	SYSCALLS_FD,      /* a descriptor (int) */
	SYSCALLS_DIRFD,   /* a descriptor or AT_FDCWD; belongs to the path argument that follows it */
	SYSCALLS_PATH,    /* const char *, NUL-terminated */
	SYSCALLS_FLAGS,   /* int flags */
	SYSCALLS_MODE,    /* mode_t */
	SYSCALLS_ADDRESS, /* struct sockaddr *, its length is the next LENGTH argument */
	SYSCALLS_LENGTH,
	SYSCALLS_MESSAGE,  /* struct msghdr * */
	SYSCALLS_MESSAGES, /* struct mmsghdr * */
	SYSCALLS_HOW,      /* struct open_how *, its size is the next LENGTH argument */
	SYSCALLS_STRUCT,   /* another structure in target memory */
	SYSCALLS_BUFFER,   /* bytes that go to or come from the target */
	SYSCALLS_STRINGS,  /* argv, envp */
	SYSCALLS_PID,
	SYSCALLS_ID, /* uid or gid */
};

/* How a notification of this call is answered, when a plan makes it notify. */
enum syscalls_answer {
	SYSCALLS_FILTER_ONLY, /* decided on registers by the filter; never notifies */
	SYSCALLS_PERFORM,     /* the supervisor performs it and answers with the result */
	SYSCALLS_PERFORM_FD,  /* performed, and a descriptor is injected */
	SYSCALLS_CONTINUE,    /* may continue; `reason` names what bounds the result */
	SYSCALLS_REFUSE,      /* cannot be performed yet: refused where a rule covers it or that is unknown */
	SYSCALLS_NEVER,       /* must never notify: a signal before receipt would be visible */
};

/* No pointers: each would have to be relocated at every start. */
struct syscalls_row {
	char name[28];
	int nr[SYSCALLS_ARCHES]; /* -1: not on this architecture */
	enum syscalls_operation operation;
	enum syscalls_shape args[6];
	int flags_arg;      /* index of the flags argument, -1 when there is none */
	char family[12]; /* the file under src/supervise/act/ that answers it, "" when none does */
	enum syscalls_answer answer;
	char since[6]; /* kernel release, "" for older than 5.0 */
};

/* One name of the kernel's own list, governed or not. */
struct syscalls_name {
	char name[28];
	int nr[SYSCALLS_ARCHES];
};

extern const struct syscalls_row syscalls_table[];
extern const size_t syscalls_table_count;

/* Every call of Linux 6.18 on these architectures, sorted by name. */
extern const struct syscalls_name syscalls_all[];
extern const size_t syscalls_all_count;

/* The calls that are in no row because they name nothing that a policy governs, sorted by name. */
extern const char *const syscalls_harmless[];
extern const size_t syscalls_harmless_count;

/* For CONTINUE: what bounds it; for others "". */
const char *syscalls_reason(const struct syscalls_row *row);

/* The row of a number on an architecture, or NULL. Constant time. */
const struct syscalls_row *syscalls_row_by_nr(enum syscalls_arch arch, unsigned nr);

/* By name; NULL when it is unknown. */
const struct syscalls_name *syscalls_by_name(const char *name);

/* The name of a number ("openat"), or NULL. */
const char *syscalls_name_of(enum syscalls_arch arch, unsigned nr);

/* The highest number that Linux 6.18 knows on `arch`: higher ones are calls that this table has not seen. */
unsigned syscalls_highest(enum syscalls_arch arch);

/* Groups, named with their "@": "@network", "@mount", "@debug", ... : `*ret` is a NULL-terminated list of
 * names. Returns 0, or -ENOENT. */
int syscalls_group(const char *name, const char *const **ret);

/* What the calls of a group have in common, in words; NULL when there is no such group. */
const char *syscalls_group_about(const char *name);

/* All group names, NULL-terminated. */
const char *const *syscalls_groups(void);

/* "open", "create", ...: the word for an operation, as records and explain print it. */
const char *syscalls_operation_name(enum syscalls_operation operation);

/* The architecture this program was built for, and its AUDIT_ARCH_ value. */
enum syscalls_arch syscalls_native(void);
uint32_t syscalls_audit_arch(enum syscalls_arch arch);
