#include "launch/limits.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/credentials.h"
#include "kernel/usage.h"
#include "plan/limits.h"

/* How often memory and processes are looked at, and processor time at most; in milliseconds. */
enum { OFTEN = 100, MOST_OFTEN = 20, BURST = 1024 };

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static const struct policy_limit *limit_of(const struct plan *plan, enum policy_limit_kind kind)
{
	return &plan->policy->limits[kind];
}

/* ---- what is put on ---- */

int limits_make_cgroup(const struct plan *plan, struct cgroup *ret)
{
	const struct policy_limit *memory = limit_of(plan, POLICY_LIMIT_MEMORY);
	const struct policy_limit *tasks = limit_of(plan, POLICY_LIMIT_PROCESSES);
	uint64_t most = plan->cgroup.most_pids;
	int r;

	ret->folder = -EBADF;
	if (!plan->uses_cgroup)
		return 0;
	r = cgroup_make(&plan->cgroup, ret);
	if (r == 0 && plan->limits[POLICY_LIMIT_MEMORY] == PLAN_CGROUP) {
		r = cgroup_set_number(ret, "memory.max", memory->value);
		if (r == 0)
			r = cgroup_set(ret, "memory.oom.group", "1");
		if (r == 0)
			r = cgroup_set(ret, "memory.swap.max", "0");
		if (r == -ENOENT)
			r = 0; /* a kernel without swap */
	}
	if (plan->limits[POLICY_LIMIT_PROCESSES] == PLAN_CGROUP && (most == 0 || tasks->value < most))
		most = tasks->value;
	if (r == 0 && most > 0 && plan->cgroup.has_pids)
		r = cgroup_set_number(ret, "pids.max", most);
	if (r < 0)
		cgroup_remove(ret);
	return r;
}

static rlim_t smaller(rlim_t a, rlim_t b)
{
	return a < b ? a : b; /* RLIM_INFINITY is the largest */
}

/* `soft` and `hard`, or what was inherited where that is less. */
static int add_own(struct limits_own *own, int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return -errno;
	limit.rlim_max = smaller(limit.rlim_max, hard);
	limit.rlim_cur = smaller(smaller(limit.rlim_cur, soft), limit.rlim_max);
	own->list[own->count].resource = resource;
	own->list[own->count++].limit = limit;
	return 0;
}

int limits_for_child(const struct plan *plan, const struct cgroup *cgroup, const struct rlimit *files,
        struct limits_own *ret)
{
	const struct policy_limit *limits = plan->policy->limits;
	struct limits_own own = {.files = *files, .entry = -EBADF, .is_kept = plan->keeps_limits};
	/* The sum is looked at in time: a single process meets its own limit only if that fails. */
	rlim_t seconds = limits[POLICY_LIMIT_CPU_TIME].value / 1000 + 2;
	int r = 0;

	if (limits[POLICY_LIMIT_CPU_TIME].is_set)
		r = add_own(&own, RLIMIT_CPU, seconds, seconds + 2);
	if (r == 0 && limits[POLICY_LIMIT_FILE_SIZE].is_set)
		r = add_own(&own, RLIMIT_FSIZE, limits[POLICY_LIMIT_FILE_SIZE].value,
		        limits[POLICY_LIMIT_FILE_SIZE].value);
	if (r == 0 && plan->limits[POLICY_LIMIT_MEMORY] == PLAN_WATCH)
		r = add_own(&own, RLIMIT_DATA, limits[POLICY_LIMIT_MEMORY].value,
		        limits[POLICY_LIMIT_MEMORY].value);
	if (r == 0 && plan->limits[POLICY_LIMIT_PROCESSES] == PLAN_WATCH) {
		rlim_t most = usage_tasks_of(getuid()) + limits[POLICY_LIMIT_PROCESSES].value + BURST;

		r = add_own(&own, RLIMIT_NPROC, most, most);
	}
	if (limits[POLICY_LIMIT_OPEN_FILES].is_set) {
		own.files.rlim_max = smaller(own.files.rlim_max, limits[POLICY_LIMIT_OPEN_FILES].value);
		own.files.rlim_cur = smaller(own.files.rlim_cur, own.files.rlim_max);
	}
	own.is_kept = plan->keeps_limits && (own.count > 0 || limits[POLICY_LIMIT_OPEN_FILES].is_set);
	if (r == 0 && plan->uses_cgroup)
		r = own.entry = cgroup_open_entry(cgroup);
	if (r < 0)
		return r;
	*ret = own;
	return 0;
}

