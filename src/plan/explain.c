#include "plan/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "plan/limits.h"
#include "plan/streams.h"
#include "plan/tell.h"
#include "policy/calls.h"
#include "policy/host.h"

#define WIDTH 80

static const char *const refused_always[] = {
        "io_uring_setup, io_uring_enter, io_uring_register: ENOSYS (rings do calls that no filter sees)",
        "calls of other architectures (i386, x32): the process is killed",
        "calls newer than Linux 6.18: ENOSYS",
};

/* Calls that name tasks by numbers, without a supervisor and with one. */
#define TASK_CALLS                                                                                           \
	"setpriority, ioprio_set, sched_set*, migrate_pages, move_pages, prlimit64 that sets limits"
static const char refused_numbers[] = TASK_CALLS
        ": EPERM for another task than the caller, named by its number or as one of a group or user (no "
        "layer but a supervisor knows whose numbers are whose, and this plan has none)";
static const char refused_outsiders[] = TASK_CALLS
        ": EPERM for tasks outside, groups of processes and users (the supervisor looks whom a number names)";

static const char *const refused_performing[] = {
        "mount and the other calls that change mounts, pivot_root: EPERM (as in any Landlock domain)",
};

static const char *const refused_undoing[] = {
        "landlock_create_ruleset: EOPNOTSUPP (what the supervisor does would not obey the program's own "
        "domain)",
};

static const char *const refused_sockets[] = {
        "sockets of other kinds than TCP, UDP and UNIX, and netlink's routing family: EAFNOSUPPORT, "
        "EPROTONOSUPPORT "
        "(MPTCP, SCTP) or EACCES (raw)",
};

static const char *const refused_fast_open[] = {
        "TCP fast open (MSG_FASTOPEN and its options): EOPNOTSUPP (it connects without connect)",
};

static const char *const refused_routes[] = {
        "source routes and routing headers (IP_OPTIONS, IPV6_RTHDR, IPV6_FLOWLABEL_MGR): EPERM (they lead "
        "packets by way of others)",
};

static const char *const refused_protocols[] = {
        "another protocol in the place of TCP, or above it (TCP_ULP): ENOENT (SMC connects and listens "
        "where no layer sees it)",
};

static const char *const not_held[] = {
        "Which abstract names a program takes for its own sockets, unless a listen rule speaks of them: "
        "others may "
        "connect to it there.",
        "stat, chmod, chown, utime and extended attributes: Landlock does not govern them, so grants do not "
        "bound them. Deny, hide and ask rules do: the supervisor looks at them where one takes effect.",
        "Exec rules hold running a file. Mapping it as a library (ld.so FILE, dlopen) is reading: deny that, "
        "too, where it matters.",
        "Listings of folders still show hidden names, and chdir into a hidden folder is not stopped.",
        "Core dumps: the kernel writes them into the folder in which a program crashed, also where a deny or "
        "hide "
        "rule covers it inside of what may be written.",
        "Rules judge names, as bytes: a hard link, bind mount or snapshot made beforehand is another name, "
        "and "
        "so is each spelling where a file system takes names regardless of their case.",
};

/* ---- words ---- */

/* One paragraph, wrapped; the first line starts at `column`, the others at `indent`. */
static void write_wrapped(FILE *out, const char *text, size_t column, size_t indent)
{
	bool first = true;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (!first && column + 1 + n > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, n, out);
		column += n;
		text += n + (text[n] == ' ');
		first = false;
	}
	fputc('\n', out);
}

static void write_list(FILE *out, const char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fputs("  - ", out);
		write_wrapped(out, items[i], 4, 4);
	}
}

static const char *const *refused_tasks(const struct plan *plan)
{
	static const char *const without = refused_numbers, *const with = refused_outsiders;

	return plan->supervises ? &with : &without;
}

