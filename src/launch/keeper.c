#include "launch/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/credentials.h"
#include "kernel/process.h"

/* What it says: of the command's process that there is one, and then its end. */
struct word {
	int error;
	pid_t pid;
	int status;
};

static int hear(int channel, struct word *ret)
{
	ssize_t n;

	do
		n = recv(channel, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == sizeof(*ret) ? 0 : -ESHUTDOWN;
}

static void say(int channel, const struct word *word)
{
	while (send(channel, word, sizeof(*word), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* ---- in it: only system calls ---- */

static void reap(int channel, pid_t command)
{
	struct word end = {.pid = command};
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno != EINTR)
			return;
		if (pid != command)
			continue;
		end.status = status;
		say(channel, &end);
	}
}

static _Noreturn void keep(int channel, pid_t parent, void (*run)(void *user, pid_t keeper), void *user)
{
	struct sigaction standard = {.sa_handler = SIG_DFL}, before = {.sa_handler = SIG_DFL};
	struct word word = {.pid = -1};
	int r = process_die_with_parent(parent);
	pid_t self = getpid();

	/* Where it is ignored nobody's end is told. */
	sigaction(SIGCHLD, &standard, &before);
	if (r == 0)
		r = process_become_reaper();
	if (r == 0)
		r = word.pid = process_copy(SIGCHLD);
	if (r == 0) {
		if (before.sa_handler == SIG_IGN)
			signal(SIGCHLD, SIG_IGN);
		run(user, self);
	}
	/* Not before: the command's process is to be looked into. */
	process_hide_memory();
	prctl(PR_SET_NAME, "reeve-keeper");
	if (r > 0)
		r = credentials_keep_descriptors(&channel, 1);
	word.error = r < 0 ? -r : 0;
	say(channel, &word);
	/* Its number is its own until it is held. */
	if (word.error || hear(channel, &word) < 0)
		_exit(1);
	reap(channel, word.pid);
	_exit(0);
}

/* ---- outside ---- */

/* Its end of the channel may have a copy in a child that some other thread is just making: only its own end
 * is sure to be seen. */
static int hear_or_see_end(const struct keeper *keeper, struct word *ret)
{
	struct pollfd fds[] = {
	        {.fd = keeper->channel, .events = POLLIN}, {.fd = keeper->process, .events = POLLIN}};

	while (poll(fds, ELEMENTS(fds), -1) < 0)
		if (errno != EINTR)
			return -errno;
	return fds[0].revents & POLLIN ? hear(keeper->channel, ret) : -ESHUTDOWN;
}

static int hold_command(const struct keeper *keeper, pid_t *ret_pid, int *ret_child)
{
	struct word word;
	int r = hear_or_see_end(keeper, &word), child;

	if (r < 0 || word.error)
		return r < 0 ? r : -word.error;
	child = process_open(word.pid);
	if (child < 0)
		return child;
	*ret_pid = word.pid;
	*ret_child = child;
	say(keeper->channel, &word);
	return 0;
}

int keeper_start(
        void (*run)(void *user, pid_t keeper), void *user, struct keeper *ret, pid_t *ret_pid, int *ret_child)
{
	struct keeper keeper = KEEPER_NONE;
	pid_t parent = getpid();
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	keeper.channel = pair[0];
	keeper.pid = process_copy(0);
	if (keeper.pid == 0)
		keep(pair[1], parent, run, user);
	close(pair[1]);
	r = keeper.pid < 0 ? keeper.pid : process_open(keeper.pid);
	if (r >= 0) {
		keeper.process = r;
		r = hold_command(&keeper, ret_pid, ret_child);
	}
	if (r < 0) {
		/* The command's process goes with it. */
		if (keeper.pid > 0)
			kill(keeper.pid, SIGKILL);
		keeper_finish(&keeper);
		return r;
	}
	*ret = keeper;
	return 0;
}

int keeper_wait_for_command(const struct keeper *keeper, int *ret_status)
{
	struct word word;
	int r = hear_or_see_end(keeper, &word);

	if (r == 0)
		*ret_status = word.status;
	return r < 0 ? -ESHUTDOWN : 0;
}

void keeper_wait_for_all(const struct keeper *keeper)
{
	struct pollfd fd = {.fd = keeper->process, .events = POLLIN};

	while (keeper->pid > 0 && poll(&fd, 1, -1) < 0)
		;
}

void keeper_finish(struct keeper *keeper)
{
	if (keeper->pid > 0)
		while (waitpid(keeper->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	cleanup_close(&keeper->channel);
	cleanup_close(&keeper->process);
	*keeper = (struct keeper)KEEPER_NONE;
}
