#include "supervise/serve.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "kernel/process.h"
#include "policy/calls.h"
#include "supervise/act/act.h"
#include "supervise/answer.h"
#include "supervise/decide.h"
#include "supervise/decode.h"
#include "supervise/pool.h"
#include "supervise/questions.h"
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
        [SYSCALLS_SOCKET] = act_socket,
        [SYSCALLS_CONNECT] = act_connect,
        [SYSCALLS_BIND] = act_bind,
        [SYSCALLS_LISTEN] = act_listen,
        [SYSCALLS_SEND] = act_send,
};

#define WAITED_FOR_NS 2000 /* whoever comes for a call that is not there yet sleeps, which takes longer */

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
	x->why = x->object = x->first = x->second = x->asked = x->led_to = NULL;
	x->call_rule = NULL;
	x->lifted_by = x->answer = NULL;
	x->permit_count = 0;
	x->is_decoded = x->is_final = false;
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

static void refuse_by_default(struct exchange *x, const struct policy_default *refusal)
{
	x->call_rule = &refusal->rule;
	x->verdict = (struct match_verdict){.verdict = refusal->rule.verdict, .error = refusal->rule.error};
	x->is_final = true; /* it is so for the sake of the machine */
	x->reply.error = refusal->rule.error;
}

static void let_through(struct exchange *x)
{
	x->is_judged = true;
	x->verdict.verdict = POLICY_ALLOW;
	x->reply = (struct reply){.kind = REPLY_CONTINUE, .fd = -EBADF};
}

/* The call's own rule does not stand: the filter has not seen the call any further, so what it would have
 * said then is asked here. True when that is the answer. */
static bool apply_rest(struct exchange *x)
{
	const struct seccomp_data *data = &x->request.data;
	const struct policy_default *refusal = policy_call_default(
	        x->plan->policy, data->nr, (const uint64_t *)data->args, x->plan->privileged);
	uint32_t action = SECCOMP_RET_KILL_PROCESS;
	int r = plan_call_rest(x->plan, data, &action);

	if (refusal) {
		refuse_by_default(x, refusal);
		return true;
	}
	if (r == 0 && action == SECCOMP_RET_USER_NOTIF)
		return false;
	if (r == 0 && action == SECCOMP_RET_ALLOW) {
		let_through(x);
		return true;
	}
	x->is_final = true;
	decide_refuse(x,
	        r == 0 && (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ? action & SECCOMP_RET_DATA
	                                                                          : EPERM,
	        "every plan like this one refuses it, whatever the rules say");
	return true;
}

/* A rule on the call itself: registers alone decide. True when that is the answer. */
static bool apply_rule(struct worker *worker, struct exchange *x)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	const struct policy_default *refusal;
	const struct policy_syscall_rule *rule = plan_call_rule(x->plan, x->request.data.nr, args, &refusal);

	x->call_rule = rule;
	if (!rule || rule->verdict == POLICY_ALLOW)
		return false;
	x->is_judged = true;
	if (refusal) {
		refuse_by_default(x, refusal);
		return true;
	}
	x->verdict = (struct match_verdict){.verdict = rule->verdict, .error = rule->error};
	if (decide_lifts(x, NULL))
		return apply_rest(x);
	x->reply.error = rule->error ? rule->error : EPERM;
	if (rule->verdict == POLICY_KILL)
		end_process(worker, x);
	return true;
}

