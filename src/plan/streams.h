/* Where the output goes, for explain. */
#pragma once

#include <json-c/json.h>
#include <stdio.h>

#include "policy/policy.h"

/* `write_text` wraps. */
void plan_tell_streams(const struct policy *policy, FILE *out,
        void (*write_text)(FILE *out, const char *text, size_t column, size_t indent));

/* [{"stream", "path", "rotate", "keep"}]. A new reference, NULL when memory is short. */
struct json_object *plan_streams_json(const struct policy *policy);
