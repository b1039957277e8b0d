#include "supervise/act/control.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervise/act/act.h"
#include "supervise/decide.h"

#define CONTROL_LARGEST 131072u /* what the kernel keeps room for, unless told otherwise */

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SO_TXTIME
#define SO_TXTIME 61
#endif

/* What says how a packet is sent, and from which of this machine's addresses, but not where to. Routing
 * headers and options lead it elsewhere. */
static bool is_harmless(const struct cmsghdr *header)
{
	static const struct {
		int level, type;
	} known[] = {
	        {SOL_SOCKET, SO_TIMESTAMPING},
	        {SOL_SOCKET, SO_TXTIME},
	        {SOL_SOCKET, SO_MARK},
	        {SOL_SOCKET, SO_PRIORITY},
	        {IPPROTO_IP, IP_TTL},
	        {IPPROTO_IP, IP_TOS},
	        {IPPROTO_IP, IP_PKTINFO},
	        {IPPROTO_IPV6, IPV6_PKTINFO},
	        {IPPROTO_IPV6, IPV6_HOPLIMIT},
	        {IPPROTO_IPV6, IPV6_TCLASS},
	        {IPPROTO_IPV6, IPV6_DONTFRAG},
	        {SOL_UDP, UDP_SEGMENT},
	};

	for (size_t i = 0; i < ELEMENTS(known); i++)
		if (known[i].level == header->cmsg_level && known[i].type == header->cmsg_type)
			return true;
	return false;
}

static int take_descriptors(struct exchange *x, struct control *control, char *data, size_t size)
{
	size_t count = size / sizeof(int);

	if (count > CONTROL_MOST - control->fd_count)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		int number, fd;

		memcpy(&number, data + i * sizeof(int), sizeof(number));
		fd = sockets_fetch(x->request.tid, number);
		if (fd == -ESRCH)
			return REEVE_GONE;
		if (fd < 0)
			return fd;
		control->fds[control->fd_count] = fd;
		memcpy(data + i * sizeof(int), &control->fds[control->fd_count++], sizeof(int));
	}
	return 0;
}

/* A task may say who it is. */
static int pass_credentials(struct exchange *x, struct control *control, char *data, size_t size)
{
	struct task_status status;
	struct ucred ucred;
	int r = task_status(&x->task, &status);

	if (r < 0)
		return r == -ESRCH ? REEVE_GONE : r;
	if (size != sizeof(ucred))
		return -EINVAL;
	memcpy(&ucred, data, sizeof(ucred));
	if (ucred.pid != status.tgid || ucred.uid != status.credentials.fsuid ||
	        ucred.gid != status.credentials.fsgid) {
		decide_refuse(x, EPERM, "credentials of somebody else cannot be passed on");
		return CONTROL_REFUSED;
	}
	control->process = data + offsetof(struct ucred, pid);
	return 0;
}

bool control_name_ourselves(struct control *control)
{
	pid_t pid = getpid();

	if (!control->process || memcmp(control->process, &pid, sizeof(pid)) == 0)
		return false;
	memcpy(control->process, &pid, sizeof(pid));
	return true;
}

static int pass(
        struct exchange *x, const struct sockets_kind *kind, struct control *control, struct cmsghdr *header)
{
	char *data = (char *)CMSG_DATA(header);
	size_t size = header->cmsg_len - CMSG_LEN(0);

	if (kind->domain == AF_UNIX) {
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
			return take_descriptors(x, control, data, size);
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS)
			return pass_credentials(x, control, data, size);
		return header->cmsg_level == SOL_SOCKET ? -EINVAL : 0;
	}
	if (is_harmless(header))
		return 0;
	decide_refuse(x, EACCES, "a control message of this kind may lead what is sent elsewhere");
	return CONTROL_REFUSED;
}

/* As the kernel walks: libc's macros stop before a last message whose padding is cut off, and the kernel does
 * not. */
static int pass_all(struct exchange *x, const struct sockets_kind *kind, struct control *control)
{
	size_t at = 0;

	while (at <= control->size && control->size - at >= sizeof(struct cmsghdr)) {
		struct cmsghdr *header = (struct cmsghdr *)(void *)(control->bytes + at);
		int r;

		if (header->cmsg_len < sizeof(*header) || header->cmsg_len > control->size - at)
			return -EINVAL;
		r = pass(x, kind, control, header);
		if (r != 0)
			return r;
		at += CMSG_ALIGN(header->cmsg_len);
	}
	return 0;
}

int control_read(struct exchange *x, const struct sockets_kind *kind, const struct decoded_message *message,
        struct control *ret)
{
	int r;

	*ret = (struct control){0};
	if (message->control_size == 0)
		return 0;
	if (message->control_size > CONTROL_LARGEST)
		return -ENOBUFS;
	ret->bytes = malloc(message->control_size);
	if (!ret->bytes)
		return -ENOBUFS;
	ret->size = message->control_size;
	r = decode_bytes(x, message->control, ret->bytes, ret->size);
	return r != 0 ? r : pass_all(x, kind, ret);
}

void control_done(struct control *control)
{
	for (size_t i = 0; i < control->fd_count; i++)
		close(control->fds[i]);
	free(control->bytes);
	*control = (struct control){0};
}
