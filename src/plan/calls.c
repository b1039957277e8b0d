/* From the plan to the filter: what each system call number leads to. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "plan/plan.h"

#define ERRNO(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))
#define REQUEST_TIOCSTI 0x5412
#define REQUEST_TIOCLINUX 0x541C
#define ALL 0xffffffff /* bits of an int */

struct building {
	struct plan *plan;
	const struct plan_options *options;
	struct filter_call calls[PLAN_MAX_CALLS];
	size_t count;
};

static void add_case(
        struct filter_call *call, int arg, bool wide, uint64_t mask, uint64_t value, uint32_t action)
{
	call->cases[call->case_count++] = (struct filter_case){
	        .arg = (uint8_t)arg, .wide = wide, .mask = mask, .value = value, .action = action};
}

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
static void add_path_call(struct building *b, const struct syscalls_row *row, struct filter_call *call)
{
	int path = path_argument(row);

	call->action = SECCOMP_RET_USER_NOTIF;
	b->plan->calls[call->nr].action = PLAN_CALL_PATHS;
	/* An O_PATH descriptor opens nothing: all that can be made of one is looked at again. Where something
	 * is hidden, that it can be made at all would tell. */
	if (row->operation == SYSCALLS_OPEN) {
		call->hot = true;
		if (row->flags_arg >= 0 && !b->plan->hides)
			add_case(call, row->flags_arg, false, O_PATH, O_PATH, SECCOMP_RET_ALLOW);
	}
	/* A NULL path means the descriptor itself, which was judged when it was opened. */
	if (row->operation == SYSCALLS_STAT && path == 1)
		add_case(call, path, true, ~0ull, 0, SECCOMP_RET_ALLOW);
	if (is_named(row, "utimensat"))
		add_case(call, path, true, ~0ull, 0, SECCOMP_RET_ALLOW);
}

static void add_watched(struct building *b, struct filter_call *call)
{
	call->action = SECCOMP_RET_USER_NOTIF;
	b->plan->calls[call->nr].action = PLAN_CALL_CREDENTIALS;
}

static bool is_watched(const struct building *b, const struct syscalls_row *row)
{
	if (!b->plan->performs || row->answer != SYSCALLS_CONTINUE)
		return false;
	if (row->operation == SYSCALLS_ROOT || row->operation == SYSCALLS_NAMESPACE)
		return true;
	return row->operation == SYSCALLS_CREDENTIALS && b->options->privileged;
}

/* Calls that only root may make, and that no layer bounds: they load code into the kernel, hand out
 * descriptors of files that others opened, or write to a file by its path. */
static bool is_root_door(const struct syscalls_row *row)
{
	static const char *const names[] = {"init_module", "finit_module", "kexec_load", "kexec_file_load",
	        "bpf", "iopl", "ioperm", "acct", "swapon", "fanotify_init"};

	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (is_named(row, names[i]))
			return true;
	return false;
}

/* Limits that take effect with the next exec: what root's programs then may is no longer what we may. */
static void add_prctl(struct building *b, struct filter_call *call)
{
	call->action = SECCOMP_RET_ALLOW;
	add_case(call, 0, false, ALL, PR_CAPBSET_DROP, SECCOMP_RET_USER_NOTIF);
	add_case(call, 0, false, ALL, PR_SET_SECUREBITS, SECCOMP_RET_USER_NOTIF);
	b->plan->calls[call->nr].action = PLAN_CALL_CREDENTIALS;
}

