#include "supervise/decide.h"

#include <errno.h>
#include <string.h>

#include "base/guards.h"

static void refuse(struct exchange *x, int error)
{
	x->reply = (struct reply){.kind = REPLY_ERROR, .error = error, .fd = -EBADF};
}

void decide_refuse(struct exchange *x, int error, const char *why)
{
	x->why = why;
	refuse(x, error);
}

bool decide_path(struct exchange *x, const struct plan *plan, const char *path, unsigned access)
{
	matcher_decide(plan->matcher, path, access, &x->verdict);
	x->access = access;
	x->is_judged = true;
	if (x->verdict.verdict == POLICY_ALLOW)
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
	x->object = path;
	refuse(x, verdict.error);
	return false;
}

bool decide_is_hidden(const struct plan *plan, const char *path)
{
	struct match_verdict verdict;

	matcher_decide(plan->matcher, path, POLICY_READ, &verdict);
	return verdict.verdict == POLICY_HIDE;
}

bool decide_may_move(struct exchange *x, const struct plan *plan, const char *path)
{
	const struct plan_redirect *redirect = plan_redirect_below(plan, path);
	const struct policy_file_rule *rule;

	if (redirect)
		rule = redirect->rule;
	else if (!GUARDED(ancestors) || !matcher_has_rule_below(plan->matcher, path, &rule))
		return true;
	x->verdict = (struct match_verdict){.verdict = POLICY_DENY, .error = EACCES, .rule = rule};
	x->is_judged = true;
	x->object = path;
	decide_refuse(x, EACCES,
	        "without this folder in its place, what is below it would be out from under the rule");
	return false;
}

bool decide_address(struct exchange *x, const struct plan *plan, const struct address *address, unsigned use)
{
	struct address_verdict verdict = {.verdict = POLICY_DENY, .error = EACCES};
	size_t prefix;

	if (plan->addresses)
		address_decide(plan->addresses, address, use, &verdict);
	x->verdict = (struct match_verdict){
	        .verdict = verdict.verdict, .error = verdict.error, .rule = verdict.file};
	x->address_rule = verdict.rule;
	x->use = use;
	x->is_judged = true;
	prefix = address->kind == ADDRESS_IP && address->transport == POLICY_UDP
	                 ? strlen(strcpy(x->text, "udp:"))
	                 : 0;
	address_text(address, x->text + prefix, sizeof(x->text) - prefix);
	x->object = x->text;
	if (verdict.verdict == POLICY_ALLOW)
		return true;
	refuse(x, verdict.error ? verdict.error : EACCES);
	return false;
}
