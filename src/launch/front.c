/* The front: the process that the shell waits for. It passes signals on, stops and continues with the
 * command, and returns its exit code. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/folder.h"
#include "kernel/beside.h"
#include "kernel/credentials.h"
#include "kernel/process.h"
#include "launch/dialog.h"
#include "launch/launch.h"
#include "launch/server.h"

struct front {
	int server; /* socket */
	int signals;
	int terminal; /* where the foreground belonged to us at the start, or -EBADF */
	pid_t group, server_pid;
	int errors; /* a copy of stderr, or -errno */
	struct dialog dialog;
	struct child_origin origin;
	/* The server's, once it runs. */
	struct cgroup cgroup;
	struct streams streams;
	struct server_start start;
	int not_the_servers[4];
};

/* Raises our limit of descriptors; the command gets its own back. */
static void save_origin(struct child_origin *ret)
{
	struct rlimit files;
	struct sigaction action;

	sigprocmask(SIG_SETMASK, NULL, &ret->mask);
	getrlimit(RLIMIT_NOFILE, &ret->files);
	files = ret->files;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	/* With SIGCHLD ignored nobody could be waited for. */
	ret->ignored_child = sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
	if (ret->ignored_child)
		signal(SIGCHLD, SIG_DFL);
}

/* All that can be: each is for the command. */
static int block_signals(int *ret_signals)
{
	sigset_t set;
	int fd;

	sigfillset(&set);
	sigdelset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ret_signals = fd;
	return 0;
}

/* Not before 3: where 0 to 2 were closed they stay so for the command. */
static int high(int fd)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return r < 0 ? -errno : r;
}

static void remember_terminal(struct front *front)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	front->terminal = -EBADF;
	if (fd < 0)
		return;
	front->group = tcgetpgrp(fd);
	if (front->group == getpgrp())
		front->terminal = fd;
	else
		close(fd);
}

/* A shell that was ours may have left the foreground to a group that is gone. */
static void give_terminal_back(const struct front *front)
{
	if (front->terminal >= 0 && tcgetpgrp(front->terminal) != front->group)
		tcsetpgrp(front->terminal, front->group);
}

static void ask(const struct front *front, const struct server_request *request)
{
	send(front->server, request, sizeof(*request), MSG_NOSIGNAL);
}

/* Whether a signal was for us alone or for our whole group, and so has reached the command, the server knows.
 */
static void pass_on(const struct front *front)
{
	struct signalfd_siginfo info;

	while (read(front->signals, &info, sizeof(info)) == sizeof(info)) {
		struct server_request request = {
		        .signal = (int)info.ssi_signo, .code = info.ssi_code, .sender = (pid_t)info.ssi_pid};

		/* What the kernel sends for the terminal it sends to the whole group, and natively a command
		 * in another group would not get it either; a hang-up goes to the session's leader alone. */
		if ((info.ssi_code > 0 && request.signal != SIGHUP) || request.sender == front->server_pid ||
		        request.sender == getpid())
			continue;
		ask(front, &request);
	}
}

static void forget_continuations(void)
{
	const struct timespec now = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCONT);
	while (sigtimedwait(&set, NULL, &now) > 0)
		;
}

