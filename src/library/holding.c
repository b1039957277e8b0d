#include "library/holding.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "kernel/apart.h"
#include "kernel/credentials.h"
#include "kernel/isolation.h"
#include "kernel/process.h"
#include "kernel/usage.h"
#include "launch/hosts.h"

void holding_init(struct holding *holding)
{
	*holding = (struct holding){.cgroup = {.folder = -EBADF},
	        .limits = {.timer = -EBADF},
	        .own = {.entry = -EBADF},
	        .keeper = KEEPER_NONE,
	        .kept_root = -1,
	        .wake = -EBADF};
	streams_init(&holding->streams);
	pthread_mutex_init(&holding->lock, NULL);
	pthread_cond_init(&holding->changed, NULL);
}

/* Returns `r`. */
static int refuse(struct holding *holding, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int refuse(struct holding *holding, int r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	free(holding->why);
	if (vasprintf(&holding->why, format, arguments) < 0)
		holding->why = NULL;
	va_end(arguments);
	return r;
}

/* ---- what cannot be held here ---- */

/* What is looked at in /proc has to be seen there. */
static int check_looking(struct holding *holding)
{
	const struct plan *plan = holding->plan;
	struct usage usage;
	int r = 0;

	for (int i = 0; i < POLICY_LIMITS && r == 0; i++) {
		const struct policy_limit *limit = &plan->policy->limits[i];
		char place[512];

		if (plan->limits[i] != PLAN_WATCH || i == POLICY_LIMIT_WALL_TIME)
			continue;
		r = usage_measure(getpid(), &usage);
		if (r < 0)
			r = refuse(holding, -ENOTSUP,
			        "%s: the limit %s needs to see the command's processes in /proc: %s",
			        policy_place_text(&limit->place, place, sizeof(place)), policy_limit_names[i],
			        strerror(-r));
	}
	return r;
}

/* ---- the thread that looks at the limits ---- */

/* Before it is told: whoever hears of it may take its time. */
static void strike(void *user)
{
	struct holding *holding = user;

	limits_kill(&holding->limits);
	process_kill_below(holding->limits.root);
}

static void wake(struct holding *holding)
{
	const uint64_t one = 1;

	while (write(holding->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* The first one counts. */
static void publish(struct holding *holding)
{
	pthread_mutex_lock(&holding->lock);
	if (!holding->struck)
		holding->struck = policy_limit_names[holding->limits.kind];
	pthread_mutex_unlock(&holding->lock);
}

/* What has been told meanwhile. True when all is over. */
static bool take_news(struct holding *holding)
{
	bool is_over, has_status;
	uint64_t times;
	int status;

	if (read(holding->wake, &times, sizeof(times)) < 0)
		return false;
	pthread_mutex_lock(&holding->lock);
	is_over = holding->is_over;
	has_status = holding->has_status;
	status = holding->status;
	holding->limits.root = holding->kept_root;
	pthread_mutex_unlock(&holding->lock);
	if (has_status) {
		if (limits_ended_command(&holding->limits, status))
			publish(holding);
		pthread_mutex_lock(&holding->lock);
		holding->has_status = false;
		pthread_cond_broadcast(&holding->changed);
		pthread_mutex_unlock(&holding->lock);
	}
	return is_over;
}

static void *look(void *user)
{
	struct holding *holding = user;
	struct pollfd fds[] = {
	        {.fd = holding->wake, .events = POLLIN}, {.fd = holding->limits.timer, .events = POLLIN}};

	for (;;) {
		/* Before there is a keeper there is nothing to look at. */
		nfds_t count = holding->limits.root > 0 ? 2 : 1;

		if (poll(fds, count, -1) < 0)
			continue;
		if (fds[0].revents && take_news(holding))
			break;
		if (count == 2 && fds[1].revents && limits_look(&holding->limits))
			publish(holding);
	}
	limits_finish(&holding->limits);
	return NULL;
}

/* Its descriptors go to the thread: here they are open no more. */
static int start_looking(struct holding *holding)
{
	const int timer = holding->limits.timer, folder = holding->cgroup.folder;
	int keep[3], r;
	size_t count = 0;

	holding->wake = eventfd(0, EFD_CLOEXEC);
	if (holding->wake < 0)
		return -errno;
	credentials_keep(keep, &count, ELEMENTS(keep), timer);
	credentials_keep(keep, &count, ELEMENTS(keep), folder);
	credentials_keep(keep, &count, ELEMENTS(keep), holding->wake);
	r = apart_start(keep, count, look, holding, &holding->looker);
	if (r < 0)
		return r;
	holding->is_looking = true;
	cleanup_close(&timer);
	cleanup_close(&folder);
	return 0;
}

/* ---- the start ---- */

static int open_streams(struct holding *holding, const struct reeve_spawn_options *options)
{
	const struct policy *policy = holding->plan->policy;
	const bool given[POLICY_STREAMS] = {
	        [POLICY_STDOUT] = options->output > 0, [POLICY_STDERR] = options->error > 0};
	enum policy_stream_kind kind = POLICY_STDOUT;
	char place[512];
	int r = streams_open(policy, given, &holding->streams, &kind);

	if (r < 0)
		return refuse(holding, r, "%s: %s cannot go to %s: %s",
		        policy_place_text(&policy->streams[kind].place, place, sizeof(place)),
		        policy_stream_names[kind], policy->streams[kind].path,
		        r == -ENOTSUP ? "only a regular file can be rotated" : strerror(-r));
	return streams_start(&holding->streams, holding->recorder, true);
}

static int start_limits(struct holding *holding)
{
	const struct plan *plan = holding->plan;
	struct rlimit files;
	int r = limits_make_cgroup(plan, &holding->cgroup);

	if (r < 0)
		return refuse(holding, r, "cannot make a cgroup in %s for the limits of the policy: %s",
		        plan->cgroup.path, strerror(-r));
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	r = limits_start(&holding->limits, plan, holding->recorder, &holding->cgroup);
	if (r == 0)
		r = limits_for_child(plan, &holding->cgroup, &files, &holding->own);
	holding->limits.root = -1;
	holding->limits.strike = strike;
	holding->limits.user = holding;
	return r < 0 || !plan->has_limits ? r : start_looking(holding);
}

int holding_prepare(struct holding *holding, const struct plan *plan, struct recorder *recorder,
        const struct reeve_spawn_options *options)
{
	int r;

	holding->plan = plan;
	holding->recorder = recorder;
	r = check_looking(holding);
	if (r == 0)
		r = open_streams(holding, options);
	return r < 0 ? r : start_limits(holding);
}

bool holding_needs_process(const struct holding *holding)
{
	return holding->plan->own_network && isolation_needs_user_namespace();
}

int holding_enter_network(struct holding *holding)
{
	int r = holding->plan->own_network && !holding->has_network ? isolation_enter() : 0;

	if (r < 0)
		return refuse(holding, r, "cannot enter a network of its own: %s", strerror(-r));
	holding->has_network = true;
	return 0;
}

int holding_enter(struct holding *holding, const char *name_server)
{
	struct hosts_options hosts = {.plan = holding->plan,
	        .recorder = holding->recorder,
	        .server = name_server,
	        .best_effort = holding->best_effort};
	int fds[NAMES_DESCRIPTORS];
	int r = holding_enter_network(holding);

	if (r < 0)
		return r;
	r = hosts_start(&hosts, &holding->names, &holding->why);
	if (r < 0 || !holding->names)
		return r;
	names_descriptors(holding->names, fds);
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		credentials_keep(holding->kept, &holding->kept_count, ELEMENTS(holding->kept), fds[i]);
	return 0;
}

void holding_started(struct holding *holding)
{
	streams_given(&holding->streams);
	cleanup_close(&holding->own.entry);
	holding->own.entry = -EBADF;
	if (!holding->is_looking || holding->keeper.pid < 0)
		return;
	pthread_mutex_lock(&holding->lock);
	holding->kept_root = holding->keeper.pid;
	pthread_mutex_unlock(&holding->lock);
	wake(holding);
}

/* ---- the end ---- */

void holding_command_ended(struct holding *holding, int status)
{
	streams_flush(&holding->streams);
	if (!holding->is_looking)
		return;
	pthread_mutex_lock(&holding->lock);
	holding->status = status;
	holding->has_status = true;
	wake(holding);
	while (holding->has_status)
		pthread_cond_wait(&holding->changed, &holding->lock);
	pthread_mutex_unlock(&holding->lock);
}

const char *holding_limit(struct holding *holding)
{
	const char *name;

	pthread_mutex_lock(&holding->lock);
	name = holding->struck;
	pthread_mutex_unlock(&holding->lock);
	return name;
}

static void stop_looking(struct holding *holding)
{
	if (!holding->is_looking)
		return;
	pthread_mutex_lock(&holding->lock);
	holding->is_over = true;
	pthread_mutex_unlock(&holding->lock);
	wake(holding);
	pthread_join(holding->looker, NULL);
	holding->is_looking = false;
	holding->has_looked = true;
}

/* The keeper's number is its own until it has been waited for: so long may be looked and killed below it. */
void holding_wait_for_tree(struct holding *holding)
{
	keeper_wait_for_all(&holding->keeper);
	stop_looking(holding);
	keeper_finish(&holding->keeper);
}

void holding_end(struct holding *holding, bool tree_has_ended)
{
	names_stop(holding->names);
	streams_given(&holding->streams);
	streams_finish(&holding->streams, !tree_has_ended);
	holding->has_ended = true;
}

void holding_leave(struct holding *holding)
{
	names_end(TAKE_PTR(holding->names));
}

void holding_done(struct holding *holding)
{
	if (!holding->has_ended)
		holding_end(holding, true);
	stop_looking(holding);
	holding_leave(holding);
	/* What no thread has taken, it has not finished either. */
	if (!holding->has_looked && holding->limits.plan)
		limits_finish(&holding->limits);
	else if (!holding->has_looked)
		cgroup_remove(&holding->cgroup);
	cleanup_close(&holding->own.entry);
	cleanup_close(&holding->wake);
	free(holding->why);
	pthread_mutex_destroy(&holding->lock);
	pthread_cond_destroy(&holding->changed);
}
