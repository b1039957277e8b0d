/* Answers to single questions, from what enforces: the plan's matcher and its filter. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "plan/explain.h"
#include "policy/conditions.h"
#include "policy/host.h"

/* Where paths of questions start. */
struct origin {
	const char *cwd, *home;
};

static int join(const struct origin *origin, const char *path, char **ret)
{
	const char *start = path[0] == '/' ? "" : origin->cwd;
	int n;

	if (origin->home && path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
		start = origin->home;
		path++;
	}
	n = asprintf(ret, "%s/%s", start, path);
	if (n < 0)
		return -ENOMEM;
	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* The path as the kernel would reach it, as far as it exists; the rest as written. */
static int resolve(const struct origin *origin, const char *path, char **ret)
{
	AUTO_FREE char *whole = NULL;
	char clean[PATH_MAX];
	int r = join(origin, path, &whole);
	size_t cut;

	if (r < 0)
		return r;
	cut = strlen(whole);
	for (;;) {
		AUTO_FREE char *head = strndup(whole, cut ? cut : 1);
		AUTO_FREE char *real = head ? realpath(head, NULL) : NULL;
		AUTO_FREE char *joined = NULL;

		if (!real && (cut == 0 || (errno != ENOENT && errno != ENOTDIR && errno != EACCES)))
			return -errno;
		if (!real) {
			while (whole[--cut] != '/')
				;
			continue;
		}
		if (asprintf(&joined, "%s%s", real, whole + cut) < 0)
			return -ENOMEM;
		r = path_clean_lexically(joined, clean, sizeof(clean));
		if (r < 0)
			return r;
		*ret = strdup(clean);
		return *ret ? 0 : -ENOMEM;
	}
}

static enum plan_layer layer_of_file(const struct plan *plan, const struct explain_answer *answer)
{
	bool exec = answer->access & POLICY_EXEC;

	for (size_t i = 0; answer->file && i < plan->line_count; i++)
		if (plan->lines[i].file == answer->file && plan->lines[i].layer != PLAN_NOWHERE)
			return plan->lines[i].layer;
	/* Nothing grants it: whoever looks first refuses. */
	if (plan->notifies[exec ? SYSCALLS_EXEC : SYSCALLS_OPEN])
		return PLAN_SUPERVISOR;
	return plan->uses_landlock ? PLAN_LANDLOCK : PLAN_NOWHERE;
}

/* What stands in the place of the path, through any number of redirects. */
static int redirect(const struct plan *plan, const struct origin *origin, char **path)
{
	for (int i = 0; i < 40; i++) {
		const struct plan_redirect *redirect = plan_redirected(plan, *path);
		AUTO_FREE char *instead = NULL;
		char *resolved;
		int r;

		if (!redirect)
			return 0;
		if (asprintf(&instead, "%s%s", redirect->to, *path + strlen(redirect->from)) < 0)
			return -ENOMEM;
		r = resolve(origin, instead, &resolved);
		if (r < 0)
			return r;
		free(*path);
		*path = resolved;
	}
	return -ELOOP;
}

static int ask_file(const struct plan *plan, const struct origin *origin, const char *path, unsigned access,
        struct explain_answer *answer)
{
	struct match_verdict verdict;
	int r = resolve(origin, path, &answer->path);

	if (r == 0)
		r = redirect(plan, origin, &answer->path);
	if (r < 0)
		return r;
	matcher_decide(plan->matcher, answer->path, access, &verdict);
	answer->access = access;
	answer->verdict = verdict.verdict;
	answer->error = verdict.verdict == POLICY_ALLOW ? 0 : verdict.error;
	answer->file = verdict.rule;
	answer->why = verdict.rule ? NULL : "no rule allows it";
	answer->layer = layer_of_file(plan, answer);
	return 0;
}

/* "PATH", "PATH:rw": what follows the last colon counts when it is made of r, w and x only. */
static int ask_open(
        const struct plan *plan, const struct origin *origin, const char *text, struct explain_answer *answer)
{
	const char *colon = strrchr(text, ':');
	AUTO_FREE char *path = NULL;
	unsigned access = 0;

	if (colon && colon[1] && colon[1 + strspn(colon + 1, "rwx")] == '\0') {
		access |= strchr(colon, 'r') ? POLICY_READ : 0;
		access |= strchr(colon, 'w') ? POLICY_WRITE : 0;
		access |= strchr(colon, 'x') ? POLICY_EXEC : 0;
		path = strndup(text, (size_t)(colon - text));
	} else {
		access = POLICY_READ;
		path = strdup(text);
	}
	if (!path)
		return -ENOMEM;
	return *path ? ask_file(plan, origin, path, access, answer) : -ENOENT;
}

/* ---- addresses ---- */

static int same_path(const struct origin *origin, struct address *address, char **ret)
{
	int r = resolve(origin, address->name, ret);

	if (r < 0)
		return r;
	address->name = *ret;
	address->name_length = strlen(*ret);
	return 0;
}

/* Who says so: a socket that cannot be made is the filter's; what a socket in the place of another cannot
 * reach, and what each call is looked at for is the supervisor's; a port of TCP is Landlock's. */
static enum plan_layer layer_of_address(const struct plan *plan, const struct address *address, unsigned use)
{
	const struct plan_network *network = &plan->network;
	bool connects = use == POLICY_CONNECT;
	enum plan_reach reach;

	if (address->kind != ADDRESS_IP) {
		if (!network->makes_unix)
			return PLAN_FILTER;
		if (plan->notifies[connects ? SYSCALLS_CONNECT : SYSCALLS_BIND])
			return PLAN_SUPERVISOR;
		if (address->kind == ADDRESS_UNIX_PATH)
			return connects || !plan->uses_landlock ? PLAN_NOWHERE : PLAN_LANDLOCK;
		return connects && network->names_within ? PLAN_LANDLOCK : PLAN_NOWHERE;
	}
	if (address->transport == POLICY_UDP && !network->makes_udp)
		return network->unplugs_udp ? PLAN_SUPERVISOR : PLAN_FILTER;
	if (address->transport == POLICY_TCP && !network->makes_tcp)
		return PLAN_FILTER;
	if (plan->notifies[connects ? SYSCALLS_CONNECT : SYSCALLS_BIND])
		return PLAN_SUPERVISOR;
	reach = connects ? network->tcp_connect : network->tcp_listen;
	return address->transport == POLICY_TCP && reach != PLAN_REACH_ALL ? PLAN_LANDLOCK : PLAN_NOWHERE;
}

static const char *why_address(const struct plan *plan, const struct address *address,
        const struct address_verdict *verdict, unsigned use)
{
	if (verdict->rule || verdict->file)
		return NULL;
	if (verdict->verdict != POLICY_ALLOW)
		return address->kind == ADDRESS_IP && address->transport == POLICY_UDP &&
		                       plan->network.unplugs_udp
		               ? "no rule allows it, and sockets of UDP are unplugged"
		               : "no rule allows it";
	if (address->kind == ADDRESS_IP)
		return "any free port, to receive answers";
	return use == POLICY_CONNECT && plan->network.names_within ? "when it is the program's own"
	                                                           : "no rule refuses it";
}

/* By its name; what addresses that is, is known only while the program runs. False when it is none. */
static bool ask_host(const struct plan *plan, const char *text, struct explain_answer *answer)
{
	struct host_verdict verdict;
	char name[HOST_NAME];
	unsigned transport;
	uint16_t port;

	if (!host_parse(text, name, &port, &transport))
		return false;
	host_decide(plan->policy, name, port, transport, &verdict);
	answer->use = POLICY_CONNECT;
	answer->verdict = verdict.verdict;
	answer->error = verdict.verdict == POLICY_ALLOW ? 0 : verdict.error;
	answer->address = verdict.rule;
	answer->why =
	        verdict.rule ? NULL : "no rule opens this name; its addresses may be open by themselves";
	answer->layer = plan->notifies[SYSCALLS_CONNECT] ? PLAN_SUPERVISOR : PLAN_LANDLOCK;
	return true;
}

/* Where a connection leads, socket files resolved: as same_path, with the name of the address in `*path`. */
static int lead(const struct plan *plan, const struct origin *origin, struct address *address, char **path,
        const struct policy_address_rule **ret_redirect)
{
	const struct redirect_entries entries = plan_address_redirects(plan);
	const struct policy_address_redirect *last = NULL, *next;
	int r = 0;

	for (int i = 0; r == 0 && (next = redirect_find(&entries, address, last)); i++) {
		if (i == REDIRECT_MOST)
			return -ELOOP;
		redirect_lead(next, address);
		free(*path);
		*path = NULL;
		if (address->kind == ADDRESS_UNIX_PATH)
			r = same_path(origin, address, path);
		last = next;
	}
	*ret_redirect = last ? &last->from : NULL;
	return r;
}

static int ask_address(const struct plan *plan, const struct origin *origin, const char *text, unsigned use,
        struct explain_answer *answer)
{
	AUTO_FREE char *name = malloc(strlen(text) + 1);
	struct address_verdict verdict;
	struct address address;
	char words[PATH_MAX];
	int r = 0;

	if (!name)
		return -ENOMEM;
	if (!address_parse(text, name, &address) && use == POLICY_CONNECT && ask_host(plan, text, answer)) {
		answer->path = strdup(text);
		return answer->path ? 0 : -ENOMEM;
	}
	if (!address_parse(text, name, &address))
		return -EADDRNOTAVAIL;
	if (address.kind == ADDRESS_UNIX_PATH)
		r = same_path(origin, &address, &answer->path);
	if (r < 0)
		return r;
	if (use == POLICY_CONNECT) {
		bool is_ipv4 = address.kind == ADDRESS_IP && address_is_ipv4(address.ip);

		address_normalise(&address);
		r = lead(plan, origin, &address, &answer->path, &answer->redirect);
		answer->leaves_ipv4 = is_ipv4 && !address_is_ipv4(address.ip);
	}
	if (r < 0)
		return r;
	address_decide(plan->addresses, &address, use, &verdict);
	answer->use = use;
	answer->verdict = verdict.verdict;
	answer->error = verdict.verdict == POLICY_ALLOW ? 0 : verdict.error;
	answer->address = verdict.rule;
	answer->file = verdict.file;
	answer->why = why_address(plan, &address, &verdict, use);
	answer->layer = layer_of_address(plan, &address, use);
	if (answer->path && !answer->redirect)
		return 0;
	address_text(&address, words, sizeof(words)); /* before its path goes */
	free(answer->path);
	answer->path = strdup(words);
	return answer->path ? 0 : -ENOMEM;
}

/* ---- system calls ---- */

static void answer_from_rule(struct explain_answer *answer, const struct policy_syscall_rule *rule)
{
	answer->call = rule;
	answer->verdict = rule->verdict;
	answer->error = rule->verdict == POLICY_ALLOW || rule->verdict == POLICY_KILL ? 0 : rule->error;
}

static bool is_socket(const struct seccomp_data *data)
{
	return data->nr == syscalls_by_name("socket")->nr[syscalls_native()];
}

/* What the filter says of the call. */
static int answer_from_filter(
        const struct plan *plan, const struct seccomp_data *data, struct explain_answer *answer)
{
	uint32_t action;
	int r = filter_simulate(&plan->filter, data, &action);

	if (r < 0)
		return r;
	answer->layer = PLAN_FILTER;
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		answer->why = "no rule refuses it";
		answer->layer = PLAN_NOWHERE;
		break;
	case SECCOMP_RET_USER_NOTIF:
		answer->layer = PLAN_SUPERVISOR;
		answer->why = plan->calls[data->nr].action == PLAN_CALL_TASK
		                      ? "the task that it names decides"
		              : is_socket(data) ? "the socket is unplugged: it reaches nothing"
		              : plan->calls[data->nr].action == PLAN_CALL_PATHS ? "its paths decide"
		                                                                : "the supervisor watches it";
		break;
	case SECCOMP_RET_ERRNO:
		answer->verdict = POLICY_DENY;
		answer->error = (int)(action & SECCOMP_RET_DATA);
		answer->why = "this plan refuses it always";
		break;
	default:
		answer->verdict = POLICY_KILL;
		answer->why = "this plan refuses it always";
		break;
	}
	return 0;
}

