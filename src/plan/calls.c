/* From the plan to the filter: what each system call number leads to. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "kernel/unplugged.h"
#include "plan/draft.h"
#include "plan/plan.h"
#include "plan/rules.h"
#include "plan/sockets.h"
#include "policy/calls.h"

#define ERRNO(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))
#define ALL 0xffffffff /* bits of an int */
#define IOPRIO_WHO_PROCESS 1

enum { MOST_CASES = 8192 }; /* of one call: more than any filter has room for */

struct building {
	struct plan *plan;
	const struct plan_options *options;
	bool has_default[PLAN_MAX_CALLS], has_rule[PLAN_MAX_CALLS]; /* by number */
	size_t count;
	bool failed; /* memory was short */
	bool is_too_large;
	bool is_rest;     /* the rules on the calls themselves are left out */
	bool holds_tasks; /* there is a supervisor to look at numbers of tasks */
	/* So many of them as there are, and most of the room is never touched. */
	struct filter_call calls[PLAN_MAX_CALLS];
	struct draft_cases cases[PLAN_MAX_CALLS]; /* of the calls, by the same index */
};

static bool is_named(const struct syscalls_row *row, const char *name)
{
	return strcmp(row->name, name) == 0;
}

/* The path argument's index, -1 when there is none. */
static int path_argument(const struct syscalls_row *row)
{
	for (int i = 0; i < 6; i++)
		if (row->args[i] == SYSCALLS_PATH)
			return i;
	return -1;
}

/* Calls that decide on paths. What can be told from registers never notifies. */
static void add_path_call(struct building *b, const struct syscalls_row *row, struct draft *call)
{
	int path = path_argument(row);

	call->action = SECCOMP_RET_USER_NOTIF;
	b->plan->calls[call->nr].action = PLAN_CALL_PATHS;
	/* An O_PATH descriptor opens nothing: all that can be made of one is looked at again. Where something
	 * is hidden, that it can be made at all would tell. */
	if (row->operation == SYSCALLS_OPEN) {
		call->hot = true;
		if (row->flags_arg >= 0 && !b->plan->hides)
			draft_add_equal(
			        &call->cases, row->flags_arg, false, O_PATH, O_PATH, SECCOMP_RET_ALLOW);
	}
	/* Without a path it means the descriptor itself, which was judged when it was opened. The kernel
	 * would read what is at address 0 where that is no descriptor's number, and of calls that look
	 * before 6.11 always: root has programs that put something there. */
	if (is_named(row, "utimensat") || is_named(row, "futimesat")) {
		draft_add(&call->cases, &(struct filter_case){.arg = path - 1,
		                                .mask = ALL,
		                                .value = (uint32_t)AT_FDCWD,
		                                .negated = true,
		                                .link = FILTER_AND});
		draft_add_equal(&call->cases, path, true, ~0ull, 0, SECCOMP_RET_ALLOW);
	}
}

static void add_watched(struct building *b, struct draft *call)
{
	call->action = SECCOMP_RET_USER_NOTIF;
	b->plan->calls[call->nr].action = PLAN_CALL_CREDENTIALS;
}

/* Where calls on sockets are all that is performed, there are few of them, and each asks for the task's own.
 */
static bool watches_credentials(const struct building *b)
{
	return b->options->privileged && !b->plan->network.is_all_that_supervises;
}

static bool is_watched(const struct building *b, const struct syscalls_row *row)
{
	if (!b->plan->performs || row->answer != SYSCALLS_CONTINUE)
		return false;
	if (row->operation == SYSCALLS_ROOT || row->operation == SYSCALLS_NAMESPACE)
		return true;
	return row->operation == SYSCALLS_CREDENTIALS && watches_credentials(b);
}

/* Limits that take effect with the next exec: what root's programs then may is no longer what we may. */
static void add_prctl(struct building *b, struct draft *call)
{
	call->action = SECCOMP_RET_ALLOW;
	draft_add_equal(&call->cases, 0, false, ALL, PR_CAPBSET_DROP, SECCOMP_RET_USER_NOTIF);
	draft_add_equal(&call->cases, 0, false, ALL, PR_SET_SECUREBITS, SECCOMP_RET_USER_NOTIF);
	b->plan->calls[call->nr].action = PLAN_CALL_CREDENTIALS;
}

