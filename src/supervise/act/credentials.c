/* Calls after which a task may differ from its supervisor in credentials, root, namespaces or domain. They
 * continue: no argument was looked at. From now on each performed call asks for the task's own. */
#include <errno.h>

#include "supervise/act/act.h"

void act_watched(struct worker *worker, struct exchange *x)
{
	/* Noted before the answer: no later call of that task can be decided without it. */
	if (x->row->operation == SYSCALLS_CREDENTIALS || x->row->operation == SYSCALLS_PROCESS ||
	        x->row->operation == SYSCALLS_NAMESPACE || x->row->operation == SYSCALLS_IOCTL)
		atomic_store(&worker->shared->credentials_differ, worker->shared->privileged);
	if (x->row->operation == SYSCALLS_ROOT || x->row->operation == SYSCALLS_NAMESPACE)
		atomic_store(&worker->shared->roots_differ, true);
	if (x->row->operation == SYSCALLS_LANDLOCK)
		atomic_store(&worker->shared->domains_differ, true);
	x->reply = (struct reply){.kind = REPLY_CONTINUE, .fd = -EBADF};
}
