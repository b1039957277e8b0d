/* A task of the target, seen from outside through /proc: its working directory, root, umask, credentials,
 * signals. Nothing here is cached: a task may change all of it at any time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "kernel/credentials.h"
#include "plan/plan.h"

#define TASK_HELPERS 512

/* What one performing thread looks through. Its descriptors are that thread's own. */
struct task_view {
	int proc;    /* O_PATH of /proc */
	int own_fds; /* task_view_own_fds, or -EBADF as long as nobody asked */
	int root;    /* O_PATH of "/" */
	/* Processes with our memory (see kernel/blocking.h), as many as TASK_HELPERS, or NULL. */
	const _Atomic pid_t *helpers;
};

/* 0 or -errno. task_view_done closes what it holds. */
int task_view_init(struct task_view *ret);
void task_view_done(struct task_view *view);

/* O_PATH of /proc/thread-self/fd, our descriptors by number; -1 with errno. Opened when it is asked for first: once the
 * kernel has made that folder, the end of the process waits for it to be unmade. */
int task_view_own_fds(struct task_view *view);

/* Whether some name in the path is a number, as those of processes in a procfs are. */
bool task_path_has_number(const char *path);

/* Whether the path of something in a procfs, wherever that is mounted, names the supervisor's own process.
 * Only an answer about an object that is held already stays true. */
bool task_view_is_own(const struct task_view *view, const char *path);

/* The path of one of our descriptors: its length, -ENAMETOOLONG, -errno. Ends in NUL. */
int task_view_path(struct task_view *view, int fd, char *ret, size_t size);

struct task {
	struct task_view *view;
	pid_t tid;
	const struct plan *plan; /* whose redirects hold for it, or NULL */
	bool own_root; /* chroot or another mount namespace can't be excluded: ask for its root each time */
};

struct task_status {
	pid_t tgid;
	char state; /* 'R', 'S', 'Z', ... */
	mode_t umask;
	struct credentials credentials;
	uint64_t pending, shared, blocked; /* signals: the thread's own, the process's */
};

/* 0, -ESRCH when the task is gone, -EOVERFLOW, -EIO when the text is not as expected, -errno. */
int task_status(const struct task *task, struct task_status *ret);

/* Whether the task of that number is one of ours: it descends from this process and wears a filter more than we do,
 * so that it is no helper of ours. `*ret_tgid` is its process. 1, 0; -ESRCH when there is no such task; -errno. */
int task_is_supervised(const struct task_view *view, pid_t tid, pid_t *ret_tgid);

/* Whether the task numbers processes as we do: 1; 0 when it lives in a pid namespace inside of ours; -errno. */
int task_numbers_as_we(const struct task *task);

/* Whether the task lives in another user namespace than we: its capabilities then say nothing here.
 * 1, 0 or -errno. */
int task_has_own_user_namespace(const struct task *task);

/* "cwd", "root", "fd/3" of the task as an O_PATH descriptor, the object itself; -errno (-ENOENT: no such). */
int task_open(const struct task *task, const char *what);

/* The text of the link "cwd" or "fd/3": its length, or -errno; -ENAMETOOLONG when it does not fit. */
int task_link(const struct task *task, const char *what, char *ret, size_t size);

/* The task's mappings as text, or NULL with errno set. */
FILE *task_read_maps(const struct task_view *view, pid_t pid);

/* The flags of the task's descriptor `number`, with O_CLOEXEC, which a copy of it does not tell. 0 or -errno. */
int task_descriptor_flags(const struct task *task, int number, unsigned *ret);

/* The controlling terminal's device number, 0 when it has none; -errno. */
int task_terminal(pid_t tid, const struct task_view *view, dev_t *ret);

/* The task's name ("cat"), "?" when it cannot be read. Always a string of less than `size` bytes. */
void task_program(const struct task *task, char *ret, size_t size);

/* A decimal number at `ret` (at least 12 bytes), NUL-terminated; returns its end. */
char *task_number(char *ret, unsigned number);
