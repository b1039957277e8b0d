#include "policy/triplets.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/address.h"
#include "policy/builder.h"
#include "policy/calls.h"
#include "policy/conditions.h"
#include "policy/match.h"
#include "policy/redirect.h"

struct run {
	const char *path;
	const struct policy_context *context;
	FILE *out;
	unsigned line; /* of the line that was read last */
	size_t passed, failed;

	char *text; /* the policy of this paragraph */
	size_t text_length;
	unsigned text_line;
	bool has_policy; /* the text was read, whether or not it was right */
	bool is_block;   /* the text may go on */
	struct policy *policy;
	struct matcher *matcher;
	struct address_matcher *addresses;
	char *call; /* waits for its verdict */
};

static void report(struct run *run, unsigned line, const char *what, const char *got)
{
	fprintf(run->out, "%s:%u: %s%s\n", run->path, line, what, got);
	run->failed++;
}

static void end_paragraph(struct run *run)
{
	if (run->call)
		report(run, run->line, "a call without its verdict: ", run->call);
	else if (run->text && !run->has_policy)
		report(run, run->line, "a policy without a call", "");
	policy_unref(TAKE_PTR(run->policy));
	matcher_free(TAKE_PTR(run->matcher));
	address_matcher_free(TAKE_PTR(run->addresses));
	free(TAKE_PTR(run->call));
	free(TAKE_PTR(run->text));
	run->text_length = 0;
	run->has_policy = run->is_block = false;
}

static int add_text(struct run *run, const char *line, size_t length)
{
	char *grown = realloc(run->text, run->text_length + length + 2);

	if (!grown)
		return -ENOMEM;
	if (!run->text)
		run->text_line = run->line;
	run->text = grown;
	memcpy(grown + run->text_length, line, length);
	run->text_length += length;
	grown[run->text_length++] = '\n';
	grown[run->text_length] = '\0';
	return 0;
}

static int make_matchers(struct run *run)
{
	const struct policy *policy = run->policy;
	AUTO_FREE struct match_entry *files = calloc(policy->file_count + 1, sizeof(*files));
	AUTO_FREE struct address_entry *addresses = calloc(policy->address_count + 1, sizeof(*addresses));
	int r;

	if (!files || !addresses)
		return -ENOMEM;
	for (size_t i = 0; i < policy->file_count; i++)
		files[i] = (struct match_entry){&policy->files[i], policy->files[i].path};
	for (size_t i = 0; i < policy->address_count; i++)
		addresses[i] = (struct address_entry){&policy->addresses[i], policy->addresses[i].path};
	r = matcher_new(files, policy->file_count, &run->matcher);
	if (r == 0)
		r = address_matcher_new(addresses, policy->address_count,
		        &(struct address_files){files, policy->file_count, run->matcher}, &run->addresses);
	return r;
}

static void report_diagnostics(struct run *run, const struct policy_builder *builder)
{
	const struct policy_diagnostics *diagnostics = policy_builder_diagnostics(builder);

	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct policy_diagnostic *item = &diagnostics->items[i];
		bool is_own = strcmp(item->place.source, run->path) == 0 && item->place.line > 0;
		unsigned line = run->text_line + (is_own ? item->place.line - 1 : 0);

		report(run, line, "the policy: ", item->message);
	}
}

static void release_builder(struct policy_builder **builder)
{
	policy_builder_free(*builder);
}

static int read_policy(struct run *run)
{
	CLEANUP(release_builder) struct policy_builder *builder = NULL;
	struct policy_text text = {.name = run->path,
	        .directory = run->context->cwd,
	        .text = run->text,
	        .length = run->text_length,
	        .may_lack_version = true};
	int r = policy_builder_new(run->context, &builder);

	run->has_policy = true;
	run->is_block = false;
	if (r == 0)
		r = policy_read_text(builder, &text);
	if (r == 0)
		r = policy_builder_finish(builder, &run->policy);
	if (r == -EINVAL) {
		report_diagnostics(run, builder);
		return 0;
	}
	return r < 0 ? r : make_matchers(run);
}

static const char *key_of(const struct policy_file_rule *rule)
{
	if (rule->access & POLICY_WRITE)
		return "write ";
	return rule->access & POLICY_EXEC ? "exec " : "read ";
}

static const char *refusal_word(enum policy_verdict verdict)
{
	return verdict == POLICY_ASK ? "ask" : "deny";
}

