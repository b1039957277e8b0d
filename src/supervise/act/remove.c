/* unlink, unlinkat, rmdir */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervise/act/act.h"
#include "supervise/decide.h"

/* An empty folder, or a link, that a rule names a place below: without it something else could stand there,
 * and lead what comes later elsewhere. Patterns would keep too many folders alive. */
static bool may_vanish(struct worker *worker, struct exchange *x, const struct resolved *at, bool is_folder)
{
	const struct policy_file_rule *rule;

	if (!matcher_has_rule_below(x->plan->matcher, at->path, &rule) || rule->is_glob)
		return true;
	return (!is_folder && !act_is_link(at)) || decide_may_move(x, x->plan, at->path);
}

void act_remove(struct worker *worker, struct exchange *x)
{
	const struct call_path *path = &x->call.paths[0];
	struct resolved *at = &x->resolved[0];
	uint64_t flags = strcmp(x->call.name, "rmdir") == 0 ? AT_REMOVEDIR : x->call.flags;
	int r = act_as_task(worker, x);

	if (r == 0 && (flags & ~(uint64_t)AT_REMOVEDIR))
		r = -EINVAL;
	if (r != 0)
		return act_fail(x, r);
	r = resolve_parent(&x->task, path->dirfd, path->text, at);
	if (r < 0)
		return act_resolution_failed(worker, x, path, r);
	x->object = at->path;
	if (!act_judge(worker, x, at, POLICY_WRITE)) {
		if (faccessat(at->parent, at->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
			act_natural_error(x, ENOENT);
	} else if (may_vanish(worker, x, at, flags & AT_REMOVEDIR)) {
		r = act_still_wanted(worker, x);
		if (r != 0)
			act_fail(x, r);
		else
			act_result(x, syscall(SYS_unlinkat, at->parent, at->name, (int)flags));
		act_kept_by_folder(x, at);
	}
	resolved_done(at);
}
