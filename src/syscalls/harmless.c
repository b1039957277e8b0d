/* The calls that are in no row. They act on the caller itself, or on what a descriptor already holds, so
 * whatever let the descriptor in has decided. Among them are those that must never notify (close, exit,
 * wait4, futex, read, write, ...), those that the kernel only ever answers with ENOSYS (tuxcall, vserver,
 * ...), and uprobe and uretprobe, which the kernel's own probes put into a program. A new name comes here
 * only with that reason; anything else needs a row. */
#include "syscalls/table.h"

#include "base/cleanup.h"

/* clang-format off */
const char *const syscalls_harmless[] = {
	"afs_syscall", "alarm", "arch_prctl", "brk", "cachestat", "capget", "clock_getres",
	"clock_gettime", "clock_nanosleep", "close", "close_range", "dup", "epoll_create",
	"epoll_create1", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait", "epoll_wait_old",
	"eventfd", "eventfd2", "exit", "exit_group", "fadvise64", "fallocate", "fdatasync", "fgetxattr",
	"flistxattr", "flock", "fstat", "fstatfs", "fsync", "ftruncate", "futex", "futex_requeue",
	"futex_wait", "futex_waitv", "futex_wake", "get_mempolicy", "get_thread_area", "getcpu",
	"getcwd", "getegid", "geteuid", "getgid", "getgroups", "getitimer", "getpeername", "getpgid",
	"getpgrp", "getpid", "getpmsg", "getppid", "getpriority", "getrandom", "getresgid", "getresuid",
	"getrlimit", "getrusage", "getsid", "getsockname", "getsockopt", "gettid", "gettimeofday",
	"getuid", "inotify_init", "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy",
	"io_getevents", "io_pgetevents", "io_setup", "io_submit", "ioprio_get", "lseek",
	"lsm_get_self_attr", "lsm_list_modules", "madvise", "map_shadow_stack", "mbind", "membarrier",
	"mincore", "mlock", "mlock2", "mlockall", "mmap", "modify_ldt", "mprotect", "mremap", "mseal",
	"msync", "munlock", "munlockall", "munmap", "nanosleep", "pause", "personality", "pipe",
	"pipe2", "pkey_alloc", "pkey_free", "pkey_mprotect", "poll", "ppoll", "pread64", "preadv",
	"preadv2", "pselect6", "putpmsg", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
	"readv", "remap_file_pages", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_get_priority_max",
	"sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
	"sched_getscheduler", "sched_rr_get_interval", "sched_yield", "security", "select",
	"set_mempolicy", "set_mempolicy_home_node", "set_robust_list", "set_thread_area",
	"set_tid_address", "setitimer", "setpgid", "setrlimit", "setsid", "shutdown", "sigaltstack",
	"signalfd", "signalfd4", "sync", "sync_file_range", "syncfs", "sysfs", "sysinfo", "time",
	"timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
	"timerfd_create", "timerfd_gettime", "timerfd_settime", "times", "tuxcall", "umask", "uname",
	"uprobe", "uretprobe", "vmsplice", "vserver", "wait4", "waitid", "write", "writev",
};
/* clang-format on */
const size_t syscalls_harmless_count = ELEMENTS(syscalls_harmless);
