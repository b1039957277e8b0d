/* A command under a plan, in the process of whoever calls: a thread that is its parent, and performing
 * threads. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/abroad.h"
#include "kernel/credentials.h"
#include "kernel/process.h"
#include "library/holding.h"
#include "library/library.h"
#include "launch/fit.h"
#include "launch/start.h"
#include "plan/compare.h"
#include "record/record.h"
#include "supervise/supervisor.h"

struct reeve_run {
	struct reeve_plan *plan;
	struct reeve_spawn_options options;
	const char *const *argv; /* until the start is over */
	char **environment;
	sigset_t mask;      /* of the thread that called, for the command */
	bool ignored_child; /* by a process that ignores it no more */
	struct recorder *recorder;
	pthread_t parent;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_started, has_ended;
	int result; /* of the start */
	pid_t pid;
	int child, listener; /* the first is a pidfd */
	int status;
	struct supervisor *supervisor;
	struct holding holding;
	pthread_t callbacks;
	bool has_callbacks; /* a thread for them */
	struct asking *first_asking, **last_asking;
	bool is_over; /* nobody will ask any more */
};

/* ---- what the command gets ---- */

static void free_environment(char **environment)
{
	for (char **entry = environment; entry && *entry; entry++)
		free(*entry);
	free(environment);
}

/* A copy, with TMPDIR where the policy has a private folder. */
static char **environment_of(char *const *from, const char *tmp)
{
	size_t count = 0, n = 0;
	char **copy;

	while (from[count])
		count++;
	copy = calloc(count + 2, sizeof(*copy));
	if (!copy)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (tmp && strncmp(from[i], "TMPDIR=", 7) == 0)
			continue;
		copy[n] = strdup(from[i]);
		if (!copy[n++]) {
			free_environment(copy);
			return NULL;
		}
	}
	if (tmp && asprintf(&copy[n], "TMPDIR=%s", tmp) < 0) {
		copy[n] = NULL;
		free_environment(copy);
		return NULL;
	}
	return copy;
}

/* ---- callbacks: performing threads leave them to a thread that is like any other of the process ---- */

/* One call of a callback. Performing threads have descriptor tables of their own and live in the plan's
 * domain: code that knows nothing of that would close and open what it does not mean. */
struct asking {
	struct supervisor_call *call; /* NULL: a record */
	bool is_answered_here;
	const char *line;
	size_t length;
	bool is_done;
	struct asking *next;
};

/* Hands over, and waits. */
static void hand_over(struct reeve_run *run, struct asking *asking)
{
	pthread_mutex_lock(&run->lock);
	*run->last_asking = asking;
	run->last_asking = &asking->next;
	pthread_cond_broadcast(&run->changed);
	while (!asking->is_done)
		pthread_cond_wait(&run->changed, &run->lock);
	pthread_mutex_unlock(&run->lock);
}

static bool decide(void *user, struct supervisor_call *call)
{
	struct asking asking = {.call = call};

	hand_over(user, &asking);
	return asking.is_answered_here;
}

static void tell_line(void *user, const char *line, size_t length)
{
	hand_over(user, &(struct asking){.line = line, .length = length});
}

static bool ask(const struct reeve_run *run, struct supervisor_call *call)
{
	struct reeve_call seen = {.task = call->tid,
	        .name = call->name,
	        .operation = call->operation,
	        .arguments = call->arguments,
	        .paths = {call->path, call->second},
	        .flags = call->flags};
	struct reeve_decision decision = {.error = EACCES, .path = call->path};

	switch (run->options.decide(run->options.user, &seen, &decision)) {
	case REEVE_ANSWER_POLICY:
	case REEVE_ANSWER_PATH: /* it stands where the first one stood */
		return false;
	case REEVE_ANSWER_VALUE:
		call->value = decision.value;
		call->has_value = true;
		return true;
	case REEVE_ANSWER_DENY:
	default:
		call->error = decision.error > 0 && decision.error < 4096 ? decision.error : EACCES;
		call->why = decision.why ? decision.why : "the supervising program refused it";
		return true;
	}
}

