#include "target/signal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static bool is_alive(const struct task_status *status)
{
	return !strchr("ZXTt", status->state);
}

static bool may_take(const struct task *task, pid_t tid, uint64_t signals)
{
	const struct task other = {.view = task->view, .tid = tid};
	struct task_status status;

	return tid != task->tid && task_status(&other, &status) == 0 && is_alive(&status) &&
	       (signals & ~status.blocked);
}

/* Whether another task of the process, its first one aside, may take one of these. */
static bool may_others_take(const struct task *task, pid_t tgid, uint64_t signals)
{
	char name[32];
	AUTO_CLOSEDIR DIR *tasks = NULL;
	const struct dirent *entry;
	int fd;

	snprintf(name, sizeof(name), "%d/task", tgid);
	fd = openat(task->view->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tasks = fd < 0 ? NULL : fdopendir(fd);
	if (!tasks) {
		cleanup_close(&fd);
		return true;
	}
	while ((entry = readdir(tasks))) {
		pid_t tid = atoi(entry->d_name);

		if (tid > 0 && tid != tgid && may_take(task, tid, signals))
			return true;
	}
	return false;
}

/* The kernel gives what is for the whole process to its first task where that does not block it, else to one
 * after the other. A process that is stopped stops all of its tasks. */
enum task_signal task_signal(const struct task *task)
{
	struct task_status status, first;
	struct task leader = *task;
	uint64_t signals;

	if (task_status(task, &status) < 0)
		return TASK_NO_SIGNAL;
	signals = status.shared & ~status.blocked;
	if (status.pending & ~status.blocked)
		return TASK_OWN_SIGNAL;
	if (task->tid == status.tgid)
		return signals ? TASK_OWN_SIGNAL : TASK_NO_SIGNAL;
	leader.tid = status.tgid;
	if (task_status(&leader, &first) < 0)
		return signals ? TASK_SOMEONES_SIGNAL : TASK_NO_SIGNAL;
	if (first.state == 'T')
		return TASK_OWN_SIGNAL;
	if (is_alive(&first))
		signals &= first.blocked;
	if (!signals)
		return TASK_NO_SIGNAL;
	return may_others_take(task, status.tgid, signals) ? TASK_SOMEONES_SIGNAL : TASK_OWN_SIGNAL;
}