int limits_put_on(const struct limits_own *own)
{
	if (own->entry >= 0 && write(own->entry, "0", 1) != 1)
		return -errno;
	for (unsigned i = 0; i < own->count; i++)
		if (setrlimit(own->list[i].resource, &own->list[i].limit) < 0)
			return -errno;
	return own->is_kept ? credentials_lose(CAP_SYS_RESOURCE) : 0;
}

/* ---- looking ---- */

static void record(struct limits *limits, enum policy_limit_kind kind, const char *layer, uint64_t count)
{
	recorder_limit(limits->recorder,
	        &(struct record_limit){
	                .policy = limits->plan->policy, .kind = kind, .layer = layer, .refusals = count});
}

static bool strike(struct limits *limits, enum policy_limit_kind kind, const char *layer)
{
	if (limits->has_struck)
		return false;
	limits->has_struck = true;
	limits->kind = kind;
	if (limits->strike)
		limits->strike(limits->user);
	record(limits, kind, layer, 0);
	return true;
}

static int used_cpu(const struct limits *limits, uint64_t *ret)
{
	struct usage usage;
	uint64_t microseconds;
	int r;

	if (limits->plan->limits[POLICY_LIMIT_CPU_TIME] == PLAN_CGROUP) {
		r = cgroup_read(limits->cgroup, "cpu.stat", "usage_usec", &microseconds);
		if (r == 0)
			*ret = microseconds / 1000;
		return r;
	}
	r = usage_measure(limits->root, &usage);
	if (r == 0)
		*ret = usage.cpu;
	return r;
}

/* A child that ends between two looks may be in its parent's sum as well as in its own: so what is too much
 * has to be so twice. */
static bool used_too_much(const struct limits *limits, uint64_t *ret_left)
{
	uint64_t most = limit_of(limits->plan, POLICY_LIMIT_CPU_TIME)->value, used = 0;
	int rounds = 0;

	do {
		if (used_cpu(limits, &used) < 0)
			used = 0;
	} while (used >= most && ++rounds < 2);
	*ret_left = used < most ? most - used : 0;
	return used >= most;
}

/* What a cgroup counted. */
static uint64_t counted(const struct limits *limits, const char *file, const char *key)
{
	uint64_t number = 0;

	return cgroup_read(limits->cgroup, file, key, &number) < 0 ? 0 : number;
}

static void look_at_refusals(struct limits *limits, bool is_last)
{
	uint64_t refused;

	if (limits->plan->limits[POLICY_LIMIT_PROCESSES] != PLAN_CGROUP)
		return;
	refused = counted(limits, "pids.events", "max");
	/* The first at once, and at the end how many there were. */
	if (refused == limits->refused_tasks || (limits->refused_tasks > 0 && !is_last))
		return;
	limits->refused_tasks = refused;
	record(limits, POLICY_LIMIT_PROCESSES, plan_holder_word(PLAN_CGROUP), refused);
}

static bool memory_ended_all(const struct limits *limits)
{
	return limits->plan->limits[POLICY_LIMIT_MEMORY] == PLAN_CGROUP &&
	       counted(limits, "memory.events", "oom_kill") > 0;
}

static bool look_at_usage(struct limits *limits)
{
	bool memory = limits->plan->limits[POLICY_LIMIT_MEMORY] == PLAN_WATCH;
	bool tasks = limits->plan->limits[POLICY_LIMIT_PROCESSES] == PLAN_WATCH;
	uint64_t most = limit_of(limits->plan, POLICY_LIMIT_MEMORY)->value, used;
	struct usage usage;

	if ((!memory && !tasks) || usage_measure(limits->root, &usage) < 0)
		return false;
	if (tasks && usage.tasks > limit_of(limits->plan, POLICY_LIMIT_PROCESSES)->value)
		return strike(limits, POLICY_LIMIT_PROCESSES, plan_holder_word(PLAN_WATCH));
	/* The exact sum takes its time, and is never more than the rough one. */
	if (memory && usage.resident > most && usage_memory(limits->root, &used) == 0 && used > most)
		return strike(limits, POLICY_LIMIT_MEMORY, plan_holder_word(PLAN_WATCH));
	return false;
}

