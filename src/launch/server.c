#include "launch/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/folder.h"
#include "kernel/credentials.h"
#include "kernel/process.h"
#include "kernel/tracing.h"
#include "supervise/supervisor.h"

struct server {
	const struct launch_options *options;
	const struct child_origin *origin;
	int front, errors;
	int events[2];    /* from the thread that is the command's parent */
	int orphans;      /* signalfd: some child changed */
	int child;        /* pidfd */
	struct supervisor *supervisor;
	int kept[16];
	size_t kept_count;
};

/* What that thread tells the main one. */
struct event {
	bool is_exit;
	struct server_message message;
};

static void say(const struct server *server, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct server *server, const char *format, ...)
{
	va_list arguments;

	if (server->errors < 0)
		return;
	va_start(arguments, format);
	dprintf(server->errors, "reeve: ");
	vdprintf(server->errors, format, arguments);
	va_end(arguments);
}

static void post(struct server *server, bool is_exit, enum server_event kind, int value)
{
	struct event event = {.is_exit = is_exit, .message = {.event = kind, .value = value}};
	ssize_t n;

	do
		n = write(server->events[1], &event, sizeof(event));
	while (n < 0 && errno == EINTR);
}

/* ---- the command's parent: a thread of its own, in the plan's domain ---- */

struct start {
	int reports[2], go[2];
	pid_t pid;
};

static int open_pipe(int ret[2])
{
	return pipe2(ret, O_CLOEXEC) < 0 ? -errno : 0;
}

static void close_pipe(int fds[2])
{
	cleanup_close(&fds[0]);
	cleanup_close(&fds[1]);
	fds[0] = fds[1] = -EBADF;
}

