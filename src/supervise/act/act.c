#include "supervise/act/act.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervise/decide.h"
#include "target/signal.h"

static bool same_credentials(const struct credentials *a, const struct credentials *b)
{
	return a->fsuid == b->fsuid && a->fsgid == b->fsgid && a->effective == b->effective &&
	       a->group_count == b->group_count &&
	       memcmp(a->groups, b->groups, a->group_count * sizeof(a->groups[0])) == 0;
}

static int gone_or(int r)
{
	return r == -ESRCH ? REEVE_GONE : r;
}

int act_as_task(struct worker *worker, struct exchange *x)
{
	struct task_status status;
	int r;

	x->task.own_root = atomic_load(&worker->shared->roots_differ);
	if (!atomic_load(&worker->shared->credentials_differ))
		return 0;
	r = task_status(&x->task, &status);
	if (r < 0)
		return gone_or(r);
	/* Capabilities in a namespace of its own are not ones over what lies outside. */
	r = task_has_own_user_namespace(&x->task);
	if (r < 0)
		return gone_or(r);
	if (r > 0)
		status.credentials.effective = 0;
	/* Never more than we started with. */
	status.credentials.effective &= worker->own.effective;
	/* The numbers are the reader's who asked; a request that ended may have lent its number to another.
	 */
	r = reeve_is_valid(worker->shared->listener, x->request.id);
	if (r != 0)
		return r;
	if (same_credentials(&status.credentials, &worker->current))
		return 0;
	r = credentials_set(&status.credentials);
	if (r == 0)
		worker->current = status.credentials;
	else
		credentials_get(&worker->current);
	return r;
}

void act_as_self(struct worker *worker)
{
	if (same_credentials(&worker->own, &worker->current))
		return;
	if (credentials_set(&worker->own) == 0)
		worker->current = worker->own;
	else
		credentials_get(
		        &worker->current); /* the next task is then refused, not served as somebody else */
}

int act_with_umask(struct worker *worker, struct exchange *x)
{
	struct task_status status;
	int r = task_status(&x->task, &status);

	if (r < 0)
		return gone_or(r);
	r = reeve_is_valid(worker->shared->listener, x->request.id);
	if (r != 0)
		return r;
	if (status.umask != worker->umask) {
		umask(status.umask);
		worker->umask = status.umask;
	}
	return 0;
}

void act_hold_sorts(struct worker *worker, bool alone)
{
	if (alone)
		pthread_rwlock_wrlock(&worker->shared->sorts);
	else
		pthread_rwlock_rdlock(&worker->shared->sorts);
}

void act_let_sorts_go(struct worker *worker)
{
	pthread_rwlock_unlock(&worker->shared->sorts);
}

int act_still_wanted(struct worker *worker, struct exchange *x)
{
	int r = reeve_is_valid(worker->shared->listener, x->request.id);

	return r == 0 ? 0 : REEVE_GONE;
}

void act_fail(struct exchange *x, int r)
{
	if (r == REEVE_GONE)
		x->reply.kind = REPLY_GONE;
	else
		x->reply = (struct reply){.kind = REPLY_ERROR, .error = -r, .fd = -EBADF};
}

void act_natural_error(struct exchange *x, int error)
{
	x->reply.error = error;
	x->is_judged = false;
	x->why = NULL;
}

void act_result(struct exchange *x, long result)
{
	if (result < 0)
		act_fail(x, -errno);
	else
		x->reply = (struct reply){.kind = REPLY_VALUE, .value = result, .fd = -EBADF};
}

bool act_is_link(const struct resolved *at)
{
	struct stat st;

	return fstatat(at->parent, at->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

void act_kept_by_folder(struct exchange *x, const struct resolved *at)
{
	struct match_verdict folder;
	char path[RESOLVE_PATH_SIZE];
	char *slash;

	if (x->reply.kind != REPLY_ERROR || x->reply.error != EACCES || x->verdict.verdict != POLICY_ALLOW)
		return;
	strcpy(path, at->path);
	slash = strrchr(path, '/');
	slash[slash == path] = '\0';
	matcher_decide(x->plan->matcher, path, POLICY_WRITE, &folder);
	/* Where the folder's modes refuse it, no rule would help. */
	if (folder.verdict == POLICY_ALLOW || faccessat(at->parent, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return;
	x->verdict = (struct match_verdict){.verdict = POLICY_DENY, .error = EACCES};
	x->is_judged = true;
}

const char *act_fd_path(int fd, char ret[ACT_FD_PATH_SIZE])
{
	strcpy(ret, "/proc/thread-self/fd/");
	task_number(ret + strlen(ret), (unsigned)fd);
	return ret;
}

bool act_signal_pending(struct exchange *x)
{
	enum task_signal signal = task_signal(&x->task);

	x->is_own_signal = signal == TASK_OWN_SIGNAL;
	return signal != TASK_NO_SIGNAL;
}

void act_resolution_failed(struct worker *worker, struct exchange *x, const struct call_path *path, int r)
{
	const struct plan *plan = x->plan;

	if (plan->hides && r != -ENOENT &&
	        resolve_text(&x->task, path->dirfd, path->text, x->text, sizeof(x->text)) >= 0 &&
	        decide_is_hidden(plan, x->text))
		r = -ENOENT;
	act_fail(x, r);
}

/* "/proc/PID/..." of the task's own process as "/proc/self/...". False when it is not that. */
static bool own_process_name(const struct exchange *x, const char *path, char *ret, size_t size)
{
	struct task_status status;
	char own[32];
	size_t n;

	if (strncmp(path, "/proc/", 6) != 0 || task_status(&x->task, &status) < 0)
		return false;
	n = (size_t)snprintf(own, sizeof(own), "/proc/%d", status.tgid);
	if (strncmp(path, own, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return false;
	return (size_t)snprintf(ret, size, "/proc/self%s", path + n) < size;
}

bool act_judge(struct worker *worker, struct exchange *x, const struct resolved *at, unsigned access)
{
	const struct plan *plan = x->plan;
	char own[RESOLVE_PATH_SIZE];

	if (!at->has_path) {
		/* The task holds it already, or it could not have named it. */
		x->object = at->path;
		x->access = access;
		return true;
	}
	if (decide_path(x, plan, at->path, access))
		return true;
	if (!own_process_name(x, at->path, own, sizeof(own)))
		return false;
	if (!decide_path(x, plan, own, access)) {
		x->object = at->path;
		return false;
	}
	return true;
}
