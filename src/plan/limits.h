/* Limits in the plan: which layer holds each, and how that is told. */
#pragma once

#include <json-c/json.h>
#include <stdio.h>

#include "plan/plan.h"

void plan_choose_limits(struct plan *plan, const struct plan_options *options);

/* "cgroup", "rlimit", "supervisor". */
const char *plan_holder_word(enum plan_holder holder);

/* A part of explain; `write_text` wraps. 0 or -ENOMEM. */
int plan_tell_limits(const struct plan *plan, FILE *out,
        void (*write_text)(FILE *out, const char *text, size_t column, size_t indent));

/* [{"limit", "value", "text", "source", "line", "column", "flag", "layer", "why"}]; and one without the last
 * two. New references, NULL when memory is short. */
struct json_object *plan_limits_json(const struct plan *plan);
struct json_object *plan_limit_json(const struct policy *policy, int kind);
