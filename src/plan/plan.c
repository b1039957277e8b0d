#include "plan/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "kernel/landlock.h"
#include "kernel/isolation.h"
#include "plan/grounds.h"
#include "plan/limits.h"

#define NEEDED_ABI 3 /* truncation is held from here on */
#define PORTS_ABI 4
#define SCOPES_ABI 6

static const char why_inside[] = "Landlock grants whole trees and cannot take a part of one back";
static const char why_hidden[] = "only an answer can make a path look absent";
static const char why_pattern[] = "Landlock has no patterns";
static const char why_missing[] = "it does not exist, and Landlock rules stand on existing files";
static const char why_absent[] = "it is not there";
static const char why_own[] = "it is another folder for each process, which Landlock cannot express";
static const char why_asked[] = "only a supervisor can wait for an answer";
static const char why_verbose[] = "what Landlock refuses is not reported, and every refusal was asked to be";

const char *plan_layer_name(enum plan_layer layer)
{
	static const char *const names[] = {"nothing to enforce", "the filter", "Landlock", "the supervisor"};

	return names[layer];
}

int plan_add_grant(struct plan *plan, const char *path, unsigned access, bool sockets)
{
	struct plan_grant *grown = reallocarray(plan->grants, plan->grant_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	plan->grants = grown;
	plan->grants[plan->grant_count].path = strdup(path);
	if (!plan->grants[plan->grant_count].path)
		return -ENOMEM;
	plan->grants[plan->grant_count].sockets = sockets;
	plan->grants[plan->grant_count++].access = access;
	return 0;
}

/* The outline of a rule that the supervisor holds: the nearest folder that exists. */
static int add_backstop(struct plan *plan, const struct match_entry *entry)
{
	char path[PATH_MAX];

	if (entry->rule->is_glob)
		match_glob_top(entry->path, path, sizeof(path));
	else if (snprintf(path, sizeof(path), "%s", entry->path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (plan_is_own_process(path))
		strcpy(path, "/proc");
	while (access(path, F_OK) < 0 && path[1]) {
		char *slash = strrchr(path, '/');

		slash[slash == path] = '\0';
	}
	return plan_add_grant(plan, path, entry->rule->access, false);
}

/* What is looked at again and again while layers are chosen. */
struct choosing {
	struct plan *plan;
	const struct plan_options *options;
	struct grounds grounds;
	/* What grants, in any layer. */
	const struct match_entry **granting;
	size_t granting_count;
};

/* Which layer a grant needs, and why no cheaper one. */
static enum plan_layer layer_of_grant(
        const struct choosing *choosing, const struct match_entry *entry, const char **ret_why)
{
	const struct plan_options *options = choosing->options;
	const struct plan *plan = choosing->plan;
	const struct policy_file_rule *rule = entry->rule;
	const char *bound = entry->path;
	struct match_verdict verdict;
	struct stat st;

	*ret_why = NULL;
	/* Most rules of profiles are about programs that this machine does not have. */
	if (entry->is_missing && rule->optional) {
		*ret_why = why_absent;
		return PLAN_NOWHERE;
	}
	if (!options->verbose_denials && grounds_cover(&choosing->grounds, rule, bound)) {
		*ret_why = "another grant covers it";
		return PLAN_NOWHERE;
	}
	if (rule->is_glob) {
		*ret_why = why_pattern;
		return PLAN_SUPERVISOR;
	}
	matcher_decide(plan->matcher, bound, rule->access, &verdict);
	if (verdict.verdict != POLICY_ALLOW) {
		*ret_why = verdict.verdict == POLICY_ASK ? "a rule that asks covers all of it"
		                                         : "a deny or hide rule covers all of it";
		return PLAN_NOWHERE;
	}
	if (entry->is_missing || (!entry->is_there && lstat(bound, &st) < 0)) {
		*ret_why = rule->optional ? why_absent : why_missing;
		return rule->optional ? PLAN_NOWHERE : PLAN_SUPERVISOR;
	}
	if (plan_is_own_process(bound)) {
		*ret_why = why_own;
		return PLAN_SUPERVISOR;
	}
	if (options->verbose_denials) {
		*ret_why = why_verbose;
		return PLAN_SUPERVISOR;
	}
	return PLAN_LANDLOCK;
}

#define BIT(operation) (UINT64_C(1) << (operation))

_Static_assert(SYSCALLS_OPERATIONS <= 64, "operations are kept as bits");

uint64_t plan_operations_of(unsigned access)
{
	uint64_t operations = BIT(SYSCALLS_OPEN);

	if (access & POLICY_WRITE)
		operations |= BIT(SYSCALLS_CREATE) | BIT(SYSCALLS_REMOVE) | BIT(SYSCALLS_RENAME) |
		              BIT(SYSCALLS_LINK) | BIT(SYSCALLS_TRUNCATE);
	if (access & POLICY_EXEC)
		operations |= BIT(SYSCALLS_EXEC);
	return operations;
}

static void notify(struct plan *plan, struct plan_line *line, uint64_t operations)
{
	line->notifies |= operations;
	for (int i = 0; i < SYSCALLS_OPERATIONS; i++)
		plan->notifies[i] |= (operations & BIT(i)) != 0;
}

struct plan_line *plan_add_line(struct plan *plan)
{
	struct plan_line *grown = reallocarray(plan->lines, plan->line_count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	plan->lines = grown;
	plan->lines[plan->line_count] = (struct plan_line){0};
	return &plan->lines[plan->line_count++];
}

/* The others of a rule stand behind it. NULL: it has none. */
static const struct match_entry *first_entry(const struct plan *plan, const struct policy_file_rule *rule)
{
	bool is_closed = plan->closed && rule >= plan->closed && rule < plan->closed + plan->closed_count;
	size_t number = is_closed ? plan->policy->file_count + (size_t)(rule - plan->closed)
	                          : (size_t)(rule - plan->policy->files);
	size_t first = plan->first_entries[number];

	return first < plan->entry_count && plan->entries[first].rule == rule ? &plan->entries[first] : NULL;
}

/* Of a rule that grants, freely or by an answer. NULL: memory is short. */
static struct plan_line *add_granting_line(struct plan *plan, const struct policy_file_rule *rule)
{
	struct plan_line *line = plan_add_line(plan);

	if (line) {
		line->file = rule;
		line->entry = first_entry(plan, rule);
	}
	return line;
}

/* A link on the way may be the command's own, from a run before: then it chose where the grant is. */
static int tell_where_it_leads(const struct plan *plan, struct plan_line *line)
{
	const struct policy_file_rule *rule = line->file;
	struct match_verdict verdict;

	if (rule->is_glob || !strcmp(rule->path, line->entry->path))
		return 0;
	matcher_decide(plan->matcher, rule->path, POLICY_WRITE, &verdict);
	if (!policy_grants(verdict.verdict) || path_is_within(line->entry->path, rule->path))
		return 0;
	return asprintf(&line->note, "leads to %s, by a link that the command may change for the next run",
	               line->entry->path) < 0
	               ? -ENOMEM
	               : 0;
}

static int choose_for_grant(struct choosing *choosing, const struct policy_file_rule *rule)
{
	struct plan *plan = choosing->plan;
	struct plan_line *line = add_granting_line(plan, rule);
	const struct match_entry *entry = line ? line->entry : NULL;

	if (!entry)
		return line ? 0 : -ENOMEM;
	if (tell_where_it_leads(plan, line) < 0)
		return -ENOMEM;
	line->layer = layer_of_grant(choosing, entry, &line->why);
	if (line->layer == PLAN_NOWHERE)
		return 0;
	choosing->granting[choosing->granting_count++] = entry;
	if (line->layer == PLAN_LANDLOCK)
		return plan_add_grant(plan, entry->path, rule->access, false);
	line->backstop = true;
	notify(plan, line, plan_operations_of(rule->access));
	return add_backstop(plan, entry);
}

/* It grants what an answer may, and refuses it until then: so Landlock holds its outline, and whatever could
 * touch it stops. */
static int choose_for_asking(struct choosing *choosing, const struct policy_file_rule *rule)
{
	struct plan *plan = choosing->plan;
	struct plan_line *line = add_granting_line(plan, rule);
	const struct match_entry *entry = line ? line->entry : NULL;

	if (!entry)
		return line ? 0 : -ENOMEM;
	line->layer = PLAN_SUPERVISOR;
	line->why = why_asked;
	choosing->granting[choosing->granting_count++] = entry;
	line->backstop = true;
	notify(plan, line, plan_operations_of(rule->access) | BIT(SYSCALLS_METADATA));
	return add_backstop(plan, entry);
}

/* Whether a deny can take something out of what a grant gives. */
static bool cuts(const struct match_entry *deny, struct matcher *deny_alone, const struct match_entry *allow)
{
	if (allow->rule->is_glob)
		return true;
	if (deny->rule->is_glob)
		return matcher_may_deny_within(deny_alone, allow->path);
	return path_is_within(deny->path, allow->path) && strcmp(deny->path, allow->path) != 0;
}

static int access_cut_by(
        const struct choosing *choosing, const struct policy_file_rule *rule, unsigned *ret_access)
{
	const struct plan *plan = choosing->plan;
	const struct match_entry *entry = first_entry(plan, rule), *end = plan->entries + plan->entry_count;
	unsigned access = 0;

	for (; entry && entry < end && entry->rule == rule; entry++) {
		struct matcher *alone = NULL;
		int r = rule->is_glob ? matcher_new(entry, 1, &alone) : 0;

		if (r < 0)
			return r;
		for (size_t i = 0; i < choosing->granting_count; i++)
			if (cuts(entry, alone, choosing->granting[i]))
				access |= choosing->granting[i]->rule->access;
		matcher_free(alone);
	}
	*ret_access = access;
	return 0;
}

static int choose_for_redirect(struct plan *plan, const struct policy_file_rule *rule)
{
	struct plan_line *line = plan_add_line(plan);

	if (!line)
		return -ENOMEM;
	line->file = rule;
	line->layer = PLAN_SUPERVISOR;
	line->why = "only an answer can put one thing in the place of another";
	notify(plan, line, plan_operations_of(rule->access) | BIT(SYSCALLS_METADATA) | BIT(SYSCALLS_STAT));
	return 0;
}

static int choose_for_denial(const struct choosing *choosing, const struct policy_file_rule *rule)
{
	struct plan *plan = choosing->plan;
	unsigned access;
	int r = access_cut_by(choosing, rule, &access);
	struct plan_line *line;

	if (r < 0)
		return r;
	line = plan_add_line(plan);
	if (!line)
		return -ENOMEM;
	line->file = rule;
	if (!access) {
		line->layer = PLAN_NOWHERE;
		line->why = "no grant covers it: nothing there is allowed anyway";
		return 0;
	}
	/* Who can only read there finds nothing to read, and is turned away by the sockets. */
	if (rule->is_fixed && !(access & POLICY_WRITE)) {
		line->layer = plan->notifies[SYSCALLS_OPEN] ? PLAN_SUPERVISOR : PLAN_NOWHERE;
		line->why = line->layer == PLAN_NOWHERE ? "nothing there can be read or changed" : why_inside;
		return 0;
	}
	if (rule->verdict == POLICY_HIDE && plan->permissive) {
		/* Seen all the same: that somebody looked is recorded. */
		line->layer = PLAN_SUPERVISOR;
		line->why = why_hidden;
		notify(plan, line, plan_operations_of(access) | BIT(SYSCALLS_METADATA) | BIT(SYSCALLS_STAT));
		return 0;
	}
	line->layer = PLAN_SUPERVISOR;
	line->why = rule->verdict == POLICY_HIDE ? why_hidden : rule->is_glob ? why_pattern : why_inside;
	notify(plan, line, plan_operations_of(access) | BIT(SYSCALLS_METADATA));
	if (rule->verdict == POLICY_HIDE) {
		notify(plan, line, BIT(SYSCALLS_STAT) | BIT(SYSCALLS_WATCH));
		plan->hides = true;
	}
	return 0;
}

static int choose_for_calls(struct plan *plan, const struct plan_options *options)
{
	for (size_t i = 0; i < plan->policy->syscall_count; i++) {
		const struct policy_syscall_rule *rule = &plan->policy->syscalls[i];
		bool is_recorded = rule->log || (options->verbose_denials && rule->verdict != POLICY_ALLOW);
		bool is_asked = rule->verdict == POLICY_ASK;
		struct plan_line *line = plan_add_line(plan);

		if (!line)
			return -ENOMEM;
		line->call = rule;
		line->layer = is_asked || is_recorded ? PLAN_SUPERVISOR : PLAN_FILTER;
		line->why = is_asked ? why_asked : is_recorded ? "the filter keeps no record" : NULL;
	}
	return 0;
}

/* A refusal of Landlock's stands, whoever allows it: so none may come from there. The supervisor decides on
 * every path, and the domain is as wide as can be. It stays on: nobody in one can mount. */
static int decide_all(struct plan *plan)
{
	unsigned access = POLICY_READ | POLICY_WRITE | POLICY_EXEC;
	uint64_t operations = plan_operations_of(access) | BIT(SYSCALLS_METADATA);

	for (int i = 0; i < SYSCALLS_OPERATIONS; i++)
		plan->notifies[i] |= (operations & BIT(i)) != 0;
	return plan_add_grant(plan, "/", access, true);
}

static int choose_for_files(struct choosing *choosing)
{
	struct plan *plan = choosing->plan;
	const struct policy *policy = plan->policy;
	int r = grounds_init(&choosing->grounds, plan);

	choosing->granting = calloc(plan->entry_count + 1, sizeof(*choosing->granting));
	if (r == 0 && !choosing->granting)
		r = -ENOMEM;
	for (size_t i = 0; i < policy->file_count && r == 0; i++)
		if (policy->files[i].verdict == POLICY_ALLOW)
			r = choose_for_grant(choosing, &policy->files[i]);
	for (size_t i = 0; i < policy->file_count && r == 0; i++)
		if (policy->files[i].verdict == POLICY_ASK)
			r = choose_for_asking(choosing, &policy->files[i]);
	for (size_t i = 0; i < policy->file_count && r == 0; i++)
		if (policy->files[i].verdict == POLICY_REDIRECT)
			r = choose_for_redirect(plan, &policy->files[i]);
		else if (!policy_grants(policy->files[i].verdict))
			r = choose_for_denial(choosing, &policy->files[i]);
	/* Last: what the others make notify, these are held by as well. */
	for (size_t i = 0; i < plan->closed_count && r == 0; i++)
		r = choose_for_denial(choosing, &plan->closed[i]);
	return r;
}

int plan_choose_layers(struct plan *plan, const struct plan_options *options)
{
	struct choosing choosing = {.plan = plan, .options = options};
	int r = choose_for_files(&choosing);

	grounds_done(&choosing.grounds);
	free(choosing.granting);
	if (r == 0 && (options->permissive || options->asks))
		r = decide_all(plan);
	/* What notifies already goes on to do so: the rest follows from it. */
	for (int i = 0; i < SYSCALLS_OPERATIONS; i++) {
		plan->notifies[i] |= options->worn && options->worn->notifies_for_files[i];
		plan->notifies_for_files[i] = plan->notifies[i];
	}
	plan->hides |= options->worn && options->worn->hides;
	for (int i = 0; i < SYSCALLS_OPERATIONS; i++)
		plan->undoes_domains |= plan->notifies[i];
	if (r == 0)
		r = plan_choose_for_addresses(plan, options);
	if (r == 0)
		r = choose_for_calls(plan, options);
	for (int i = 0; i < SYSCALLS_OPERATIONS; i++) {
		plan->notifies[i] |= options->notify[i] || (options->worn && options->worn->notifies[i]);
		plan->performs |= plan->notifies[i];
	}
	return r;
}

/* ---- what this kernel can do ---- */

static int demand(struct plan *plan, const struct plan_options *options, const char *text, char *error_text,
        size_t error_size)
{
	char *notes = NULL;

	if (!options->best_effort) {
		snprintf(error_text, error_size, "%s", text);
		return -ENOTSUP;
	}
	if (asprintf(&notes, "%s%s\n", plan->notes ? plan->notes : "", text) < 0)
		return -ENOMEM;
	free(plan->notes);
	plan->notes = notes;
	return 0;
}

unsigned plan_lacks(int landlock_abi)
{
	return (landlock_abi < PORTS_ABI ? PLAN_LACKS_PORTS : 0) |
	       (landlock_abi < SCOPES_ABI ? PLAN_LACKS_SCOPES : 0);
}

/* Whatever the policy allows there it would allow on the machine's own network: so there is no doing without.
 */
static int check_own_network(char *text, size_t size)
{
	int r = isolation_probe();

	if (r == 0)
		return 0;
	snprintf(text, size,
	        "'network: own' needs a network namespace%s, and this machine gives none (%s)%s. Nothing was "
	        "started, and --best-effort changes nothing here",
	        isolation_needs_user_namespace() ? " and for it a user namespace" : "", strerror(-r),
	        r == -ENOSPC                  ? ": see user.max_user_namespaces and user.max_net_namespaces"
	        : r == -EPERM || r == -EACCES ? ": a sysctl, a security module or a container forbids it"
	                                      : "");
	return -ENOTSUP;
}

int plan_check_kernel(struct plan *plan, const struct reeve_features *features,
        const struct plan_options *options, char *text, size_t size)
{
	int r = 0;

	if (plan_lacks(features->landlock_abi) & ~plan->lacks) {
		snprintf(text, size, "the plan counts on more than this kernel's Landlock can hold");
		return -ENOTSUP;
	}
	plan->landlock_handled = landlock_rights(features->landlock_abi);
	plan->uses_landlock = features->landlock_abi > 0;
	plan->scopes_signals = features->landlock_abi >= SCOPES_ABI;
	if (features->landlock_abi < NEEDED_ABI)
		r = demand(plan, options,
		        "this kernel's Landlock is missing or older than ABI 3 (Linux 6.2): it cannot hold "
		        "the file "
		        "rules completely (truncation; below ABI 1 nothing at all). --best-effort goes on "
		        "without",
		        text, size);
	if (r == 0 && plan->supervises && !(features->user_notification && features->inject))
		r = demand(plan, options,
		        "this kernel has no user notification with descriptor injection (Linux 5.9): the "
		        "rules that "
		        "only the supervisor can hold have no layer",
		        text, size);
	/* Without Landlock, or without notifications, a plan that needs them would hold nothing: never. */
	if (r == 0 && !plan->uses_landlock && !options->verbose_denials) {
		snprintf(text, size, "without Landlock no file rule can be held; nothing was started");
		return -ENOTSUP;
	}
	if (r == 0 && plan->supervises && features->listener_exists) {
		snprintf(text, size,
		        "another supervisor already listens to this process, and the kernel allows one. "
		        "A policy of whole trees (see reeve explain) needs no supervisor and runs here");
		return -EBUSY;
	}
	if (r == 0 && plan->own_network)
		r = check_own_network(text, size);
	return r;
}

/* Rules of our own, which no other overcomes. */
static int close_folders(struct plan *plan, const struct plan_options *options)
{
	size_t count = 0;

	if (options->worn)
		count = options->worn->closed_count;
	while (options->closed && options->closed[count])
		count++;
	if (count == 0)
		return 0;
	plan->closed = calloc(count, sizeof(*plan->closed));
	if (!plan->closed)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		char *path = strdup(options->worn ? options->worn->closed[i].path : options->closed[i]);

		if (!path)
			return -ENOMEM;
		plan->closed[plan->closed_count++] = (struct policy_file_rule){.verdict = POLICY_DENY,
		        .access = POLICY_READ | POLICY_WRITE | POLICY_EXEC,
		        .error = EACCES,
		        .is_fixed = true,
		        .text = path,
		        .path = path,
		        .place = {.source = "reeve itself"}};
	}
	return 0;
}

int plan_new(struct policy *policy, const struct plan_options *options, struct plan **ret)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int r;

	if (!plan)
		return -ENOMEM;
	plan->policy = policy_ref(policy);
	plan->permissive = options->permissive;
	plan->asks_all = options->asks;
	plan->asks = options->asks || (policy_asks(policy) && !options->permissive);
	if (options->worn) {
		plan->uses_landlock = options->worn->uses_landlock;
		plan->landlock_handled = options->worn->landlock_handled;
		plan->scopes_signals = options->worn->scopes_signals;
	}
	plan->lacks = options->worn ? options->worn->lacks : options->lacks;
	r = close_folders(plan, options);
	if (r == 0)
		r = plan_bind(plan);
	if (r == 0)
		r = plan_choose_layers(plan, options);
	plan->own_network = policy->own_network;
	plan->user_namespace = policy->own_network && isolation_needs_user_namespace();
	if (r == 0)
		r = plan_build_filter(plan, options);
	if (r < 0) {
		plan_free(plan);
		return r;
	}
	plan_choose_limits(plan, options);
	*ret = plan;
	return 0;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	matcher_free(plan->matcher);
	address_matcher_free(plan->addresses);
	for (size_t i = 0; i < plan->address_entry_count; i++)
		free((char *)plan->address_entries[i].path);
	free(plan->address_entries);
	for (size_t i = 0; i < plan->address_redirect_count; i++)
		free((char *)plan->address_redirects[i].path);
	free(plan->address_redirects);
	free(plan->network.connect_ports.items);
	free(plan->network.listen_ports.items);
	for (size_t i = 0; i < plan->entry_count; i++)
		free((char *)plan->entries[i].path);
	free(plan->entries);
	free(plan->first_entries);
	for (size_t i = 0; i < plan->redirect_count; i++)
		free(plan->redirects[i].from);
	free(plan->redirects);
	for (size_t i = 0; i < plan->line_count; i++)
		free(plan->lines[i].note);
	free(plan->lines);
	for (size_t i = 0; i < plan->grant_count; i++)
		free(plan->grants[i].path);
	free(plan->grants);
	for (size_t i = 0; i < plan->closed_count; i++)
		free((char *)plan->closed[i].path);
	free(plan->closed);
	filter_program_done(&plan->filter);
	filter_program_done(&plan->rest);
	policy_unref(plan->policy);
	free(plan->notes);
	free(plan);
}

/* ---- the ruleset ---- */

static uint64_t rights_of(unsigned access)
{
	uint64_t rights = 0;

	if (access & (POLICY_READ | POLICY_WRITE | POLICY_EXEC))
		rights |= LANDLOCK_RIGHT_READ_FILE | LANDLOCK_RIGHT_READ_DIR;
	/* Device nodes are never made: a root target could reach a disk through one. */
	if (access & POLICY_WRITE)
		rights |= LANDLOCK_RIGHT_WRITE_FILE | LANDLOCK_RIGHT_TRUNCATE | LANDLOCK_RIGHT_IOCTL_DEV |
		          LANDLOCK_RIGHT_REMOVE_DIR | LANDLOCK_RIGHT_REMOVE_FILE | LANDLOCK_RIGHT_REFER |
		          (LANDLOCK_RIGHTS_MAKE & ~(LANDLOCK_RIGHT_MAKE_CHAR | LANDLOCK_RIGHT_MAKE_BLOCK));
	if (access & POLICY_EXEC)
		rights |= LANDLOCK_RIGHT_EXECUTE;
	return rights;
}

static int grant_path(int ruleset, const char *path, uint64_t rights)
{
	AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno; /* grants nothing: fails closed */
	r = landlock_grant(ruleset, fd, rights);
	/* No folder: most are. */
	if (r == -EINVAL)
		r = rights & LANDLOCK_RIGHTS_OF_FILES
		            ? landlock_grant(ruleset, fd, rights & LANDLOCK_RIGHTS_OF_FILES)
		            : 0;
	/* /dev/stdout that is a pipe: no folder holds it, and Landlock lets be what no folder holds. */
	return r == -EBADFD ? 0 : r;
}

/* What is handled and not granted is refused. The target makes natively only what needs no look at it. */
static void handle_network(const struct plan *plan, bool performs, struct landlock_handled *handled)
{
	const struct plan_network *network = &plan->network;

	if (plan->lacks & PLAN_LACKS_PORTS)
		return;
	if (network->tcp_connect != PLAN_REACH_ALL && (!performs || network->connect_ports.is_named))
		handled->network |= LANDLOCK_RIGHT_CONNECT_TCP;
	if (network->tcp_listen != PLAN_REACH_ALL && (!performs || network->listen_ports.is_named))
		handled->network |= LANDLOCK_RIGHT_BIND_TCP;
}

static int grant_ports(int ruleset, const struct plan_ports *ports, uint64_t right)
{
	int r = 0;

	for (size_t i = 0; i < ports->count && r == 0; i++)
		r = landlock_grant_port(ruleset, ports->items[i], right);
	return r;
}

static int grant_network(
        const struct plan *plan, bool performs, int ruleset, const struct landlock_handled *handled)
{
	const struct plan_network *network = &plan->network;
	int r = 0;

	if (handled->network & LANDLOCK_RIGHT_CONNECT_TCP &&
	        (performs || network->tcp_connect == PLAN_REACH_PORTS))
		r = grant_ports(ruleset, &network->connect_ports, LANDLOCK_RIGHT_CONNECT_TCP);
	if (r == 0 && handled->network & LANDLOCK_RIGHT_BIND_TCP &&
	        (performs || network->tcp_listen == PLAN_REACH_PORTS))
		r = grant_ports(ruleset, &network->listen_ports, LANDLOCK_RIGHT_BIND_TCP);
	return r;
}

static uint64_t scopes_of(const struct plan *plan, bool scope_signals, bool performs)
{
	uint64_t scopes = scope_signals && plan->scopes_signals ? LANDLOCK_SCOPE_SIGNAL : 0;

	if (plan->lacks & PLAN_LACKS_SCOPES || plan->network.names == PLAN_REACH_ALL)
		return scopes;
	/* Whoever performs connections to names outside has to reach them. */
	return !performs || plan->network.names_within ? scopes | LANDLOCK_SCOPE_ABSTRACT : scopes;
}

static uint64_t rights_of_grant(const struct plan *plan, size_t i, bool wide)
{
	uint64_t rights = rights_of(plan->grants[i].access);

	if (wide && plan->grants[i].sockets)
		rights |= LANDLOCK_RIGHT_MAKE_SOCK;
	/* Performing threads run nothing. What moves into a place where an answer may allow to run it was
	 * judged, and Landlock would refuse that it gains a right. */
	if (wide && plan->asks && plan->grants[i].access)
		rights |= LANDLOCK_RIGHT_EXECUTE;
	return rights & plan->landlock_handled;
}

#define RIGHTS_TO_READ (LANDLOCK_RIGHT_READ_FILE | LANDLOCK_RIGHT_READ_DIR)

/* The rights that a performing thread has in more places than the target. */
static uint64_t rights_that_differ(const struct plan *plan)
{
	bool reads_proc = false;
	uint64_t rights = 0;

	for (size_t i = 0; i < plan->grant_count; i++) {
		const char *path = plan->grants[i].path;

		rights |= rights_of_grant(plan, i, true) & ~rights_of_grant(plan, i, false);
		reads_proc |= (strcmp(path, "/proc") == 0 || strcmp(path, "/") == 0) &&
		              !(RIGHTS_TO_READ & ~rights_of_grant(plan, i, false));
	}
	return reads_proc ? rights : rights | RIGHTS_TO_READ;
}

bool plan_has_outer_domain(const struct plan *plan)
{
	return plan->performs && plan->uses_landlock;
}

int plan_ruleset(const struct plan *plan, bool scope_signals, bool wide)
{
	/* Within the domain of the performing threads only what they have beyond it is left to refuse. */
	bool is_inner = !wide && plan_has_outer_domain(plan);
	uint64_t differ = is_inner ? rights_that_differ(plan) : plan->landlock_handled;
	struct landlock_handled handled = {.files = (differ | LANDLOCK_RIGHT_REFER) & plan->landlock_handled,
	        .scopes = scopes_of(plan, scope_signals, wide)};
	AUTO_CLOSE int ruleset = -EBADF;
	int r = 0;

	handle_network(plan, wide, &handled);
	ruleset = landlock_ruleset_new(&handled);
	if (ruleset < 0)
		return TAKE_FD(ruleset);
	for (size_t i = 0; i < plan->grant_count && r == 0; i++) {
		uint64_t rights = rights_of_grant(plan, i, wide) & differ;

		if (rights)
			r = grant_path(ruleset, plan->grants[i].path, rights);
	}
	/* What one domain does not speak of it refuses in this one case. */
	if (r == 0 && is_inner && !(differ & LANDLOCK_RIGHT_REFER))
		r = grant_path(ruleset, "/", LANDLOCK_RIGHT_REFER & plan->landlock_handled);
	if (r == 0)
		r = grant_network(plan, wide, ruleset, &handled);
	if (r == 0 && wide)
		r = grant_path(ruleset, "/proc", RIGHTS_TO_READ & plan->landlock_handled);
	return r < 0 ? r : TAKE_FD(ruleset);
}