/* Agents of keys ask not to be looked at. A supervisor of the same user could then take no copy of their
 * sockets and read none of their paths: so that is answered as done. */
static void add_dumpable(struct draft *call)
{
	draft_add(&call->cases,
	        &(struct filter_case){.arg = 0, .mask = ALL, .value = PR_SET_DUMPABLE, .link = FILTER_AND});
	draft_add_equal(&call->cases, 1, true, ~0ull, 0, ERRNO(0));
}

/* What a call gets that names another task by its number: a supervisor looks which one that is. */
static uint32_t task_action(struct building *b, const struct draft *call)
{
	if (!b->holds_tasks)
		return ERRNO(EPERM);
	b->plan->calls[call->nr].action = PLAN_CALL_TASK;
	return SECCOMP_RET_USER_NOTIF;
}

/* Priorities and placement: who is named by 0 is the caller, and other numbers may be those of outsiders. */
static void add_tasks(struct building *b, const struct syscalls_row *row, struct draft *call)
{
	bool has_sort = is_named(row, "setpriority") || is_named(row, "ioprio_set");

	if (has_sort) {
		/* Whole groups and users have members outside. */
		uint64_t process = is_named(row, "setpriority") ? PRIO_PROCESS : IOPRIO_WHO_PROCESS;
		struct filter_case other = {
		        .mask = ALL, .value = process, .negated = true, .action = ERRNO(EPERM)};

		draft_add(&call->refusals, &other);
	}
	draft_add_equal(&call->refusals, has_sort ? 1 : 0, false, ALL, 0, SECCOMP_RET_ALLOW);
	draft_add_always(&call->refusals, task_action(b, call));
}

/* What every plan refuses, whatever the policy says: ways around all three layers. True when it was one. */
static bool add_fixed(struct building *b, const struct syscalls_row *row, struct draft *call)
{
	switch (row->operation) {
	case SYSCALLS_IO_URING:
		call->action = ERRNO(ENOSYS);
		return true;
	case SYSCALLS_MOUNT:
		/* As in any Landlock domain; but what is performed relies on it, also where there is no
		 * Landlock. */
		if (!b->plan->performs || is_named(row, "statmount") || is_named(row, "listmount"))
			return false;
		call->action = ERRNO(EPERM);
		return true;
	case SYSCALLS_ROOT:
		if (!b->plan->performs || !is_named(row, "pivot_root"))
			return false;
		call->action = ERRNO(EPERM);
		return true;
	case SYSCALLS_SCHEDULE:
		/* A limit of processor time ends whom it is set for: anyone of the same user, the supervisor
		 * too. */
		if (!is_named(row, "prlimit64"))
			return false;
		draft_add_equal(&call->cases, 0, false, ALL, 0, SECCOMP_RET_ALLOW);
		draft_add_equal(&call->cases, 2, true, ~0ull, 0, SECCOMP_RET_ALLOW);
		call->action = task_action(b, call);
		return true;
	case SYSCALLS_OPEN_HANDLE:
		/* What the supervisor holds, it holds by path. */
		if (!b->plan->performs)
			return false;
		call->action = ERRNO(EPERM);
		return true;
	case SYSCALLS_LANDLOCK:
		/* A performed open would not obey the domain that the target puts on itself: as on a kernel
		 * without Landlock, which every caller expects. */
		if (b->plan->undoes_domains && is_named(row, "landlock_create_ruleset")) {
			call->action = ERRNO(EOPNOTSUPP);
			return true;
		}
		/* What its own domain keeps in is kept in also where the supervisor connects. */
		if (!b->plan->performs || b->plan->undoes_domains || !is_named(row, "landlock_restrict_self"))
			return false;
		add_watched(b, call);
		return true;
	case SYSCALLS_NAMESPACE:
		/* The way back to the machine's network. Who has a user namespace lacks the rights for it. */
		if (!b->plan->own_network || !is_named(row, "setns"))
			return false;
		call->action = ERRNO(EPERM);
		return true;
	case SYSCALLS_IOCTL:
		if (!is_named(row, "prctl") || !b->plan->performs)
			return false;
		if (watches_credentials(b))
			add_prctl(b, call);
		else if (!b->options->privileged)
			add_dumpable(call);
		return call->cases.count > 0;
	case SYSCALLS_PROCESS:
		if (!b->plan->performs || !watches_credentials(b))
			return false;
		if (is_named(row, "clone3")) {
			call->action = ERRNO(ENOSYS); /* its flags are in memory; libc falls back to clone */
			return true;
		}
		if (!is_named(row, "clone"))
			return false;
		call->action = SECCOMP_RET_ALLOW;
		draft_add_equal(&call->cases, 0, false, CLONE_NEWUSER, CLONE_NEWUSER, SECCOMP_RET_USER_NOTIF);
		b->plan->calls[call->nr].action = PLAN_CALL_CREDENTIALS;
		return true;
	default:
		return false;
	}
}

