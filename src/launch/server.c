#include "launch/advice.h"
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/folder.h"
#include "kernel/credentials.h"
#include "kernel/isolation.h"
#include "kernel/process.h"
#include "launch/control.h"
#include "launch/hosts.h"
#include "launch/start.h"
#include "supervise/questions.h"
#include "supervise/supervisor.h"

#define SETTLING_MS 25

struct server {
	const struct launch_options *options;
	const struct child_origin *origin;
	int front, errors;
	pid_t front_pid;
	int events[2];   /* from the threads */
	int changes;     /* signalfd: some child changed */
	pid_t pid;       /* the command, or -1 */
	int child;       /* its pidfd */
	bool is_running; /* the start is over */
	bool is_stopped;
	int stop;                    /* how many stops were told */
	unsigned long stop_switches; /* of the command, when it was seen stopped */
	bool is_waking;              /* the front was told to go on, and has not answered yet */
	int failure;                 /* the exit code where it is not the command's, or 0 */
	/* The last of each signal that came to this process: with the whole group, most likely. */
	struct {
		bool is_new;
		int code;
		pid_t sender;
	} seen[65];
	struct names *names; /* NULL: the policy has no host names */
	struct supervisor *supervisor;
	struct streams *streams;
	struct limits limits;
	struct limits_own own; /* the command's */
	struct questions *questions;
	struct control *control;
	bool has_settled;
	struct timespec since;
	int kept[32];
	size_t kept_count;
};