/* "NAME", "NAME(family=AF_NETLINK)": arguments that are not given are 0. */
static int read_call(const char *text, struct seccomp_data *data, char *error, size_t size)
{
	AUTO_FREE char *name = strndup(text, strcspn(text, "("));
	const struct syscalls_name *call;

	if (!name)
		return -ENOMEM;
	call = syscalls_by_name(name);
	if (!call || call->nr[syscalls_native()] < 0 || call->nr[syscalls_native()] >= PLAN_MAX_CALLS)
		return -ENOSYS;
	*data = (struct seccomp_data){
	        .nr = call->nr[syscalls_native()], .arch = syscalls_audit_arch(syscalls_native())};
	return conditions_read_values(call->name, text + strlen(name), (uint64_t *)data->args, error, size);
}

static int ask_call(
        const struct plan *plan, const char *text, struct explain_answer *answer, char *error, size_t size)
{
	const struct policy_syscall_rule *rule;
	const struct policy_default *refusal;
	struct seccomp_data data;
	int r = read_call(text, &data, error, size);

	if (r < 0)
		return r;
	answer->verdict = POLICY_ALLOW;
	r = answer_from_filter(plan, &data, answer);
	if (r < 0)
		return r;
	rule = plan_call_rule(plan, data.nr, (const uint64_t *)data.args, &refusal);
	/* A rule cannot allow what every plan refuses. */
	if (!rule || (rule->verdict == POLICY_ALLOW && answer->verdict != POLICY_ALLOW))
		return 0;
	answer_from_rule(answer, rule);
	answer->why = refusal ? refusal->why : NULL;
	return 0;
}

