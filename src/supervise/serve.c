#include "supervise/serve.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/cleanup.h"
#include "kernel/process.h"
#include "supervise/act/act.h"
#include "supervise/answer.h"
#include "supervise/decide.h"
#include "supervise/decode.h"
#include "supervise/supervisor.h"

static act_family *const families[SYSCALLS_OPERATIONS] = {
        [SYSCALLS_OPEN] = act_open,
        [SYSCALLS_CREATE] = act_create,
        [SYSCALLS_REMOVE] = act_remove,
        [SYSCALLS_RENAME] = act_rename,
        [SYSCALLS_LINK] = act_link,
        [SYSCALLS_METADATA] = act_metadata,
        [SYSCALLS_TRUNCATE] = act_truncate,
        [SYSCALLS_STAT] = act_stat,
        [SYSCALLS_WATCH] = act_refuse,
        [SYSCALLS_EXEC] = act_exec,
        [SYSCALLS_SCHEDULE] = act_schedule,
        [SYSCALLS_CONNECT] = act_connect,
        [SYSCALLS_BIND] = act_bind,
        [SYSCALLS_LISTEN] = act_listen,
        [SYSCALLS_SEND] = act_send,
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void begin(struct worker *worker, struct exchange *x)
{
	x->plan = atomic_load(&worker->shared->plan);
	x->row = syscalls_row_by_nr(syscalls_native(), (unsigned)x->request.data.nr);
	x->task = (struct task){.view = &worker->view, .tid = x->request.tid, .plan = x->plan};
	x->verdict = (struct match_verdict){.verdict = POLICY_DENY, .error = EACCES};
	x->access = x->use = 0;
	x->address_rule = NULL;
	x->why = x->object = x->second = NULL;
	x->call_rule = NULL;
	x->lifted_by = NULL;
	x->is_judged = false;
	x->after = NULL;
	x->reply = (struct reply){.kind = REPLY_ERROR, .error = EACCES, .fd = -EBADF};
	x->swap.fd = -EBADF;
}

/* What its task belongs to ends before the call is answered. The process is held while the request is known
 * to be open, so its number cannot have gone to another. */
static void end_process(struct worker *worker, struct exchange *x)
{
	AUTO_CLOSE int pidfd = -EBADF;
	struct task_status status;

	if (task_status(&x->task, &status) < 0 || reeve_task_open(status.tgid, &pidfd) < 0 ||
	        reeve_is_valid(worker->shared->listener, x->request.id) != 0)
		return;
	process_signal(pidfd, SIGKILL);
}

/* A rule on the call itself: registers alone decide. True when it refuses. */
static bool apply_rule(struct worker *worker, struct exchange *x)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	const struct policy_default *refusal;
	const struct policy_syscall_rule *rule = plan_call_rule(x->plan, x->request.data.nr, args, &refusal);

	x->call_rule = rule;
	if (!rule || rule->verdict == POLICY_ALLOW)
		return false;
	x->is_judged = true;
	x->verdict = (struct match_verdict){.verdict = rule->verdict, .error = rule->error};
	/* What is refused by default is so for the sake of the machine. */
	if (!refusal && decide_lifts(x, NULL))
		return false;
	x->reply.error = rule->error ? rule->error : EPERM;
	if (rule->verdict == POLICY_KILL)
		end_process(worker, x);
	return true;
}

static void let_through(struct exchange *x)
{
	x->is_judged = true;
	x->verdict.verdict = POLICY_ALLOW;
	x->reply = (struct reply){.kind = REPLY_CONTINUE, .fd = -EBADF};
}

/* Whoever supervises by a program of their own decides first. True when that is the answer. */
static bool ask_user(struct worker *worker, struct exchange *x)
{
	struct call *call = &x->call;
	struct call_path *path = call->path_count > 0 ? &call->paths[0] : NULL;
	struct supervisor_call asked = {.tid = x->request.tid,
	        .name = call->name,
	        .operation = syscalls_operation_name(call->operation),
	        .arguments = (const uint64_t *)x->request.data.args,
	        .path = path ? path->text : NULL,
	        .second = call->path_count > 1 ? call->paths[1].text : NULL,
	        .flags = call->flags};

	/* Should it block, the watcher sees that. */
	if (!worker->shared->decide(worker->shared->user, &asked)) {
		if (path)
			path->length = strnlen(path->text, sizeof(path->text) - 1);
		return false;
	}
	x->object = asked.path;
	if (asked.has_value)
		x->reply = (struct reply){.kind = REPLY_VALUE, .value = asked.value, .fd = -EBADF};
	else
		decide_refuse(x, asked.error, asked.why);
	return true;
}