/* What the threads tell the main one. */
struct event {
	enum { EVENT_STARTED, EVENT_SERVING_FAILED } kind;
	pid_t pid;
	int child;
	int failure;
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

static void post(const struct server *server, const struct event *event)
{
	ssize_t n;

	do
		n = write(server->events[1], event, sizeof(*event));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		abort(); /* the front sees it, and kills the tree */
}

/* ---- the command's parent: a thread of its own, in the plan's domain ---- */

static void tell_exec(const struct server *server, int error)
{
	char *const *argv = server->options->argv;
	AUTO_FREE char *program = advice_find(argv[0]);
	AUTO_FREE char *advice = advice_on_command(argv, error);

	if (error == ENOENT && !program)
		say(server, "%s: %s\n", argv[0], strchr(argv[0], '/') ? "no such file" : "command not found");
	else
		say(server, "%s: cannot be run: %s\n", argv[0], strerror(error));
	if (!advice && program)
		advice = advice_on_program(server->options->plan, program);
	if (advice)
		say(server, "%s\n", advice);
}

static void tell_failure(const struct server *server, enum child_step step, int error)
{
	switch (step) {
	case CHILD_EXEC:
		tell_exec(server, error);
		return;
	case CHILD_LIMITS:
		say(server, "cannot set the limits of the policy: %s\n", strerror(error));
		return;
	case CHILD_STREAMS:
		say(server, "cannot redirect the output: %s\n", strerror(error));
		return;
	case CHILD_DOMAIN:
		say(server, "cannot enter the Landlock domain: %s\n", strerror(error));
		return;
	case CHILD_FILTER:
		say(server,
		        error == EBUSY ? "another supervisor already listens to this process, and "
		                         "the kernel allows one: "
		                         "%s\n"
		                       : "cannot install the filter: %s\n",
		        strerror(error));
		return;
	default:
		say(server, "the command could not be started: %s\n", strerror(error));
	}
}

/* Descriptors that outlive the start: all others are the command's, and are closed here. */
static int keep(struct server *server, int fd)
{
	return credentials_keep(server->kept, &server->kept_count, ELEMENTS(server->kept), fd);
}

/* Nobody answers any more: the tree cannot go on. */
static void serving_failed(void *user, int error)
{
	const struct server *server = user;

	say(server, "cannot go on serving (%s): the command is killed\n", strerror(error));
	post(server, &(struct event){.kind = EVENT_SERVING_FAILED});
}

/* 0; 1 when it failed and has been told. On this thread before it enters the domain: name servers are asked.
 */
static int start_names(struct server *server)
{
	const struct launch_options *options = server->options;
	struct hosts_options hosts = {.plan = options->plan,
	        .recorder = options->recorder,
	        .server = options->name_server,
	        .best_effort = options->best_effort,
	        .kept = options->kept,
	        .kept_count = options->kept_count};
	AUTO_FREE char *why = NULL;
	int fds[NAMES_DESCRIPTORS], r = hosts_start(&hosts, &server->names, &why);

	if (r < 0) {
		say(server, "%s\n", why ? why : strerror(-r));
		return 1;
	}
	if (!server->names)
		return 0;
	names_descriptors(server->names, fds);
	for (size_t i = 0; i < ELEMENTS(fds) && r == 0; i++)
		r = keep(server, fds[i]);
	return r;
}

/* 0 when the command runs; 1 when it failed and has been told; -errno. */
static int start(struct server *server, struct start_report *report)
{
	const struct launch_options *options = server->options;
	struct start_options start = {.plan = options->plan,
	        .features = options->features,
	        .is_only = true,
	        .argv = options->argv,
	        .environment = environ,
	        .origin = server->origin,
	        .limits = &server->own,
	        .streams = server->streams,
	        .supervisor = {.plan = options->plan,
	                .features = options->features,
	                .recorder = options->recorder,
	                .questions = server->questions,
	                .failed = serving_failed,
	                .user = server,
	                .is_watched = true,
	                .privileged = options->privileged}};
	int r = start_names(server);

	if (r != 0)
		return r;
	start.supervisor.names = server->names;
	start.supervisor.kept = server->kept;
	start.supervisor.kept_count = server->kept_count;
	r = start_command(&start, report);
	server->supervisor = report->supervisor;
	if (r == 1)
		tell_failure(server, report->step, report->error);
	return r;
}

/* What the performing threads hold as well must not be what somebody waits for the end of. */
static int close_others(const struct server *server)
{
	int kept[ELEMENTS(server->kept) + STREAMS_DESCRIPTORS];
	size_t count = server->kept_count;
	int r;

	memcpy(kept, server->kept, count * sizeof(*kept));
	r = streams_keep(server->streams, kept, &count, ELEMENTS(kept));
	return r < 0 ? r : credentials_keep_descriptors(kept, count);
}

static void *parent_main(void *argument)
{
	struct server *server = argument;
	struct start_report report = {.pid = -1, .child = -EBADF, .listener = -EBADF};
	struct event event = {.kind = EVENT_STARTED};
	int r = start(server, &report);

	/* What the command inherited is its own: a pipe that it closes must end. */
	if (keep(server, report.listener) < 0 || keep(server, report.child) < 0 || close_others(server) < 0)
		say(server, "some descriptors of the command stay open here until it ends\n");
	if (r < 0) {
		say(server, "the command could not be started: %s\n", strerror(-r));
		event.failure = LAUNCH_EXIT_FAILED;
	}
	event.pid = report.pid;
	event.child = report.child;
	post(server, &event);
	if (report.supervisor)
		supervisor_watch(report.supervisor);
	/* The end of this thread would be the command's, and makes an orphan of what is left of it. */
	while (report.pid > 0)
		pause();
	return NULL;
}

/* ---- the main thread: the front's requests, the command's changes, orphans, the end ----
 *
 * Performing threads trace tasks for a moment. What the kernel shows of a child to any thread of its tracer's
 * process it takes from the tracer: so nothing is waited for here unless it has been looked at, and is an
 * end. */

static void tell_front(const struct server *server, const struct server_message *message)
{
	send(server->front, message, sizeof(*message), MSG_NOSIGNAL);
}

enum orphans {
	ORPHANS_LIVE,
	ORPHANS_HIDDEN, /* by one that is being traced: look again soon */
	ORPHANS_NONE,
};

static enum orphans reap_orphans(void)
{
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD | __WALL) < 0) {
			if (errno == EINTR)
				continue;
			return ORPHANS_NONE;
		}
		if (info.si_pid == 0)
			return ORPHANS_LIVE;
		if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED)
			return ORPHANS_HIDDEN;
		waitpid(info.si_pid, NULL, WNOHANG | __WNOTHREAD | __WALL);
	}
}

static void wake_front(const struct server *server)
{
	/* Who adopted us when it died is not meant. */
	if (getppid() == server->front_pid)
		kill(server->front_pid, SIGCONT);
}

static void look_at_command(struct server *server)
{
	siginfo_t info = {0};

	if (!server->is_running || server->pid < 0 ||
	        waitid(P_PID, (id_t)server->pid, &info, WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) < 0 ||
	        info.si_pid == 0)
		return;
	if (info.si_code == CLD_STOPPED && !server->is_stopped) {
		server->is_stopped = true;
		server->is_waking = false;
		server->stop++;
		process_switches(server->pid, &server->stop_switches);
		tell_front(server,
		        &(struct server_message){
		                .event = SERVER_STOPPED, .value = info.si_status, .stop = server->stop});
	}
	if (info.si_code == CLD_CONTINUED && server->is_stopped) {
		server->is_stopped = false;
		server->is_waking = true;
		tell_front(server, &(struct server_message){.event = SERVER_CONTINUED});
		wake_front(server);
	}
}

