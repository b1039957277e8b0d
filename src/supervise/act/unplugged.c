/* socket, of UDP where no rule speaks of it: the task gets one that reaches nothing. */
#include "supervise/act/unplugged.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervise/act/act.h"
#include "supervise/act/socket.h"
#include "supervise/decide.h"
#include "supervise/pool.h"

#define TYPE 0xfu /* of a socket's type; flags lie above */

static const char why_none[] = "no rule is about UDP, and no network namespace is to be had for a socket "
                               "that reaches nothing";

static const char why_lost[] =
        "no rule is about UDP, and the process that makes sockets which reach nothing has "
        "died or does not answer";

/* The owner is whoever made it, where that is not our own user. */
static int give_away(const struct worker *worker, struct exchange *x, int fd)
{
	struct task_status status;
	int r;

	if (!atomic_load(&worker->shared->credentials_differ))
		return 0;
	r = task_status(&x->task, &status);
	if (r == 0)
		r = reeve_is_valid(worker->shared->listener, x->request.id);
	if (r != 0)
		return r == -ESRCH ? REEVE_GONE : r;
	if (status.credentials.fsuid == worker->own.fsuid && status.credentials.fsgid == worker->own.fsgid)
		return 0;
	return fchown(fd, status.credentials.fsuid, status.credentials.fsgid) < 0 ? -errno : 0;
}

void act_socket(struct worker *worker, struct exchange *x)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	struct unplugging *unplugging = &worker->shared->unplugging;
	unsigned type = (uint32_t)args[1];
	const struct island_socket wish = {.domain = (int)(uint32_t)args[0],
	        .type = (int)(type & (TYPE | SOCK_NONBLOCK)),
	        .protocol = (int)(uint32_t)args[2]};
	AUTO_CLOSE int fd = -EBADF;
	int r;

	x->object = "udp";
	if (type & ~(TYPE | SOCK_CLOEXEC | SOCK_NONBLOCK))
		return act_fail(x, -EINVAL);
	if (!unplugging_is_ready(unplugging))
		pool_will_block(worker);
	r = unplugging_socket(unplugging, &wish, &fd);
	if (r == UNPLUGGING_NOT_HERE || r == UNPLUGGING_LOST)
		return decide_refuse(x, EACCES, r == UNPLUGGING_LOST ? why_lost : why_none);
	if (r == 0)
		r = give_away(worker, x, fd);
	if (r != 0)
		return act_fail(x, r);
	x->reply = (struct reply){.kind = REPLY_FD, .fd = TAKE_FD(fd), .cloexec = (type & SOCK_CLOEXEC) != 0};
}

/* ---- their addresses ---- */

bool act_is_unplugged(const struct worker *worker, int fd, const struct sockets_kind *kind)
{
	return unplugging_has(&worker->shared->unplugging, fd, kind);
}

bool act_may_unplugged(struct exchange *x, int fd, const struct sockets_kind *kind, unsigned use)
{
	struct address_verdict verdict;
	struct address address;

	if (act_meaning(x, fd, kind, &address) != MEANS_ADDRESS)
		return true;
	address_decide(x->plan->addresses, &address, use, &verdict);
	return !verdict.rule || decide_address(x, x->plan, &address, use);
}

void act_unplugged_failed(struct exchange *x, int fd, const struct sockets_kind *kind, int r)
{
	struct address address;

	if (r == -ENETUNREACH && act_meaning(x, fd, kind, &address) == MEANS_ADDRESS)
		decide_address(x, x->plan, &address, POLICY_CONNECT);
	act_fail(x, r);
}