static uint64_t shorter(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* `took`: how long a look takes, of which all time but a twentieth is left to others. */
static void set_timer(const struct limits *limits, uint64_t cpu_left, uint64_t took)
{
	const struct plan *plan = limits->plan;
	const struct policy_limit *wall = limit_of(plan, POLICY_LIMIT_WALL_TIME);
	struct itimerspec next = {0};
	uint64_t wait = UINT64_MAX, pause = 20 * took, passed = now() - limits->begin;

	if (plan->limits[POLICY_LIMIT_MEMORY] || plan->limits[POLICY_LIMIT_PROCESSES])
		wait = pause > OFTEN ? pause : OFTEN;
	if (limit_of(plan, POLICY_LIMIT_CPU_TIME)->is_set) {
		uint64_t earliest = cpu_left / (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);

		earliest = earliest > MOST_OFTEN ? earliest : MOST_OFTEN;
		wait = shorter(wait, earliest > pause ? earliest : pause);
	}
	if (wall->is_set)
		wait = shorter(wait, wall->value > passed ? wall->value - passed : 1);
	if (limits->timer < 0 || wait == UINT64_MAX)
		return;
	next.it_value.tv_sec = (time_t)(wait / 1000);
	next.it_value.tv_nsec = (long)(wait % 1000) * 1000000 + 1;
	timerfd_settime(limits->timer, 0, &next, NULL);
}

int limits_start(
        struct limits *limits, const struct plan *plan, struct recorder *recorder, struct cgroup *cgroup)
{
	*limits = (struct limits){.plan = plan,
	        .recorder = recorder,
	        .cgroup = cgroup,
	        .root = getpid(),
	        .timer = -EBADF,
	        .begin = now()};
	if (!plan->has_limits)
		return 0;
	limits->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (limits->timer < 0)
		return -errno;
	set_timer(limits, limit_of(plan, POLICY_LIMIT_CPU_TIME)->value, 0);
	return 0;
}

bool limits_look(struct limits *limits)
{
	const struct policy_limit *wall = limit_of(limits->plan, POLICY_LIMIT_WALL_TIME);
	uint64_t expirations, begin = now(), cpu_left = 0;
	bool struck = false;

	if (limits->timer < 0 || limits->has_struck)
		return false;
	if (read(limits->timer, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return false;
	look_at_refusals(limits, false);
	if (wall->is_set && begin - limits->begin >= wall->value)
		struck = strike(limits, POLICY_LIMIT_WALL_TIME, plan_holder_word(PLAN_WATCH));
	if (!struck && limit_of(limits->plan, POLICY_LIMIT_CPU_TIME)->is_set &&
	        used_too_much(limits, &cpu_left))
		struck = strike(limits, POLICY_LIMIT_CPU_TIME,
		        plan_holder_word(limits->plan->limits[POLICY_LIMIT_CPU_TIME]));
	if (!struck)
		struck = look_at_usage(limits);
	if (!struck && memory_ended_all(limits))
		struck = strike(limits, POLICY_LIMIT_MEMORY, plan_holder_word(PLAN_CGROUP));
	if (!struck)
		set_timer(limits, cpu_left, now() - begin);
	return struck;
}

/* A smaller limit that was inherited strikes first, and is none of the policy's. */
static bool is_ours(const struct limits *limits, enum policy_limit_kind kind, int resource, uint64_t divisor)
{
	const struct policy_limit *limit = limit_of(limits->plan, kind);
	struct rlimit inherited;

	return limit->is_set && getrlimit(resource, &inherited) == 0 &&
	       inherited.rlim_cur >= limit->value / divisor;
}

/* Others of the tree may live on, under all limits. */
static bool tell_end(struct limits *limits, enum policy_limit_kind kind)
{
	limits->kind = kind;
	record(limits, kind, plan_holder_word(PLAN_RLIMIT), 0);
	return true;
}

bool limits_ended_command(struct limits *limits, int status)
{
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (limits->has_struck || limits->timer < 0)
		return limits->has_struck;
	look_at_refusals(limits, false);
	if (signal == SIGKILL && memory_ended_all(limits))
		return strike(limits, POLICY_LIMIT_MEMORY, plan_holder_word(PLAN_CGROUP));
	if (signal == SIGXCPU && is_ours(limits, POLICY_LIMIT_CPU_TIME, RLIMIT_CPU, 1000))
		return tell_end(limits, POLICY_LIMIT_CPU_TIME);
	if (signal == SIGXFSZ && is_ours(limits, POLICY_LIMIT_FILE_SIZE, RLIMIT_FSIZE, 1))
		return tell_end(limits, POLICY_LIMIT_FILE_SIZE);
	return false;
}

void limits_kill(const struct limits *limits)
{
	if (limits->plan->uses_cgroup)
		cgroup_kill(limits->cgroup);
}

void limits_finish(struct limits *limits)
{
	if (limits->plan->uses_cgroup) {
		look_at_refusals(limits, true);
		cgroup_remove(limits->cgroup);
	}
	cleanup_close(&limits->timer);
	limits->timer = -EBADF;
}