/* All signals are blocked here; what comes is remembered before the next one takes it back. */
static void remember_signals(struct server *server)
{
	const struct timespec now = {0};
	siginfo_t info;
	sigset_t set;
	int signal;

	sigfillset(&set);
	sigdelset(&set, SIGCHLD);
	while ((signal = sigtimedwait(&set, &info, &now)) > 0) {
		server->seen[signal].is_new = true;
		server->seen[signal].code = info.si_code;
		server->seen[signal].sender = info.si_pid;
	}
}

static bool is_stop(int signal)
{
	return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* Stops take a pending continuation back, and a continuation takes stops back: for us as for the command. */
static bool was_taken_back(const struct server *server, const struct server_request *request)
{
	static const int stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};

	if (is_stop(request->signal))
		return server->seen[SIGCONT].is_new;
	for (size_t i = 0; request->signal == SIGCONT && i < ELEMENTS(stops); i++)
		if (server->seen[stops[i]].is_new)
			return true;
	return false;
}

/* A signal to the whole group came to us as well. */
static bool has_reached_command(struct server *server, const struct server_request *request)
{
	bool reached;

	remember_signals(server);
	reached = server->seen[request->signal].is_new &&
	          server->seen[request->signal].code == request->code &&
	          (request->code > 0 || server->seen[request->signal].sender == request->sender);
	if (reached)
		server->seen[request->signal].is_new = false;
	return (reached || was_taken_back(server, request)) && getpgid(server->pid) == getpgrp();
}

/* The front was stopped, and goes on. Whoever woke it alone means the command as well. But a command that has
 * run since was woken too, and if it is stopped now it stopped anew: the front hears of that. */
static void front_woke(struct server *server, int stop)
{
	unsigned long switches = server->stop_switches;

	server->is_waking = false;
	/* A continuation of the whole group, or of us by mistake, is over with this. */
	server->seen[SIGCONT].is_new = server->seen[SIGTSTP].is_new = false;
	server->seen[SIGTTIN].is_new = server->seen[SIGTTOU].is_new = false;
	if (!server->is_stopped || stop != server->stop)
		return;
	if (process_switches(server->pid, &switches) == 0 && switches == server->stop_switches)
		process_signal(server->child, SIGCONT);
	server->is_stopped = false;
}

static void front_spoke(struct server *server)
{
	struct server_request request;
	ssize_t n = recv(server->front, &request, sizeof(request), MSG_DONTWAIT);

	if (n != sizeof(request))
		return;
	/* It runs, or could not have spoken. */
	if (request.signal == SERVER_REQUEST_AWAKE)
		front_woke(server, request.code);
	else if (request.signal == SERVER_REQUEST_HEARD)
		server->is_waking = false;
	else if (server->child >= 0 && !has_reached_command(server, &request) &&
	         !(request.signal == SIGCONT && server->is_stopped))
		process_signal(server->child, request.signal);
	look_at_command(server);
}

static void clean_up(const struct server *server)
{
	if (server->options->finished)
		server->options->finished(server->options->user);
}

static void streams_failed(struct server *server)
{
	say(server, "cannot copy the output: the command is killed\n");
	server->failure = LAUNCH_EXIT_FAILED;
	process_kill_descendants();
}

static void take_event(struct server *server)
{
	struct event event;

	if (read(server->events[0], &event, sizeof(event)) != sizeof(event))
		return;
	if (event.kind == EVENT_STARTED) {
		server->pid = event.pid;
		server->child = event.child;
		server->is_running = true;
		/* Not before: files that it opens would have been closed with those of the command. */
		if (streams_start(server->streams, server->options->recorder, false) < 0)
			streams_failed(server);
	} else {
		process_kill_descendants();
	}
	if (event.failure || event.kind == EVENT_SERVING_FAILED)
		server->failure = LAUNCH_EXIT_FAILED;
}

/* A command that has just begun may have written already: whoever keeps that has to begin as well. */
static void see_start_out(struct server *server)
{
	struct pollfd fd = {.fd = server->events[0], .events = POLLIN};

	while (!server->is_running && poll(&fd, 1, 1000) > 0)
		take_event(server);
}

/* Nobody is there to be told: the tree ends with the front. */
static _Noreturn void end_with_front(struct server *server)
{
	limits_kill(&server->limits);
	process_kill_descendants();
	see_start_out(server);
	process_kill_descendants();
	limits_finish(&server->limits);
	streams_finish(server->streams, false);
	clean_up(server);
	_exit(LAUNCH_EXIT_FAILED);
}