const struct policy_syscall_rule *plan_call_rule(
        const struct plan *plan, int nr, const uint64_t args[6], const struct policy_default **ret_default)
{
	const struct policy_syscall_rule *rule = policy_call_decide(plan->policy, nr, args);

	*ret_default = NULL;
	if (rule && rule->verdict != POLICY_ALLOW)
		return rule;
	*ret_default = policy_call_default(plan->policy, nr, args, plan->privileged);
	return *ret_default ? &(*ret_default)->rule : rule;
}

static bool may_notify(const struct syscalls_row *row)
{
	return row->answer != SYSCALLS_NEVER && row->answer != SYSCALLS_FILTER_ONLY;
}

static void take_draft(struct building *b, struct draft *call)
{
	struct draft_cases *cases = &b->cases[b->count];
	uint32_t action;

	*cases = (struct draft_cases){0};
	b->failed |= call->cases.failed || call->refusals.failed;
	action = b->is_rest ? rules_join_rest(b->plan, call, cases)
	                    : rules_join(b->plan, b->options, call, cases);
	b->failed |= cases->failed;
	if (cases->count >= MOST_CASES)
		b->is_too_large = true;
	if (action == SECCOMP_RET_ALLOW && cases->count == 0) {
		free(cases->items);
		return;
	}
	b->calls[b->count++] = (struct filter_call){.nr = call->nr,
	        .action = action,
	        .hot = call->hot,
	        .cases = cases->items,
	        .case_count = cases->count};
}

static void add_call(struct building *b, unsigned nr)
{
	const struct syscalls_row *row = syscalls_row_by_nr(syscalls_native(), nr);
	struct draft call = {.nr = nr, .opened_by = DRAFT_ANY_ARGUMENT, .action = SECCOMP_RET_ALLOW};
	bool fixed;

	/* Most calls are nothing to anybody. */
	if (!row && !b->has_default[nr] && !b->has_rule[nr])
		return;
	fixed = row && add_fixed(b, row, &call);
	if (row && !fixed && sockets_draft(b->plan, row, &call))
		; /* what the rules on the call itself leave of it */
	else if (row && !fixed && b->plan->notifies[row->operation] && may_notify(row))
		add_path_call(b, row, &call);
	else if (row && !fixed && is_watched(b, row))
		add_watched(b, &call);
	if (row && !fixed && row->operation == SYSCALLS_SCHEDULE)
		add_tasks(b, row, &call);
	if (b->has_default[nr])
		rules_add_defaults(b->plan, b->options, &call);
	take_draft(b, &call);
	b->plan->supervises |= b->plan->calls[nr].action != PLAN_CALL_NONE;
}

static void mark(bool marks[PLAN_MAX_CALLS], const struct policy_syscall_rule *rule)
{
	int nr = rule->nr[syscalls_native()];

	if (nr >= 0 && nr < PLAN_MAX_CALLS)
		marks[nr] = true;
}

static void mark_calls(struct building *b)
{
	const struct policy *policy = b->plan->policy;

	for (size_t i = 0; i < policy->default_count; i++)
		mark(b->has_default, &policy->defaults[i].rule);
	for (size_t i = 0; i < policy->syscall_count; i++)
		mark(b->has_rule, &policy->syscalls[i]);
}

static void discard(struct building *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->cases[i].items);
	b->count = 0;
}

