#include "launch/start.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/probe.h"
#include "kernel/process.h"
#include "launch/launch.h"

/* Two threads: one makes the child and waits, while the child runs in its memory, until that executes. The
 * other, the first that performs, takes the listener from the child and lets it go on. */
struct start {
	const struct start_options *options;
	struct start_report *report;
	int reports[2], go[2];
	struct child_report said; /* the child's first word; without a listener it is the only one */
	int read;                 /* what reading that came to */
	int child;                /* its pidfd, there */
	sem_t is_served;
	int served; /* 0 once the child may go on, or -errno */
};

/* In the child their numbers must not be those of its streams. */
static int open_pipe(int ret[2])
{
	int low[2], r = 0;

	if (pipe2(low, O_CLOEXEC) < 0)
		return -errno;
	if (low[0] > STDERR_FILENO && low[1] > STDERR_FILENO) {
		memcpy(ret, low, sizeof(low));
		return 0;
	}
	for (int i = 0; i < 2 && r >= 0; i++) {
		r = ret[i] = fcntl(low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (r < 0)
			r = -errno;
	}
	close(low[0]);
	close(low[1]);
	return r < 0 ? r : 0;
}

static void close_pipe(int fds[2])
{
	cleanup_close(&fds[0]);
	cleanup_close(&fds[1]);
	fds[0] = fds[1] = -EBADF;
}

static char **script_of(char *const *argv)
{
	size_t n = 0;
	char **script;

	while (argv[n])
		n++;
	script = calloc(n + 2, sizeof(*script));
	for (size_t i = 1; script && i < n; i++)
		script[i + 1] = argv[i];
	return script;
}

/* In the child. Each is a copy above all three first, so that none is overwritten before it is used. */
static int take_place(const struct start_options *options)
{
	int copies[3] = {-1, -1, -1};

	for (int i = 0; i < 3; i++) {
		if (options->descriptors[i] <= 0)
			continue;
		copies[i] = fcntl(options->descriptors[i], F_DUPFD_CLOEXEC, 3);
		if (copies[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++)
		if (copies[i] >= 0 && (dup2(copies[i], i) < 0 || close(copies[i]) < 0))
			return -errno;
	return options->directory && chdir(options->directory) < 0 ? -errno : 0;
}

static _Noreturn void run_child(const struct start_options *options, const struct child_options *child)
{
	int r = take_place(options);
	struct child_report report = {.step = CHILD_PARENT, .error = -r, .number = -1};

	if (r == 0)
		child_run(child);
	while (write(child->reports, &report, sizeof(report)) < 0 && errno == EINTR)
		;
	_exit(LAUNCH_EXIT_FAILED);
}

struct made_child {
	const struct start_options *options;
	struct child_options *child;
};

static void run_made_child(void *user)
{
	struct made_child *made = user;

	run_child(made->options, made->child);
}

static void run_kept_child(void *user, pid_t keeper)
{
	struct made_child *made = user;

	made->child->parent = keeper;
	run_made_child(made);
}

static int read_report(const struct start *start, struct child_report *ret)
{
	ssize_t n;

	do
		n = read(start->reports[0], ret, sizeof(*ret));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	return n == sizeof(*ret) ? 1 : -EPROTO;
}

/* ---- serving, on the thread that will do so ---- */

static int take_listener(struct start *start, int *ret)
{
	AUTO_CLOSE int listener = -EBADF;
	int r;

	start->child = process_open(start->said.pid);
	if (start->child < 0)
		return start->child;
	r = reeve_task_fd(start->child, start->said.number, &listener);
	if (r < 0)
		return r;
	/* A keeper reaps it at once: only while it is there is the number sure to have been its own. */
	r = process_signal(start->child, 0);
	if (r == 0)
		r = probe_offers(listener, start->options->features);
	if (r == 0)
		*ret = TAKE_FD(listener);
	return r;
}

static int obtain_listener(void *user, int *ret, int ret_needed[SUPERVISOR_NEEDED])
{
	struct start *start = user;
	int r;

	start->read = read_report(start, &start->said);
	/* Why it came to nothing, whoever made it sees. */
	if (start->read <= 0 || start->said.step != CHILD_READY)
		return -ECANCELED;
	r = take_listener(start, ret);
	start->report->listener = *ret;
	ret_needed[0] = start->go[1];
	ret_needed[1] = start->child;
	return r;
}

/* A child that nobody serves must not go on, and its parent does not while it is there. */
static void let_go_on(void *user, int r)
{
	struct start *start = user;

	if (r == 0 && write(start->go[1], "g", 1) != 1)
		r = -errno;
	start->served = r;
	if (r < 0 && start->child >= 0)
		process_signal(start->child, SIGKILL);
	else if (r < 0 && start->read > 0 && start->said.step == CHILD_READY)
		kill(start->said.pid, SIGKILL);
	sem_post(&start->is_served);
}

static int start_serving(struct start *start)
{
	struct supervisor_options options = start->options->supervisor;

	if (!start->options->plan->supervises)
		return 0;
	options.obtain = obtain_listener;
	options.ready = let_go_on;
	options.obtainer = start;
	return supervisor_start(&options, &start->report->supervisor);
}

/* ---- making the child ---- */

static int make_plainly(struct start *start, struct child_options *child)
{
	struct made_child made = {start->options, child};
	struct start_report *report = start->report;
	/* When the memory of a limited child is short, all that share it would be killed. */
	bool shares = start->options->is_only && !start->options->plan->has_limits;
	int r = shares ? start_serving(start) : 0;

	if (r < 0)
		return r;
	child->parent = getpid();
	report->pid = process_run(shares, run_made_child, &made);
	if (report->pid < 0)
		return report->pid;
	report->child = process_open(report->pid);
	if (report->child < 0)
		return report->child;
	return shares ? 0 : start_serving(start);
}

static int make_kept(struct start *start, struct child_options *child)
{
	int r = keeper_start(run_kept_child, &(struct made_child){start->options, child},
	        start->options->keeper, &start->report->pid, &start->report->child);

	return r < 0 ? r : start_serving(start);
}

static int make_child(struct start *start)
{
	const struct start_options *options = start->options;
	const struct plan *plan = options->plan;
	AUTO_CLOSE int ruleset = -EBADF;
	AUTO_FREE char **script = script_of(options->argv);
	struct child_options child = {.plan = plan,
	        .argv = options->argv,
	        .script = script,
	        .environment = options->environment,
	        .origin = options->origin,
	        .limits = options->limits,
	        .streams = options->streams,
	        .filter_flags =
	                plan->supervises && options->features->wait_killable ? REEVE_FILTER_WAIT_KILLABLE : 0,
	        .needs_listener = plan->supervises,
	        .reports = start->reports[1],
	        .go = start->go[0]};

	if (!script)
		return -ENOMEM;
	if (plan->uses_landlock) {
		ruleset = plan_ruleset(plan, true, false);
		if (ruleset < 0)
			return ruleset;
	}
	child.ruleset = ruleset;
	return options->keeper ? make_kept(start, &child) : make_plainly(start, &child);
}

/* From the fork to the exec. */
static int start_child(struct start *start)
{
	struct start_report *report = start->report;
	struct child_report last;
	int r = make_child(start);

	/* Now the end of the child, too, ends what is read. */
	cleanup_close(&start->reports[1]);
	cleanup_close(&start->go[0]);
	start->reports[1] = start->go[0] = -EBADF;
	if (report->supervisor)
		while (sem_wait(&start->is_served) < 0 && errno == EINTR)
			;
	if (r < 0)
		return r;
	if (!report->supervisor)
		start->read = read_report(start, &start->said);
	if (start->read <= 0)
		return start->read < 0 ? start->read : -EPROTO;
	if (start->served < 0 && start->served != -ECANCELED)
		return start->served;
	/* After the filter the end of the pipe without a word is the exec. */
	last = start->said;
	if (last.step == CHILD_READY && read_report(start, &last) <= 0)
		return 0;
	report->step = last.step;
	report->error = last.error;
	return 1;
}

/* A child that cannot be held by a descriptor would not be seen to end. */
static void give_up(struct start_report *report)
{
	if (report->pid < 0)
		return;
	if (report->child >= 0) {
		process_signal(report->child, SIGKILL);
		return;
	}
	kill(report->pid, SIGKILL);
	waitpid(report->pid, NULL, __WALL);
	report->pid = -1;
}

int start_command(const struct start_options *options, struct start_report *ret)
{
	struct start start = {.options = options,
	        .report = ret,
	        .reports = {-EBADF, -EBADF},
	        .go = {-EBADF, -EBADF},
	        .child = -EBADF};
	int r;

	*ret = (struct start_report){.pid = -1, .child = -EBADF, .listener = -EBADF};
	sem_init(&start.is_served, 0, 0);
	r = supervisor_enter_domain(options->plan);
	if (r == 0)
		r = open_pipe(start.reports);
	if (r == 0)
		r = open_pipe(start.go);
	if (r == 0)
		r = start_child(&start);
	close_pipe(start.reports);
	close_pipe(start.go);
	cleanup_close(&start.child);
	sem_destroy(&start.is_served);
	if (r < 0)
		give_up(ret);
	return r;
}