static void look_at_limits(struct server *server)
{
	if (!limits_look(&server->limits))
		return;
	server->failure = LAUNCH_EXIT_LIMIT;
	limits_kill(&server->limits);
	process_kill_descendants();
}

enum {
	SOURCE_FRONT,
	SOURCE_EVENTS,
	SOURCE_CHANGES,
	SOURCE_COMMAND,
	SOURCE_LIMITS,
	SOURCES,
};

/* How long to sleep, in milliseconds. */
static int patience(const struct server *server, enum orphans orphans)
{
	if (orphans == ORPHANS_HIDDEN)
		return 1;
	if (server->is_waking)
		return 10;
	return server->is_running && !server->has_settled ? SETTLING_MS : -1;
}

/* Only for a command that lasts: one that ends at once does not pay for it. */
static void settle(struct server *server)
{
	struct control_options options = {.launch = server->options,
	        .supervisor = server->supervisor,
	        .pid = server->pid,
	        .since = server->since};

	if (server->has_settled || !server->is_running || server->pid < 0)
		return;
	server->has_settled = true;
	server->control = control_start(&options);
	if (server->options->private_tmp)
		folder_remove_leftovers(server->options->private_tmp);
}

/* Returns with the command's end seen, or never started. */
static void wait_for_command(struct server *server)
{
	struct pollfd fds[SOURCES] = {
	        [SOURCE_FRONT] = {.fd = server->front},
	        [SOURCE_EVENTS] = {.fd = server->events[0], .events = POLLIN},
	        [SOURCE_CHANGES] = {.fd = server->changes, .events = POLLIN},
	        [SOURCE_COMMAND] = {.fd = -1, .events = POLLIN},
	        [SOURCE_LIMITS] = {.fd = -1, .events = POLLIN},
	};
	enum orphans orphans = ORPHANS_LIVE;
	struct signalfd_siginfo change;

	while (!server->is_running || server->pid > 0) {
		int ready = poll(fds, SOURCES, patience(server, orphans));

		if (ready < 0)
			continue;
		if (ready == 0)
			settle(server);
		if (fds[SOURCE_FRONT].revents & (POLLHUP | POLLERR))
			end_with_front(server);
		remember_signals(server);
		if (fds[SOURCE_CHANGES].revents && read(server->changes, &change, sizeof(change)) < 0)
			continue;
		/* At once: some wait for a process to vanish. */
		orphans = reap_orphans();
		if (fds[SOURCE_EVENTS].revents)
			take_event(server);
		look_at_command(server);
		if (fds[SOURCE_FRONT].revents)
			front_spoke(server);
		if (server->is_waking)
			wake_front(server);
		if (fds[SOURCE_COMMAND].revents)
			return;
		if (fds[SOURCE_LIMITS].revents)
			look_at_limits(server);
		/* What the front asks before there is a command waits in its socket. */
		fds[SOURCE_COMMAND].fd = server->child;
		fds[SOURCE_LIMITS].fd = server->is_running ? server->limits.timer : -1;
		fds[SOURCE_FRONT].events = server->is_running ? POLLIN : 0;
	}
}