/* Until that is true, and nobody asks. */
static void serve_callbacks(struct reeve_run *run, const bool *until)
{
	pthread_mutex_lock(&run->lock);
	for (;;) {
		struct asking *asking = run->first_asking;

		if (!asking && *until)
			break;
		if (!asking) {
			pthread_cond_wait(&run->changed, &run->lock);
			continue;
		}
		run->first_asking = asking->next;
		if (!run->first_asking)
			run->last_asking = &run->first_asking;
		pthread_mutex_unlock(&run->lock);
		if (asking->call)
			asking->is_answered_here = ask(run, asking->call);
		else
			run->options.record(run->options.user, asking->line, asking->length);
		pthread_mutex_lock(&run->lock);
		asking->is_done = true;
		pthread_cond_broadcast(&run->changed);
	}
	pthread_mutex_unlock(&run->lock);
}

static void *callbacks_main(void *argument)
{
	struct reeve_run *run = argument;

	serve_callbacks(run, &run->is_over);
	return NULL;
}

/* ---- the command's parent ---- */

static void serving_failed(void *user, int error)
{
	struct reeve_run *run = user;

	process_signal(run->child, SIGKILL);
}

static const char *why_not_started(enum child_step step)
{
	switch (step) {
	case CHILD_LIMITS:
		return "cannot set the limits of the policy";
	case CHILD_STREAMS:
		return "cannot redirect the output";
	case CHILD_DOMAIN:
		return "cannot enter the Landlock domain";
	case CHILD_FILTER:
		return "cannot install the filter";
	case CHILD_EXEC:
		return "cannot be run";
	default:
		return "cannot be started";
	}
}

/* Where nothing better was said. */
static void say_why(struct reeve_run *run, enum child_step step, int error)
{
	if (run->holding.why)
		return;
	if (asprintf(&run->holding.why, "%s: %s", why_not_started(step), strerror(error)) < 0)
		run->holding.why = NULL;
}

/* Then nobody is told how a child of this process ended. */
static bool ends_are_lost(void)
{
	struct sigaction action;

	return sigaction(SIGCHLD, NULL, &action) == 0 &&
	       (action.sa_handler == SIG_IGN || action.sa_flags & SA_NOCLDWAIT);
}

static int start(struct reeve_run *run)
{
	const struct reeve_spawn_options *options = &run->options;
	const struct plan *plan = run->plan->plan;
	struct holding *holding = &run->holding;
	struct start_options start = {.plan = plan,
	        .features = &run->plan->features,
	        .argv = (char *const *)run->argv,
	        .environment = run->environment,
	        .directory = options->directory,
	        .descriptors = {options->input, options->output, options->error},
	        .limits = &holding->own,
	        .streams = &holding->streams,
	        .keeper = plan->has_limits || ends_are_lost() ? &holding->keeper : NULL,
	        .supervisor = {.plan = plan,
	                .features = &run->plan->features,
	                .recorder = run->recorder,
	                .kept = holding->kept,
	                .failed = serving_failed,
	                .decide = options->decide ? decide : NULL,
	                .user = run,
	                .privileged = run->plan->options.privileged}};
	struct child_origin origin = {
	        .mask = run->mask, .ignored_child = run->ignored_child, .handles_signals = true};
	struct start_report report;
	int r = holding_enter(holding, options->name_server);

	if (r < 0)
		return r;
	start.supervisor.names = holding->names;
	start.supervisor.kept_count = holding->kept_count;
	start.origin = &origin;
	r = start_command(&start, &report);

	run->pid = report.pid;
	run->child = report.child;
	run->listener = report.listener;
	run->supervisor = report.supervisor;
	if (r != 0)
		say_why(run, r < 0 ? CHILD_PARENT : report.step, r < 0 ? -r : report.error);
	if (r == 1)
		r = report.step == CHILD_EXEC && report.error != ENOENT ? -EACCES : -report.error;
	return r;
}

/* Performing threads trace the command for moments, and what a wait of any other thread takes they would wait
 * for for ever: so it is waited for once it has ended. */
