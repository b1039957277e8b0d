#include "kernel/tracing.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/fault.h"
#include "kernel/process.h"

int tracing_begin(pid_t tid)
{
	if (FAULTABLE("ptrace", ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) < 0)
		return -errno;
	/* A trap on the way back to the program, should there be no exec. */
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	return 0;
}

/* Not before it has been reaped may this thread wait for another: it would see this one again. */
static void leave_to_parent(pid_t pid)
{
	const struct timespec moment = {.tv_nsec = 100000};

	while (process_parent(pid) == getpid())
		nanosleep(&moment, NULL);
}

int tracing_wait(pid_t *ret_pid, enum tracing_stop *ret_stop, int *ret_signal)
{
	siginfo_t info = {0};
	int status;
	pid_t pid;

	while (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL | __WNOTHREAD) < 0)
		if (errno != EINTR)
			return -errno;
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED &&
	        process_parent(info.si_pid) == getpid()) {
		/* How a child of ours ended is for the one that waits for it, and must not be lost here. */
		leave_to_parent(info.si_pid);
		*ret_pid = info.si_pid;
		*ret_signal = 0;
		*ret_stop = TRACING_ENDED;
		return 0;
	}
	do
		pid = waitpid(info.si_pid, &status, __WALL | __WNOTHREAD);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return -errno;
	*ret_pid = pid;
	*ret_signal = 0;
	if (!WIFSTOPPED(status)) {
		*ret_stop = TRACING_ENDED;
		return 0;
	}
	*ret_stop = status >> 16 == PTRACE_EVENT_EXEC ? TRACING_EXECUTED : TRACING_RETURNED;
	if (status >> 16 == 0)
		*ret_signal = WSTOPSIG(status);
	return 0;
}

int tracing_end(pid_t pid, int signal)
{
	return ptrace(PTRACE_DETACH, pid, 0, signal) < 0 ? -errno : 0;
}
