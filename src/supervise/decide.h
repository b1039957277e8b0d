/* Decide: (plan, call) to verdict. Pure: no I/O. */
#pragma once

#include "policy/address.h"
#include "supervise/exchange.h"

/* Judges one path of the exchange and keeps the verdict in it. True when it is allowed; otherwise the reply
 * is the refusal that the verdict asks for. */
bool decide_path(struct exchange *x, const struct plan *plan, const char *path, unsigned access);

/* As decide_path, but only deny and hide rules count: for what grants do not govern (metadata, stat). */
bool decide_not_denied(struct exchange *x, const struct plan *plan, const char *path);

/* Whether `path` is hidden. Leaves the exchange alone. */
bool decide_is_hidden(const struct plan *plan, const char *path);

/* A folder that must stay where it is, since a rule names a place below it. */
bool decide_may_move(struct exchange *x, const struct plan *plan, const char *path);

/* What moves to where other rules may hold for what is in it. */
bool decide_may_come(struct exchange *x, const struct plan *plan, const char *from, const char *to);

/* A symbolic link where a rule names a place below it, which would be elsewhere then. */
bool decide_may_lead(struct exchange *x, const struct plan *plan, const char *path);

/* Judges an address that the exchange names, for POLICY_CONNECT or POLICY_LISTEN; it becomes x->object, in words.
 * True when it is allowed, otherwise as decide_path. */
bool decide_address(
        struct exchange *x, const struct plan *plan, const struct address *address, unsigned use);

/* The same for a connection that a rule on a host's name asks about. */
bool decide_named(struct exchange *x, const struct address *address, const struct policy_address_rule *rule);

/* Notes that a redirect led from one address to the other, which is still to be judged. */
void decide_redirected(struct exchange *x, const struct address *asked, const struct address *to);

/* Whether the refusal that x->verdict holds does not stand, which x->lifted then tells. `path`: what it is about,
 * NULL when that is no path. */
bool decide_lifts(struct exchange *x, const char *path);

/* A refusal without a rule: why it could not be known or done. */
void decide_refuse(struct exchange *x, int error, const char *why);