static int wait_for_child(const struct reeve_run *run)
{
	struct pollfd fd = {.fd = run->child, .events = POLLIN};
	int status = 0;

	while (run->child >= 0 && poll(&fd, 1, -1) < 0)
		;
	while (waitpid(run->pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return status;
}

static int wait_for_end(struct reeve_run *run)
{
	int status;

	if (run->holding.keeper.pid < 0)
		return wait_for_child(run);
	if (keeper_wait_for_command(&run->holding.keeper, &status) == 0)
		return status;
	process_signal(run->child, SIGKILL);
	recorder_note(run->recorder, "keeper",
	        "the process that keeps the command's tree together was killed, and the command with it: "
	        "what "
	        "else it started is not held by limits any more");
	return SIGKILL;
}

/* With a result already: it cannot be started. */
static void *supervise(void *argument)
{
	struct reeve_run *run = argument;
	bool has_tree;
	int r = run->result < 0 ? run->result : start(run);

	holding_started(&run->holding);
	pthread_mutex_lock(&run->lock);
	run->result = r;
	run->is_started = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	/* The command is killed with the thread that forked it: it must outlive it. */
	if (run->pid > 0) {
		int status = wait_for_end(run);

		holding_command_ended(&run->holding, status);
		pthread_mutex_lock(&run->lock);
		run->status = status;
		run->has_ended = true;
		pthread_cond_broadcast(&run->changed);
		pthread_mutex_unlock(&run->lock);
	}
	has_tree = run->supervisor || run->holding.keeper.pid > 0;
	holding_wait_for_tree(&run->holding);
	supervisor_finish(run->supervisor);
	holding_end(&run->holding, has_tree || run->pid < 0);
	pthread_mutex_lock(&run->lock);
	run->is_over = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	return NULL;
}

/* In a process of its own. Its first thread stays outside of the domain, to end what was made outside of it.
 */
static void supervise_abroad(void *user)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	struct reeve_run *run = user;
	struct sigaction before;
	pthread_t thread;
	int r = holding_enter_network(&run->holding);

	/* Where it is ignored nobody's end is told; handlers are of the process that made them. */
	sigaction(SIGCHLD, &standard, &before);
	run->ignored_child = before.sa_handler == SIG_IGN;
	if (r == 0)
		r = -pthread_create(&thread, NULL, supervise, run);
	if (r == 0) {
		pthread_join(thread, NULL);
	} else {
		run->result = r;
		supervise(run);
	}
	holding_leave(&run->holding);
}

static void *parent_main(void *argument)
{
	struct reeve_run *run = argument;
	int r = 1;

	if (holding_needs_process(&run->holding))
		r = abroad_run(supervise_abroad, run);
	if (r == 0)
		return NULL;
	if (r < 0)
		run->result = r;
	return supervise(run);
}

/* ---- what callers use ---- */

static void free_run(struct reeve_run *run)
{
	holding_done(&run->holding);
	recorder_free(run->recorder);
	free_environment(run->environment);
	cleanup_close(&run->child);
	cleanup_close(&run->listener);
	pthread_mutex_destroy(&run->lock);
	pthread_cond_destroy(&run->changed);
	reeve_plan_free(run->plan);
	free(run);
}

static int prepare(struct reeve_run *run, const struct reeve_spawn_options *options)
{
	struct record_options records = {.json = -1, .summary = true, .home = run->plan->policy->home};
	char *const *environment = options && options->environment ? options->environment : environ;
	int r;

	if (options) {
		if (options->size < sizeof(run->options.size) || options->size > sizeof(run->options))
			return -EINVAL;
		memcpy(&run->options, options, options->size);
	}
	if (run->options.record)
		records.line = tell_line;
	records.user = run;
	run->environment = environment_of(environment, library_policy_tmp(run->plan->policy));
	if (!run->environment)
		return -ENOMEM;
	r = recorder_new(&records, &run->recorder);
	return r < 0 ? r : holding_prepare(&run->holding, run->plan->plan, run->recorder, &run->options);
}

static bool wants_thread(const struct reeve_run *run)
{
	return !run->options.serve_self && (run->options.decide || run->options.record);
}

/* Signals are for the threads of whoever uses us. */
static int start_threads(struct reeve_run *run)
{
	sigset_t all;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &run->mask);
	if (wants_thread(run)) {
		r = -pthread_create(&run->callbacks, NULL, callbacks_main, run);
		run->has_callbacks = r == 0;
	}
	if (r == 0)
		r = -pthread_create(&run->parent, NULL, parent_main, run);
	pthread_sigmask(SIG_SETMASK, &run->mask, NULL);
	if (r < 0 && run->has_callbacks) {
		pthread_mutex_lock(&run->lock);
		run->is_over = true;
		pthread_cond_broadcast(&run->changed);
		pthread_mutex_unlock(&run->lock);
		pthread_join(run->callbacks, NULL);
	}
	return r;
}

