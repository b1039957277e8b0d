/* Where a path of a task leads: resolved from the task's own root and working directory as the kernel would
 * for that task, and never as the supervisor: /proc/self is the task's. What comes out is held by descriptors
 * of our own, so that nothing that happens later can swap it. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "target/task.h"

#define RESOLVE_PATH_SIZE 4352 /* PATH_MAX, and a name behind it */

#define RESOLVE_FOLLOW 1u     /* follow a symbolic link in the last place */
#define RESOLVE_MISSING_OK 2u /* the last component need not exist: `object` is then -EBADF */
#define RESOLVE_EMPTY 4u      /* an empty path means what `dirfd` names (AT_EMPTY_PATH) */
#define RESOLVE_NO_JUMP 8u    /* a magic link on the way is ELOOP */

struct resolved {
	int object; /* O_PATH of the object, or -EBADF: it does not exist */
	int parent; /* O_PATH of the folder that `name` is in, or -EBADF: not known (reached by a magic link)
	             */
	char name[256];
	bool has_path;                /* false for pipes, sockets, memfds, ...: no name leads to them */
	bool is_deleted;              /* `path` is where it was */
	bool is_redirected;           /* another name was asked for */
	bool in_proc;                 /* on a procfs, where names may come to mean another process */
	struct stat stat;             /* of the object, when there is one */
	char path[RESOLVE_PATH_SIZE]; /* clean, seen from the supervisor's root */
};

void resolved_done(struct resolved *resolved);

/* An object, whatever stands in the last place. 0, or the -errno that the call would natively give. */
int resolve_object(
        const struct task *task, int dirfd, const char *path, unsigned flags, struct resolved *ret);

/* The folder and the last name, which is not looked at: for calls that create, remove or rename. `name` keeps
 * a trailing slash. `object` is -EBADF. */
int resolve_parent(const struct task *task, int dirfd, const char *path, struct resolved *ret);

/* The fast way's text: the path made absolute, clean, without looking at what it names. Its length; -EXDEV
 * when only resolution can tell (a "..", a deleted or unreachable folder, a root of its own); -errno as
 * natively. */
int resolve_text(const struct task *task, int dirfd, const char *path, char *ret, size_t size);