/* Sockets of most kinds the filter lets be made, and sends here only for the record. */
static bool is_only_recorded(const struct exchange *x)
{
	uint32_t action;

	return x->row && x->row->operation == SYSCALLS_SOCKET &&
	       plan_call_rest(x->plan, &x->request.data, &action) == 0 && action == SECCOMP_RET_ALLOW;
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
	/* Once: what is asked about is what is done. */
	r = x->is_decoded ? 0 : decode_call(x);
	x->is_decoded = true;
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
	if (call && call->ruled && is_only_recorded(x))
		return let_through(x);
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

static void describe(struct exchange *x, char *name, size_t size, struct record *ret)
{
	bool refused = is_refused(x);

	task_program(&x->task, name, size);
	*ret = (struct record){.tid = x->request.tid,
	        .program = name,
	        .call = syscalls_name_of(syscalls_native(), (unsigned)x->request.data.nr),
	        .operation = x->row ? syscalls_operation_name(x->row->operation) : "?",
	        .object = x->object,
	        .second = x->second,
	        .asked = x->asked,
	        .access = x->access,
	        .use = x->use,
	        .address_rule = x->is_judged ? x->address_rule : NULL,
	        .verdict = refused ? x->verdict.verdict : POLICY_ALLOW,
	        .answer = x->answer ? x->answer : x->lifted_by,
	        .is_lifted = was_lifted(x),
	        .error = x->reply.kind == REPLY_ERROR ? x->reply.error : 0,
	        .file_rule = x->is_judged ? x->verdict.rule : NULL,
	        .call_rule = x->call_rule,
	        .why = x->why,
	        .layer = RECORD_SUPERVISOR,
	        .nanoseconds = now() - x->received};
	if (refused && ret->verdict == POLICY_ALLOW)
		ret->verdict = POLICY_DENY;
	if (ret->is_lifted) {
		ret->verdict = x->lifted.verdict;
		ret->file_rule = x->lifted.rule;
	}
}

/* Nothing that the target can see comes before its record. */
void exchange_record(struct worker *worker, struct exchange *x)
{
	struct recorder *recorder = worker->shared->recorder;
	struct record record;
	char name[64];

	if (x->reply.kind == REPLY_GONE || x->reply.kind == REPLY_RESTART)
		return;
	if (!is_refused(x) && !x->lifted_by && !recorder_wants_allowed(recorder)) {
		recorder_count_allowed(recorder, x->row ? syscalls_operation_name(x->row->operation) : NULL,
		        now() - x->received);
		return;
	}
	describe(x, name, sizeof(name), &record);
	if (x->first)
		record.object = x->first;
	recorder_write(recorder, &record);
}

/* ---- asking ---- */

/* Hidden things are not spoken of, and what the supervisor cannot do nobody can allow. */
static bool is_a_question(const struct exchange *x)
{
	bool asks =
	        x->verdict.verdict == POLICY_ASK || (x->verdict.verdict == POLICY_DENY && x->plan->asks_all);

	return asks && x->reply.kind == REPLY_ERROR && x->is_judged && !x->why && !x->is_final &&
	       !(x->verdict.rule && x->verdict.rule->is_fixed);
}

static bool may_be_asked(const struct worker *worker, struct exchange *x)
{
	if (!is_a_question(x))
		return false;
	if (!worker->shared->questions)
		x->answer = "nobody";
	return worker->shared->questions && x->permit_count < EXCHANGE_QUESTIONS;
}

struct asking {
	struct worker *worker;
	struct exchange *x;
};

static int still_asking(void *user)
{
	struct asking *asking = user;

	if (reeve_is_valid(asking->worker->shared->listener, asking->x->request.id) != 0)
		return REPLY_GONE;
	return act_signal_pending(asking->x) ? REPLY_RESTART : 0;
}

static bool permit(struct exchange *x, const char *word)
{
	struct permit *added = &x->permits[x->permit_count];

	*added = (struct permit){.access = x->access | POLICY_READ, .word = word};
	if (x->object) {
		added->object = strdup(x->object);
		if (!added->object)
			return false;
	}
	x->permit_count++;
	return true;
}

/* Whether somebody allows it: then it is permitted from here on. */
static bool ask(struct worker *worker, struct exchange *x, int (*still)(void *user), void *user)
{
	struct questions_answer answer = {.word = "run", .is_allowed = true};
	uint64_t begun = now();
	struct record record;
	char name[64];

	describe(x, name, sizeof(name), &record);
	if (!questions_allowed_before(worker->shared->questions, &record)) {
		pool_will_block(worker);
		questions_ask(worker->shared->questions, &record, still, user, &answer);
		x->received += now() - begun;
	}
	if (answer.gave_up) {
		x->reply.kind = (enum reply_kind)answer.gave_up;
		return false;
	}
	if (answer.is_allowed && permit(x, answer.word))
		return true;
	x->answer = answer.word;
	if (answer.error)
		x->reply.error = answer.error;
	return false;
}

/* True when it is to be tried again, now that somebody allowed it. */
static bool is_allowed_after_all(struct worker *worker, struct exchange *x)
{
	struct asking asking = {worker, x};

	act_as_self(worker);
	x->task = (struct task){.view = &worker->view, .tid = x->request.tid, .plan = x->plan};
	return ask(worker, x, still_asking, &asking);
}

bool exchange_ask(struct worker *worker, struct exchange *x, int (*still)(void *user), void *user)
{
	return may_be_asked(worker, x) && ask(worker, x, still, user);
}

static void act_and_ask(struct worker *worker, struct exchange *x)
{
	act(worker, x);
	while (may_be_asked(worker, x) && is_allowed_after_all(worker, x)) {
		x->task = (struct task){.view = &worker->view, .tid = x->request.tid, .plan = x->plan};
		x->verdict = (struct match_verdict){.verdict = POLICY_DENY, .error = EACCES};
		x->object = x->first = x->second = x->asked = x->led_to = NULL;
		x->address_rule = NULL;
		x->is_judged = false;
		x->reply = (struct reply){.kind = REPLY_ERROR, .error = EACCES, .fd = -EBADF};
		act(worker, x);
	}
}

static void forget_permits(struct exchange *x)
{
	for (size_t i = 0; i < x->permit_count; i++)
		free(x->permits[i].object);
	x->permit_count = 0;
}

int serve_one(struct worker *worker)
{
	struct exchange *x = &worker->exchange;
	uint64_t asked = now();
	int r = reeve_receive(worker->shared->listener, &x->request);

	if (r != 0)
		return r;
	worker->progress++;
	x->received = now();
	worker->waited_for = x->received - asked < WAITED_FOR_NS;
	recorder_count_notification(worker->shared->recorder);
	begin(worker, x);
	act_and_ask(worker, x);
	exchange_record(worker, x);
	answer_send(worker, x);
	act_as_self(worker);
	if (x->after)
		x->after(worker, x);
	forget_permits(x);
	worker->progress++;
	return 0;
}
