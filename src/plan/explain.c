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
        "landlock_create_ruleset: EOPNOTSUPP (the supervisor's opens would not obey the program's own "
        "domain)",
};

static const char *const not_held[] = {
        "Networks: nothing is restricted yet.",
        "stat, chmod, chown, utime and extended attributes: Landlock does not govern them, so grants do not "
        "bound them. Deny and hide rules do: the supervisor looks at them where such a rule takes effect.",
        "Exec rules hold running a file. Mapping it as a library (ld.so FILE, dlopen) is reading: deny that, "
        "too, where it matters.",
        "Listings of folders still show hidden names, and chdir into a hidden folder is not stopped.",
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
	return line->layer == PLAN_SUPERVISOR && line->file && plan->notifies[operation] &&
	       rule_may_notify(line->file, operation);
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

static const char *const *refused_tasks(const struct plan *plan)
{
	static const char *const without = refused_numbers, *const with = refused_outsiders;

	return plan->supervises ? &with : &without;
}

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
	int r;

	fputs("\nRefused unless a rule such as 'allow: [bpf]' opens it:\n", out);
	r = write_defaults_with(plan, EPERM, out);
	if (r == 0)
		r = write_defaults_with(plan, ENOSYS, out);
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

	for (size_t i = 0; list && i < plan->policy->default_count; i++) {
		const struct policy_default *refusal = &plan->policy->defaults[i];
		struct json_object *object;

		if (!is_in_force(plan, refusal))
			continue;
		object = tell_rule_json(NULL, &refusal->rule);
		if (!object)
			continue;
		json_object_object_add(object, "call", json_object_new_string(refusal->rule.name));
		json_object_object_add(object, "why", json_object_new_string(refusal->why));
		json_object_object_add(
		        object, "open", json_object_new_boolean(opener_of(plan, refusal) != NULL));
		json_object_array_add(list, object);
	}
	return list;
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
	if (plan_tell_limits(plan, out, write_wrapped) < 0)
		return -ENOMEM;
	r = write_defaults(plan, out);
	if (r < 0)
		return r;
	plan_tell_streams(plan->policy, out, write_wrapped);
	fputs("\nRefused by the filter of every plan:\n", out);
	write_list(out, refused_always, ELEMENTS(refused_always));
	write_list(out, refused_tasks(plan), 1);
	if (plan->performs)
		write_list(out, refused_performing, ELEMENTS(refused_performing));
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

static struct json_object *line_json(const struct plan *plan, const struct plan_line *line)
{
	struct json_object *object = tell_rule_json(line->file, line->call);

	if (!object)
		return NULL;
	if (line->file)
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

struct json_object *explain_plan_json(const struct plan *plan)
{
	struct json_object *object = json_object_new_object(), *rules = json_object_new_array(), *refused;
	const char *names[PLAN_MAX_CALLS];
	size_t count = notifying_calls(plan, names);

	if (!object || !rules)
		return NULL;
	for (size_t i = 0; i < plan->line_count; i++)
		json_object_array_add(rules, line_json(plan, &plan->lines[i]));
	refused = strings_json(refused_always, ELEMENTS(refused_always));
	if (refused)
		json_object_array_add(refused, json_object_new_string(*refused_tasks(plan)));
	for (size_t i = 0; refused && plan->performs && i < ELEMENTS(refused_performing); i++)
		json_object_array_add(refused, json_object_new_string(refused_performing[i]));
	json_object_object_add(object, "schema", json_object_new_int(1));
	json_object_object_add(object, "rules", rules);
	json_object_object_add(object, "limits", plan_limits_json(plan));
	json_object_object_add(object, "defaults", defaults_json(plan));
	json_object_object_add(object, "streams", plan_streams_json(plan->policy));
	json_object_object_add(object, "refused", refused);
	json_object_object_add(object, "not_held", strings_json(not_held, ELEMENTS(not_held)));
	json_object_object_add(object, "lacking", string_or_null(plan->notes));
	json_object_object_add(object, "supervises", json_object_new_boolean(plan->supervises));
	json_object_object_add(object, "notifies", strings_json(names, count));
	return object;
}

/* ---- answers ---- */

int explain_answer_tell(const struct explain_answer *answer, FILE *out)
{
	char number[32];

	escape_for_terminal(out, answer->question);
	fprintf(out, ": %s", tell_verdict(answer->verdict));
	if (answer->error)
		fprintf(out, " (%s)", tell_error(answer->error, number, sizeof(number)));
	if (answer->file || answer->call) {
		fputs(", by ", out);
		tell_rule(out, answer->file, answer->call);
		if (answer->why)
			fprintf(out, " (it %s)", answer->why);
	} else if (answer->why) {
		fprintf(out, ": %s", answer->why);
	}
	if (answer->layer != PLAN_NOWHERE)
		fprintf(out, "; held by %s", plan_layer_name(answer->layer));
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
	json_object_object_add(object, "access", answer->path ? tell_access_json(answer->access) : NULL);
	json_object_object_add(object, "verdict", json_object_new_string(tell_verdict(answer->verdict)));
	json_object_object_add(object, "errno",
	        answer->error ? json_object_new_string(tell_error(answer->error, number, sizeof(number)))
	                      : NULL);
	json_object_object_add(object, "rule", tell_rule_json(answer->file, answer->call));
	json_object_object_add(object, "why", string_or_null(answer->why));
	json_object_object_add(object, "layer", json_object_new_string(layer_word(answer->layer)));
	return object;
}
