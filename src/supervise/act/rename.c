/* rename, renameat, renameat2, link, linkat. A folder that a rule names something below stays where it is; a
 * new name never gives more than the old one did. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervise/act/act.h"
#include "supervise/decide.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

static bool is_folder(const struct resolved *at)
{
	struct stat st;

	return fstatat(at->parent, at->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool is_missing(const struct resolved *at)
{
	return faccessat(at->parent, at->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* What must not leave a place that rules name something below. Links are kept there for paths only: patterns
 * would keep too many. */
static bool may_leave(struct exchange *x, const struct resolved *at)
{
	const struct policy_file_rule *rule;

	if (!is_folder(at) && (!matcher_has_rule_below(x->plan->matcher, at->path, &rule) || rule->is_glob ||
	                              !act_is_link(at)))
		return true;
	return decide_may_move(x, x->plan, at->path);
}

/* What holds other things, or leads to some, is not to bring them where other rules hold for them. */
static bool may_arrive(struct exchange *x, const struct resolved *from, const struct resolved *to)
{
	if (act_is_link(from))
		return decide_may_lead(x, x->plan, to->path);
	return !is_folder(from) || decide_may_come(x, x->plan, from->path, to->path);
}

/* Whether it matters what arrives. */
static bool differs(const struct exchange *x, const struct resolved *from, const struct resolved *to)
{
	const struct policy_file_rule *rule;

	return matcher_differs_below(x->plan->matcher, from->path, to->path, &rule);
}

static bool is_exchange(const struct exchange *x)
{
	return x->call.flags & RENAME_EXCHANGE;
}

static bool may_rename(struct worker *worker, struct exchange *x, bool is_alone)
{
	struct resolved *from = &x->resolved[0], *to = &x->resolved[1];
	bool may;

	if (!act_judge(worker, x, from, POLICY_WRITE)) {
		if (is_missing(from))
			act_natural_error(x, ENOENT);
		return false;
	}
	if (!act_judge(worker, x, to, POLICY_WRITE))
		return false;
	/* What an exchange brings back, or a folder that is replaced, leaves its place as well. */
	may = may_leave(x, from) && may_leave(x, to) &&
	      (!is_alone || (may_arrive(x, from, to) && (!is_exchange(x) || may_arrive(x, to, from))));
	x->object = from->path;
	return may;
}

static int resolve_both(struct worker *worker, struct exchange *x)
{
	for (size_t i = 0; i < 2; i++) {
		const struct call_path *path = &x->call.paths[i];
		int r = resolve_parent(&x->task, path->dirfd, path->text, &x->resolved[i]);

		if (r < 0) {
			act_resolution_failed(worker, x, path, r);
			if (i == 1)
				resolved_done(&x->resolved[0]);
			return r;
		}
	}
	x->object = x->first = x->resolved[0].path;
	x->second = x->resolved[1].path;
	return 0;
}

void act_rename(struct worker *worker, struct exchange *x)
{
	struct resolved *from = &x->resolved[0], *to = &x->resolved[1];
	bool is_alone;
	int r = act_as_task(worker, x);

	if (r != 0)
		return act_fail(x, r);
	if (resolve_both(worker, x) < 0)
		return;
	is_alone = differs(x, from, to) || (is_exchange(x) && differs(x, to, from));
	act_hold_sorts(worker, is_alone);
	if (may_rename(worker, x, is_alone)) {
		r = act_still_wanted(worker, x);
		if (r != 0)
			act_fail(x, r);
		else
			act_result(x, syscall(SYS_renameat2, from->parent, from->name, to->parent, to->name,
			                      (unsigned)x->call.flags));
		act_kept_by_folder(x, from);
		act_kept_by_folder(x, to);
	}
	act_let_sorts_go(worker);
	resolved_done(from);
	resolved_done(to);
}

