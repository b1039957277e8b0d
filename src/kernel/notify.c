#include "reeve/reeve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdalign.h>
#include <string.h>
#include <unistd.h>

#include "kernel/fault.h"
#include "kernel/release.h"
#include "kernel/sizes.h"
#include "kernel/uapi.h"

/* Room for what later kernels may append to the structures of the listener. */
#define STRUCT_ROOM 512

static int result_of(int r)
{
	if (r >= 0)
		return r;
	return errno == ENOENT ? REEVE_GONE : -errno;
}

/* Whether no task wears the filter any more; waits up to `timeout` ms for that or for a request. */
static int wait_for_request(int listener, int timeout)
{
	struct pollfd poll_fd = {.fd = listener, .events = POLLIN};
	int r;

	/* poll would ignore it, and wait for ever. */
	if (listener < 0)
		return -EBADF;
	do
		r = FAULTABLE("poll", poll(&poll_fd, 1, timeout));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (poll_fd.revents & POLLNVAL)
		return -EBADF;
	if (poll_fd.revents & POLLIN)
		return 0;
	return poll_fd.revents & POLLHUP ? REEVE_ENDED : 0;
}

int reeve_receive(int listener, struct reeve_request *ret_request)
{
	alignas(8) unsigned char room[STRUCT_ROOM];
	struct seccomp_notif *notif = (struct seccomp_notif *)room;
	struct kernel_notif_sizes sizes;
	int r;

	r = kernel_notif_sizes(&sizes);
	if (r < 0)
		return r;
	if (sizes.notif > sizeof(room))
		return -E2BIG;
	if (!kernel_receive_ends()) {
		r = wait_for_request(listener, -1);
		if (r != 0)
			return r;
	}
	do {
		/* The kernel refuses a buffer that is not zero, also on the second try. */
		memset(room, 0, sizes.notif);
		r = FAULTABLE("recv", ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notif));
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno == ENOENT) {
		r = wait_for_request(listener, 0);
		return r == REEVE_ENDED ? REEVE_ENDED : REEVE_GONE;
	}
	if (r < 0)
		return -errno;
	ret_request->id = notif->id;
	ret_request->tid = (pid_t)notif->pid;
	ret_request->flags = notif->flags;
	ret_request->data = notif->data;
	return 0;
}

int reeve_is_valid(int listener, uint64_t id)
{
	return result_of(FAULTABLE("id_valid", ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id)));
}

static int respond(int listener, const struct seccomp_notif_resp *response)
{
	alignas(8) unsigned char room[STRUCT_ROOM];
	struct kernel_notif_sizes sizes;
	int r;

	r = kernel_notif_sizes(&sizes);
	if (r < 0)
		return r;
	if (sizes.resp > sizeof(room))
		return -E2BIG;
	memset(room, 0, sizes.resp);
	memcpy(room, response, sizeof(*response));
	do
		r = FAULTABLE("send", ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, room));
	while (r < 0 && errno == EINTR);
	return result_of(r);
}

int reeve_respond_value(int listener, uint64_t id, int64_t value)
{
	return respond(listener, &(struct seccomp_notif_resp){.id = id, .val = value});
}

int reeve_respond_error(int listener, uint64_t id, int error)
{
	if (error < 1 || error > 4095)
		return -EINVAL;
	return respond(listener, &(struct seccomp_notif_resp){.id = id, .error = -error});
}

int reeve_respond_continue(int listener, uint64_t id)
{
	return respond(
	        listener, &(struct seccomp_notif_resp){.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE});
}

static int add_fd(int listener, struct seccomp_notif_addfd *request, unsigned flags)
{
	int r;

	if (flags & ~REEVE_INJECT_CLOEXEC)
		return -EINVAL;
	request->newfd_flags = flags & REEVE_INJECT_CLOEXEC ? O_CLOEXEC : 0;
	do {
		if (request->flags & SECCOMP_ADDFD_FLAG_SEND)
			r = FAULTABLE("addfd_send", ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, request));
		else
			r = FAULTABLE("addfd", ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, request));
	} while (r < 0 && errno == EINTR);
	/* A number may be 1, as REEVE_GONE is: the two must not meet in one return value. */
	return r < 0 ? -errno : r;
}

int reeve_inject(int listener, uint64_t id, int fd, unsigned flags, int *ret_number)
{
	int r = add_fd(listener, &(struct seccomp_notif_addfd){.id = id, .srcfd = (uint32_t)fd}, flags);

	if (r < 0)
		return r == -ENOENT ? REEVE_GONE : r;
	*ret_number = r;
	return 0;
}

int reeve_inject_at(int listener, uint64_t id, int fd, int number, unsigned flags)
{
	struct seccomp_notif_addfd request = {
	        .id = id,
	        .srcfd = (uint32_t)fd,
	        .newfd = (uint32_t)number,
	        .flags = SECCOMP_ADDFD_FLAG_SETFD,
	};
	int r;

	if (number < 0)
		return -EBADF;
	r = add_fd(listener, &request, flags);
	if (r < 0)
		return r == -ENOENT ? REEVE_GONE : r;
	return 0;
}

int reeve_inject_respond(int listener, uint64_t id, int fd, unsigned flags, int *ret_number)
{
	struct seccomp_notif_addfd request = {
	        .id = id,
	        .srcfd = (uint32_t)fd,
	        .flags = SECCOMP_ADDFD_FLAG_SEND,
	};
	int number = add_fd(listener, &request, flags);
	int r;

	if (number == -EINVAL) {
		r = reeve_inject(listener, id, fd, flags, &number);
		if (r == 0)
			r = reeve_respond_value(listener, id, number);
		if (r != 0)
			return r;
	}
	if (number < 0)
		return number == -ENOENT ? REEVE_GONE : number;
	if (ret_number)
		*ret_number = number;
	return 0;
}

int reeve_listener_wake_synchronously(int listener, bool on)
{
	unsigned long flags = on ? SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP : 0;
	int r = FAULTABLE("set_flags", ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, flags));

	return r < 0 ? -errno : 0;
}
