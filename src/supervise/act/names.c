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

/* A name server that some rule is about, and not only one whose wide range has this port in it: whoever
 * writes that wants to ask it. */
static bool is_name_server(const struct address_verdict *verdict)
{
	return policy_grants(verdict->verdict) && verdict->rule && verdict->rule->port_low == NAMES_PORT &&
	       verdict->rule->port_high == NAMES_PORT;
}

bool act_turns_to_names(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind)
{
	struct names *names = worker->shared->names;
	struct address_verdict verdict;
	struct address address;

	if (!names || (kind->domain != AF_INET && kind->domain != AF_INET6) ||
	        act_meaning(x, fd, kind, &address) != MEANS_ADDRESS || address.port != NAMES_PORT)
		return false;
	address_decide(x->plan->addresses, &address, POLICY_CONNECT, &verdict);
	return !is_name_server(&verdict) && !names_has_socket(names, fd);
}

/* Of the descriptor, not of the socket: a copy does not tell. */
static bool is_cloexec(const struct exchange *x, int number)
{
	unsigned flags;

	return task_descriptor_flags(&x->task, number, &flags) < 0 || (flags & O_CLOEXEC);
}

/* Allowed, whatever the rules on addresses say: of those the record has the address. */
static void allow(struct exchange *x, const struct address *address, const struct policy_address_rule *rule)
{
	const char *lifted_by = x->lifted_by;

	decide_address(x, x->plan, address, POLICY_CONNECT);
	x->verdict = (struct match_verdict){.verdict = POLICY_ALLOW};
	x->address_rule = rule;
	x->lifted_by = lifted_by;
}

static void judged(struct exchange *x, int fd, const struct sockets_kind *kind)
{
	struct address address;

	act_meaning(x, fd, kind, &address);
	allow(x, &address, NULL);
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

/* To sort what a name stands for, programs connect by UDP without ever sending, to look which address of
 * their own they would have: to the port that they mean to use, or to one of their library's. The kernel
 * tells that for port 0 just as well, which no program can listen on. */
static bool only_sorts(struct worker *worker, struct exchange *x, const struct address *address)
{
	static const uint16_t ports[] = {0, 9, UINT16_MAX}; /* of glibc, Go, musl */
	struct names *names = worker->shared->names;
	struct address by_tcp = *address;
	const struct policy_address_rule *rule;
	char name[HOST_NAME];
	bool sorts = false;

	if (address->transport != POLICY_UDP || x->row->operation != SYSCALLS_CONNECT ||
	        !names_knows(names, x->plan->policy, address))
		return false;
	for (size_t i = 0; i < ELEMENTS(ports); i++)
		sorts |= address->port == ports[i];
	by_tcp.transport = POLICY_TCP;
	if (!sorts && names_decide(names, x->plan->policy, &by_tcp, &rule, name) != NAMES_OPEN)
		return false;
	/* In the same place for both families. */
	x->call.address.as.in.sin_port = 0;
	return true;
}

enum judgement {
	JUDGED_BY_ADDRESS, /* rules on addresses tell */
	JUDGED_OPEN,
	JUDGED_ENDED,
};

static enum judgement judge_by_name(struct worker *worker, struct exchange *x, int fd,
        const struct address *address, const struct policy_address_rule **ret_rule)
{
	struct names *names = worker->shared->names;
	struct address_verdict verdict;
	char name[HOST_NAME];

	if (!names || address->kind != ADDRESS_IP)
		return JUDGED_BY_ADDRESS;
	address_decide(x->plan->addresses, address, POLICY_CONNECT, &verdict);
	if (verdict.verdict == POLICY_ALLOW)
		return JUDGED_BY_ADDRESS;
	/* On the island there is nobody else to be reached. */
	if (names_has_socket(names, fd))
		return JUDGED_OPEN;
	if (!may_lie_inside(verdict.rule))
		return JUDGED_BY_ADDRESS;
	switch (names_decide(names, x->plan->policy, address, ret_rule, name)) {
	case NAMES_OPEN:
		return JUDGED_OPEN;
	case NAMES_ENDED:
		return GUARDED(lifetime) ? JUDGED_ENDED : JUDGED_OPEN;
	default:
		return only_sorts(worker, x, address) ? JUDGED_OPEN : JUDGED_BY_ADDRESS;
	}
}

bool act_judge_address(struct worker *worker, struct exchange *x, int fd, const struct address *address)
{
	const struct policy_address_rule *rule = NULL;
	enum judgement judgement = judge_by_name(worker, x, fd, address, &rule);

	if (judgement == JUDGED_OPEN && rule && rule->verdict == POLICY_ASK)
		return decide_named(x, address, rule);
	if (judgement == JUDGED_OPEN) {
		allow(x, address, rule);
		return true;
	}
	if (decide_address(x, x->plan, address, POLICY_CONNECT))
		return true;
	if (judgement == JUDGED_ENDED)
		x->why = why_ended;
	return false;
}