/* Stops as the command did, so that the shell sees it. When both go on, the server says so. */
static void stop_too(const struct front *front, int signal, int stop)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t set;
	char next;

	pass_on(front);
	if (recv(front->server, &next, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
		return;
	sigemptyset(&set);
	sigaddset(&set, signal);
	sigaction(signal, &standard, NULL);
	kill(getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* What woke us may have been taken back by the next stop: that we are awake says it all. */
	forget_continuations();
	ask(front, &(struct server_request){.signal = SERVER_REQUEST_AWAKE, .code = stop});
}

static int server_died(struct front *front, const struct launch_options *options)
{
	static const char words[] =
	        "reeve: the supervisor died; the command and all that it started were killed\n";

	if (front->cgroup.folder >= 0)
		cgroup_kill(&front->cgroup);
	process_kill_descendants();
	cgroup_remove(&front->cgroup);
	if (options->private_tmp)
		folder_remove(options->private_tmp);
	/* Nothing here allocates: the server may have been killed while it did. */
	while (write(front->errors, words, sizeof(words) - 1) < 0 && errno == EINTR)
		;
	return LAUNCH_EXIT_FAILED;
}

static int wait_for_server(struct front *front, const struct launch_options *options)
{
	struct pollfd fds[2 + DIALOG_POLLS] = {
	        {.fd = front->server, .events = POLLIN}, {.fd = front->signals, .events = POLLIN}};

	for (;;) {
		struct server_message message;
		int patience = dialog_prepare(&front->dialog, fds + 2), r;
		int status = 0;
		ssize_t n;

		r = poll(fds, ELEMENTS(fds), patience);
		if (r < 0 && errno != EINTR)
			return server_died(front, options);
		if (r < 0)
			continue;
		dialog_act(&front->dialog, fds + 2);
		if (fds[1].revents)
			pass_on(front);
		if (!fds[0].revents)
			continue;
		n = recv(front->server, &message, sizeof(message), MSG_DONTWAIT);
		/* A server that ended with a request unread says so first, before its last words. */
		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
			continue;
		if (n != sizeof(message))
			return server_died(front, options);
		if (message.event == SERVER_STOPPED)
			stop_too(front, message.value, message.stop);
		if (message.event == SERVER_CONTINUED)
			ask(front, &(struct server_request){.signal = SERVER_REQUEST_HEARD});
		if (message.event != SERVER_EXITED)
			continue;
		dialog_done(&front->dialog);
		close(front->server); /* heard */
		if (!message.tree_lives)
			waitpid(front->server_pid, &status, 0);
		/* It may have had something to say yet. */
		return WIFSIGNALED(status) ? server_died(front, options) : message.value;
	}
}

/* High ones: where 0 to 2 were closed they stay so. */
static int make_pair(int type, int ret[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		int raised;

		if (ret[i] > STDERR_FILENO)
			continue;
		raised = high(ret[i]);
		close(ret[i]);
		if (raised < 0)
			return raised;
		ret[i] = raised;
	}
	return 0;
}

static void run_server(void *user)
{
	const struct front *front = user;

	for (size_t i = 0; i < ELEMENTS(front->not_the_servers); i++)
		cleanup_close(&front->not_the_servers[i]);
	server_run(&front->start);
}

/* What the server's end could leave locked is not needed to end a tree. But where memory is limited, all that
 * share it would be killed at once; and who asks allocates, and who enters a user namespace must be alone. */
static bool shares_memory(const struct plan *plan)
{
	return !plan->has_limits && !plan->asks && !plan->own_network;
}

static int make_server(const struct launch_options *options, struct front *front)
{
	int pair[2], asked[2] = {-EBADF, options->ask_socket}, r;

	r = make_pair(SOCK_SEQPACKET, pair);
	if (r == 0 && options->plan->asks && options->ask_socket < 0)
		r = make_pair(SOCK_STREAM, asked);
	if (r < 0)
		return r;
	front->start = (struct server_start){.options = options,
	        .origin = &front->origin,
	        .cgroup = &front->cgroup,
	        .streams = &front->streams,
	        .front = pair[1],
	        .dialog = asked[1],
	        .errors = front->errors};
	front->not_the_servers[0] = pair[0];
	front->not_the_servers[1] = front->signals;
	front->not_the_servers[2] = front->terminal;
	front->not_the_servers[3] = asked[0];
	front->server_pid = beside_run(shares_memory(options->plan), run_server, front);
	if (front->server_pid < 0)
		return front->server_pid;
	close(pair[1]);
	cleanup_close(&asked[1]);
	dialog_init(asked[0], &front->dialog);
	front->server = pair[0];
	return 0;
}

/* Before the server: should it be killed, the front takes the cgroup away. */
static int make_cgroup(struct front *front, const struct launch_options *options)
{
	int r = limits_make_cgroup(options->plan, &front->cgroup);

	if (r == 0 && front->cgroup.folder >= 0) {
		int raised = high(front->cgroup.folder);

		if (raised < 0) {
			cgroup_remove(&front->cgroup);
			r = raised;
		} else {
			close(front->cgroup.folder);
			front->cgroup.folder = raised;
		}
	}
	if (r < 0)
		dprintf(STDERR_FILENO, "reeve: cannot make a cgroup in %s for the limits of the policy: %s\n",
		        options->plan->cgroup.path, strerror(-r));
	return r;
}

static int open_streams(struct front *front, const struct launch_options *options)
{
	enum policy_stream_kind kind;
	int r;

	streams_init(&front->streams);
	r = streams_open(options->plan->policy, NULL, &front->streams, &kind);

	if (r < 0)
		dprintf(STDERR_FILENO, "reeve: %s cannot go to %s: %s\n", policy_stream_names[kind],
		        options->plan->policy->streams[kind].path,
		        r == -ENOTSUP ? "only a regular file can be rotated" : strerror(-r));
	return r;
}

int launch_run(const struct launch_options *options)
{
	/* What the server looks at must outlast this call: the server may outlast us. */
	static struct front front;
	int r, code, kept[6];
	size_t kept_count = 0;

	front = (struct front){
	        .server = -EBADF, .signals = -EBADF, .terminal = -EBADF, .cgroup = {.folder = -EBADF}};
	front.errors = high(STDERR_FILENO);
	save_origin(&front.origin);
	process_become_reaper();
	remember_terminal(&front);
	if (block_signals(&front.signals) < 0)
		return LAUNCH_EXIT_FAILED;
	if (open_streams(&front, options) < 0 || make_cgroup(&front, options) < 0)
		return LAUNCH_EXIT_FAILED;
	r = make_server(options, &front);
	if (r < 0) {
		dprintf(STDERR_FILENO, "reeve: cannot start the supervisor: %s\n", strerror(-r));
		cgroup_remove(&front.cgroup);
		return LAUNCH_EXIT_FAILED;
	}
	/* The command's descriptors are not ours to keep open. */
	credentials_keep(kept, &kept_count, ELEMENTS(kept), front.errors);
	credentials_keep(kept, &kept_count, ELEMENTS(kept), front.terminal);
	credentials_keep(kept, &kept_count, ELEMENTS(kept), front.signals);
	credentials_keep(kept, &kept_count, ELEMENTS(kept), front.server);
	credentials_keep(kept, &kept_count, ELEMENTS(kept), front.dialog.peer);
	credentials_keep(kept, &kept_count, ELEMENTS(kept), front.cgroup.folder);
	credentials_keep_descriptors(kept, kept_count);
	code = wait_for_server(&front, options);
	give_terminal_back(&front);
	return code;
}