/* Refusals of the filter that no rule made. Calls `tell` for each list. */
static void each_refusal(
        const struct plan *plan, void (*tell)(void *user, const char *const *items, size_t count), void *user)
{
	tell(user, refused_always, ELEMENTS(refused_always));
	tell(user, refused_tasks(plan), 1);
	tell(user, refused_sockets, ELEMENTS(refused_sockets));
	if (plan->network.refuses_fast_open)
		tell(user, refused_fast_open, ELEMENTS(refused_fast_open));
	if (plan->network.refuses_routes)
		tell(user, refused_routes, ELEMENTS(refused_routes));
	if (plan->network.refuses_protocols)
		tell(user, refused_protocols, ELEMENTS(refused_protocols));
	if (plan->performs)
		tell(user, refused_performing, ELEMENTS(refused_performing));
	if (plan->undoes_domains)
		tell(user, refused_undoing, ELEMENTS(refused_undoing));
}

/* ---- networks ---- */

enum { SORTS = 6 };

/* One sort of addresses: how much of it is allowed, and who holds that. */
struct sort {
	const char *name, *word; /* for people, for programs */
	enum plan_layer layer;
	const char *text;
};

static struct sort sort_of_tcp(const struct plan *plan, enum plan_reach reach)
{
	bool ported = !(plan->lacks & PLAN_LACKS_PORTS);
	struct sort sort = {.layer = ported ? PLAN_LANDLOCK : PLAN_SUPERVISOR};

	switch (reach) {
	case PLAN_REACH_NONE:
		sort.text = "none";
		if (!plan->network.makes_tcp)
			sort.layer = PLAN_FILTER;
		break;
	case PLAN_REACH_PORTS:
		sort.text = "to some ports of any address";
		break;
	case PLAN_REACH_SOME:
		sort.text = "each is looked at";
		sort.layer = PLAN_SUPERVISOR;
		break;
	case PLAN_REACH_ALL:
		sort.text = "all";
		sort.layer = PLAN_NOWHERE;
		break;
	}
	return sort;
}

static struct sort sort_of_udp(const struct plan_network *network)
{
	if (network->unplugs_udp)
		return (struct sort){.layer = PLAN_SUPERVISOR,
		        .text = "none: the sockets can be made and are unplugged, in a network namespace "
		                "that is "
		                "connected to nothing; where this machine gives none, EACCES"};
	if (!network->makes_udp)
		return (struct sort){.layer = PLAN_FILTER, .text = "none: the sockets cannot be made"};
	if (network->udp_connect == PLAN_REACH_ALL && network->udp_listen == PLAN_REACH_ALL)
		return (struct sort){.layer = PLAN_NOWHERE, .text = "all"};
	return (struct sort){.layer = PLAN_SUPERVISOR,
	        .text = "each address is looked at; sendmsg and sendmmsg notify always, as their addresses "
	                "lie in memory"};
}

static struct sort sort_of_files(const struct plan *plan)
{
	if (!plan->network.makes_unix)
		return (struct sort){.layer = PLAN_FILTER,
		        .text = plan->lacks & PLAN_LACKS_LISTENER
		                        ? "none: no supervisor can listen here, so UNIX sockets cannot be "
		                          "made"
		                        : "none could be connected to, so UNIX sockets cannot be made"};
	if (plan->network.files == PLAN_REACH_ALL && !plan->notifies[SYSCALLS_CONNECT])
		return (struct sort){.layer = PLAN_NOWHERE, .text = "all"};
	return (struct sort){.layer = PLAN_SUPERVISOR,
	        .text = "those that rules allow, and those in trees that may be written; no kernel layer "
	                "knows them, "
	                "so each connect notifies, of other sockets, too"};
}

static struct sort sort_of_names(const struct plan_network *network)
{
	if (!network->makes_unix)
		return (struct sort){.layer = PLAN_FILTER, .text = "none: UNIX sockets cannot be made"};
	if (network->names == PLAN_REACH_ALL)
		return (struct sort){.layer = PLAN_NOWHERE, .text = "all"};
	if (network->names_within)
		return (struct sort){.layer = PLAN_LANDLOCK, .text = "the program's own"};
	return (struct sort){.layer = PLAN_SUPERVISOR, .text = "those that rules allow"};
}

