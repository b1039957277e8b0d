#include "supervise/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>

#include "kernel/credentials.h"
#include "kernel/release.h"

static const char why_unreadable[] =
        "cannot read this program's memory (its file is not readable, or it asked "
        "not to be looked at)";

/* EPERM and EACCES of reading memory are about us, not about the pointer. */
static int told(struct exchange *x, ssize_t r)
{
	if (r == -ESRCH)
		return REEVE_GONE;
	if (r == -EPERM || r == -EACCES || r == -ENOSYS) {
		x->why = why_unreadable;
		return -EACCES;
	}
	return (int)r;
}

/* Calls that take no path at all for an empty one, and do not read what may be at address 0. */
static bool needs_no_path(const struct exchange *x)
{
	return (x->call.flags & AT_EMPTY_PATH) &&
	       (strcmp(x->call.name, "newfstatat") == 0 || strcmp(x->call.name, "statx") == 0) &&
	       kernel_is_at_least(6, 11);
}

static int read_path(struct exchange *x, uint64_t address, struct call_path *ret)
{
	ssize_t n = address == 0 && needs_no_path(x)
	                    ? 0
	                    : reeve_memory_read_string(x->request.tid, address, ret->text, sizeof(ret->text));

	if (n < 0)
		return told(x, n);
	ret->length = (size_t)n;
	ret->text[n] = '\0';
	return 0;
}

static int read_how(struct exchange *x, uint64_t address, uint64_t size)
{
	struct open_how how = {0};
	int r;

	if (size < sizeof(how))
		return -EINVAL;
	if (size > 4096)
		return -E2BIG;
	r = reeve_memory_read_struct(x->request.tid, address, (size_t)size, &how, sizeof(how));
	if (r < 0)
		return told(x, r);
	x->call.flags = how.flags;
	x->call.mode = how.mode;
	x->call.resolve = how.resolve;
	return 0;
}

static int read_argument(struct exchange *x, int i, int *dirfd)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;
	struct call *call = &x->call;
	int r;

	switch (x->row->args[i]) {
	case SYSCALLS_DIRFD:
		*dirfd = (int)(uint32_t)args[i];
		return 0;
	case SYSCALLS_PATH:
		if (call->path_count == EXCHANGE_PATHS)
			return -EINVAL;
		call->paths[call->path_count].dirfd = *dirfd;
		*dirfd = AT_FDCWD;
		r = read_path(x, args[i], &call->paths[call->path_count]);
		call->path_count += r == 0;
		return r;
	case SYSCALLS_MODE:
		call->mode = (uint32_t)args[i];
		return 0;
	default:
		return 0;
	}
}

/* The kernel looks at struct open_how before it looks at the path. */
static int read_how_argument(struct exchange *x)
{
	const uint64_t *args = (const uint64_t *)x->request.data.args;

	for (int i = 0; i < 5; i++)
		if (x->row->args[i] == SYSCALLS_HOW)
			return read_how(x, args[i], args[i + 1]);
	return 0;
}

int decode_call(struct exchange *x)
{
	struct call *call = &x->call;
	int dirfd = AT_FDCWD, how;

	call->operation = x->row->operation;
	call->name = x->row->name;
	call->path_count = 0;
	call->mode = call->resolve = 0;
	call->flags = x->row->flags_arg < 0 ? 0 : (uint32_t)x->request.data.args[x->row->flags_arg];
	how = read_how_argument(x);
	if (how != 0)
		return how;
	for (int i = 0; i < 6 && x->row->args[i] != SYSCALLS_NONE; i++) {
		int r = read_argument(x, i, &dirfd);

		if (r != 0)
			return r;
	}
	return 0;
}

/* Here we may already act as a task that may not look at another's memory, or not even at its own. */
static ssize_t look(const struct exchange *x, uint64_t address, void *ret, size_t size)
{
	uint64_t before;
	ssize_t n = reeve_memory_read(x->request.tid, address, ret, size);

	if (n == -EPERM && credentials_begin_looking(&before)) {
		n = reeve_memory_read(x->request.tid, address, ret, size);
		credentials_end_looking(before);
	}
	return n;
}

ssize_t decode_read(struct exchange *x, uint64_t address, void *ret, size_t size)
{
	ssize_t n = look(x, address, ret, size);

	return n < 0 ? told(x, n) : n;
}

