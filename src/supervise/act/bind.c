/* bind and listen. The name of a UNIX socket is what the program wrote, since getsockname tells it: so the
 * kernel is given that text, and only where it cannot lead anywhere else than to the folder that was judged.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "base/path.h"
#include "kernel/blocking.h"
#include "supervise/act/act.h"
#include "supervise/act/socket.h"
#include "supervise/act/unplugged.h"
#include "supervise/decide.h"
#include "supervise/decode.h"

static const char why_movable[] = "the socket's name leads through folders that could be changed meanwhile; "
                                  "a name without a slash, in the "
                                  "program's own folder, works";

/* ---- socket files ---- */

static enum policy_verdict writing(const struct plan *plan, const char *path)
{
	struct match_verdict verdict;

	matcher_decide(plan->matcher, path, POLICY_WRITE, &verdict);
	return verdict.verdict;
}

/* By itself, or by an answer. */
static bool may_be_written(const struct plan *plan, const char *path)
{
	return policy_grants(writing(plan, path));
}

/* Whether no folder on the way can be changed by the target: it may write in none of them. */
static bool is_way_firm(const struct plan *plan, const char *path)
{
	char folder[PATH_MAX];
	char *slash;

	strcpy(folder, path);
	while ((slash = strrchr(folder, '/')) && slash != folder) {
		*slash = '\0';
		/* In the folder that holds the name itself, nothing but that name counts. */
		if (slash - folder < (ptrdiff_t)(strrchr(path, '/') - path) && may_be_written(plan, folder))
			return false;
	}
	return !may_be_written(plan, "/");
}

/* Whether sockets may be made anywhere in the folder: no rule takes a part of it away. Those that hold
 * everywhere
 * ("**" + "/.env") judged the name itself already. */
static bool is_all_free(const struct plan *plan, const char *folder)
{
	const struct policy *policy = plan->policy;
	const struct policy_file_rule *below;

	if (writing(plan, folder) != POLICY_ALLOW || matcher_has_rule_below(plan->matcher, folder, &below))
		return false;
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];

		if (rule->verdict != POLICY_ALLOW && rule->kind == POLICY_ADDRESS_UNIX &&
		        (rule->is_glob || path_is_within(rule->path, folder)))
			return false;
	}
	return true;
}