static void perform(struct worker *worker, struct exchange *x)
{
	act_family *family = x->row ? families[x->row->operation] : NULL;
	int r;

	if (!family)
		return decide_refuse(x, ENOSYS, "no part of the supervisor answers this call");
	r = decode_call(x);
	if (r == REEVE_GONE) {
		x->reply.kind = REPLY_GONE;
		return;
	}
	if (r < 0) {
		x->reply.error = -r;
		return;
	}
	if (worker->shared->decide && ask_user(worker, x))
		return;
	family(worker, x);
}

static void act(struct worker *worker, struct exchange *x)
{
	const struct plan *plan = x->plan;
	unsigned nr = (unsigned)x->request.data.nr;
	const struct plan_call *call = nr < PLAN_MAX_CALLS ? &plan->calls[nr] : NULL;

	if (x->request.tid == 0)
		return decide_refuse(x, EACCES, "the task lives where this supervisor cannot see it");
	if (call && call->ruled && apply_rule(worker, x))
		return;
	if (call && (call->action == PLAN_CALL_PATHS || call->action == PLAN_CALL_TASK))
		return perform(worker, x);
	if (call && call->action == PLAN_CALL_CREDENTIALS)
		return act_watched(worker, x);
	if (call && call->action == PLAN_CALL_RULE)
		return let_through(x);
	decide_refuse(x, ENOSYS, "the plan does not know why this call notifies");
}

static bool is_refused(const struct exchange *x)
{
	/* What ran after all, and was ended. */
	if (x->verdict.verdict == POLICY_KILL)
		return true;
	return x->reply.kind == REPLY_ERROR &&
	       (x->why || (x->is_judged && x->verdict.verdict != POLICY_ALLOW));
}

/* What was done though a rule, or the lack of one, refused it. */
static bool was_lifted(const struct exchange *x)
{
	return x->lifted_by && !is_refused(x);
}

/* Nothing that the target can see comes before its record. */
void exchange_record(struct worker *worker, struct exchange *x)
{
	struct recorder *recorder = worker->shared->recorder;
	bool refused = is_refused(x);
	char name[64];
	struct record record = {.tid = x->request.tid};

	if (x->reply.kind == REPLY_GONE)
		return;
	if (!refused && !x->lifted_by && !recorder_wants_allowed(recorder)) {
		recorder_count_allowed(recorder, x->row ? syscalls_operation_name(x->row->operation) : "?",
		        now() - x->received);
		return;
	}
	task_program(&x->task, name, sizeof(name));
	record.program = name;
	record.call = syscalls_name_of(syscalls_native(), (unsigned)x->request.data.nr);
	record.operation = x->row ? syscalls_operation_name(x->row->operation) : "?";
	record.object = x->object;
	record.second = x->second;
	record.access = x->access;
	record.use = x->use;
	record.address_rule = x->is_judged ? x->address_rule : NULL;
	record.verdict = refused ? x->verdict.verdict : POLICY_ALLOW;
	if (refused && record.verdict == POLICY_ALLOW)
		record.verdict = POLICY_DENY;
	record.answer = x->lifted_by;
	record.is_lifted = was_lifted(x);
	if (record.is_lifted) {
		record.verdict = x->lifted.verdict;
		x->verdict.rule = x->lifted.rule;
	}
	record.error = x->reply.kind == REPLY_ERROR ? x->reply.error : 0;
	record.file_rule = x->is_judged ? x->verdict.rule : NULL;
	record.call_rule = x->call_rule;
	record.why = x->why;
	record.layer = RECORD_SUPERVISOR;
	record.nanoseconds = now() - x->received;
	recorder_write(recorder, &record);
}

int serve_one(struct worker *worker)
{
	struct exchange *x = &worker->exchange;
	int r = reeve_receive(worker->shared->listener, &x->request);

	if (r != 0)
		return r;
	worker->progress++;
	x->received = now();
	recorder_count_notification(worker->shared->recorder);
	begin(worker, x);
	act(worker, x);
	exchange_record(worker, x);
	answer_send(worker, x);
	act_as_self(worker);
	if (x->after)
		x->after(worker, x);
	worker->progress++;
	return 0;
}