static int exit_code(struct server *server)
{
	int status;

	/* Whoever killed it has waited for it. */
	if (server->pid < 0 || waitpid(server->pid, &status, __WALL) != server->pid)
		return server->failure ? server->failure : LAUNCH_EXIT_FAILED;
	if (server->failure)
		return server->failure;
	if (limits_ended_command(&server->limits, status))
		return LAUNCH_EXIT_LIMIT;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A front that stopped with a command that was killed must go on to tell of it. */
static void see_front_off(struct server *server)
{
	struct pollfd fd = {.fd = server->front};

	while (server->is_stopped && poll(&fd, 1, 10) == 0)
		wake_front(server);
	cleanup_close(&server->front);
}

/* The front is gone, and so is the terminal's interest: until the last of the tree has ended. */
static void serve_the_rest(struct server *server)
{
	struct pollfd fds[] = {{.fd = server->events[0], .events = POLLIN},
	        {.fd = server->changes, .events = POLLIN}, {.fd = server->limits.timer, .events = POLLIN}};
	struct signalfd_siginfo change;
	enum orphans orphans;

	while ((orphans = reap_orphans()) != ORPHANS_NONE) {
		int ready = poll(fds, ELEMENTS(fds), patience(server, orphans));

		if (ready < 0)
			continue;
		if (ready == 0)
			settle(server);
		if (fds[1].revents && read(server->changes, &change, sizeof(change)) < 0)
			continue;
		if (fds[0].revents)
			take_event(server);
		if (fds[2].revents)
			look_at_limits(server);
	}
}

static void finish(struct server *server)
{
	supervisor_settle(server->supervisor);
	names_end(server->names);
	limits_finish(&server->limits);
	streams_finish(server->streams, false);
	clean_up(server);
}

static int start_limits(struct server *server, struct cgroup *cgroup)
{
	const struct plan *plan = server->options->plan;
	int r = limits_start(&server->limits, plan, server->options->recorder, cgroup);

	if (r == 0)
		r = limits_for_child(plan, cgroup, &server->origin->files, &server->own);
	if (r < 0)
		say(server, "cannot prepare the limits of the policy: %s\n", strerror(-r));
	if (r == 0)
		r = keep(server, cgroup->folder);
	return r < 0 ? r : keep(server, server->limits.timer);
}

/* On a thread of this one, which is in no domain: an answer may have to be written into a policy. */
static int start_questions(struct server *server, int dialog)
{
	const struct launch_options *options = server->options;
	struct questions_options asked = {.fd = dialog,
	        .seconds = options->ask_seconds,
	        .home = options->home,
	        .write_rule = options->write_rule,
	        .user = options->user};
	int fds[QUESTIONS_DESCRIPTORS], r;

	if (dialog < 0)
		return 0;
	r = questions_open(&asked, &server->questions);
	if (r < 0)
		return r;
	questions_descriptors(server->questions, fds);
	for (size_t i = 0; i < ELEMENTS(fds) && r == 0; i++)
		r = keep(server, fds[i]);
	return r;
}

/* Before there are threads. The supervisor goes along: what it performs happens on that network, and its view
 * of users is the command's. */
static void enter_own_network(const struct server *server)
{
	int r = server->options->plan->own_network ? isolation_enter() : 0;
	const struct server_message last = {.event = SERVER_EXITED, .value = LAUNCH_EXIT_FAILED};

	if (r == 0)
		return;
	say(server, "cannot enter a network of its own: %s\n", strerror(-r));
	tell_front(server, &last);
	_exit(0);
}

_Noreturn void server_run(const struct server_start *start)
{
	const struct launch_options *options = start->options;
	struct server server = {.options = options,
	        .origin = start->origin,
	        .streams = start->streams,
	        .front = start->front,
	        .errors = start->errors,
	        .pid = -1,
	        .child = -EBADF};
	struct server_message last = {.event = SERVER_EXITED};
	pthread_t parent;
	sigset_t all, child;

	/* Blocked, not ignored: nothing to give back, and the terminal's signals do not reach us. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	server.front_pid = getppid();
	clock_gettime(CLOCK_REALTIME, &server.since);
	enter_own_network(&server);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	process_become_reaper();
	server.changes = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (pipe2(server.events, O_CLOEXEC) < 0 || keep(&server, start->front) < 0 ||
	        keep(&server, start->errors) < 0 || keep(&server, server.changes) < 0 ||
	        keep(&server, server.events[0]) < 0 || keep(&server, server.events[1]) < 0)
		_exit(LAUNCH_EXIT_FAILED);
	for (size_t i = 0; i < options->kept_count; i++)
		if (keep(&server, options->kept[i]) < 0)
			_exit(LAUNCH_EXIT_FAILED);
	if (start_questions(&server, start->dialog) < 0)
		_exit(LAUNCH_EXIT_FAILED);
	if (start_limits(&server, start->cgroup) < 0)
		_exit(LAUNCH_EXIT_FAILED);
	if (pthread_create(&parent, NULL, parent_main, &server) != 0)
		_exit(LAUNCH_EXIT_FAILED);
	wait_for_command(&server);
	last.value = exit_code(&server);
	/* Whoever sees reeve end finds all that the command has written. */
	streams_flush(server.streams);
	last.tree_lives = reap_orphans() != ORPHANS_NONE;
	if (last.tree_lives) {
		control_command_ended(server.control);
	} else {
		control_stop(server.control);
		/* It waits for our end: by then it is awake. */
		tell_front(&server, &last);
		finish(&server);
	}
	if (options->ended)
		options->ended(options->user, last.value, last.tree_lives);
	if (last.tree_lives)
		tell_front(&server, &last);
	see_front_off(&server);
	if (last.tree_lives) {
		server.is_waking = false;
		cleanup_close(&server.errors);
		server.errors = -EBADF;
		serve_the_rest(&server);
		control_stop(server.control);
		finish(&server);
	}
	_exit(0);
}