static void tell_file_verdict(const struct match_verdict *verdict, char *ret, size_t size)
{
	const char *text = verdict->rule ? verdict->rule->text : "no rule";

	if (verdict->verdict == POLICY_ALLOW)
		snprintf(ret, size, "allow %s%s", key_of(verdict->rule), text);
	else if (verdict->verdict == POLICY_HIDE)
		snprintf(ret, size, "hide %s", text);
	else
		snprintf(ret, size, "%s %s %s", refusal_word(verdict->verdict),
		        policy_error_name(verdict->error), text);
}

/* "NAME", "NAME(family=AF_NETLINK)" or a number. */
static int tell_call_verdict(const struct policy *policy, const char *text, char *ret, size_t size)
{
	AUTO_FREE char *name = strndup(text, strcspn(text, "("));
	const struct policy_default *refusal = NULL;
	const struct policy_syscall_rule *rule;
	const struct syscalls_name *call;
	uint64_t args[6] = {0};
	int nr;

	if (!name)
		return -ENOMEM;
	call = syscalls_by_name(name);
	nr = call ? call->nr[syscalls_native()] : atoi(name);
	if (call && conditions_read_values(call->name, text + strlen(name), args, ret, size) < 0)
		return 0;
	rule = policy_call_decide(policy, nr, args);
	if (!rule || rule->verdict == POLICY_ALLOW)
		refusal = policy_call_default(policy, nr, args, true);
	if (refusal)
		snprintf(ret, size, "deny %s default", policy_error_name(refusal->rule.error));
	else if (!rule)
		snprintf(ret, size, "default");
	else if (rule->verdict == POLICY_DENY || rule->verdict == POLICY_ASK)
		snprintf(ret, size, "%s %s %s", refusal_word(rule->verdict), policy_error_name(rule->error),
		        rule->text);
	else
		snprintf(ret, size, "%s %s", rule->verdict == POLICY_KILL ? "kill" : "allow", rule->text);
	return 0;
}

/* The path of a call: from the home folder or the working directory if it says so, and lexically clean. */
static int clean_path(const struct run *run, const char *path, char *ret, size_t size)
{
	AUTO_FREE char *whole = NULL;
	const char *start = path[0] == '/' ? "" : run->context->cwd;

	if (path[0] == '~' && (path[1] == '/' || !path[1])) {
		start = run->context->home;
		path++;
	}
	if (asprintf(&whole, "%s/%s", start ? start : "", path) < 0) {
		whole = NULL;
		return -ENOMEM;
	}
	return path_clean_lexically(whole, ret, size);
}

static int read_access(const char *letters, unsigned *ret)
{
	*ret = 0;
	for (; *letters; letters++) {
		const char *known = "rwx", *at = strchr(known, *letters);

		if (!at)
			return -EINVAL;
		*ret |= 1u << (at - known);
	}
	return *ret ? 0 : -EINVAL;
}

static void tell_address_verdict(const struct address_verdict *verdict, unsigned use, char *ret, size_t size)
{
	const char *text = verdict->rule   ? verdict->rule->text
	                   : verdict->file ? verdict->file->text
	                                   : "no rule";

	if (verdict->verdict == POLICY_HIDE)
		snprintf(ret, size, "hide %s", text);
	else if (verdict->verdict == POLICY_DENY || verdict->verdict == POLICY_ASK)
		snprintf(ret, size, "%s %s %s", refusal_word(verdict->verdict),
		        policy_error_name(verdict->error), text);
	else if (verdict->file)
		snprintf(ret, size, "allow %s%s", key_of(verdict->file), text);
	else
		snprintf(ret, size, "allow %s %s", use == POLICY_CONNECT ? "connect" : "listen", text);
}

static int redirect(const struct policy *policy, struct address *address)
{
	AUTO_FREE struct redirect_entry *items = calloc(policy->redirect_count + 1, sizeof(*items));
	const struct redirect_entries entries = {items, policy->redirect_count};
	const struct policy_address_redirect *last;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < entries.count; i++)
		items[i].redirect = &policy->redirects[i];
	return redirect_follow(&entries, address, &last);
}

/* -EINVAL when it is no address that a call could name. */
static int tell_address(const struct run *run, const char *text, unsigned use, char *ret, size_t size)
{
	struct address_verdict verdict;
	struct address address;
	char name[2 * PATH_MAX], path[PATH_MAX];
	int r = 0;

	if (strlen(text) >= sizeof(name) || !address_parse(text, name, &address))
		return -EINVAL;
	if (address.kind == ADDRESS_UNIX_PATH) {
		r = clean_path(run, address.name, path, sizeof(path));
		if (r < 0)
			return r;
		address.name = path;
		address.name_length = strlen(path);
	}
	if (use == POLICY_CONNECT)
		address_normalise(&address);
	if (use == POLICY_CONNECT)
		r = redirect(run->policy, &address);
	if (r == -ELOOP)
		snprintf(ret, size, "deny ELOOP redirects");
	if (r < 0)
		return r == -ELOOP ? 0 : r;
	address_decide(run->addresses, &address, use, &verdict);
	tell_address_verdict(&verdict, use, ret, size);
	return 0;
}

