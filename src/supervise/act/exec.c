/* execve, execveat. The kernel does it, for nobody can execute on behalf of another; so what was looked at
 * may not be what is run. Therefore the task is held before the new program's first instruction, and what the
 * kernel mapped is judged then: the program itself, after scripts, links and races. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "kernel/tracing.h"
#include "supervise/act/act.h"
#include "supervise/decide.h"

#define EXECVE_CHECK 0x10000u /* AT_EXECVE_CHECK: asks, and runs nothing */

/* Whether the task still waits for its new program's first instruction. */
static int still_held(void *user)
{
	char path[RESOLVE_PATH_SIZE];

	return task_link(user, "exe", path, sizeof(path)) < 0 ? REPLY_GONE : 0;
}

/* An interpreter or loader that a rule asks about, which only the kernel's choice brought up. */
static bool ask_about_file(struct worker *worker, struct exchange *x, struct task *task, const char *path)
{
	const struct reply reply = {.kind = REPLY_CONTINUE, .fd = -EBADF};

	if (!exchange_ask(worker, x, still_held, task))
		return false;
	x->lifted_by = NULL;
	if (!decide_path(x, x->plan, path, POLICY_EXEC))
		return false;
	x->object = path;
	x->reply = reply;
	exchange_record(worker, x);
	return true;
}

/* One file that the kernel mapped for the new program. */
static bool judge_file(struct worker *worker, struct exchange *x, struct task *task, char *path)
{
	size_t n = strlen(path);

	/* Memory that a program was written to has no name; what a name was is judged by it. */
	if (path[0] != '/' || strncmp(path, "/memfd:", 7) == 0)
		return true;
	if (n > 10 && strcmp(path + n - 10, " (deleted)") == 0)
		path[n - 10] = '\0';
	return decide_path(x, x->plan, path, POLICY_EXEC) || ask_about_file(worker, x, task, path);
}

/* The program, and the loader that it names: whose first instruction comes first. */
static bool judge_loader(struct worker *worker, struct exchange *x, struct task *task)
{
	char buffer[4096]; /* the kernel writes the list anew for each piece of it */
	AUTO_FCLOSE FILE *maps = NULL;
	AUTO_FREE char *line = NULL;
	char *path = x->resolved[0].path;
	size_t size = 0;
	ssize_t n;

	maps = task_read_maps(&worker->view, task->tid);
	if (maps)
		setvbuf(maps, buffer, _IOFBF, sizeof(buffer));
	while (maps && (n = getline(&line, &size, maps)) > 0) {
		const char *name = strchr(line, '/');

		if (!name)
			continue;
		line[n - 1] = '\0';
		if (strlen(name) >= RESOLVE_PATH_SIZE || strstr(name, "\\012")) {
			decide_refuse(
			        x, EACCES, "a name that cannot be told is mapped as the program's loader");
			return false;
		}
		/* A file has several lines, one after the other. */
		if (strcmp(path, name) == 0)
			continue;
		strcpy(path, name);
		if (!judge_file(worker, x, task, path))
			return false;
	}
	if (!maps || ferror(maps))
		decide_refuse(x, EACCES, "cannot see which loader the kernel started");
	return maps && !ferror(maps);
}

/* What the kernel mapped. True when it may run. */
static bool judge_mapped(struct worker *worker, struct exchange *x, pid_t pid)
{
	struct task task = {.view = &worker->view, .tid = pid};
	char *path = x->resolved[0].path;
	int n = task_link(&task, "exe", path, RESOLVE_PATH_SIZE);

	x->object = path;
	if (n < 0) {
		decide_refuse(x, EACCES, "cannot see which program the kernel started");
		return false;
	}
	return !GUARDED(exec_confirmed) ||
	       (judge_file(worker, x, &task, path) && judge_loader(worker, x, &task));
}

/* Its parent hears of its end when we have heard of it. */
static void end_task(pid_t pid)
{
	enum tracing_stop stop;
	int signal;

	kill(pid, SIGKILL);
	while (tracing_wait(&pid, &stop, &signal) == 0 && stop != TRACING_ENDED)
		;
}

static void confirm(struct worker *worker, struct exchange *x)
{
	enum tracing_stop stop;
	pid_t pid;
	int signal;

	if (tracing_wait(&pid, &stop, &signal) < 0 || stop == TRACING_ENDED)
		return;
	if (stop == TRACING_EXECUTED && !judge_mapped(worker, x, pid)) {
		x->verdict.verdict = POLICY_KILL;
		x->why = x->why ? x->why
		                : "the program that the kernel started is not the one that was asked for";
		exchange_record(worker, x);
		end_task(pid);
		return;
	}
	/* Killed while it stood still: nobody else hears of its end before we do. */
	if (tracing_end(pid, signal) < 0 && GUARDED(heard_of_ends))
		end_task(pid);
}

void act_exec(struct worker *worker, struct exchange *x)
{
	const struct call_path *path = &x->call.paths[0];
	struct resolved *at = &x->resolved[0];
	unsigned how = (x->call.flags & AT_SYMLINK_NOFOLLOW ? 0 : RESOLVE_FOLLOW) |
	               (x->call.flags & AT_EMPTY_PATH ? RESOLVE_EMPTY : 0);
	bool allowed;
	int r;

	if (strcmp(x->call.name, "execve") != 0 && strcmp(x->call.name, "execveat") != 0)
		return act_refuse(worker, x);
	r = act_as_task(worker, x);
	if (r != 0)
		return act_fail(x, r);
	r = resolve_object(&x->task, path->dirfd, path->text, how, at);
	if (r < 0)
		return act_resolution_failed(worker, x, path, r);
	x->object = at->path;
	if (at->is_redirected) {
		resolved_done(at);
		return decide_refuse(x, EACCES,
		        "it is redirected, and the kernel runs what has the name itself; name the other one");
	}
	/* What is no program is refused by the kernel in its own words; but what is hidden is not there. */
	allowed = (!S_ISREG(at->stat.st_mode) && !decide_is_hidden(x->plan, at->path)) ||
	          act_judge(worker, x, at, POLICY_EXEC);
	resolved_done(at);
	if (!allowed)
		return;
	act_as_self(worker);
	r = tracing_begin(x->request.tid);
	if (r == -ESRCH)
		return act_fail(x, REEVE_GONE);
	if (r < 0)
		return decide_refuse(x, EACCES,
		        "another program traces this one, so what it starts could not be looked at");
	x->reply = (struct reply){.kind = REPLY_CONTINUE, .fd = -EBADF};
	x->after = confirm;
}