/* What every plan refuses, whatever the policy says: ways around all three layers. True when it was one. */
static bool add_fixed(struct building *b, const struct syscalls_row *row, struct filter_call *call)
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
		call->action = ERRNO(EPERM);
		add_case(call, 0, false, ALL, 0, SECCOMP_RET_ALLOW);
		add_case(call, 2, true, ~0ull, 0, SECCOMP_RET_ALLOW);
		return true;
	case SYSCALLS_OPEN_HANDLE:
		call->action = ERRNO(EPERM);
		return true;
	case SYSCALLS_LANDLOCK:
		/* A performed open would not obey the domain that the target puts on itself: as on a kernel
		 * without Landlock, which every caller expects. */
		if (!b->plan->performs || !is_named(row, "landlock_create_ruleset"))
			return false;
		call->action = ERRNO(EOPNOTSUPP);
		return true;
	case SYSCALLS_KERNEL:
	case SYSCALLS_WATCH:
		if (!b->options->privileged || !is_root_door(row))
			return false;
		call->action = ERRNO(EPERM);
		return true;
	case SYSCALLS_IOCTL:
		if (is_named(row, "prctl") && b->plan->performs && b->options->privileged) {
			add_prctl(b, call);
			return true;
		}
		/* Typing into the terminal that the user goes on with afterwards. */
		if (!is_named(row, "ioctl"))
			return false;
		call->action = SECCOMP_RET_ALLOW;
		add_case(call, 1, false, 0xffffffff, REQUEST_TIOCSTI, ERRNO(EPERM));
		add_case(call, 1, false, 0xffffffff, REQUEST_TIOCLINUX, ERRNO(EPERM));
		return true;
	case SYSCALLS_PROCESS:
		if (!b->plan->performs || !b->options->privileged)
			return false;
		if (is_named(row, "clone3")) {
			call->action = ERRNO(ENOSYS); /* its flags are in memory; libc falls back to clone */
			return true;
		}
		if (!is_named(row, "clone"))
			return false;
		call->action = SECCOMP_RET_ALLOW;
		add_case(call, 0, false, CLONE_NEWUSER, CLONE_NEWUSER, SECCOMP_RET_USER_NOTIF);
		b->plan->calls[call->nr].action = PLAN_CALL_CREDENTIALS;
		return true;
	default:
		return false;
	}
}

static const struct policy_syscall_rule *rule_of(const struct plan *plan, unsigned nr)
{
	for (size_t i = 0; i < plan->policy->syscall_count; i++)
		if (plan->policy->syscalls[i].nr[syscalls_native()] == (int)nr)
			return &plan->policy->syscalls[i];
	return NULL;
}

static uint32_t rule_action(const struct policy_syscall_rule *rule)
{
	switch (rule->verdict) {
	case POLICY_KILL:
		return SECCOMP_RET_KILL_PROCESS;
	case POLICY_DENY:
	case POLICY_HIDE:
		return ERRNO(rule->error);
	default:
		return SECCOMP_RET_ALLOW;
	}
}

/* A rule on the call itself. True when nothing else needs to be asked. */
static bool add_rule(struct building *b, unsigned nr, struct filter_call *call)
{
	const struct policy_syscall_rule *rule = rule_of(b->plan, nr);

	if (!rule || (rule->verdict == POLICY_ALLOW && !rule->log))
		return false;
	if (!rule->log && !b->options->verbose_denials) {
		call->action = rule_action(rule);
		return true;
	}
	/* A call that is allowed and logged may still have paths to be judged. */
	b->plan->calls[nr].rule = rule;
	if (rule->verdict == POLICY_ALLOW && b->plan->calls[nr].action != PLAN_CALL_NONE)
		return true;
	call->action = SECCOMP_RET_USER_NOTIF;
	b->plan->calls[nr].action = PLAN_CALL_RULE;
	call->case_count = 0;
	return true;
}

static bool may_notify(const struct syscalls_row *row)
{
	return row->answer != SYSCALLS_NEVER && row->answer != SYSCALLS_FILTER_ONLY;
}

static void add_call(struct building *b, unsigned nr)
{
	const struct syscalls_row *row = syscalls_row_by_nr(syscalls_native(), nr);
	struct filter_call call = {.nr = nr, .action = SECCOMP_RET_ALLOW};
	bool fixed = row && add_fixed(b, row, &call);

	if (row && !fixed && b->plan->notifies[row->operation] && may_notify(row))
		add_path_call(b, row, &call);
	else if (row && !fixed && is_watched(b, row))
		add_watched(b, &call);
	if (!fixed || call.action == SECCOMP_RET_ALLOW)
		add_rule(b, nr, &call);
	b->plan->supervises |= b->plan->calls[nr].action != PLAN_CALL_NONE;
	if (call.action != SECCOMP_RET_ALLOW || call.case_count > 0)
		b->calls[b->count++] = call;
}

int plan_build_filter(struct plan *plan, const struct plan_options *options)
{
	struct building *b = calloc(1, sizeof(*b));
	unsigned highest = syscalls_highest(syscalls_native());
	struct filter_part part = {.arch = syscalls_native(),
	        .default_action = SECCOMP_RET_ALLOW,
	        .highest = highest,
	        .unknown_action = ERRNO(ENOSYS)};
	int r;

	if (!b)
		return -ENOMEM;
	b->plan = plan;
	b->options = options;
	for (unsigned nr = 0; nr <= highest && nr < PLAN_MAX_CALLS; nr++)
		add_call(b, nr);
	part.calls = b->calls;
	part.call_count = b->count;
	r = filter_build(&part, 1, SECCOMP_RET_KILL_PROCESS, &plan->filter);
	free(b);
	return r;
}
