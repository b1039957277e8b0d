/* Looks without opening: stat, access, readlink, statfs, extended attributes. They notify only where
 * something is hidden, and are answered from the object that was resolved. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervise/act/act.h"
#include "supervise/decide.h"
#include "supervise/decode.h"

#define VALUE_SIZE 65536

enum look { LOOK_STAT, LOOK_STATX, LOOK_ACCESS, LOOK_LINK, LOOK_FS, LOOK_ATTRIBUTE, LOOK_ATTRIBUTES };

struct look_kind {
	const char *call;
	enum look look;
	bool follow;    /* a link in the last place, unless flags say otherwise */
	bool empty;     /* an empty path means the descriptor, without any flag */
	uint64_t known; /* flags */
	int first;      /* index of the first argument behind the path */
};

#define STATX_FLAGS (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | 0x6000)

static const struct look_kind kinds[] = {
        {"stat", LOOK_STAT, true, false, 0, 1},
        {"lstat", LOOK_STAT, false, false, 0, 1},
        {"newfstatat", LOOK_STAT, true, false, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, 2},
        {"statx", LOOK_STATX, true, false, STATX_FLAGS, 3},
        {"access", LOOK_ACCESS, true, false, 0, 1},
        {"faccessat", LOOK_ACCESS, true, false, 0, 2},
        {"faccessat2", LOOK_ACCESS, true, false, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EACCESS, 2},
        {"readlink", LOOK_LINK, false, false, 0, 1},
        {"readlinkat", LOOK_LINK, false, true, 0, 2},
        {"statfs", LOOK_FS, true, false, 0, 1},
        {"getxattr", LOOK_ATTRIBUTE, true, false, 0, 1},
        {"lgetxattr", LOOK_ATTRIBUTE, false, false, 0, 1},
        {"listxattr", LOOK_ATTRIBUTES, true, false, 0, 1},
        {"llistxattr", LOOK_ATTRIBUTES, false, false, 0, 1},
};

static const struct look_kind *kind_of(const char *call)
{
	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].call, call) == 0)
			return &kinds[i];
	return NULL;
}

/* Writes a result of a fixed size into the target; the call itself then returns 0. */
static void give(struct worker *worker, struct exchange *x, uint64_t address, const void *bytes, size_t size)
{
	int r = decode_write(worker, x, address, bytes, size);

	if (r != 0)
		act_fail(x, r);
	else
		act_result(x, 0);
}

/* Writes a result of a length that the call returns. */
static void give_length(
        struct worker *worker, struct exchange *x, uint64_t address, const void *bytes, ssize_t n)
{
	int r = n > 0 ? decode_write(worker, x, address, bytes, (size_t)n) : 0;

	if (r != 0)
		act_fail(x, r);
	else
		act_result(x, n);
}

static void look_stat(
        struct worker *worker, struct exchange *x, const struct look_kind *kind, const struct resolved *at)
{
	struct stat st;

	if (syscall(SYS_newfstatat, at->object, "", &st, AT_EMPTY_PATH) < 0)
		return act_fail(x, -errno);
	give(worker, x, x->request.data.args[kind->first], &st, sizeof(st));
}

static void look_statx(struct worker *worker, struct exchange *x, const struct resolved *at)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	struct statx st;
	int flags = AT_EMPTY_PATH | (int)(x->call.flags & 0x6000);

	if (syscall(SYS_statx, at->object, "", flags, (unsigned)args[3], &st) < 0)
		return act_fail(x, -errno);
	give(worker, x, args[4], &st, sizeof(st));
}

static void look_access(
        struct worker *worker, struct exchange *x, const struct look_kind *kind, const struct resolved *at)
{
	char number[12];
	int mode = (int)x->request.data.args[kind->first];
	int flags = AT_EMPTY_PATH | AT_EACCESS; /* the ids that the task acts with are on this thread */
	long r = syscall(SYS_faccessat2, at->object, "", mode, flags);

	if (r < 0 && errno == ENOSYS) {
		task_number(number, (unsigned)at->object);
		r = syscall(SYS_faccessat, task_view_own_fds(&worker->view), number, mode);
	}
	act_result(x, r);
}

/* The text of /proc/self depends on who reads it. */
static int own_link_text(const struct exchange *x, const struct resolved *at, char *ret, size_t size)
{
	struct task_status status;
	bool thread = strcmp(at->path, "/proc/thread-self") == 0;

	if (!thread && strcmp(at->path, "/proc/self") != 0)
		return 0;
	if (task_status(&x->task, &status) < 0)
		return -ENOENT;
	if (thread)
		return snprintf(ret, size, "%d/task/%d", status.tgid, x->task.tid);
	return snprintf(ret, size, "%d", status.tgid);
}

