#include "supervise/answer.h"

#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "kernel/sockets.h"

#define RESTART_SYSTEM_CALL 512 /* the kernel's ERESTARTSYS: right only while a signal is this task's */

/* Inject, close ours, respond: in this order, so that a file that was open for writing can be executed, a
 * lock is gone and a pipe has ended as soon as the target closes its only copy. What can show none of that is
 * answered in one step, which wakes the target once instead of twice. */
static void send_fd(struct worker *worker, struct exchange *x)
{
	int listener = worker->shared->listener, number = -1;
	unsigned flags = x->reply.cloexec ? REEVE_INJECT_CLOEXEC : 0;
	int r;

	if (x->reply.at_once || !GUARDED(last_copy)) {
		r = reeve_inject_respond(listener, x->request.id, x->reply.fd, flags, NULL);
		close(x->reply.fd);
	} else {
		r = reeve_inject(listener, x->request.id, x->reply.fd, flags, &number);
		close(x->reply.fd);
		if (r == 0)
			reeve_respond_value(listener, x->request.id, number);
	}
	x->reply.fd = -EBADF;
	if (r < 0)
		reeve_respond_error(listener, x->request.id, -r);
}

/* Only while what the call was made on is still there. */
static int swap(struct worker *worker, struct exchange *x)
{
	AUTO_CLOSE int ours = x->swap.fd, there = -EBADF;

	x->swap.fd = -EBADF;
	there = sockets_fetch(x->request.tid, x->swap.number);
	if (there < 0 || sockets_number(there) != x->swap.before)
		return -EBADF;
	return reeve_inject_at(worker->shared->listener, x->request.id, ours, x->swap.number,
	        x->swap.cloexec ? REEVE_INJECT_CLOEXEC : 0);
}

void answer_send(struct worker *worker, struct exchange *x)
{
	int listener = worker->shared->listener;
	int r = x->swap.fd >= 0 ? swap(worker, x) : 0;

	if (r < 0) {
		reeve_respond_error(listener, x->request.id, -r);
		return;
	}
	switch (x->reply.kind) {
	case REPLY_ERROR:
		reeve_respond_error(listener, x->request.id, x->reply.error > 0 ? x->reply.error : EACCES);
		break;
	case REPLY_VALUE:
		reeve_respond_value(listener, x->request.id, x->reply.value);
		break;
	case REPLY_FD:
		send_fd(worker, x);
		break;
	case REPLY_CONTINUE:
		reeve_respond_continue(listener, x->request.id);
		break;
	case REPLY_RESTART:
		reeve_respond_error(listener, x->request.id, x->is_own_signal ? RESTART_SYSTEM_CALL : EINTR);
		break;
	case REPLY_GONE:
		break;
	}
}