/* -EINVAL when the call is none of those that are known. */
static int tell(const struct run *run, char *call, char *ret, size_t size)
{
	const struct policy_file_rule *rule;
	struct match_verdict verdict;
	unsigned access = POLICY_EXEC;
	char path[PATH_MAX];
	char *object = strchr(call, ':'), *letters = strrchr(call, ':');
	int r = 0;

	if (!object)
		return -EINVAL;
	*object++ = '\0';
	if (strcmp(call, "syscall") == 0)
		return tell_call_verdict(run->policy, object, ret, size);
	if (strcmp(call, "connect") == 0)
		return tell_address(run, object, POLICY_CONNECT, ret, size);
	if (strcmp(call, "listen") == 0)
		return tell_address(run, object, POLICY_LISTEN, ret, size);
	if (strcmp(call, "open") == 0) {
		if (letters < object)
			return -EINVAL;
		*letters++ = '\0';
		r = read_access(letters, &access);
	}
	if (r == 0)
		r = clean_path(run, object, path, sizeof(path));
	if (r >= 0)
		r = policy_redirect(run->policy, path, sizeof(path));
	if (r < 0)
		return r;
	if (strcmp(call, "open") == 0 || strcmp(call, "exec") == 0) {
		matcher_decide(run->matcher, path, access, &verdict);
		tell_file_verdict(&verdict, ret, size);
	} else if (strcmp(call, "move") == 0) {
		bool is_refused = matcher_has_rule_below(run->matcher, path, &rule);

		snprintf(ret, size, "%s%s", is_refused ? "refused " : "free", is_refused ? rule->text : "");
	} else if (strcmp(call, "within") == 0) {
		snprintf(ret, size, "%s", matcher_may_deny_within(run->matcher, path) ? "yes" : "no");
	} else {
		return -EINVAL;
	}
	return 0;
}

static bool says(const char *got, const char *expected)
{
	size_t length = strlen(expected);

	return strncmp(got, expected, length) == 0 && (got[length] == '\0' || got[length] == ' ');
}

static int check_verdict(struct run *run, const char *expected)
{
	AUTO_FREE char *call = strdup(run->call), *told = TAKE_PTR(run->call);
	char got[2 * PATH_MAX];
	int r;

	if (!call)
		return -ENOMEM;
	if (!run->matcher) {
		run->failed++; /* the policy was wrong, which was told */
		return 0;
	}
	r = tell(run, call, got, sizeof(got));
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		report(run, run->line - 1, "not a call: ", told);
	} else if (says(got, expected)) {
		run->passed++;
	} else {
		fprintf(run->out, "%s:%u: %s: expected '%s', got '%s'\n", run->path, run->line, told,
		        expected, got);
		run->failed++;
	}
	return 0;
}

static int read_line(struct run *run, const char *line, size_t length)
{
	int r;

	if (line[0] == '#')
		return 0;
	if (strspn(line, " \t") == length) {
		end_paragraph(run);
		return 0;
	}
	if (!run->text || (run->is_block && isspace((unsigned char)line[0]))) {
		run->is_block = isspace((unsigned char)line[0]);
		return add_text(run, line, length);
	}
	if (!run->has_policy) {
		r = read_policy(run);
		if (r < 0)
			return r;
	}
	if (run->call)
		return check_verdict(run, line);
	run->call = strdup(line);
	return run->call ? 0 : -ENOMEM;
}

int triplets_run(const char *path, const struct policy_context *context, FILE *out, size_t *ret_passed,
        size_t *ret_failed)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	struct run run = {.path = path, .context = context, .out = out};
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int r = 0;

	if (!file)
		return -errno;
	while (r == 0 && (length = getline(&line, &room, file)) >= 0) {
		run.line++;
		while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
			line[--length] = '\0';
		if (strlen(line) == (size_t)length)
			r = read_line(&run, line, (size_t)length);
		else
			report(&run, run.line, "a NUL byte", "");
	}
	if (r == 0 && ferror(file))
		r = -EIO;
	end_paragraph(&run);
	if (r < 0)
		return r;
	*ret_passed = run.passed;
	*ret_failed = run.failed;
	return 0;
}