static struct sort sort_of_hosts(const struct plan *plan)
{
	if (!host_any(plan->policy))
		return (struct sort){0};
	return (struct sort){.layer = PLAN_SUPERVISOR,
	        .text = "a resolver takes the place of every name server; it asks only for names of the "
	                "rules, and "
	                "what they stand for is open as long as the answer is good, a minute at least"};
}

static void find_sorts(const struct plan *plan, struct sort ret[SORTS])
{
	static const char *const names[SORTS] = {"TCP connections", "TCP listening", "UDP",
	        "UNIX socket files", "abstract UNIX sockets", "host names"};
	static const char *const words[SORTS] = {
	        "tcp-connect", "tcp-listen", "udp", "files", "abstract", "hosts"};

	ret[0] = sort_of_tcp(plan, plan->network.tcp_connect);
	ret[1] = sort_of_tcp(plan, plan->network.tcp_listen);
	if (plan->network.tcp_listen == PLAN_REACH_PORTS)
		ret[1].text =
		        "on some ports of any address; that listen has one of them, the supervisor sees";
	if (plan->network.tcp_listen == PLAN_REACH_NONE && plan->notifies[SYSCALLS_LISTEN])
		ret[1].text = "none; that listen takes no port by itself, the supervisor sees";
	ret[2] = sort_of_udp(&plan->network);
	ret[3] = sort_of_files(plan);
	ret[4] = sort_of_names(&plan->network);
	ret[5] = sort_of_hosts(plan);
	for (size_t i = 0; i < SORTS; i++) {
		ret[i].name = names[i];
		ret[i].word = words[i];
	}
}

static void write_sorts(const struct plan *plan, FILE *out)
{
	struct sort sorts[SORTS];

	find_sorts(plan, sorts);
	fputs("\nThe network:\n", out);
	for (size_t i = 0; i < SORTS; i++) {
		char text[512];

		if (!sorts[i].text)
			continue;
		fputs("  - ", out);
		snprintf(text, sizeof(text), "%s: %s%s%s", sorts[i].name, sorts[i].text,
		        sorts[i].layer == PLAN_NOWHERE ? "" : "; held by ",
		        sorts[i].layer == PLAN_NOWHERE ? "" : plan_layer_name(sorts[i].layer));
		write_wrapped(out, text, 4, 4);
	}
}

/* ---- what a rule makes notify ---- */

static bool rule_may_notify(const struct policy_file_rule *rule, enum syscalls_operation operation)
{
	bool denies = rule->verdict != POLICY_ALLOW;

	switch (operation) {
	case SYSCALLS_OPEN:
		return true;
	case SYSCALLS_CREATE:
	case SYSCALLS_REMOVE:
	case SYSCALLS_RENAME:
	case SYSCALLS_LINK:
	case SYSCALLS_TRUNCATE:
		return rule->access & POLICY_WRITE;
	case SYSCALLS_EXEC:
		return rule->access & POLICY_EXEC;
	case SYSCALLS_METADATA:
		return denies;
	case SYSCALLS_STAT:
		return rule->verdict == POLICY_HIDE || rule->verdict == POLICY_REDIRECT;
	case SYSCALLS_WATCH:
		return rule->verdict == POLICY_HIDE;
	default:
		return false;
	}
}

static bool line_notifies(
        const struct plan *plan, const struct plan_line *line, enum syscalls_operation operation)
{
	if (line->layer != PLAN_SUPERVISOR || !plan->notifies[operation])
		return false;
	return line->address ? line->notifies >> operation & 1
	                     : line->file && rule_may_notify(line->file, operation);
}

/* ---- the calls that notify ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t notifying_calls(const struct plan *plan, const char *ret[PLAN_MAX_CALLS])
{
	size_t count = 0;

	for (unsigned nr = 0; nr < PLAN_MAX_CALLS; nr++) {
		const char *name;

		if (plan->calls[nr].action == PLAN_CALL_NONE)
			continue;
		name = syscalls_name_of(syscalls_native(), nr);
		if (name)
			ret[count++] = name;
	}
	qsort(ret, count, sizeof(*ret), compare_names);
	return count;
}

static int write_calls(const struct plan *plan, FILE *out)
{
	const char *names[PLAN_MAX_CALLS];
	size_t count = notifying_calls(plan, names), size = 0;
	AUTO_FREE char *text = NULL;
	FILE *list;

	if (count == 0) {
		fputs("0 system calls notify: the program runs at native speed\n", out);
		return 0;
	}
	list = open_memstream(&text, &size);
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		fprintf(list, "%s%s", i ? ", " : "", names[i]);
	if (fclose(list) != 0)
		return -ENOMEM;
	fprintf(out, "%zu system calls notify:\n  ", count);
	write_wrapped(out, text, 2, 2);
	return 0;
}

/* ---- text ---- */

