/* The limits of a policy while it is being read. */
#pragma once

#include "policy/builder.h"

/* The limit of that name, or -1. */
int policy_limit_by_name(const char *name, size_t length);

/* Adds a limit; where one is set already the smaller one stays. 0 or -ENOMEM. */
int policy_add_limit(struct policy_builder *builder, enum policy_limit_kind kind,
        const struct policy_place *place, const char *text, size_t length);

/* The same from "NAME=VALUE". */
int policy_add_limit_flag(
        struct policy_builder *builder, const struct policy_place *place, const char *value);

/* "10M" in bytes. False when it is no size. */
bool policy_parse_size(const char *text, size_t length, uint64_t *ret);
