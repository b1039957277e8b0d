/* Holding a task for a moment by ptrace, around an exec: its first stop is before the new program's first
 * instruction. Not on any hot path. */
#pragma once

#include <sys/types.h>

enum tracing_stop {
	TRACING_EXECUTED, /* the new program is mapped and has not run */
	TRACING_RETURNED, /* the call came back without one */
	TRACING_ENDED,    /* the task is gone */
};

/* Watches `tid`, which waits in a held call, for what it does next. When the calling thread dies, the task is
 * killed. 0 or -errno: -EPERM when somebody else traces it. */
int tracing_begin(pid_t tid);

/* Waits for that. `ret_pid` is where it is now: an exec by any thread ends with the number of its leader. */
int tracing_wait(pid_t *ret_pid, enum tracing_stop *ret_stop, int *ret_signal);

/* Lets it go, with the signal that tracing_wait saw on its way (0: none). 0; -errno: it was killed, and its end comes by
 * tracing_wait. */
int tracing_end(pid_t pid, int signal);