static const char questions[] = "open:PATH:rw, exec:PATH, connect:ADDRESS, listen:ADDRESS or syscall:NAME";

static int complain(int r, const char *question, char *text, size_t size)
{
	switch (r) {
	case -ENOSYS:
		snprintf(text, size, "%s: there is no such system call on this architecture", question);
		return -EINVAL;
	case -ENOENT:
		snprintf(text, size, "%s: the path is missing; expected %s", question, questions);
		return -EINVAL;
	case -EADDRNOTAVAIL:
		snprintf(text, size,
		        "%s: expected an address that a program could name, such as 127.0.0.1:80, "
		        "udp:[::1]:53, example.org:443, "
		        "unix:/run/x.sock or unix:@name",
		        question);
		return -EINVAL;
	case -EINVAL:
		snprintf(text, size, "%s: expected %s", question, questions);
		return -EINVAL;
	default:
		snprintf(text, size, "%s: %s", question, strerror(-r));
		return r;
	}
}

int explain_ask(const struct plan *plan, const char *question, const char *cwd, const char *home,
        struct explain_answer *ret, char *error_text, size_t error_size)
{
	struct explain_answer answer = {.question = question};
	struct origin origin = {.cwd = cwd, .home = home};
	char wrong[320] = "";
	int r;

	if (strncmp(question, "open:", 5) == 0)
		r = ask_open(plan, &origin, question + 5, &answer);
	else if (strncmp(question, "exec:", 5) == 0)
		r = question[5] ? ask_file(plan, &origin, question + 5, POLICY_EXEC, &answer) : -ENOENT;
	else if (strncmp(question, "connect:", 8) == 0)
		r = ask_address(plan, &origin, question + 8, POLICY_CONNECT, &answer);
	else if (strncmp(question, "listen:", 7) == 0)
		r = ask_address(plan, &origin, question + 7, POLICY_LISTEN, &answer);
	else if (strncmp(question, "syscall:", 8) == 0)
		r = ask_call(plan, question + 8, &answer, wrong, sizeof(wrong));
	else
		r = -EINVAL;
	if (r < 0) {
		explain_answer_done(&answer);
		if (wrong[0]) {
			snprintf(error_text, error_size, "%s: %s", question, wrong);
			return -EINVAL;
		}
		return complain(r, question, error_text, error_size);
	}
	*ret = answer;
	return 0;
}

void explain_answer_done(struct explain_answer *answer)
{
	free(answer->path);
	answer->path = NULL;
}
