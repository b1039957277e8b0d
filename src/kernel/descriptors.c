#include "reeve/reeve.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/fault.h"
#include "kernel/uapi.h"

/* A pidfd of the sender, which a socket with SO_PASSPIDFD adds to each message (6.5). */
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

/* Room for one more than is ever asked for, so that too many are seen as such and closed here, and for what
 * the options of the socket add: credentials, a label. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE((KERNEL_SCM_MAX_FD + 1) * sizeof(int)) + 512];
};

static size_t chunk_of(size_t count)
{
	return count < KERNEL_SCM_MAX_FD ? count : KERNEL_SCM_MAX_FD;
}

static int send_chunk(int socket, const int *fds, size_t count)
{
	union control control = {0};
	char byte = 0;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
	        .msg_iov = &data,
	        .msg_iovlen = 1,
	        .msg_control = &control,
	        .msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	ssize_t r;

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	do
		r = FAULTABLE("sendmsg", sendmsg(socket, &message, MSG_NOSIGNAL));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int reeve_fds_send(int socket, const int *fds, size_t count)
{
	while (count > 0) {
		size_t chunk = chunk_of(count);
		int r = send_chunk(socket, fds, chunk);

		if (r < 0)
			return r;
		fds += chunk;
		count -= chunk;
	}
	return 0;
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* The descriptors of one message; `fds` has room for KERNEL_SCM_MAX_FD + 1, which is more than the kernel
 * sends. Returns how many. */
static size_t collect(struct msghdr *message, int *fds)
{
	size_t count = 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (header->cmsg_level != SOL_SOCKET)
			continue;
		if (header->cmsg_type == SCM_PIDFD && here == 1)
			close(*(const int *)CMSG_DATA(header));
		if (header->cmsg_type != SCM_RIGHTS || here > KERNEL_SCM_MAX_FD + 1 - count)
			continue;
		memcpy(fds + count, CMSG_DATA(header), here * sizeof(int));
		count += here;
	}
	return count;
}

static int receive_chunk(int socket, int *ret_fds, size_t count)
{
	union control control;
	char bytes[2];
	struct iovec data = {.iov_base = bytes, .iov_len = 1};
	struct msghdr message = {
	        .msg_iov = &data,
	        .msg_iovlen = 1,
	        .msg_control = &control,
	        .msg_controllen = sizeof(control),
	};
	int fds[KERNEL_SCM_MAX_FD + 1];
	size_t received;
	ssize_t r;

	do
		r = FAULTABLE("recvmsg", recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	received = collect(&message, fds);
	if (received == count && !(message.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
		memcpy(ret_fds, fds, count * sizeof(int));
		return 0;
	}
	close_all(fds, received);
	if (r == 0)
		return -ECONNRESET;
	return message.msg_flags & MSG_CTRUNC || received > count ? -EMSGSIZE : -EBADMSG;
}

int reeve_fds_receive(int socket, int *ret_fds, size_t count)
{
	size_t received = 0;

	while (received < count) {
		size_t chunk = chunk_of(count - received);
		int r = receive_chunk(socket, ret_fds + received, chunk);

		if (r < 0) {
			close_all(ret_fds, received);
			return r;
		}
		received += chunk;
	}
	return 0;
}
