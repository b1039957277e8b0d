/* Priorities, placement and limits of a task that a number names. The caller's own task may be named as it
 * likes; others must be supervised ones, and the call is performed at once: between a look and a call that
 * continues the number could have gone to somebody else. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervise/act/act.h"
#include "supervise/decide.h"
#include "supervise/decode.h"

/* No task has this number: a call on it tells its errors in the kernel's own order. */
enum { NOBODY = INT32_MAX };

enum { LARGEST_MASK = 1024, LARGEST_ATTR = 4096, FIRST_ATTR = 48 };

static const char why_outside[] = "the task that it names is not supervised";
static const char why_others[] =
        "tasks here may have different credentials: it may name tasks of its own process only";

static bool is_call(const struct exchange *x, const char *name)
{
	return strcmp(x->row->name, name) == 0;
}

static pid_t named_task(const struct exchange *x)
{
	bool second = is_call(x, "setpriority") || is_call(x, "ioprio_set");

	return (pid_t)x->request.data.args[second ? 1 : 0];
}

static void let_through(struct exchange *x)
{
	x->reply = (struct reply){.kind = REPLY_CONTINUE, .fd = -EBADF};
}

/* 0 when the call may be performed on the task that `*ret_pidfd` holds, left alone when there is none; 1 when
 * all is answered. */
static int judge(struct worker *worker, struct exchange *x, pid_t named, int *ret_pidfd)
{
	AUTO_CLOSE int pidfd = -EBADF;
	bool differ = atomic_load(&worker->shared->credentials_differ);
	struct task_status status = {0};
	pid_t tgid = 0;
	int opened = reeve_task_open(named, &pidfd);
	int r = opened == 0 ? task_is_supervised(&worker->view, named, &tgid) : -ESRCH;

	if (r == -ESRCH)
		return 0;
	if (r <= 0) {
		decide_refuse(x, EPERM, why_outside);
		return 1;
	}
	r = differ ? task_status(&x->task, &status) : 0;
	if (r < 0) {
		act_fail(x, r == -ESRCH ? REEVE_GONE : r);
		return 1;
	}
	/* The kernel compares real and effective ids, of which ours may be others than the caller's. */
	if (differ && status.tgid != tgid) {
		decide_refuse(x, EPERM, why_others);
		return 1;
	}
	*ret_pidfd = TAKE_FD(pidfd);
	return 0;
}

static const void *number_argument(uint64_t value)
{
	return (const void *)(uintptr_t)value; /* registers, whatever they hold */
}

/* All at once, when everything has been read: the task is still the one that was looked at. `at` is where the
 * call has its number. */
static void perform(struct worker *worker, struct exchange *x, int pidfd, int at, long number, const void *b,
        const void *c, const void *d)
{
	const void *args[] = {number_argument(x->request.data.args[0]), b, c, d};
	struct pollfd end = {.fd = pidfd, .events = POLLIN};

	if (act_still_wanted(worker, x) != 0)
		return act_fail(x, REEVE_GONE);
	if (pidfd < 0 || poll(&end, 1, 0) != 0)
		args[at] = number_argument(NOBODY);
	act_result(x, syscall(number, args[0], args[1], args[2], args[3]));
}

static void set_affinity(struct worker *worker, struct exchange *x, int pidfd)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	uint8_t mask[LARGEST_MASK] = {0};
	size_t size = (uint32_t)args[1] > sizeof(mask) ? sizeof(mask) : (uint32_t)args[1];
	int r = decode_bytes(x, args[2], mask, size);

	if (r != 0)
		return act_fail(x, r);
	perform(worker, x, pidfd, 0, SYS_sched_setaffinity, number_argument(size), mask, NULL);
}

