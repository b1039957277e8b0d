/* Decode: registers and target memory to a call. The only stage that reads the target's memory. */
#pragma once

#include "supervise/exchange.h"

/* Fills x->call. 0, REEVE_GONE, or the -errno that the target gets; x->why is set where that needs a reason.
 */
int decode_call(struct exchange *x);

/* More of the target's memory, for families that write or read buffers: bytes, or -errno. */
ssize_t decode_read(struct exchange *x, uint64_t address, void *ret, size_t size);

/* A string: its length, -ENAMETOOLONG, -errno. */
ssize_t decode_string(struct exchange *x, uint64_t address, char *ret, size_t size);

/* Writes results into the target, having looked that the request still stands. 0, REEVE_GONE, -EFAULT. */
int decode_write(struct worker *worker, struct exchange *x, uint64_t address, const void *bytes, size_t size);