static void write_notifies(const struct plan *plan, const struct plan_line *line, FILE *out)
{
	bool first = true;

	if (line->call) {
		if (line->layer == PLAN_SUPERVISOR)
			fprintf(out, "      notifies: %s\n",
			        line->call->name ? line->call->name : line->call->text);
		return;
	}
	for (int i = 0; i < SYSCALLS_OPERATIONS; i++) {
		if (!line_notifies(plan, line, i))
			continue;
		fprintf(out, "%s%s", first ? "      notifies: " : ", ", syscalls_operation_name(i));
		first = false;
	}
	if (!first)
		fputc('\n', out);
}

static void write_line(const struct plan *plan, const struct plan_line *line, FILE *out)
{
	fputs("  ", out);
	if (line->address)
		tell_address_rule(out, line->address);
	else
		tell_rule(out, line->file, line->call);
	/* A group's rule is told once for each call in it. */
	if (line->call && line->call->text[0] == '@')
		fprintf(out, " (%s)", line->call->name);
	fprintf(out, ": %s%s\n", plan_layer_name(line->layer),
	        line->backstop && plan->uses_landlock ? ", and its outline Landlock" : "");
	if (line->why) {
		fprintf(out, "      %s: ", line->layer == PLAN_NOWHERE ? "because" : "no cheaper layer");
		write_wrapped(out, line->why, line->layer == PLAN_NOWHERE ? 15 : 24, 8);
	}
	if (line->note) {
		fputs("      ", out);
		write_wrapped(out, line->note, 6, 6);
	}
	write_notifies(plan, line, out);
}

static void write_notes(const char *notes, FILE *out)
{
	fputs("\nWhat this machine lacks:\n", out);
	while (*notes) {
		size_t n = strcspn(notes, "\n");

		fprintf(out, "  - %.*s\n", (int)n, notes);
		notes += n + (notes[n] == '\n');
	}
}

/* Profiles name many things that only some systems have, and deny much that only some policies grant. */
static bool is_idle(const struct plan_line *line)
{
	return line->layer == PLAN_NOWHERE && line->file && line->file->place.source &&
	       policy_profile_text(line->file->place.source);
}

/* ---- what every policy refuses ---- */

/* The rule that opens at least some of it, or NULL. */
static const struct policy_syscall_rule *opener_of(
        const struct plan *plan, const struct policy_default *refusal)
{
	int argument = refusal->rule.test_count ? refusal->rule.tests[0].arg : -1;
	size_t count;
	const struct policy_syscall_rule *rules =
	        policy_call_rules(plan->policy, refusal->rule.nr[syscalls_native()], &count);

	for (size_t i = 0; i < count; i++)
		if (policy_call_opens(&rules[i], argument))
			return &rules[i];
	return NULL;
}

static bool is_in_force(const struct plan *plan, const struct policy_default *refusal)
{
	return refusal->rule.nr[syscalls_native()] >= 0 && (!refusal->for_root || plan->privileged);
}

static int write_defaults_with(const struct plan *plan, int error, FILE *out)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0, count = 0;
	FILE *list = open_memstream(&text, &size);
	char number[32];

	if (!list)
		return -ENOMEM;
	fprintf(list, "%s:", tell_error(error, number, sizeof(number)));
	for (size_t i = 0; i < plan->policy->default_count; i++) {
		const struct policy_default *refusal = &plan->policy->defaults[i];

		if (refusal->rule.error != error || !is_in_force(plan, refusal) || opener_of(plan, refusal))
			continue;
		fprintf(list, "%s %s", count++ ? "," : "", refusal->rule.text);
	}
	if (fclose(list) != 0)
		return -ENOMEM;
	if (count)
		write_list(out, (const char *const *)&text, 1);
	return 0;
}