/* To whoever called, with the reason; -errno goes with it. */
static void give_why(struct reeve_run *run)
{
	if (run->options.ret_error)
		*run->options.ret_error = TAKE_PTR(run->holding.why);
}

int reeve_spawn(struct reeve_plan *plan, const char *const *argv, const struct reeve_spawn_options *options,
        struct reeve_run **ret)
{
	struct reeve_run *run;
	int r;

	if (!argv || !argv[0])
		return -EINVAL;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	run->plan = library_plan_ref(plan);
	run->argv = argv;
	run->last_asking = &run->first_asking;
	run->pid = -1;
	run->child = run->listener = -EBADF;
	holding_init(&run->holding);
	run->holding.best_effort = plan->options.best_effort;
	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->changed, NULL);
	r = prepare(run, options);
	if (r == 0)
		r = start_threads(run);
	if (r < 0) {
		give_why(run);
		free_run(run);
		return r;
	}
	/* The exec is a call that may come to a callback already. */
	if (run->options.serve_self)
		serve_callbacks(run, &run->is_started);
	pthread_mutex_lock(&run->lock);
	while (!run->is_started)
		pthread_cond_wait(&run->changed, &run->lock);
	r = run->result;
	pthread_mutex_unlock(&run->lock);
	if (r < 0) {
		give_why(run);
		reeve_run_free(run);
		return r;
	}
	*ret = run;
	return 0;
}

int reeve_run_serve(struct reeve_run *run)
{
	if (!run->options.serve_self)
		return -EINVAL;
	serve_callbacks(run, &run->is_over);
	return 0;
}

pid_t reeve_run_pid(const struct reeve_run *run)
{
	return run->pid;
}

int reeve_run_signal(struct reeve_run *run, int signal)
{
	return process_signal(run->child, signal);
}

int reeve_run_wait(struct reeve_run *run, int *ret_status)
{
	pthread_mutex_lock(&run->lock);
	while (!run->has_ended)
		pthread_cond_wait(&run->changed, &run->lock);
	*ret_status = run->status;
	pthread_mutex_unlock(&run->lock);
	return 0;
}

int reeve_run_limit(struct reeve_run *run, const char **ret_name)
{
	const char *name = holding_limit(&run->holding);

	if (name && ret_name)
		*ret_name = name;
	return name ? 1 : 0;
}

int reeve_run_reload(struct reeve_run *run, struct reeve_policy *policy, char **ret_error)
{
	struct plan_options options = run->plan->options;
	AUTO_FREE char *why = NULL;
	struct policy *finished;
	struct plan *next = NULL;
	char text[1024];
	int r = library_policy_finish(policy, &finished);

	if (r < 0)
		return r;
	options.worn = run->plan->plan;
	r = fit_without_sockets(finished, &options, &next);
	if (r == 0)
		r = plan_check_kernel(next, &run->plan->features, &options, text, sizeof(text));
	if (r == 0)
		r = plan_compare(run->plan->plan, next, &why);
	if (r > 0 || !run->supervisor) {
		if (ret_error)
			*ret_error = TAKE_PTR(why);
		r = -ENOTSUP;
	}
	if (r < 0) {
		plan_free(next);
		return r;
	}
	return supervisor_reload(run->supervisor, next);
}

int reeve_run_summary(struct reeve_run *run, char **ret)
{
	return recorder_summary_text(run->recorder, ret);
}

void reeve_run_free(struct reeve_run *run)
{
	if (!run)
		return;
	if (run->options.serve_self)
		serve_callbacks(run, &run->is_over);
	pthread_join(run->parent, NULL);
	if (run->has_callbacks)
		pthread_join(run->callbacks, NULL);
	free_run(run);
}
