#include "kernel/tracing.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "kernel/fault.h"

int tracing_begin(pid_t tid)
{
	if (FAULTABLE("ptrace", ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) < 0)
		return -errno;
	/* A trap on the way back to the program, should there be no exec. */
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	return 0;
}

int tracing_wait(pid_t *ret_pid, enum tracing_stop *ret_stop, int *ret_signal)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(-1, &status, __WALL | __WNOTHREAD);
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

void tracing_end(pid_t pid, int signal)
{
	ptrace(PTRACE_DETACH, pid, 0, signal);
}