static bool exists(const struct resolved *at)
{
	struct stat st;

	return fstatat(at->parent, at->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int bind_from(int folder, int back, int fd, const struct call_address *name)
{
	int r = fchdir(folder) < 0 ? -errno : sockets_bind(fd, &name->as, name->length);

	return fchdir(back) < 0 ? -errno : r;
}

/* A name that leads through folders: those that nobody inside can change, or all that it could lead to is
 * allowed. 0, -errno, -EXDEV. */
static int bind_through(struct worker *worker, struct exchange *x, int fd)
{
	const struct plan *plan = x->plan;
	const struct call_address *name = &x->call.address;
	struct resolved *at = &x->resolved[0];
	AUTO_CLOSE int cwd = task_open(&x->task, "cwd");
	char folder[PATH_MAX];
	int n;

	if (cwd < 0)
		return cwd;
	if (x->task.own_root || strlen(at->path) >= sizeof(folder))
		return -EXDEV;
	n = resolve_text(&x->task, AT_FDCWD, call_address_path(name), folder, sizeof(folder));
	if (n >= 0)
		n = plan_rewrite(plan, folder, (size_t)n, sizeof(folder));
	if (n >= 0 && strcmp(folder, at->path) == 0 && is_way_firm(plan, at->path))
		return bind_from(cwd, worker->view.root, fd, name);
	strcpy(folder, at->path);
	*strrchr(folder, '/') = '\0';
	if (!is_all_free(plan, folder[0] ? folder : "/"))
		return -EXDEV;
	if (!GUARDED(same_folder))
		return bind_from(cwd, worker->view.root, fd, name);
	n = sockets_bind_within(
	        fd, &name->as, name->length, cwd, at->parent, &worker->shared->helpers[worker->index]);
	/* Somebody changed the way, or there is no Landlock. */
	return n == -ENOSYS || n == -EOPNOTSUPP || (n == 0 && !exists(at)) ? -EXDEV : n;
}

static void bind_file(struct worker *worker, struct exchange *x, int fd)
{
	const char *written = call_address_path(&x->call.address);
	struct resolved *at = &x->resolved[0];
	struct address address = {.kind = ADDRESS_UNIX_PATH};
	struct call_path path = {.dirfd = AT_FDCWD, .length = strlen(written)};
	int r = resolve_parent(&x->task, AT_FDCWD, written, at);

	if (r < 0) {
		memcpy(path.text, written, path.length + 1);
		return act_resolution_failed(worker, x, &path, r);
	}
	address.name = at->path;
	address.name_length = strlen(at->path);
	if (!decide_address(x, x->plan, &address, POLICY_LISTEN)) {
		if (x->verdict.verdict != POLICY_HIDE && exists(at))
			act_natural_error(x, EADDRINUSE);
		resolved_done(at);
		return;
	}
	r = act_with_umask(worker, x);
	if (r == 0 && strchr(written, '/'))
		r = bind_through(worker, x, fd);
	else if (r == 0)
		r = bind_from(at->parent, worker->view.root, fd, &x->call.address);
	resolved_done(at);
	if (r == -EXDEV)
		return decide_refuse(x, EACCES, why_movable);
	if (r != 0)
		return act_fail(x, r);
	act_result(x, 0);
}

/* ---- others ---- */

/* The kernel would name it after the process that asks. A second socket of a process gets a name by chance.
 */
static int bind_netlink(struct exchange *x, int fd, uint32_t groups)
{
	struct sockaddr_nl name = {0};
	struct task_status status;
	socklen_t size = sizeof(name);
	int r = -EADDRINUSE;

	if (getsockname(fd, (struct sockaddr *)&name, &size) < 0)
		return -errno;
	if (name.nl_pid == 0) {
		r = task_status(&x->task, &status);
		if (r < 0)
			return r == -ESRCH ? REEVE_GONE : r;
		name.nl_pid = (uint32_t)status.tgid;
		name.nl_groups = groups;
		r = sockets_bind(fd, &name, sizeof(name));
	}
	name.nl_pid = 0;
	name.nl_groups = groups;
	return r == -EADDRINUSE ? sockets_bind(fd, &name, sizeof(name)) : r;
}

int act_name_netlink(struct exchange *x, int fd)
{
	struct sockaddr_nl name = {0};
	socklen_t size = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &size) < 0)
		return -errno;
	return name.nl_pid ? 0 : bind_netlink(x, fd, 0);
}

static int bind_address(struct exchange *x, int fd, const struct sockets_kind *kind)
{
	const struct call_address *name = &x->call.address;
	const struct sockaddr_nl *netlink = (const struct sockaddr_nl *)(const void *)&name->as;

	if (kind->domain == AF_NETLINK && name->length >= sizeof(*netlink) &&
	        netlink->nl_family == AF_NETLINK && netlink->nl_pid == 0)
		return bind_netlink(x, fd, netlink->nl_groups);
	return sockets_bind(fd, &name->as, name->length);
}

static void perform(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind)
{
	struct address address;
	int r;

	switch (act_meaning(x, fd, kind, &address)) {
	case MEANS_PATH:
		return bind_file(worker, x, fd);
	case MEANS_UNKNOWN:
		return decide_refuse(x, EACCES, "no rule can speak of addresses of this kind of socket");
	case MEANS_ADDRESS:
		if (act_is_unplugged(worker, fd, kind) ? !act_may_unplugged(x, fd, kind, POLICY_LISTEN)
		                                       : !decide_address(x, x->plan, &address, POLICY_LISTEN))
			return;
		break;
	case MEANS_NOTHING:
		break;
	}
	r = act_still_wanted(worker, x);
	if (r == 0)
		r = bind_address(x, fd, kind);
	if (r != 0)
		return act_fail(x, r);
	act_result(x, 0);
}