static void add_calls(struct building *b, unsigned highest)
{
	for (unsigned nr = 0; nr <= highest && nr < PLAN_MAX_CALLS; nr++)
		add_call(b, nr);
}

static int build(struct building *b, struct filter_program *ret)
{
	struct filter_part part = {.arch = syscalls_native(),
	        .default_action = SECCOMP_RET_ALLOW,
	        .highest = syscalls_highest(syscalls_native()),
	        .unknown_action = ERRNO(ENOSYS),
	        .calls = b->calls,
	        .call_count = b->count};

	if (b->failed || b->is_too_large)
		return b->failed ? -ENOMEM : -E2BIG;
	return filter_build(&part, 1, SECCOMP_RET_KILL_PROCESS, ret);
}

static const struct plan_call *call_of(const struct plan *plan, const char *name)
{
	return &plan->calls[syscalls_by_name(name)->nr[syscalls_native()]];
}

/* Whether it matters what the filter would say of a call without the rules on it: such a rule may not stand,
 * or it sends the call to the supervisor for the record alone. */
static bool needs_rest(const struct plan *plan)
{
	if (plan->permissive || plan->asks_all ||
	        (plan->network.unplugs_udp && call_of(plan, "socket")->ruled))
		return true;
	for (size_t i = 0; i < plan->policy->syscall_count; i++)
		if (plan->policy->syscalls[i].verdict == POLICY_ASK)
			return true;
	return false;
}

int plan_call_rest(const struct plan *plan, const struct seccomp_data *data, uint32_t *ret)
{
	return plan->rest.length ? filter_simulate(&plan->rest, data, ret) : -EINVAL;
}

static bool makes_namespaces(const struct policy_syscall_rule *rule)
{
	static const char *const calls[] = {"unshare", "clone", "clone3", "setns"};
	enum syscalls_arch arch = syscalls_native();

	for (size_t i = 0; i < ELEMENTS(calls); i++)
		if (rule->nr[arch] == syscalls_by_name(calls[i])->nr[arch])
			return true;
	return false;
}

/* Whoever owns the user namespace of a socket has all capabilities over it. A program that may not make one
 * must not get there by a socket. */
static bool may_own_namespaces(const struct plan *plan)
{
	for (size_t i = 0; i < plan->policy->syscall_count; i++) {
		const struct policy_syscall_rule *rule = &plan->policy->syscalls[i];

		if (rule->verdict != POLICY_ALLOW && makes_namespaces(rule))
			return !unplugged_is_owned();
	}
	return true;
}

/* Only where calls are performed: then the process that makes such sockets is out of reach, and so are mounts
 * and handles of namespaces. */
static bool may_unplug(const struct plan *plan)
{
	return plan->performs && !plan->network.makes_udp && !plan->policy->no_unplugged &&
	       may_own_namespaces(plan);
}

/* For numbers of tasks alone nobody is made to supervise, nor for sockets of UDP; but who does so anyway
 * looks at them. */
static void see_who_holds_tasks(struct building *b, unsigned highest)
{
	for (unsigned nr = 0; nr <= highest && nr < PLAN_MAX_CALLS && !b->plan->supervises; nr++)
		add_call(b, nr);
	discard(b);
	memset(b->plan->calls, 0, sizeof(b->plan->calls));
	b->holds_tasks = b->plan->supervises;
	b->plan->network.unplugs_udp = b->plan->supervises && may_unplug(b->plan);
}

int plan_build_filter(struct plan *plan, const struct plan_options *options)
{
	struct building *b = malloc(sizeof(*b));
	unsigned highest = syscalls_highest(syscalls_native());
	int r;

	if (!b)
		return -ENOMEM;
	memset(b, 0, offsetof(struct building, calls));
	b->plan = plan;
	b->options = options;
	plan->privileged = options->privileged;
	mark_calls(b);
	see_who_holds_tasks(b, highest);
	add_calls(b, highest);
	r = build(b, &plan->filter);
	if (r == 0 && needs_rest(plan)) {
		discard(b);
		b->is_rest = true;
		add_calls(b, highest);
		r = build(b, &plan->rest);
	}
	discard(b);
	free(b);
	return r;
}