/* struct sched_param: sched_setparam has it second, sched_setscheduler third. */
static void set_param(struct worker *worker, struct exchange *x, int pidfd)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	bool third = is_call(x, "sched_setscheduler");
	uint64_t address = args[third ? 2 : 1];
	int32_t param = 0;
	int r = (int32_t)args[0] < 0 || !address ? -EINVAL : decode_bytes(x, address, &param, sizeof(param));

	if (r != 0)
		return act_fail(x, r);
	if (third)
		perform(worker, x, pidfd, 0, SYS_sched_setscheduler, number_argument(args[1]), &param, NULL);
	else
		perform(worker, x, pidfd, 0, SYS_sched_setparam, &param, NULL, NULL);
}

/* struct sched_attr begins with its size; 0 stands for the first one. */
static void set_attr(struct worker *worker, struct exchange *x, int pidfd)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	union {
		uint32_t size;
		uint8_t bytes[LARGEST_ATTR];
	} attr = {0};
	uint32_t size;
	int r = (int32_t)args[0] < 0 || !args[1] || args[2] ? -EINVAL
	                                                    : decode_bytes(x, args[1], &attr.size, 4);

	if (r != 0)
		return act_fail(x, r);
	size = attr.size ? attr.size : FIRST_ATTR;
	if (size < FIRST_ATTR || size > sizeof(attr))
		return act_fail(x, -E2BIG);
	r = decode_bytes(x, args[1] + 4, attr.bytes + 4, size - 4);
	if (r != 0)
		return act_fail(x, r);
	attr.size = size;
	perform(worker, x, pidfd, 0, SYS_sched_setattr, &attr, NULL, NULL);
}

static void set_limit(struct worker *worker, struct exchange *x, int pidfd)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	struct rlimit new = {0}, old = {0};
	int r = args[2] ? decode_bytes(x, args[2], &new, sizeof(new)) : 0;

	if (r != 0)
		return act_fail(x, r);
	perform(worker, x, pidfd, 0, SYS_prlimit64, number_argument(args[1]), args[2] ? &new : NULL,
	        args[3] ? &old : NULL);
	if (x->reply.kind != REPLY_VALUE || !args[3])
		return;
	r = decode_write(worker, x, args[3], &old, sizeof(old));
	if (r != 0)
		act_fail(x, r);
}

static void dispatch(struct worker *worker, struct exchange *x, int pidfd)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;

	if (is_call(x, "sched_setaffinity"))
		set_affinity(worker, x, pidfd);
	else if (is_call(x, "sched_setparam") || is_call(x, "sched_setscheduler"))
		set_param(worker, x, pidfd);
	else if (is_call(x, "sched_setattr"))
		set_attr(worker, x, pidfd);
	else if (is_call(x, "prlimit64"))
		set_limit(worker, x, pidfd);
	else if (is_call(x, "setpriority"))
		perform(worker, x, pidfd, 1, SYS_setpriority, number_argument(args[1]),
		        number_argument(args[2]), NULL);
	else if (is_call(x, "ioprio_set"))
		perform(worker, x, pidfd, 1, SYS_ioprio_set, number_argument(args[1]),
		        number_argument(args[2]), NULL);
	else
		decide_refuse(x, EPERM, "for other tasks than the caller itself this call is not performed");
}

void act_schedule(struct worker *worker, struct exchange *x)
{
	AUTO_CLOSE int pidfd = -EBADF;
	pid_t named = named_task(x);
	int r = task_numbers_as_we(&x->task);

	x->is_judged = false;
	if (r < 0)
		return act_fail(x, r == -ESRCH ? REEVE_GONE : r);
	/* In a pid namespace that was made in the target no number is an outsider's. */
	if (r == 0 && worker->shared->privileged)
		return decide_refuse(x, EPERM, why_outside);
	/* The caller waits for the answer: its own number is nobody else's. */
	if (r == 0 || named == x->request.tid)
		return let_through(x);
	if (named <= 0 || judge(worker, x, named, &pidfd) != 0) {
		if (named <= 0)
			let_through(x); /* there is no such task: the kernel's own error */
		return;
	}
	r = act_as_task(worker, x);
	if (r != 0)
		return act_fail(x, r);
	dispatch(worker, x, pidfd);
}
