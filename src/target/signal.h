/* Whose signals are pending: of those of a whole process the kernel wakes one task alone, and does not tell
 * which. */
#pragma once

#include "target/task.h"

enum task_signal {
	TASK_NO_SIGNAL,       /* none, or another task takes it */
	TASK_OWN_SIGNAL,      /* the kernel knows that this task has something to do before it goes on */
	TASK_SOMEONES_SIGNAL, /* this task may be the one */
};

/* What is pending for a task that waits in a call. */
enum task_signal task_signal(const struct task *task);
