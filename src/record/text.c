/* Refusals for people. */
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "plan/tell.h"
#include "record/describe.h"

#define INDENT "           "

enum counts_outcome describe_outcome(const struct record *record)
{
	if (record->is_lifted)
		return COUNTS_PERMITTED;
	switch (record->verdict) {
	case POLICY_ALLOW:
		return COUNTS_ALLOWED;
	case POLICY_HIDE:
		return COUNTS_HIDDEN;
	case POLICY_KILL:
		return COUNTS_KILLED;
	default:
		return record->why && !record->file_rule && !record->call_rule && !record->address_rule
		               ? COUNTS_REFUSED
		               : COUNTS_DENIED;
	}
}

void describe_event(FILE *out, const struct record *record, pid_t tid)
{
	char number[32];

	escape_for_terminal(out, record->program ? record->program : "?");
	if (tid)
		fprintf(out, "[%d]", (int)tid);
	fprintf(out, " %s(", record->call ? record->call : "?");
	if (record->asked) {
		escape_for_terminal(out, record->asked);
		fputs(" to ", out);
	}
	if (record->object)
		escape_for_terminal(out, record->object);
	if (record->second) {
		fputs(", ", out);
		escape_for_terminal(out, record->second);
	}
	if (record->access)
		fprintf(out, "%s%s%s", record->object ? ", " : "",
		        (record->access & POLICY_READ) && (record->access & ~(unsigned)POLICY_READ) ? "read, "
		                                                                                    : "",
		        tell_access(record->access));
	fputs(") -> ", out);
	if (record->verdict == POLICY_KILL && !record->is_lifted)
		fputs("SIGSYS", out);
	else
		fputs(record->error ? tell_error(record->error, number, sizeof(number)) : "done", out);
}

static const char *layer_name(enum record_layer layer)
{
	static const char *const names[] = {"the supervisor", "Landlock", "the filter"};

	return names[layer];
}

static void describe_reason(FILE *out, const struct record *record)
{
	if (record->file_rule || record->call_rule || record->address_rule) {
		fputs(INDENT "rule    ", out);
		if (record->address_rule)
			tell_address_rule(out, record->address_rule);
		else
			tell_rule(out, record->file_rule, record->call_rule);
		fprintf(out, ", enforced by %s\n", layer_name(record->layer));
	} else if (!record->why) {
		fputs(INDENT "rule    no rule allows it\n", out);
	}
	if (record->why) {
		fputs(INDENT "why     ", out);
		escape_for_terminal(out, record->why);
		fputc('\n', out);
	}
}

/* What became of a question whose answer was not yes. */
static void describe_question(FILE *out, const struct record *record)
{
	static const struct {
		const char *answer, *text;
	} texts[] = {
	        {"deny", "the answer was no"},
	        {"timeout", "no answer came in time"},
	        {"nobody", "nobody could be asked"},
	        {"busy", "too many questions are open"},
	};

	for (size_t i = 0; i < ELEMENTS(texts) && record->answer && !record->is_lifted; i++)
		if (strcmp(record->answer, texts[i].answer) == 0)
			fprintf(out, INDENT "asked   %s\n", texts[i].text);
}

/* Who looks names up wants a host, and a rule on that needs no name server. */
static bool is_name_server(const struct record *record)
{
	const char *colon =
	        record->use == POLICY_CONNECT && record->object ? strrchr(record->object, ':') : NULL;

	return colon && !record->address_rule && strcmp(colon, ":53") == 0;
}

static void describe_hint(FILE *out, const struct record *record, const char *home)
{
	switch (hint_of(record)) {
	case HINT_NONE:
		return;
	case HINT_OTHER_POLICY:
		fprintf(out, INDENT "allow   only a policy without that rule%s\n",
		        record->call_rule ? "" : ": others can open what lies inside, not the place itself");
		return;
	case HINT_RULE:
		fputs(INDENT "allow   ", out);
		hint_flag(out, record, home);
		if (hint_has_policy(record)) {
			fputs("    or in a policy: ", out);
			hint_policy(out, record, home);
		}
		fputc('\n', out);
		if (hint_is_about_folder(record))
			fputs(INDENT "        (removing or renaming it changes its folder)\n", out);
		if (is_name_server(record))
			fputs(INDENT "        (a name server; for one host: --connect example.org:443, which "
			             "needs "
			             "none)\n",
			        out);
		return;
	}
}

void describe_text(FILE *out, const struct record *record, const char *home, bool colour)
{
	const char *verb = counts_outcome_name(describe_outcome(record));

	fprintf(out, "reeve: %s%-7s%s ", colour ? "\033[31m" : "", verb, colour ? "\033[0m" : "");
	describe_event(out, record, record->tid);
	fputc('\n', out);
	describe_reason(out, record);
	describe_question(out, record);
	describe_hint(out, record, home);
}