static int fork_child(struct server *server, struct start *start, pid_t parent)
{
	const struct plan *plan = server->options->plan;
	const struct reeve_features *features = server->options->features;
	AUTO_CLOSE int ruleset = -EBADF;
	struct child_options child = {.plan = plan,
		.argv = server->options->argv,
		.environment = environ,
		.origin = server->origin,
		.parent = parent,
		.filter_flags =
			plan->supervises && features->wait_killable ? REEVE_FILTER_WAIT_KILLABLE : 0,
		.needs_listener = plan->supervises,
		.reports = start->reports[1],
		.go = start->go[0]};

	if (plan->uses_landlock) {
		ruleset = plan_ruleset(plan, true, false);
		if (ruleset < 0)
			return ruleset;
	}
	child.ruleset = ruleset;
	start->pid = fork();
	if (start->pid < 0)
		return -errno;
	if (start->pid == 0)
		child_run(&child);
	return 0;
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

static void tell_failure(const struct server *server, const struct child_report *report)
{
	const char *name = server->options->argv[0];
	struct match_verdict verdict;
	char *real;

	switch (report->step) {
	case CHILD_EXEC:
		if (report->error == ENOENT) {
			say(server, "%s: %s\n", name, strchr(name, '/') ? "no such file" : "command not found");
			return;
		}
		say(server, "%s: cannot be run: %s\n", name, strerror(report->error));
		real = report->error == EACCES ? realpath(name, NULL) : NULL;
		if (!real)
			return;
		matcher_decide(server->options->plan->matcher, real, POLICY_EXEC, &verdict);
		if (verdict.verdict != POLICY_ALLOW)
			say(server, "the policy does not allow it; --exec '%s' would\n", real);
		free(real);
		return;
	case CHILD_DOMAIN:
		say(server, "cannot enter the Landlock domain: %s\n", strerror(report->error));
		return;
	case CHILD_FILTER:
		say(server, report->error == EBUSY ?
				"another supervisor already listens to this process, and the kernel allows one: "
				"%s\n" :
				"cannot install the filter: %s\n",
			strerror(report->error));
		return;
	default:
		say(server, "the command could not be started: %s\n", strerror(report->error));
	}
}

/* Descriptors that outlive the start: all others are the command's, and are closed here. */
static int keep(struct server *server, int fd)
{
	return credentials_keep(server->kept, &server->kept_count, ELEMENTS(server->kept), fd);
}

static int serve(struct server *server, const struct start *start, int number)
{
	struct supervisor_options options = {.plan = server->options->plan,
		.features = server->options->features,
		.recorder = server->options->recorder,
		.kept = server->kept,
		.privileged = server->options->privileged};
	int listener = -1;
	int r = reeve_listener_take(start->pid, number, &listener);

	if (r < 0)
		return r;
	r = keep(server, listener);
	options.listener = listener;
	options.kept_count = server->kept_count;
	if (r == 0)
		r = supervisor_start(&options, &server->supervisor);
	return r;
}

/* From fork to exec. 0 when the command runs; 1 when it failed and has been told; -errno. */
static int start_command(struct server *server, struct start *start)
{
	struct child_report report;
	int r = supervisor_enter_domain(server->options->plan);

	if (r == 0)
		r = fork_child(server, start, getpid());
	if (r < 0)
		return r;
	cleanup_close(&start->reports[1]);
	cleanup_close(&start->go[0]);
	start->reports[1] = start->go[0] = -EBADF;
	r = read_report(start, &report);
	if (r <= 0)
		return r < 0 ? r : -EPROTO;
	if (report.step != CHILD_READY) {
		tell_failure(server, &report);
		return 1;
	}
	server->child = process_open(start->pid);
	if (report.number >= 0) {
		r = serve(server, start, report.number);
		if (r == 0 && write(start->go[1], "g", 1) != 1)
			r = -errno;
		if (r < 0)
			return r;
	}
	/* The end of the pipe without a word is the exec. */
	if (read_report(start, &report) > 0) {
		tell_failure(server, &report);
		return 1;
	}
	return 0;
}

static int exit_code(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

/* Tells stops and continuations until the command ends. Its exit code. */
static int follow_command(struct server *server, pid_t pid)
{
	for (;;) {
		siginfo_t info;

		if (tracing_wait_child(pid, WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD, &info) < 0)
			return LAUNCH_EXIT_FAILED;
		if (info.si_code == CLD_STOPPED)
			post(server, false, SERVER_STOPPED, info.si_status);
		else if (info.si_code == CLD_CONTINUED)
			post(server, false, SERVER_CONTINUED, 0);
		else
			return exit_code(&info);
	}
}

static void *parent_main(void *argument)
{
	struct server *server = argument;
	struct start start = {.reports = {-EBADF, -EBADF}, .go = {-EBADF, -EBADF}, .pid = -1};
	int r = open_pipe(start.reports), code;

	if (r == 0)
		r = open_pipe(start.go);
	if (r == 0)
		r = start_command(server, &start);
	close_pipe(start.reports);
	close_pipe(start.go);
	/* What the command inherited is its own: a pipe that it closes must end. */
	if (keep(server, server->child) < 0 ||
		credentials_keep_descriptors(server->kept, server->kept_count) < 0)
		say(server, "some descriptors of the command stay open here until it ends\n");
	if (r < 0) {
		say(server, "the command could not be started: %s\n", strerror(-r));
		if (start.pid > 0)
			kill(start.pid, SIGKILL);
	}
	if (start.pid < 0) {
		post(server, true, SERVER_EXITED, LAUNCH_EXIT_FAILED);
		return NULL;
	}
	code = follow_command(server, start.pid);
	post(server, true, SERVER_EXITED, r < 0 ? LAUNCH_EXIT_FAILED : code);
	/* Its end would kill the command's children that have not yet exec'd; it has nothing more to do, and ends
	 * with the process. */
	return NULL;
}

/* ---- the main thread: the front's requests, orphans, the end ---- */

static void tell_front(struct server *server, const struct server_message *message)
{
	send(server->front, message, sizeof(*message), MSG_NOSIGNAL);
}

/* 0 while orphans live, 1 when there are none. */
static bool reap_orphans(void)
{
	siginfo_t info;
	int r;

	while ((r = tracing_wait_child(-1, WEXITED | WNOHANG | __WNOTHREAD | __WALL, &info)) > 0)
		;
	return r < 0;
}

static void front_spoke(struct server *server)
{
	int signal;
	ssize_t n = recv(server->front, &signal, sizeof(signal), MSG_DONTWAIT);

	if (n == sizeof(signal) && server->child >= 0)
		process_signal(server->child, signal);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		/* Nobody is there to be told: the tree ends with the front. */
		process_kill_descendants();
		if (server->options->private_tmp)
			folder_remove(server->options->private_tmp);
		_exit(LAUNCH_EXIT_FAILED);
	}
}

static struct server_message wait_for_command(struct server *server)
{
	struct pollfd fds[] = {{.fd = server->front, .events = POLLIN},
		{.fd = server->events[0], .events = POLLIN}, {.fd = server->orphans, .events = POLLIN}};
	struct signalfd_siginfo child;
	struct event event;

	for (;;) {
		if (poll(fds, ELEMENTS(fds), -1) < 0)
			continue;
		if (fds[2].revents) {
			/* At once: some wait for a process to vanish. */
			if (read(server->orphans, &child, sizeof(child)) > 0)
				reap_orphans();
		}
		if (fds[1].revents && read(server->events[0], &event, sizeof(event)) == sizeof(event)) {
			if (event.is_exit)
				return event.message;
			tell_front(server, &event.message);
			continue;
		}
		if (fds[0].revents)
			front_spoke(server);
	}
}

static void serve_the_rest(void)
{
	while (waitpid(-1, NULL, __WNOTHREAD | __WALL) >= 0 || errno == EINTR)
		;
}

static void finish(struct server *server)
{
	supervisor_finish(server->supervisor);
	if (server->options->private_tmp)
		folder_remove(server->options->private_tmp);
}

_Noreturn void server_run(const struct launch_options *options, const struct child_origin *origin, int front, int errors)
{
	struct server server = {.options = options, .origin = origin, .front = front, .errors = errors, .child = -EBADF};
	struct server_message last;
	pthread_t parent;
	sigset_t all, child;
	bool alone;

	/* Blocked, not ignored: nothing to give back, and the terminal's signals do not reach us. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	process_become_reaper();
	server.orphans = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (pipe2(server.events, O_CLOEXEC) < 0 || keep(&server, front) < 0 || keep(&server, errors) < 0 ||
		keep(&server, server.orphans) < 0 || keep(&server, server.events[0]) < 0 || keep(&server, server.events[1]) < 0)
		_exit(LAUNCH_EXIT_FAILED);
	for (size_t i = 0; i < options->kept_count; i++)
		if (keep(&server, options->kept[i]) < 0)
			_exit(LAUNCH_EXIT_FAILED);
	if (pthread_create(&parent, NULL, parent_main, &server) != 0)
		_exit(LAUNCH_EXIT_FAILED);
	last = wait_for_command(&server);
	alone = reap_orphans();
	if (alone)
		finish(&server);
	if (options->ended)
		options->ended(options->user, !alone);
	tell_front(&server, &last);
	close(server.front);
	if (!alone) {
		serve_the_rest();
		finish(&server);
	}
	_exit(0);
}
