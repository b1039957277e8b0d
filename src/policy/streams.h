/* Where standard output and standard error go, while a policy is being read. */
#pragma once

#include "policy/builder.h"

/* The stream of that name, or -1. */
int policy_stream_by_name(const char *name, size_t length);

/* Adds one; `stream` lacks its path, which comes from `text`. One that stands already must say the same. 0 or
 * -ENOMEM. */
int policy_add_stream(struct policy_builder *builder, enum policy_stream_kind kind,
        const struct policy_stream *stream, const char *text, size_t length);

/* The size behind `rotate`, and the number behind `keep`: wrong ones are diagnosed, and 0 then. 0 or -ENOMEM. */
int policy_read_rotate(struct policy_builder *builder, const struct policy_place *place, const char *text,
        size_t length, uint64_t *ret);
int policy_read_keep(struct policy_builder *builder, const struct policy_place *place, const char *text,
        size_t length, unsigned *ret);

/* What --rotate and --keep say holds for every stream that says nothing of it; then what does not fit together is
 * told. 0 or -ENOMEM. */
int policy_settle_streams(struct policy_builder *builder);
