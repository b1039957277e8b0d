/* chmod, chown, utime, extended attributes, truncate: done to the object that was resolved. Grants do not
 * govern metadata (no kernel layer could), deny and hide rules do. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "base/cleanup.h"
#include "kernel/process.h"
#include "supervise/act/act.h"
#include "supervise/decide.h"
#include "supervise/decode.h"

/* Extended attributes can be large: as much as the kernel takes. */
#define VALUE_SIZE 65536

#define NOTHING_TO_DO 1000

enum change { CHANGE_MODE, CHANGE_OWNER, CHANGE_TIMES, CHANGE_ATTRIBUTE, CHANGE_UNKNOWN };

struct change_kind {
	const char *call;
	enum change change;
	bool follow;    /* a link in the last place, unless flags say otherwise */
	uint64_t known; /* flags */
	int first;      /* index of the first argument behind the path */
};

static const struct change_kind kinds[] = {
        {"chmod", CHANGE_MODE, true, 0, 1},
        {"fchmodat", CHANGE_MODE, true, 0, 2},
        {"fchmodat2", CHANGE_MODE, true, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, 2},
        {"chown", CHANGE_OWNER, true, 0, 1},
        {"lchown", CHANGE_OWNER, false, 0, 1},
        {"fchownat", CHANGE_OWNER, true, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, 2},
        {"utime", CHANGE_TIMES, true, 0, 1},
        {"utimes", CHANGE_TIMES, true, 0, 1},
        {"futimesat", CHANGE_TIMES, true, 0, 2},
        {"utimensat", CHANGE_TIMES, true, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, 2},
        {"setxattr", CHANGE_ATTRIBUTE, true, 0, 1},
        {"lsetxattr", CHANGE_ATTRIBUTE, false, 0, 1},
        {"removexattr", CHANGE_ATTRIBUTE, true, 0, 1},
        {"lremovexattr", CHANGE_ATTRIBUTE, false, 0, 1},
};

static const struct change_kind *kind_of(const char *call)
{
	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].call, call) == 0)
			return &kinds[i];
	return NULL;
}

static long change_mode(struct worker *worker, struct exchange *x, const struct resolved *at)
{
	char number[12];

	if (S_ISLNK(at->stat.st_mode)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	task_number(number, (unsigned)at->object);
	return syscall(SYS_fchmodat, task_view_own_fds(&worker->view), number, (mode_t)x->call.mode);
}

static int times_from_seconds(struct exchange *x, uint64_t address, struct timespec ret[2])
{
	struct utimbuf times;
	ssize_t n = decode_read(x, address, &times, sizeof(times));

	if (n != sizeof(times))
		return n < 0 ? (int)n : -EFAULT;
	ret[0] = (struct timespec){.tv_sec = times.actime};
	ret[1] = (struct timespec){.tv_sec = times.modtime};
	return 0;
}

static int times_from_microseconds(struct exchange *x, uint64_t address, struct timespec ret[2])
{
	struct timeval times[2];
	ssize_t n = decode_read(x, address, times, sizeof(times));

	if (n != sizeof(times))
		return n < 0 ? (int)n : -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (times[i].tv_usec < 0 || times[i].tv_usec >= 1000000)
			return -EINVAL;
		ret[i] = (struct timespec){.tv_sec = times[i].tv_sec, .tv_nsec = times[i].tv_usec * 1000};
	}
	return 0;
}

static int read_times(struct exchange *x, const struct change_kind *kind, struct timespec ret[2])
{
	uint64_t address = x->request.data.args[kind->first];
	ssize_t n;

	if (strcmp(kind->call, "utime") == 0)
		return times_from_seconds(x, address, ret);
	if (strcmp(kind->call, "utimensat") != 0)
		return times_from_microseconds(x, address, ret);
	n = decode_read(x, address, ret, 2 * sizeof(*ret));
	if (n != 2 * (ssize_t)sizeof(*ret))
		return n < 0 ? (int)n : -EFAULT;
	return 0;
}

/* The times are read before the path is looked at, as the kernel does. `ret_times` stays NULL for "now". 0;
 * NOTHING_TO_DO; REEVE_GONE; -errno. */
static int prepare_times(struct exchange *x, const struct change_kind *kind, struct timespec times[2],
        const struct timespec **ret_times)
{
	int r;

	*ret_times = NULL;
	if (kind->change != CHANGE_TIMES || x->request.data.args[kind->first] == 0)
		return 0;
	r = read_times(x, kind, times);
	if (r != 0)
		return r;
	if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
		return NOTHING_TO_DO;
	*ret_times = times;
	return 0;
}