void act_bind(struct worker *worker, struct exchange *x)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	AUTO_CLOSE int fd = act_fetch(x, (int)(uint32_t)args[0]);
	struct sockets_kind kind;
	int r;

	if (fd < 0 || !act_kind_of(x, fd, &kind))
		return;
	r = decode_address(x, args[1], (int)(uint32_t)args[2]);
	if (r == 0)
		r = act_as_task(worker, x);
	if (r != 0)
		return act_fail(x, r);
	perform(worker, x, fd, &kind);
}

/* ---- listen ---- */

#define REPLIED (-5002)

static bool is_inet(const struct sockets_kind *kind)
{
	return kind->domain == AF_INET || kind->domain == AF_INET6;
}

/* The socket's own name, as an address to listen on. */
static void own_name(int fd, const struct sockets_kind *kind, struct address *ret)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} name = {0};
	socklen_t size = sizeof(name);

	*ret = (struct address){.kind = ADDRESS_IP, .transport = POLICY_TCP};
	/* A socket of IPv6 may have become one of IPv4. */
	if (getsockname(fd, &name.any, &size) < 0)
		name.any.sa_family = (sa_family_t)kind->domain;
	if (name.any.sa_family == AF_INET) {
		memset(ret->ip + 10, 0xff, 2);
		memcpy(ret->ip + 12, &name.in.sin_addr, 4);
	} else {
		memcpy(ret->ip, &name.in6.sin6_addr, 16);
	}
	ret->port = ntohs(name.in.sin_port); /* which is where it is in sockaddr_in6 */
}

static bool is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
}

/* A port may be one that the program chose, or the kernel: where any free one is allowed and no rule refuses
 * this one, it is. A name is no proof of a bind that was judged: a connection gives one, too, and its port
 * shows on when the connection is gone. */
static bool may_listen(struct exchange *x, const struct address *name)
{
	struct address any = *name;
	struct address_verdict verdict, verdict_of_any;

	any.port = 0;
	address_decide(x->plan->addresses, name, POLICY_LISTEN, &verdict);
	address_decide(x->plan->addresses, &any, POLICY_LISTEN, &verdict_of_any);
	if (!policy_grants(verdict.verdict) && !verdict.rule && policy_grants(verdict_of_any.verdict))
		name = &any;
	return decide_address(x, x->plan, name, POLICY_LISTEN);
}

static bool is_same(const struct address *a, const struct address *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* Without a name of its own, or with one that a connection left behind, the socket gets a port now. 0,
 * -errno, or REPLIED. */
static int listen_as_judged(struct exchange *x, int fd, const struct sockets_kind *kind, int backlog,
        const struct address *judged)
{
	int r = sockets_listen(fd, backlog);
	struct address name;

	if (r < 0 || !is_inet(kind) || !GUARDED(listens_as_judged))
		return r;
	own_name(fd, kind, &name);
	if ((judged && is_same(&name, judged)) || may_listen(x, &name))
		return 0;
	shutdown(fd, SHUT_RDWR);
	return REPLIED;
}

void act_listen(struct worker *worker, struct exchange *x)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	AUTO_CLOSE int fd = act_fetch(x, (int)(uint32_t)args[0]);
	struct sockets_kind kind;
	struct address name;
	bool judges;
	int r;

	if (fd < 0 || !act_kind_of(x, fd, &kind))
		return;
	/* A connected one, and what has no connections, the kernel refuses by itself. */
	judges = GUARDED(listens_as_judged) && is_inet(&kind) && kind.type != SOCK_DGRAM && !is_connected(fd);
	own_name(fd, &kind, &name);
	r = act_as_task(worker, x);
	if (r == 0 && judges && !may_listen(x, &name))
		return;
	if (r == 0)
		r = act_still_wanted(worker, x);
	if (r == 0)
		r = act_show(worker);
	if (r == 0)
		r = listen_as_judged(x, fd, &kind, (int)(uint32_t)args[1], judges ? &name : NULL);
	act_hide(worker);
	if (r == REPLIED)
		return;
	if (r != 0)
		return act_fail(x, r);
	act_result(x, 0);
}
