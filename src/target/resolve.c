#include "target/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "base/path.h"
#include "kernel/opening.h"

#define MAX_LINKS 40
#define DELETED " (deleted)"

void resolved_done(struct resolved *resolved)
{
	cleanup_close(&resolved->object);
	cleanup_close(&resolved->parent);
	resolved->object = resolved->parent = -EBADF;
}

static bool is_deleted_text(const char *path, size_t length)
{
	size_t n = sizeof(DELETED) - 1;

	return length > n && strcmp(path + length - n, DELETED) == 0;
}

/* "cwd" or "fd/N": where a relative path starts. */
static const char *start_name(int dirfd, char *ret)
{
	if (dirfd == AT_FDCWD)
		return "cwd";
	memcpy(ret, "fd/", 3);
	task_number(ret + 3, (unsigned)dirfd);
	return ret;
}

static int open_start(const struct task *task, int dirfd)
{
	char name[16];
	int fd;

	if (dirfd < 0 && dirfd != AT_FDCWD)
		return -EBADF;
	fd = task_open(task, start_name(dirfd, name));
	return fd == -ENOENT && dirfd != AT_FDCWD ? -EBADF : fd;
}

int resolve_text(const struct task *task, int dirfd, const char *path, char *ret, size_t size)
{
	char joined[RESOLVE_PATH_SIZE], name[16];
	int n;
	size_t length;

	if (task->own_root)
		return -EXDEV;
	if (path[0] == '/')
		return path_clean(path, ret, size);
	if (dirfd < 0 && dirfd != AT_FDCWD)
		return -EBADF;
	n = task_link(task, start_name(dirfd, name), joined, PATH_MAX);
	if (n < 0)
		return n == -ENOENT ? -EBADF : -EXDEV;
	/* A deleted or unreachable folder, a pipe, or a name that only looks so: let resolution tell. */
	if (joined[0] != '/' || is_deleted_text(joined, (size_t)n))
		return -EXDEV;
	length = strlen(path);
	if ((size_t)n + length + 2 > sizeof(joined))
		return -EXDEV;
	joined[n] = '/';
	memcpy(joined + n + 1, path, length + 1);
	return path_clean(joined, ret, size);
}

static bool is_in_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Fills in what the descriptor in ret->object says of itself. What is the supervisor's own is nobody's: told
 * only now that it is held, since a number may come to mean another process at any time. */
static int describe(const struct task *task, struct resolved *ret)
{
	struct stat there;
	int n;

	if (fstat(ret->object, &ret->stat) < 0)
		return -errno;
	n = task_view_path(task->view, ret->object, ret->path, sizeof(ret->path));
	if (n < 0)
		return n;
	ret->in_proc = is_in_proc(ret->object);
	if (GUARDED(own_process) && ret->in_proc && task_view_is_own(task->view, ret->path))
		return -EACCES;
	ret->has_path = ret->path[0] == '/';
	if (!ret->has_path || !is_deleted_text(ret->path, (size_t)n))
		return 0;
	/* The words may also be part of a name: then that name leads to this object. */
	if (lstat(ret->path, &there) == 0 && there.st_ino == ret->stat.st_ino &&
	        there.st_dev == ret->stat.st_dev)
		return 0;
	ret->is_deleted = true;
	ret->path[(size_t)n - (sizeof(DELETED) - 1)] = '\0';
	/* Kernel-made files (memfd, SysV shared memory) have a text that no folder ever held. */
	if (strncmp(ret->path, "/memfd:", 7) == 0 || strncmp(ret->path, "/SYSV", 5) == 0)
		ret->has_path = false;
	return 0;
}

/* ---- the walk: component by component, where the kernel's own resolution would answer for us ---- */

struct walk {
	const struct task *task;
	unsigned flags;
	int root, current;
	unsigned links;
	char rest[2 * PATH_MAX]; /* what is still to go */
	struct resolved *result;
};

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static int move_to(struct walk *walk, int fd)
{
	cleanup_close(&walk->current);
	walk->current = fd;
	return 0;
}

