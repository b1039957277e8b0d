/* Calls that cannot be performed yet: refused where a rule covers what they touch, and also where that cannot
 * be known safely. */
#include <errno.h>
#include <stdlib.h>

#include "supervise/act/act.h"
#include "supervise/decide.h"

/* Calls of recent kernels: programs know how to do without, and ENOSYS tells them to. */
static bool is_recent(const char *since)
{
	return since[0] && atof(since) >= 6;
}

void act_refuse(struct worker *worker, struct exchange *x)
{
	const struct call_path *path = &x->call.paths[0];
	struct resolved *at = &x->resolved[0];
	int error = is_recent(x->row->since) ? ENOSYS : EACCES;
	static const char why[] =
	        "this call cannot be performed yet, and that it leaves the rules alone cannot be known";
	int r = act_as_task(worker, x);

	if (r != 0)
		return act_fail(x, r);
	decide_refuse(x, error, why);
	if (x->call.path_count == 0 || error == ENOSYS)
		return;
	r = resolve_object(&x->task, path->dirfd, path->text, RESOLVE_FOLLOW | RESOLVE_EMPTY, at);
	if (r < 0) {
		/* What is missing says so, as what is hidden does. */
		x->why = NULL;
		return act_resolution_failed(worker, x, path, r);
	}
	if (!decide_not_denied(x, x->plan, at->path)) {
		x->why = NULL;
		x->verdict.error = x->reply.error;
	}
	x->object = at->path;
	resolved_done(at);
}