static void look_link(
        struct worker *worker, struct exchange *x, const struct look_kind *kind, const struct resolved *at)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args + kind->first;
	char text[PATH_MAX];
	ssize_t n;
	int size = (int)args[1];

	n = own_link_text(x, at, text, sizeof(text));
	if (n == 0) {
		n = readlinkat(at->object, "", text, sizeof(text));
		if (n < 0)
			n = errno == ENOENT && x->call.paths[0].length > 0 ? -EINVAL : -errno;
	}
	if (n < 0)
		return act_fail(x, (int)n);
	give_length(worker, x, args[0], text, n < size ? n : size);
}

static void look_fs(
        struct worker *worker, struct exchange *x, const struct look_kind *kind, const struct resolved *at)
{
	struct statfs fs;

	if (syscall(SYS_fstatfs, at->object, &fs) < 0)
		return act_fail(x, -errno);
	give(worker, x, x->request.data.args[kind->first], &fs, sizeof(fs));
}

static void look_attribute(
        struct worker *worker, struct exchange *x, const struct look_kind *kind, const struct resolved *at)
{
	bool one = kind->look == LOOK_ATTRIBUTE;
	const uint64_t *args = (const uint64_t *)x->request.data.args + (one ? 2 : 1);
	char path[ACT_FD_PATH_SIZE], name[XATTR_NAME_MAX + 1];
	AUTO_FREE char *value = NULL;
	size_t size = args[1] > VALUE_SIZE ? VALUE_SIZE : (size_t)args[1];
	ssize_t n = 1;

	if (one)
		n = decode_string(x, x->request.data.args[1], name, sizeof(name));
	if (n <= 0)
		return act_fail(x, n < 0 && n != -ENAMETOOLONG ? (int)n : -ERANGE);
	value = malloc(size + 1);
	if (!value)
		return act_fail(x, -ENOMEM);
	act_fd_path(at->object, path);
	n = one ? getxattr(path, name, value, size) : listxattr(path, value, size);
	if (n < 0)
		return act_fail(x, -errno);
	give_length(worker, x, args[0], value, size == 0 ? 0 : n);
	if (size == 0)
		act_result(x, n);
}

static void look(
        struct worker *worker, struct exchange *x, const struct look_kind *kind, const struct resolved *at)
{
	switch (kind->look) {
	case LOOK_STAT:
		return look_stat(worker, x, kind, at);
	case LOOK_STATX:
		return look_statx(worker, x, at);
	case LOOK_ACCESS:
		return look_access(worker, x, kind, at);
	case LOOK_LINK:
		return look_link(worker, x, kind, at);
	case LOOK_FS:
		return look_fs(worker, x, kind, at);
	case LOOK_ATTRIBUTE:
	case LOOK_ATTRIBUTES:
		return look_attribute(worker, x, kind, at);
	}
}

/* What the kernel says before it looks at the path. 0 or -errno. */
static int check_arguments(const struct exchange *x, const struct look_kind *kind, uint64_t flags)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args + kind->first;

	if (flags & ~kind->known)
		return -EINVAL;
	if (kind->look == LOOK_ACCESS && ((int)args[0] & ~(R_OK | W_OK | X_OK)))
		return -EINVAL;
	if (kind->look == LOOK_LINK && (int)args[1] <= 0)
		return -EINVAL;
	return 0;
}

void act_stat(struct worker *worker, struct exchange *x)
{
	const struct look_kind *kind = kind_of(x->call.name);
	const struct call_path *path = &x->call.paths[0];
	struct resolved *at = &x->resolved[0];
	uint64_t flags;
	unsigned how;
	int r;

	if (!kind)
		return act_refuse(worker, x);
	flags = kind->known ? x->call.flags : 0;
	r = act_as_task(worker, x);
	if (r == 0)
		r = check_arguments(x, kind, flags);
	if (r != 0)
		return act_fail(x, r);
	how = (kind->follow && !(flags & AT_SYMLINK_NOFOLLOW) ? RESOLVE_FOLLOW : 0) |
	      ((flags & AT_EMPTY_PATH) || kind->empty ? RESOLVE_EMPTY : 0);
	r = resolve_object(&x->task, path->dirfd, path->text, how, at);
	if (r < 0)
		return act_resolution_failed(worker, x, path, r);
	x->object = at->path;
	/* What is only denied may be looked at; what is hidden is not there. */
	if (at->has_path && decide_is_hidden(x->plan, at->path))
		decide_not_denied(x, x->plan, at->path);
	else
		look(worker, x, kind, at);
	resolved_done(at);
}