static int write_defaults(const struct plan *plan, FILE *out)
{
	static const int errors[] = {EPERM, ENOSYS, ENOTTY};
	int r = 0;

	fputs("\nRefused unless a rule such as 'allow: [bpf]' opens it:\n", out);
	for (size_t i = 0; r == 0 && i < ELEMENTS(errors); i++)
		r = write_defaults_with(plan, errors[i], out);
	for (size_t i = 0; r == 0 && i < plan->policy->default_count; i++) {
		const struct policy_default *refusal = &plan->policy->defaults[i];
		const struct policy_syscall_rule *opener = opener_of(plan, refusal);

		if (!opener || !is_in_force(plan, refusal))
			continue;
		fprintf(out, "  - %s is opened by ", refusal->rule.text);
		tell_rule(out, NULL, opener);
		fputc('\n', out);
	}
	return r;
}

static struct json_object *defaults_json(const struct plan *plan)
{
	struct json_object *list = json_object_new_array();
	char number[32];

	for (size_t i = 0; list && i < plan->policy->default_count; i++) {
		const struct policy_default *refusal = &plan->policy->defaults[i];
		struct json_object *object;

		if (!is_in_force(plan, refusal))
			continue;
		object = tell_rule_json(NULL, &refusal->rule);
		if (!object)
			continue;
		json_object_object_add(object, "call", json_object_new_string(refusal->rule.name));
		json_object_object_add(object, "errno",
		        json_object_new_string(tell_error(refusal->rule.error, number, sizeof(number))));
		json_object_object_add(object, "why", json_object_new_string(refusal->why));
		json_object_object_add(
		        object, "open", json_object_new_boolean(opener_of(plan, refusal) != NULL));
		json_object_array_add(list, object);
	}
	return list;
}

static void write_refusals(void *user, const char *const *items, size_t count)
{
	write_list(user, items, count);
}

static void write_own_network(const struct plan *plan, FILE *out)
{
	const struct policy_place *place = &plan->policy->own_network_place;

	fprintf(out, "\nThe network%s", place->flag ? ", by " : ", network: own at ");
	tell_place(out, place);
	fputs(":\n  - ", out);
	write_wrapped(out,
	        "A network namespace of its own, from the kernel: no interface but a loopback. All addresses "
	        "and abstract names in it are the program's own, and what the rules allow there is nowhere "
	        "else. "
	        "Sockets that it inherits, and socket files, lead out as ever.",
	        4, 4);
	fputs("  - ", out);
	write_wrapped(out, "setns: EPERM (the way back)", 4, 4);
	fputs("  - ", out);
	write_wrapped(out,
	        !plan->user_namespace
	                ? "Root's programs go without CAP_NET_ADMIN, which could make a link to the outside."
	                : "For it a user namespace, as this user is not root: other users and groups are "
	                  "shown as "
	                  "nobody (65534), also as owners of files, and setgroups is refused. It gives no "
	                  "capabilities.",
	        4, 4);
}

int explain_plan(const struct plan *plan, FILE *out)
{
	int r;
	size_t idle = 0;

	fputs(plan->line_count ? "The rules, and what holds each:\n" : "No rules: nothing is allowed.\n",
	        out);
	for (size_t i = 0; i < plan->line_count; i++) {
		if (is_idle(&plan->lines[i]))
			idle++;
		else
			write_line(plan, &plan->lines[i], out);
	}
	if (idle)
		fprintf(out,
		        "  %zu rules of profiles name what is not there or not granted (--json lists "
		        "them).\n",
		        idle);
	if (plan->line_count)
		fputs("  What no rule allows is denied.\n", out);
	write_sorts(plan, out);
	if (plan_tell_limits(plan, out, write_wrapped) < 0)
		return -ENOMEM;
	r = write_defaults(plan, out);
	if (r < 0)
		return r;
	if (plan->own_network)
		write_own_network(plan, out);
	plan_tell_streams(plan->policy, out, write_wrapped);
	fputs("\nRefused by the filter whatever the rules say:\n", out);
	each_refusal(plan, write_refusals, out);
	fputs("\nNot held by this version:\n", out);
	write_list(out, not_held, ELEMENTS(not_held));
	if (plan->notes)
		write_notes(plan->notes, out);
	fputc('\n', out);
	return write_calls(plan, out);
}

