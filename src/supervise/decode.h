/* Decode: registers and target memory to a call. The only stage that reads the target's memory. */
#pragma once

#include <sys/uio.h>

#include "supervise/exchange.h"

/* Fills x->call. 0, REEVE_GONE, or the -errno that the target gets; x->why is set where that needs a reason.
 */
int decode_call(struct exchange *x);

/* More of the target's memory, for families that write or read buffers: bytes, or -errno. */
ssize_t decode_read(struct exchange *x, uint64_t address, void *ret, size_t size);

/* A string: its length, -ENAMETOOLONG, -errno. */
ssize_t decode_string(struct exchange *x, uint64_t address, char *ret, size_t size);

/* A socket address of `length` bytes into x->call.address. 0, REEVE_GONE, -EINVAL (a length that no address has),
 * -EFAULT, -errno. */
int decode_address(struct exchange *x, uint64_t address, int length);

/* One struct msghdr: its address into x->call.address, and its pieces. 0, REEVE_GONE, or the -errno of the call. */
struct decoded_message {
	struct iovec pieces[UIO_MAXIOV];
	size_t piece_count;
	size_t size; /* of all pieces */
	uint64_t control;
	size_t control_size;
};

int decode_message(struct exchange *x, uint64_t address, struct decoded_message *ret);

/* Bytes of the pieces from `offset` on into `ret`, as many as can be read, so that 0 stands for EFAULT. -ESRCH when
 * the task is gone, -errno. */
ssize_t decode_pieces(
        struct exchange *x, const struct decoded_message *message, size_t offset, void *ret, size_t size);

/* As much memory as is asked for. 0, REEVE_GONE, -EFAULT, -errno. */
int decode_bytes(struct exchange *x, uint64_t address, void *ret, size_t size);

/* Writes results into the target, having looked that the request still stands. 0, REEVE_GONE, -EFAULT. */
int decode_write(struct worker *worker, struct exchange *x, uint64_t address, const void *bytes, size_t size);