ssize_t decode_string(struct exchange *x, uint64_t address, char *ret, size_t size)
{
	uint64_t before;
	ssize_t n = reeve_memory_read_string(x->request.tid, address, ret, size);

	if (n == -EPERM && credentials_begin_looking(&before)) {
		n = reeve_memory_read_string(x->request.tid, address, ret, size);
		credentials_end_looking(before);
	}
	return n < 0 ? told(x, n) : n;
}

int decode_bytes(struct exchange *x, uint64_t address, void *ret, size_t size)
{
	ssize_t n = look(x, address, ret, size);

	if (n < 0)
		return told(x, n);
	return (size_t)n == size ? 0 : -EFAULT;
}

int decode_address(struct exchange *x, uint64_t address, int length)
{
	struct call_address *ret = &x->call.address;
	int r = 0;

	ret->length = 0;
	memset(&ret->as, 0, sizeof(ret->as));
	if (length < 0 || (size_t)length > sizeof(struct sockaddr_storage))
		return -EINVAL;
	if (length > 0)
		r = decode_bytes(x, address, &ret->as, (size_t)length);
	if (r == 0)
		ret->length = (socklen_t)length;
	return r;
}

/* What the kernel says of pieces that cannot be: beyond the memory of any program, longer than fits. */
static int check_pieces(struct decoded_message *message)
{
	const size_t most = (size_t)INT_MAX & ~(size_t)4095;

	message->size = 0;
	for (size_t i = 0; i < message->piece_count; i++) {
		struct iovec *piece = &message->pieces[i];

		if ((ssize_t)piece->iov_len < 0)
			return -EINVAL;
		if ((uint64_t)(uintptr_t)piece->iov_base > INT64_MAX - piece->iov_len)
			return -EFAULT;
		if (piece->iov_len > most - message->size)
			piece->iov_len = most - message->size;
		message->size += piece->iov_len;
	}
	return 0;
}

int decode_message(struct exchange *x, uint64_t address, struct decoded_message *ret)
{
	struct msghdr header;
	int r = decode_bytes(x, address, &header, sizeof(header)), length;

	if (r != 0)
		return r;
	length = header.msg_name ? (int)header.msg_namelen : 0;
	if (length > (int)sizeof(struct sockaddr_storage))
		length = sizeof(struct sockaddr_storage);
	r = decode_address(x, (uint64_t)(uintptr_t)header.msg_name, length);
	if (r != 0)
		return r;
	if (header.msg_iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	ret->piece_count = header.msg_iovlen;
	r = decode_bytes(x, (uint64_t)(uintptr_t)header.msg_iov, ret->pieces,
	        header.msg_iovlen * sizeof(struct iovec));
	if (r == 0)
		r = check_pieces(ret);
	ret->control = (uint64_t)(uintptr_t)header.msg_control;
	ret->control_size = header.msg_controllen;
	return r != 0 || header.msg_controllen <= INT_MAX ? r : -ENOBUFS;
}

/* The end of one piece that cannot be read is the end of all. */
ssize_t decode_pieces(
        struct exchange *x, const struct decoded_message *message, size_t offset, void *ret, size_t size)
{
	size_t done = 0;

	for (size_t i = 0; i < message->piece_count && done < size; i++) {
		const struct iovec *piece = &message->pieces[i];
		size_t length = piece->iov_len;
		uint64_t address = (uint64_t)(uintptr_t)piece->iov_base;
		ssize_t n;

		if (offset >= length) {
			offset -= length;
			continue;
		}
		length -= offset;
		address += offset;
		offset = 0;
		if (length > size - done)
			length = size - done;
		n = look(x, address, (char *)ret + done, length);
		if (n == -EFAULT)
			break;
		if (n < 0)
			return n == -ESRCH ? n : told(x, n);
		done += (size_t)n;
		if ((size_t)n < length)
			break;
	}
	return (ssize_t)done;
}

int decode_write(struct worker *worker, struct exchange *x, uint64_t address, const void *bytes, size_t size)
{
	uint64_t before;
	ssize_t n;
	int r = reeve_is_valid(worker->shared->listener, x->request.id);

	if (r != 0)
		return r;
	n = reeve_memory_write(x->request.tid, address, bytes, size);
	if (n == -EPERM && credentials_begin_looking(&before)) {
		n = reeve_memory_write(x->request.tid, address, bytes, size);
		credentials_end_looking(before);
	}
	if (n < 0)
		return told(x, n);
	return (size_t)n == size ? 0 : -EFAULT;
}
