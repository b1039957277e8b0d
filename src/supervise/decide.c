#include "supervise/decide.h"

#include <errno.h>
#include <string.h>

#include "base/guards.h"
#include "base/path.h"

static void refuse(struct exchange *x, int error)
{
	x->reply = (struct reply){.kind = REPLY_ERROR, .error = error, .fd = -EBADF};
}

void decide_refuse(struct exchange *x, int error, const char *why)
{
	x->why = why;
	/* A rule that allows is not what refused. */
	if (x->verdict.verdict == POLICY_ALLOW)
		x->is_judged = false;
	refuse(x, error);
}

/* Where the supervisor itself is reached: nobody may let a target there, nor move it elsewhere. */
static bool is_closed(const struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->entry_count; i++) {
		const struct match_entry *entry = &plan->entries[i];

		if (entry->rule->is_fixed &&
		        (path_is_within(path, entry->path) || path_is_within(entry->path, path)))
			return true;
	}
	return false;
}

static const char *find_permit(const struct exchange *x, const char *path)
{
	for (size_t i = 0; i < x->permit_count; i++) {
		const struct permit *permit = &x->permits[i];

		if (!path ? !permit->object
		          : permit->object && strcmp(permit->object, path) == 0 &&
		                        !(x->access & ~permit->access))
			return permit->word;
	}
	return NULL;
}

bool decide_lifts(struct exchange *x, const char *path)
{
	const char *word = x->plan->permissive ? "permissive" : find_permit(x, path);

	if (!word)
		return false;
	if ((path && is_closed(x->plan, path) && (x->access & POLICY_WRITE)) ||
	        (x->verdict.rule && x->verdict.rule->is_fixed)) {
		x->is_final = true;
		return false;
	}
	if (!x->lifted_by) {
		x->lifted_by = word;
		x->lifted = x->verdict;
	}
	x->verdict.verdict = POLICY_ALLOW; /* from here on it is as if */
	return true;
}

bool decide_path(struct exchange *x, const struct plan *plan, const char *path, unsigned access)
{
	matcher_decide(plan->matcher, path, access, &x->verdict);
	x->access = access;
	x->is_judged = true;
	if (x->verdict.verdict == POLICY_ALLOW || decide_lifts(x, path))
		return true;
	x->object = path;
	refuse(x, x->verdict.error);
	return false;
}

bool decide_not_denied(struct exchange *x, const struct plan *plan, const char *path)
{
	struct match_verdict verdict;

	matcher_decide(plan->matcher, path, POLICY_READ, &verdict);
	if (verdict.verdict == POLICY_ALLOW || !verdict.rule)
		return true;
	x->verdict = verdict;
	x->is_judged = true;
	if (decide_lifts(x, path))
		return true;
	x->object = path;
	refuse(x, verdict.error);
	return false;
}

bool decide_is_hidden(const struct plan *plan, const char *path)
{
	struct match_verdict verdict;

	if (plan->permissive)
		return false;
	matcher_decide(plan->matcher, path, POLICY_READ, &verdict);
	return verdict.verdict == POLICY_HIDE;
}

/* For the sake of a rule on what is below the path. */
static bool refuse_for(
        struct exchange *x, const struct policy_file_rule *rule, const char *path, int error, const char *why)
{
	x->verdict = (struct match_verdict){.verdict = POLICY_DENY, .error = error, .rule = rule};
	x->is_judged = true;
	x->access = POLICY_WRITE;
	if (decide_lifts(x, path))
		return true;
	x->object = path;
	decide_refuse(x, error, why);
	return false;
}

bool decide_may_move(struct exchange *x, const struct plan *plan, const char *path)
{
	const struct plan_redirect *redirect = plan_redirect_below(plan, path);
	const struct policy_file_rule *rule;

	if (redirect)
		rule = redirect->rule;
	else if (!GUARDED(ancestors) || !matcher_has_rule_below(plan->matcher, path, &rule))
		return true;
	return refuse_for(x, rule, path, EACCES,
	        "without this folder in its place, what is below it would be out from under the rule");
}

bool decide_may_come(struct exchange *x, const struct plan *plan, const char *from, const char *to)
{
	const struct policy_file_rule *rule;

	return !GUARDED(ancestors) || !matcher_differs_below(plan->matcher, from, to, &rule) ||
	       refuse_for(x, rule, to, EXDEV, "other rules hold there for what a folder has in it");
}

bool decide_may_lead(struct exchange *x, const struct plan *plan, const char *path)
{
	const struct policy_file_rule *rule;

	return !GUARDED(ancestors) || !matcher_names_below(plan->matcher, path, &rule) ||
	       refuse_for(x, rule, path, EACCES,
	               "a link here would lead elsewhere what the rule names below it");
}

/* As records have it. */
static const char *name_address(const struct address *address, char *ret, size_t size)
{
	size_t prefix = address->kind == ADDRESS_IP && address->transport == POLICY_UDP
	                        ? strlen(strcpy(ret, "udp:"))
	                        : 0;

	address_text(address, ret + prefix, size - prefix);
	return ret;
}

/* The exchange's object becomes the address, in words. */
static void take_address(struct exchange *x, const struct address *address, unsigned use)
{
	x->use = use;
	x->object = name_address(address, x->text, sizeof(x->text));
}

void decide_redirected(struct exchange *x, const struct address *asked, const struct address *to)
{
	x->asked = name_address(asked, x->asked_text, sizeof(x->asked_text));
	take_address(x, to, POLICY_CONNECT);
}

bool decide_address(struct exchange *x, const struct plan *plan, const struct address *address, unsigned use)
{
	struct address_verdict verdict;

	address_decide(plan->addresses, address, use, &verdict);
	x->verdict = (struct match_verdict){
	        .verdict = verdict.verdict, .error = verdict.error, .rule = verdict.file};
	x->address_rule = verdict.rule;
	x->is_judged = true;
	take_address(x, address, use);
	if (verdict.verdict == POLICY_ALLOW || decide_lifts(x, x->text))
		return true;
	refuse(x, verdict.error ? verdict.error : EACCES);
	return false;
}

bool decide_named(struct exchange *x, const struct address *address, const struct policy_address_rule *rule)
{
	x->verdict = (struct match_verdict){.verdict = rule->verdict, .error = rule->error};
	x->address_rule = rule;
	x->is_judged = true;
	take_address(x, address, POLICY_CONNECT);
	if (decide_lifts(x, x->text))
		return true;
	refuse(x, rule->error);
	return false;
}