static int go_to_root(struct walk *walk)
{
	int fd = fcntl(walk->root, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : move_to(walk, fd);
}

static int go_up(struct walk *walk)
{
	int fd;

	if (is_same(walk->current, walk->root))
		return 0;
	fd = opening_openat(walk->current, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	return fd < 0 ? fd : move_to(walk, fd);
}

static bool is_proc_top(int fd)
{
	struct stat st;

	return is_in_proc(fd) && fstat(fd, &st) == 0 && st.st_ino == 1;
}

/* The text of a link in /proc's top folder that depends on who asks. 0 when `name` is none of them. */
static int own_link(const struct walk *walk, const char *name, char *ret, size_t size)
{
	struct task_status status;
	int r;

	if (strcmp(name, "self") != 0 && strcmp(name, "thread-self") != 0)
		return 0;
	r = task_status(walk->task, &status);
	if (r < 0)
		return r;
	if (name[0] == 's')
		return snprintf(ret, size, "%d", status.tgid);
	return snprintf(ret, size, "%d/task/%d", status.tgid, walk->task->tid);
}

/* fs.protected_symlinks, which the kernel applies when it follows: our walk must not be a way around. */
static int may_follow(const struct walk *walk, const struct stat *link)
{
	struct stat folder;

	if (fstat(walk->current, &folder) < 0)
		return -errno;
	if ((folder.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) || folder.st_uid == link->st_uid)
		return 0;
	return link->st_uid == geteuid() ? 0 : -EACCES;
}

/* Puts the text of a link before what is still to go. A slash behind the link's name stays behind its text.
 */
static int push(struct walk *walk, const char *text, size_t length, bool slash)
{
	size_t rest = strlen(walk->rest);

	if (length == 0)
		return -ENOENT;
	if (++walk->links > MAX_LINKS)
		return -ELOOP;
	if (length + 1 + rest + 1 > sizeof(walk->rest))
		return -ENAMETOOLONG;
	slash = slash || rest > 0;
	memmove(walk->rest + length + 1, walk->rest, rest + 1);
	memcpy(walk->rest, text, length);
	walk->rest[length] = '/';
	if (!slash)
		walk->rest[length] = '\0';
	return text[0] == '/' ? go_to_root(walk) : 0;
}

/* Whether the walk stands in the supervisor's own part of a procfs. */
static bool is_own_process(const struct walk *walk)
{
	char path[PATH_MAX];

	return task_view_path(walk->task->view, walk->current, path, sizeof(path)) < 0 ||
	       task_view_is_own(walk->task->view, path);
}

static bool has_redirects(const struct task *task)
{
	return task->plan && task->plan->redirect_count > 0;
}

/* A redirected place is a symbolic link that nobody can see: what is there instead goes before the rest. 1
 * when it was one, 0, -errno. */
static int redirect(struct walk *walk, const char *name, bool slash)
{
	const struct plan_redirect *redirect;
	char path[PATH_MAX + NAME_MAX + 2];
	int n = task_view_path(walk->task->view, walk->current, path, PATH_MAX), r;

	if (n < 0)
		return n;
	if (path[0] != '/')
		return 0;
	if (n == 1)
		n = 0;
	path[n] = '/';
	strcpy(path + n + 1, name);
	redirect = plan_redirected(walk->task->plan, path);
	if (!redirect || strcmp(redirect->from, path) != 0)
		return 0;
	walk->result->is_redirected = true;
	r = push(walk, redirect->to, strlen(redirect->to), slash);
	return r < 0 ? r : 1;
}

static int follow(struct walk *walk, int link, const char *name, const struct stat *st, bool slash)
{
	char text[PATH_MAX];
	ssize_t n;
	int r;

	if (is_in_proc(walk->current)) {
		bool top = is_proc_top(walk->current);

		r = top ? own_link(walk, name, text, sizeof(text)) : 0;
		if (r < 0)
			return r;
		if (r > 0)
			return push(walk, text, (size_t)r, slash);
		if (!top) {
			/* A magic link jumps to the object; the kernel checks that we may see that task. */
			int fd = walk->flags & RESOLVE_NO_JUMP ? -ELOOP
			         : is_own_process(walk)
			                 ? -EACCES
			                 : opening_openat(walk->current, name, O_PATH | O_CLOEXEC, 0);

			if (fd < 0)
				return fd;
			if (++walk->links > MAX_LINKS) {
				close(fd);
				return -ELOOP;
			}
			return move_to(walk, fd);
		}
	}
	r = may_follow(walk, st);
	if (r < 0)
		return r;
	n = readlinkat(link, "", text, sizeof(text));
	if (n < 0)
		return -errno;
	if ((size_t)n >= sizeof(text))
		return -ENAMETOOLONG;
	return push(walk, text, (size_t)n, slash);
}

/* Takes the next component off the rest into `ret`. 1, 0 when nothing is left, -ENAMETOOLONG. */
static int next_component(struct walk *walk, char *ret, size_t size, bool *ret_last, bool *ret_slash)
{
	char *start = walk->rest + strspn(walk->rest, "/");
	size_t n = strcspn(start, "/"), after;

	if (n == 0)
		return 0;
	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(ret, start, n);
	ret[n] = '\0';
	after = strspn(start + n, "/");
	*ret_slash = after > 0;
	*ret_last = start[n + after] == '\0';
	memmove(walk->rest, start + n + after, strlen(start + n + after) + 1);
	return 1;
}

/* A missing last component: the folder and the name are the answer. */
static int end_missing(struct walk *walk, const char *name)
{
	struct resolved *ret = walk->result;
	int n = task_view_path(walk->task->view, walk->current, ret->path, PATH_MAX);

	if (n < 0)
		return n;
	if (ret->path[0] != '/' || is_deleted_text(ret->path, (size_t)n))
		return -ENOENT;
	strcpy(ret->name, name);
	if (n == 1)
		n = 0;
	ret->path[n] = '/';
	strcpy(ret->path + n + 1, name);
	ret->has_path = true;
	ret->parent = TAKE_FD(walk->current);
	return 0;
}

static int step(struct walk *walk, const char *name, bool last, bool slash)
{
	AUTO_CLOSE int fd = -EBADF;
	struct stat st;

	if (strcmp(name, ".") == 0) {
		/* It stays where it is, if it may search there. */
		int here = opening_openat(walk->current, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

		return here < 0 ? here : move_to(walk, here);
	}
	if (strcmp(name, "..") == 0)
		return go_up(walk);
	if (has_redirects(walk->task)) {
		int r = redirect(walk, name, slash);

		if (r != 0)
			return r < 0 ? r : 0;
	}
	fd = opening_openat(walk->current, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd == -ENOENT && last && !slash && (walk->flags & RESOLVE_MISSING_OK))
		return end_missing(walk, name);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && (!last || slash || (walk->flags & RESOLVE_FOLLOW)))
		return follow(walk, fd, name, &st, slash);
	if (!S_ISDIR(st.st_mode) && (!last || slash))
		return -ENOTDIR;
	return move_to(walk, TAKE_FD(fd));
}

static int walk_all(struct walk *walk)
{
	for (;;) {
		char name[NAME_MAX + 1];
		bool last, slash;
		int r = next_component(walk, name, sizeof(name), &last, &slash);

		if (r <= 0)
			return r;
		r = step(walk, name, last, slash);
		if (r < 0)
			return r;
		if (walk->current < 0)
			return 0; /* ended at a missing name */
	}
}

static int walk_from(
        const struct task *task, int start, const char *path, unsigned flags, struct resolved *ret)
{
	AUTO_CLOSE int root =
	        task->own_root ? task_open(task, "root") : fcntl(task->view->root, F_DUPFD_CLOEXEC, 0);
	struct walk walk = {.task = task, .flags = flags, .root = root, .current = -EBADF, .result = ret};
	int r;

	if (root < 0)
		return root;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(walk.rest, path);
	walk.current = fcntl(path[0] == '/' ? root : start, F_DUPFD_CLOEXEC, 0);
	if (walk.current < 0)
		return -errno;
	r = walk_all(&walk);
	if (r == 0 && walk.current >= 0) {
		ret->object = TAKE_FD(walk.current);
		r = describe(task, ret);
		/* A magic link jumps to what it names, whatever stands behind it. */
		if (r == 0 && path_wants_directory(path) && !S_ISDIR(ret->stat.st_mode))
			r = -ENOTDIR;
	}
	cleanup_close(&walk.current);
	return r;
}

/* ---- what callers use ---- */

/* One openat2 resolves all but the links that depend on who follows them. 1: done, 0: the walk must tell. */
static int resolve_by_kernel(
        const struct task *task, int start, const char *path, unsigned flags, struct resolved *ret)
{
	uint64_t how = O_PATH | O_CLOEXEC | (flags & RESOLVE_FOLLOW ? 0 : O_NOFOLLOW);
	int fd = opening_openat2(path[0] == '/' ? task->view->root : start, path, how, 0, OPENING_NO_MAGIC);
	int r;

	if (fd < 0)
		return 0;
	ret->object = fd;
	r = describe(task, ret);
	/* In a procfs, "self" would have been us; and a number is to be looked at step by step. */
	if (r == 0 && !ret->in_proc)
		return 1;
	resolved_done(ret);
	return 0;
}

/* A relative path that starts in a redirected folder, which nothing keeps a task from entering. 1 with the
 * path that it means, 0, -errno. */
static int redirect_start(const struct task *task, int start, const char *path, char *ret, size_t size)
{
	char from[PATH_MAX];
	const struct plan_redirect *redirect;
	int n = task_view_path(task->view, start, from, sizeof(from));

	if (n < 0)
		return n;
	redirect = plan_redirected(task->plan, from);
	if (!redirect)
		return 0;
	n = snprintf(ret, size, "%s%s/%s", redirect->to, from + strlen(redirect->from), path);
	return (size_t)n < size ? 1 : -ENAMETOOLONG;
}

static int resolve_start(
        const struct task *task, int start, const char *path, unsigned flags, struct resolved *ret)
{
	char instead[PATH_MAX];
	int r;

	if (has_redirects(task) && path[0] != '/') {
		r = redirect_start(task, start, path, instead, sizeof(instead));
		if (r < 0)
			return r;
		if (r > 0) {
			path = instead;
			ret->is_redirected = true;
		}
	}
	if (!task->own_root && !has_redirects(task)) {
		r = resolve_by_kernel(task, start, path, flags, ret);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	r = walk_from(task, start, path, flags, ret);
	if (r < 0)
		resolved_done(ret);
	return r;
}

static void resolved_init(struct resolved *ret)
{
	ret->object = ret->parent = -EBADF;
	ret->name[0] = ret->path[0] = '\0';
	ret->has_path = ret->is_deleted = ret->is_redirected = ret->in_proc = false;
}

int resolve_object(const struct task *task, int dirfd, const char *path, unsigned flags, struct resolved *ret)
{
	AUTO_CLOSE int start = -EBADF;

	resolved_init(ret);
	if (path[0] == '\0' && !(flags & RESOLVE_EMPTY))
		return -ENOENT;
	if (path[0] != '/') {
		start = open_start(task, dirfd);
		if (start < 0)
			return start;
	}
	if (path[0] == '\0') {
		int r;

		ret->object = TAKE_FD(start);
		r = describe(task, ret);
		if (r < 0)
			resolved_done(ret);
		return r;
	}
	return resolve_start(task, start, path, flags, ret);
}

int resolve_parent(const struct task *task, int dirfd, const char *path, struct resolved *ret)
{
	char folder[PATH_MAX];
	size_t length = strlen(path), end = length, cut;
	int r;

	resolved_init(ret);
	if (length == 0)
		return -ENOENT;
	while (end > 0 && path[end - 1] == '/')
		end--;
	for (cut = end; cut > 0 && path[cut - 1] != '/'; cut--)
		;
	if (end - cut > NAME_MAX || length - cut >= sizeof(ret->name))
		return -ENAMETOOLONG;
	memcpy(folder, path, cut);
	folder[cut] = '\0';
	r = resolve_object(task, dirfd, cut == 0 ? "." : folder, RESOLVE_FOLLOW, ret);
	if (r < 0)
		return r;
	if (!S_ISDIR(ret->stat.st_mode)) {
		resolved_done(ret);
		return -ENOTDIR;
	}
	ret->parent = TAKE_FD(ret->object);
	strcpy(ret->name, end == cut ? "." : path + cut); /* only slashes: the root itself */
	/* "." and ".." are not names: the path is then the folder's own. */
	if (end > cut && !(end - cut == 1 && path[cut] == '.') &&
	        !(end - cut == 2 && path[cut] == '.' && path[cut + 1] == '.')) {
		size_t n = strlen(ret->path);

		if (n == 1)
			n = 0;
		ret->path[n] = '/';
		memcpy(ret->path + n + 1, path + cut, end - cut);
		ret->path[n + 1 + end - cut] = '\0';
	}
	/* The name itself is in use, as that of a place where something is mounted. */
	if (has_redirects(task)) {
		const struct plan_redirect *redirect = plan_redirected(task->plan, ret->path);

		if (redirect && strcmp(redirect->from, ret->path) == 0) {
			resolved_done(ret);
			return -EBUSY;
		}
	}
	return 0;
}