static int change_attribute(struct exchange *x, const struct change_kind *kind, const struct resolved *at)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	char path[ACT_FD_PATH_SIZE], name[XATTR_NAME_MAX + 1];
	AUTO_FREE char *value = NULL;
	ssize_t n = decode_string(x, args[1], name, sizeof(name));

	if (n <= 0)
		return n < 0 && n != -ENAMETOOLONG ? (int)n : -ERANGE;
	act_fd_path(at->object, path);
	if (strstr(kind->call, "remove"))
		return removexattr(path, name) < 0 ? -errno : 0;
	if (args[3] > VALUE_SIZE)
		return -E2BIG;
	value = malloc(args[3] + 1);
	if (!value)
		return -ENOMEM;
	if (args[3] > 0) {
		n = decode_read(x, args[2], value, (size_t)args[3]);
		if (n != (ssize_t)args[3])
			return n < 0 ? (int)n : -EFAULT;
	}
	return setxattr(path, name, value, (size_t)args[3], (int)(uint32_t)args[4]) < 0 ? -errno : 0;
}

static void change(struct worker *worker, struct exchange *x, const struct change_kind *kind,
        const struct resolved *at, const struct timespec *times)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	int r = act_still_wanted(worker, x);

	if (r != 0)
		return act_fail(x, r);
	switch (kind->change) {
	case CHANGE_MODE:
		return act_result(x, change_mode(worker, x, at));
	case CHANGE_OWNER:
		return act_result(x, syscall(SYS_fchownat, at->object, "", (uid_t)args[kind->first],
		                             (gid_t)args[kind->first + 1], AT_EMPTY_PATH));
	case CHANGE_TIMES:
		r = syscall(SYS_utimensat, at->object, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
		break;
	case CHANGE_ATTRIBUTE:
		r = change_attribute(x, kind, at);
		break;
	default:
		r = -ENOSYS;
	}
	if (r != 0)
		act_fail(x, r);
	else
		act_result(x, 0);
}

static int resolve_changed(struct worker *worker, struct exchange *x, const struct change_kind *kind)
{
	const struct call_path *path = &x->call.paths[0];
	uint64_t flags = kind->known ? x->call.flags : 0;
	unsigned how = (kind->follow && !(flags & AT_SYMLINK_NOFOLLOW) ? RESOLVE_FOLLOW : 0) |
	               (flags & AT_EMPTY_PATH ? RESOLVE_EMPTY : 0);
	int r;

	if (flags & ~kind->known) {
		act_fail(x, -EINVAL);
		return -EINVAL;
	}
	r = resolve_object(&x->task, path->dirfd, path->text, how, &x->resolved[0]);
	if (r < 0)
		act_resolution_failed(worker, x, path, r);
	return r;
}

void act_metadata(struct worker *worker, struct exchange *x)
{
	const struct change_kind *kind = kind_of(x->call.name);
	struct resolved *at = &x->resolved[0];
	struct timespec read[2];
	const struct timespec *times;
	int r;

	if (!kind)
		return act_refuse(worker, x);
	r = act_as_task(worker, x);
	if (r == 0)
		r = prepare_times(x, kind, read, &times);
	if (r == NOTHING_TO_DO)
		return act_result(x, 0);
	if (r != 0)
		return act_fail(x, r);
	if (resolve_changed(worker, x, kind) < 0)
		return;
	x->object = at->path;
	if (!at->has_path || decide_not_denied(x, x->plan, at->path))
		change(worker, x, kind, at, times);
	resolved_done(at);
}

/* The limit of the task, which is not ours: with its signal, and after what else the kernel would refuse for.
 */
static int keep_file_limit(const struct exchange *x, int object, uint64_t length)
{
	struct task_status status;
	struct stat st;
	uint64_t limit;

	if (fstat(object, &st) < 0 || !S_ISREG(st.st_mode) || length <= (uint64_t)st.st_size ||
	        process_file_limit(x->task.tid, &limit) < 0 || length <= limit)
		return 0;
	if (faccessat(object, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
		return -errno;
	if (task_status(&x->task, &status) == 0)
		process_signal_thread(status.tgid, x->task.tid, SIGXFSZ);
	return -EFBIG;
}

void act_truncate(struct worker *worker, struct exchange *x)
{
	const struct call_path *path = &x->call.paths[0];
	struct resolved *at = &x->resolved[0];
	char name[ACT_FD_PATH_SIZE];
	int r = (long)x->request.data.args[1] < 0 ? -EINVAL : act_as_task(worker, x);

	if (r != 0)
		return act_fail(x, r);
	r = resolve_object(&x->task, path->dirfd, path->text, RESOLVE_FOLLOW, at);
	if (r < 0)
		return act_resolution_failed(worker, x, path, r);
	x->object = at->path;
	if (act_judge(worker, x, at, POLICY_WRITE)) {
		r = act_still_wanted(worker, x);
		if (r == 0)
			r = keep_file_limit(x, at->object, x->request.data.args[1]);
		if (r != 0)
			act_fail(x, r);
		else
			act_result(x, syscall(SYS_truncate, act_fd_path(at->object, name),
			                      (long)x->request.data.args[1]));
	}
	resolved_done(at);
}
