/* Addresses in the place of others: what a program named becomes, in our copy, what the policy's redirects
 * lead to. Everything after that is as if the program had named it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "names/names.h"
#include "supervise/act/act.h"
#include "supervise/act/names.h"
#include "supervise/act/socket.h"
#include "supervise/decide.h"

static const char why_loop[] = "the policy's redirects lead from one to the other and back";
static const char why_family[] = "a redirect leads to IPv6, which a socket of IPv4 cannot reach";

/* One exchange on its way through the redirects. */
struct leading {
	struct exchange *x;
	struct redirect_entries entries;
	const struct policy_address_redirect *last; /* that led here, or NULL */
	struct address address;
};

static const struct policy_address_redirect *find(
        const struct leading *leading, const struct address *address)
{
	return redirect_find(&leading->entries, address, leading->last);
}

static const struct policy_address_redirect *find_by_path(const struct leading *leading, const char *path)
{
	const struct address address = {.kind = ADDRESS_UNIX_PATH, .name = path, .name_length = strlen(path)};

	return find(leading, &address);
}

static bool has_files(const struct leading *leading)
{
	for (size_t i = 0; i < leading->entries.count; i++)
		if (leading->entries.items[i].path)
			return true;
	return false;
}

/* A socket file goes by its place, whether anything is there or not, and by what a link there leads to. What
 * cannot be resolved is for whoever judges it to tell. */
static const struct policy_address_redirect *find_file(const struct leading *leading)
{
	struct exchange *x = leading->x;
	struct resolved *at = &x->resolved[0];
	const struct policy_address_redirect *found = NULL;

	if (!has_files(leading))
		return NULL;
	if (resolve_parent(&x->task, AT_FDCWD, leading->address.name, at) == 0) {
		found = find_by_path(leading, at->path);
		resolved_done(at);
	}
	if (!found && resolve_object(&x->task, AT_FDCWD, leading->address.name, RESOLVE_FOLLOW, at) == 0) {
		found = find_by_path(leading, at->path);
		resolved_done(at);
	}
	return found;
}

/* Name servers are the resolver's where there is one, unless a redirect is about that port alone: as with
 * rules that open them. */
static bool is_left_to_names(struct worker *worker, const struct leading *leading, int fd,
        const struct sockets_kind *kind, const struct policy_address_redirect *redirect)
{
	const struct policy_address_rule *from = &redirect->from;

	if (from->port_low == NAMES_PORT && from->port_high == NAMES_PORT)
		return false;
	return !leading->last && act_turns_to_names(worker, leading->x, fd, kind);
}

/* ---- what the kernel is given ---- */

/* In the family and the length that were written, so that the kernel takes offence where it would: a TCP
 * socket of IPv6 takes no address of IPv4, one of UDP does. */
static void write_ip(struct call_address *written, const struct sockets_kind *kind, const struct address *to)
{
	bool was_ipv6 = written->as.any.sa_family == AF_INET6;
	socklen_t length = written->length;

	*written = (struct call_address){0};
	if (kind->domain == AF_INET || (!was_ipv6 && address_is_ipv4(to->ip))) {
		written->length = length;
		written->as.in.sin_family = AF_INET;
		written->as.in.sin_port = htons(to->port);
		memcpy(&written->as.in.sin_addr, to->ip + 12, 4);
		return;
	}
	written->length = was_ipv6 ? length : sizeof(written->as.in6);
	written->as.in6.sin6_family = AF_INET6;
	written->as.in6.sin6_port = htons(to->port);
	memcpy(&written->as.in6.sin6_addr, to->ip, 16);
}

/* A path that is too long for an address stands in x->led_to as a whole. */
static void write_unix(struct exchange *x, const struct address *to)
{
	struct call_address *written = &x->call.address;
	size_t start = offsetof(struct sockaddr_un, sun_path), room = sizeof(struct sockaddr_un) - start;
	bool is_abstract = to->kind == ADDRESS_UNIX_ABSTRACT;
	size_t length = to->name_length < room - 1 ? to->name_length : room - 1;

	*written = (struct call_address){.as.un.sun_family = AF_UNIX};
	memcpy(written->as.bytes + start + is_abstract, to->name, length);
	written->length = (socklen_t)(start + length + 1);
	x->led_to = is_abstract ? NULL : to->name;
}

static bool write_address(struct leading *leading, const struct sockets_kind *kind)
{
	const struct address *to = &leading->address;

	if (to->kind != ADDRESS_IP) {
		write_unix(leading->x, to);
		return true;
	}
	if (kind->domain == AF_INET && !address_is_ipv4(to->ip)) {
		decide_refuse(leading->x, EAFNOSUPPORT, why_family);
		return false;
	}
	write_ip(&leading->x->call.address, kind, to);
	return true;
}

/* Follows the redirects from the address in `leading`. 0 or -ELOOP. */
static int follow(struct worker *worker, struct leading *leading, int fd, const struct sockets_kind *kind)
{
	const struct address asked = leading->address;
	const struct policy_address_redirect *next;

	for (int i = 0; i <= REDIRECT_MOST; i++) {
		next = leading->address.kind == ADDRESS_UNIX_PATH ? find_file(leading)
		                                                  : find(leading, &leading->address);
		if (!next || (next->from.kind == POLICY_ADDRESS_IP &&
		                     is_left_to_names(worker, leading, fd, kind, next)))
			return 0;
		redirect_lead(next, &leading->address);
		leading->last = next;
		decide_redirected(leading->x, &asked, &leading->address);
	}
	return -ELOOP;
}

bool act_redirect(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind)
{
	struct leading leading = {.x = x, .entries = plan_address_redirects(x->plan)};
	enum meaning meaning;

	x->asked = x->led_to = NULL;
	if (leading.entries.count == 0)
		return true;
	meaning = act_meaning(x, fd, kind, &leading.address);
	if (meaning != MEANS_ADDRESS && meaning != MEANS_PATH)
		return true;
	if (follow(worker, &leading, fd, kind) < 0) {
		decide_refuse(x, ELOOP, why_loop);
		return false;
	}
	return !leading.last || write_address(&leading, kind);
}