/* Every kind of access that the new name gives, or gives by an answer, the old one must give so. */
static bool gives_no_more(struct worker *worker, struct exchange *x)
{
	static const unsigned kinds[] = {POLICY_READ, POLICY_WRITE, POLICY_EXEC};
	const struct plan *plan = x->plan;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct match_verdict old, new;

		matcher_decide(plan->matcher, x->resolved[1].path, kinds[i], &new);
		if (!policy_grants(new.verdict))
			continue;
		matcher_decide(plan->matcher, x->resolved[0].path, kinds[i], &old);
		if (old.verdict == POLICY_ALLOW || old.verdict == new.verdict)
			continue;
		x->verdict = old;
		x->is_judged = true;
		x->access = kinds[i];
		if (decide_lifts(x, x->resolved[0].path))
			continue;
		x->object = x->resolved[0].path;
		decide_refuse(x, EXDEV, "the new name would give more access than the old one has");
		return false;
	}
	return true;
}

static bool may_link(struct worker *worker, struct exchange *x)
{
	struct resolved *old = &x->resolved[0], *new = &x->resolved[1];

	/* Memory and pipes cannot be linked; a file that was made without a name is judged by its folder, and
	 * the kernel knows it from one that lost its last name. */
	if (!old->has_path) {
		decide_refuse(x, EXDEV, "the file to be linked has no name that could be judged");
		return false;
	}
	if (old->is_deleted && old->stat.st_nlink > 0) {
		decide_refuse(x, EACCES, "the name by which the file to be linked could be judged is gone");
		return false;
	}
	if (!act_judge(worker, x, old, POLICY_READ))
		return false;
	if (!act_judge(worker, x, new, POLICY_WRITE)) {
		if (x->verdict.verdict != POLICY_HIDE && !is_missing(new))
			act_natural_error(x, EEXIST);
		return false;
	}
	/* Of a symbolic link there may be a second one. */
	if (S_ISLNK(old->stat.st_mode) && !decide_may_lead(x, x->plan, new->path))
		return false;
	x->object = old->path;
	return gives_no_more(worker, x);
}

static int resolve_link(struct worker *worker, struct exchange *x)
{
	const struct call_path *paths = x->call.paths;
	unsigned how = (x->call.flags & AT_SYMLINK_FOLLOW ? RESOLVE_FOLLOW : 0) |
	               (x->call.flags & AT_EMPTY_PATH ? RESOLVE_EMPTY : 0);
	int r = resolve_object(&x->task, paths[0].dirfd, paths[0].text, how, &x->resolved[0]);

	if (r < 0) {
		act_resolution_failed(worker, x, &paths[0], r);
		return r;
	}
	r = resolve_parent(&x->task, paths[1].dirfd, paths[1].text, &x->resolved[1]);
	if (r < 0) {
		resolved_done(&x->resolved[0]);
		act_resolution_failed(worker, x, &paths[1], r);
		return r;
	}
	x->object = x->first = x->resolved[0].path;
	x->second = x->resolved[1].path;
	return 0;
}

void act_link(struct worker *worker, struct exchange *x)
{
	struct resolved *old = &x->resolved[0], *new = &x->resolved[1];
	char number[12];
	int r = act_as_task(worker, x);

	if (r == 0 && (x->call.flags & ~(uint64_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)))
		r = -EINVAL;
	if (r != 0)
		return act_fail(x, r);
	if (resolve_link(worker, x) < 0)
		return;
	if (may_link(worker, x)) {
		task_number(number, (unsigned)old->object);
		act_hold_sorts(worker, false);
		r = act_still_wanted(worker, x);
		if (r != 0)
			act_fail(x, r);
		else /* through the magic link: the very object that was judged, a symbolic link too */
			act_result(x, syscall(SYS_linkat, task_view_own_fds(&worker->view), number,
			                      new->parent, new->name, AT_SYMLINK_FOLLOW));
		act_let_sorts_go(worker);
	}
	resolved_done(old);
	resolved_done(new);
}
