/* Rules in words, for explain and for records. */
#pragma once

#include <json-c/json.h>
#include <stdio.h>

#include "policy/policy.h"

/* "allow", "deny", "hide", "kill". */
const char *tell_verdict(enum policy_verdict verdict);

/* "read", "write", "exec", "write, exec", "" for POLICY_* bits; what others imply is left out. */
const char *tell_access(unsigned access);

/* "EACCES", or "errno 1234" for a number without a name. Returns ret or a constant. */
const char *tell_error(int error, char *ret, size_t size);

/* A rule as it was written, then where: "deny ~/.ssh at workspace:12", "--deny ~/.ssh". One is NULL. */
void tell_rule(FILE *out, const struct policy_file_rule *file, const struct policy_syscall_rule *call);

/* The same for a rule about addresses: "deny-connect 10.0.0.0/8:* at reeve.yaml:4:20". */
void tell_address_rule(FILE *out, const struct policy_address_rule *rule);
void tell_address_rule_text(FILE *out, const struct policy_address_rule *rule);

/* The same without its place ("deny ~/.ssh"), and the place alone. */
void tell_rule_text(FILE *out, const struct policy_file_rule *file, const struct policy_syscall_rule *call);
void tell_place(FILE *out, const struct policy_place *place);

/* {"verdict", "text", "source", "line", "column", "flag"}, JSON's null when both are NULL. A new reference;
 * NULL also when memory is short. */
struct json_object *tell_rule_json(
        const struct policy_file_rule *file, const struct policy_syscall_rule *call);

struct json_object *tell_address_rule_json(const struct policy_address_rule *rule);

/* A string that need not be UTF-8, as one that is: other bytes become U+FFFD. */
struct json_object *tell_bytes_json(const char *bytes);

/* ["read", "write"] for POLICY_* bits. */
struct json_object *tell_access_json(unsigned access);