/* ---- JSON ---- */

static struct json_object *string_or_null(const char *text)
{
	return text ? tell_bytes_json(text) : NULL;
}

static struct json_object *strings_json(const char *const *items, size_t count)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < count; i++)
		json_object_array_add(list, json_object_new_string(items[i]));
	return list;
}

static struct json_object *line_notifies_json(const struct plan *plan, const struct plan_line *line)
{
	struct json_object *list = json_object_new_array();

	if (line->call && line->layer == PLAN_SUPERVISOR && line->call->name)
		json_object_array_add(list, json_object_new_string(line->call->name));
	for (int i = 0; list && i < SYSCALLS_OPERATIONS; i++)
		if (line_notifies(plan, line, i))
			json_object_array_add(list, json_object_new_string(syscalls_operation_name(i)));
	return list;
}

/* Short words for programs: they stay when the ones for people change. */
static const char *layer_word(enum plan_layer layer)
{
	static const char *const words[] = {"none", "filter", "landlock", "supervisor"};

	return words[layer];
}

static const char *use_word(unsigned use)
{
	return use == POLICY_CONNECT ? "connect" : "listen";
}

static struct json_object *line_json(const struct plan *plan, const struct plan_line *line)
{
	struct json_object *object = line->address ? tell_address_rule_json(line->address)
	                                           : tell_rule_json(line->file, line->call);

	if (!object)
		return NULL;
	if (line->address)
		json_object_object_add(object, "use", json_object_new_string(use_word(line->address->use)));
	else if (line->file)
		json_object_object_add(object, "access", tell_access_json(line->file->access));
	else
		json_object_object_add(object, "call", string_or_null(line->call->name));
	json_object_object_add(object, "layer", json_object_new_string(layer_word(line->layer)));
	json_object_object_add(object, "backstop", json_object_new_boolean(line->backstop));
	json_object_object_add(object, "why", string_or_null(line->why));
	json_object_object_add(object, "note", string_or_null(line->note));
	json_object_object_add(object, "notifies", line_notifies_json(plan, line));
	return object;
}

static void add_refusals(void *user, const char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_object_array_add(user, json_object_new_string(items[i]));
}

static struct json_object *sorts_json(const struct plan *plan)
{
	struct json_object *object = json_object_new_object(), *sort;
	struct sort sorts[SORTS];

	find_sorts(plan, sorts);
	for (size_t i = 0; object && i < SORTS; i++) {
		if (!sorts[i].text)
			continue;
		sort = json_object_new_object();
		if (!sort)
			return object;
		json_object_object_add(sort, "allowed", json_object_new_string(sorts[i].text));
		json_object_object_add(sort, "layer", json_object_new_string(layer_word(sorts[i].layer)));
		json_object_object_add(object, sorts[i].word, sort);
	}
	return object;
}

struct json_object *explain_plan_json(const struct plan *plan)
{
	struct json_object *object = json_object_new_object(), *rules = json_object_new_array(), *refused;
	const char *names[PLAN_MAX_CALLS];
	size_t count = notifying_calls(plan, names);

	if (!object || !rules)
		return NULL;
	for (size_t i = 0; i < plan->line_count; i++)
		json_object_array_add(rules, line_json(plan, &plan->lines[i]));
	refused = json_object_new_array();
	if (refused)
		each_refusal(plan, add_refusals, refused);
	json_object_object_add(object, "schema", json_object_new_int(1));
	json_object_object_add(object, "rules", rules);
	json_object_object_add(object, "network", sorts_json(plan));
	json_object_object_add(object, "limits", plan_limits_json(plan));
	json_object_object_add(object, "defaults", defaults_json(plan));
	json_object_object_add(object, "own_network", json_object_new_boolean(plan->own_network));
	json_object_object_add(object, "user_namespace", json_object_new_boolean(plan->user_namespace));
	json_object_object_add(object, "streams", plan_streams_json(plan->policy));
	json_object_object_add(object, "refused", refused);
	json_object_object_add(object, "not_held", strings_json(not_held, ELEMENTS(not_held)));
	json_object_object_add(object, "lacking", string_or_null(plan->notes));
	json_object_object_add(object, "supervises", json_object_new_boolean(plan->supervises));
	json_object_object_add(object, "notifies", strings_json(names, count));
	return object;
}

