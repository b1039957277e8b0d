/* mkdir, mknod, symlink: made in the folder that was resolved, under the name that was judged. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervise/act/act.h"
#include "supervise/decide.h"

static bool exists(const struct resolved *at)
{
	return faccessat(at->parent, at->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static long make(const struct exchange *x, const struct resolved *at)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	const char *call = x->call.name;

	if (strncmp(call, "mkdir", 5) == 0)
		return syscall(SYS_mkdirat, at->parent, at->name, (mode_t)x->call.mode);
	if (strncmp(call, "symlink", 7) == 0)
		return syscall(SYS_symlinkat, x->call.paths[0].text, at->parent, at->name);
	return syscall(SYS_mknodat, at->parent, at->name, (mode_t)x->call.mode,
	        (unsigned)args[strcmp(call, "mknod") == 0 ? 2 : 3]);
}

static void make_held(struct worker *worker, struct exchange *x, const struct resolved *at)
{
	act_hold_sorts(worker, false);
	act_result(x, make(x, at));
	act_let_sorts_go(worker);
}

/* What the kernel says of the kind before it looks at the path. 0 or -errno. */
static int check_kind(const struct call *call)
{
	if (strncmp(call->name, "mknod", 5) != 0)
		return 0;
	switch (call->mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

void act_create(struct worker *worker, struct exchange *x)
{
	/* The last path is what is made; a symlink's text comes before it and leads nowhere yet. */
	const struct call_path *path = &x->call.paths[x->call.path_count - 1];
	struct resolved *at = &x->resolved[0];
	int r = act_as_task(worker, x);

	if (r == 0 && x->call.path_count == 2 && x->call.paths[0].length == 0)
		r = -ENOENT;
	if (r == 0)
		r = check_kind(&x->call);
	if (r != 0)
		return act_fail(x, r);
	r = resolve_parent(&x->task, path->dirfd, path->text, at);
	if (r < 0)
		return act_resolution_failed(worker, x, path, r);
	x->object = at->path;
	if (!act_judge(worker, x, at, POLICY_WRITE)) {
		/* As natively, "it is there already" comes before "you may not"; but not for what is hidden.
		 */
		if (x->verdict.verdict != POLICY_HIDE && exists(at))
			act_natural_error(x, EEXIST);
	} else if (x->call.path_count == 2 && !decide_may_lead(x, x->plan, at->path)) {
		if (exists(at))
			act_natural_error(x, EEXIST);
	} else {
		r = act_with_umask(worker, x);
		if (r != 0)
			act_fail(x, r);
		else
			make_held(worker, x, at);
	}
	resolved_done(at);
}
