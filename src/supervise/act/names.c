#include "supervise/act/names.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "names/names.h"
#include "supervise/act/act.h"
#include "supervise/decide.h"

static const char why_ended[] =
        "its name was asked for, but that answer's time is over: the program has to ask for the name again";

/* ---- leading it there ---- */

bool act_turns_to_names(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind)
{
	struct names *names = worker->shared->names;
	struct address_verdict verdict = {.verdict = POLICY_DENY};
	struct address address;

	if (!names || (kind->domain != AF_INET && kind->domain != AF_INET6) ||
	        act_meaning(x, fd, kind, &address) != MEANS_ADDRESS || address.port != NAMES_PORT)
		return false;
	if (x->plan->addresses)
		address_decide(x->plan->addresses, &address, POLICY_CONNECT, &verdict);
	return verdict.verdict != POLICY_ALLOW && !names_has_socket(names, fd);
}

/* Of the descriptor, not of the socket: a copy does not tell. */
static bool is_cloexec(const struct exchange *x, int number)
{
	unsigned flags;

	return task_descriptor_flags(&x->task, number, &flags) < 0 || (flags & O_CLOEXEC);
}

/* What a record says of it. */
static void judged(struct exchange *x, int fd, const struct sockets_kind *kind)
{
	struct address address;

	act_meaning(x, fd, kind, &address);
	decide_address(x, x->plan, &address, POLICY_CONNECT);
	x->verdict = (struct match_verdict){.verdict = POLICY_ALLOW};
	x->address_rule = NULL;
}

/* Makes the socket that takes the place of `fd`. 0, or it is replied and -1 is returned. */
static int make_exchange(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind,
        struct island_socket *wish)
{
	struct names *names = worker->shared->names;
	char program[32];
	AUTO_CLOSE int other = -EBADF;
	int number = (int)(uint32_t)x->request.data.args[0];

	wish->domain = kind->domain;
	wish->type = kind->type | (sockets_is_nonblocking(fd) ? SOCK_NONBLOCK : 0);
	wish->protocol = kind->protocol;
	other = names_socket(names, wish);
	if (other < 0) {
		decide_refuse(x, EACCES, "the resolver for the policy's host names cannot be reached");
		return -1;
	}
	sockets_copy_options(fd, other);
	if (wish->length == 0)
		sockets_bind_anywhere(other, kind->domain);
	task_program(&x->task, program, sizeof(program));
	names_know_asker(names, other, x->request.tid, program);
	x->swap = (struct swap){.number = number,
	        .cloexec = is_cloexec(x, number),
	        .before = sockets_number(fd),
	        .fd = TAKE_FD(other)};
	return 0;
}

void act_connect_to_names(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind)
{
	struct island_socket wish = {.length = x->call.address.length};

	if (wish.length > sizeof(wish.address))
		return act_fail(x, -EINVAL);
	memcpy(&wish.address, &x->call.address.as, wish.length);
	judged(x, fd, kind);
	if (make_exchange(worker, x, fd, kind, &wish) == 0)
		x->reply = (struct reply){.kind = REPLY_VALUE, .fd = -EBADF};
}

int act_exchange_for_names(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind)
{
	struct island_socket wish = {0};

	judged(x, fd, kind);
	return make_exchange(worker, x, fd, kind, &wish) == 0 ? x->swap.fd : -1;
}

/* ---- what names open ---- */

/* A rule that denies every address denies what lies inside of it only where no rule says otherwise. */
static bool may_lie_inside(const struct policy_address_rule *denial)
{
	return !denial ||
	       (denial->kind == POLICY_ADDRESS_IP && denial->families == (POLICY_IPV4 | POLICY_IPV6));
}

static void allow(struct exchange *x, const struct policy_address_rule *rule)
{
	x->verdict = (struct match_verdict){.verdict = POLICY_ALLOW};
	x->address_rule = rule;
}

/* To sort what a name stands for, programs connect by UDP without ever sending, to look which address of
 * their own they would have. The kernel tells that for port 0 just as well, and nothing can be sent there. */
static bool only_sorts(struct exchange *x, const struct address *address)
{
	static const uint16_t ports[] = {0, 9, UINT16_MAX}; /* of glibc, Go, musl */
	struct call_address *written = &x->call.address;
	bool is_one = false;

	for (size_t i = 0; i < ELEMENTS(ports); i++)
		is_one |= address->port == ports[i];
	if (!is_one || address->transport != POLICY_UDP || x->row->operation != SYSCALLS_CONNECT)
		return false;
	/* In the same place for both families. */
	written->as.in.sin_port = 0;
	return true;
}

bool act_judge_by_name(struct worker *worker, struct exchange *x, int fd, const struct address *address)
{
	struct names *names = worker->shared->names;
	const struct policy_address_rule *rule = NULL;
	char name[256];

	if (!names || address->kind != ADDRESS_IP)
		return false;
	/* There is nobody else to be reached. */
	if (names_has_socket(names, fd)) {
		allow(x, NULL);
		return true;
	}
	if (names_knows(names, x->plan->policy, address) && only_sorts(x, address)) {
		allow(x, NULL);
		return true;
	}
	if (x->verdict.rule || !may_lie_inside(x->address_rule))
		return false;
	switch (names_decide(names, x->plan->policy, address, &rule, name)) {
	case NAMES_OPEN:
		allow(x, rule);
		return true;
	case NAMES_ENDED:
		if (!GUARDED(lifetime)) {
			allow(x, rule);
			return true;
		}
		x->why = why_ended;
		return false;
	default:
		return false;
	}
}