/* ---- groups ---- */

void explain_group(const char *name, FILE *out)
{
	const char *const *calls = NULL;
	size_t column = 2;

	if (syscalls_group(name, &calls) < 0)
		return;
	fprintf(out, "%s: %s\n ", name, syscalls_group_about(name));
	for (; *calls; calls++) {
		if (column + strlen(*calls) + 1 > WIDTH) {
			fputs("\n ", out);
			column = 2;
		}
		fprintf(out, " %s", *calls);
		column += strlen(*calls) + 1;
	}
	fputc('\n', out);
}

struct json_object *explain_group_json(const char *name)
{
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();
	const char *const *calls = NULL;

	if (!object || !list || syscalls_group(name, &calls) < 0)
		return NULL;
	for (; *calls; calls++)
		json_object_array_add(list, json_object_new_string(*calls));
	json_object_object_add(object, "group", json_object_new_string(name));
	json_object_object_add(object, "about", json_object_new_string(syscalls_group_about(name)));
	json_object_object_add(object, "calls", list);
	return object;
}

/* ---- answers ---- */

int explain_answer_tell(const struct explain_answer *answer, FILE *out)
{
	char number[32];

	escape_for_terminal(out, answer->question);
	if (answer->redirect) {
		fputs(": leads to ", out);
		escape_for_terminal(out, answer->path);
		fputs(" by ", out);
		tell_address_rule(out, answer->redirect);
	}
	fprintf(out, ": %s", tell_verdict(answer->verdict));
	if (answer->error)
		fprintf(out, " (%s)", tell_error(answer->error, number, sizeof(number)));
	if (answer->address) {
		fputs(", by ", out);
		tell_address_rule(out, answer->address);
	} else if (answer->file || answer->call) {
		fputs(", by ", out);
		tell_rule(out, answer->file, answer->call);
		if (answer->why)
			fprintf(out, " (it %s)", answer->why);
	} else if (answer->why) {
		fprintf(out, ": %s", answer->why);
	}
	if (answer->layer != PLAN_NOWHERE)
		fprintf(out, "; held by %s", plan_layer_name(answer->layer));
	if (answer->leaves_ipv4)
		fputs("; from a socket of IPv4 it fails (EAFNOSUPPORT)", out);
	fputc('\n', out);
	return 0;
}

struct json_object *explain_answer_json(const struct explain_answer *answer)
{
	struct json_object *object = json_object_new_object();
	char number[32];

	if (!object)
		return NULL;
	json_object_object_add(object, "question", tell_bytes_json(answer->question));
	json_object_object_add(object, "object", string_or_null(answer->path));
	json_object_object_add(
	        object, "access", answer->path && answer->access ? tell_access_json(answer->access) : NULL);
	if (answer->use)
		json_object_object_add(object, "use", json_object_new_string(use_word(answer->use)));
	json_object_object_add(object, "verdict", json_object_new_string(tell_verdict(answer->verdict)));
	json_object_object_add(object, "errno",
	        answer->error ? json_object_new_string(tell_error(answer->error, number, sizeof(number)))
	                      : NULL);
	json_object_object_add(object, "rule",
	        answer->address ? tell_address_rule_json(answer->address)
	                        : tell_rule_json(answer->file, answer->call));
	if (answer->use)
		json_object_object_add(object, "redirect", tell_address_rule_json(answer->redirect));
	json_object_object_add(object, "why", string_or_null(answer->why));
	json_object_object_add(object, "layer", json_object_new_string(layer_word(answer->layer)));
	return object;
}
