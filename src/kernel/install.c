#include "reeve/reeve.h"

#include <errno.h>
#include <unistd.h>

#include "kernel/fault.h"
#include "kernel/uapi.h"

int reeve_filter_install(const struct sock_fprog *program, unsigned flags, int *ret_listener)
{
	unsigned long kernel_flags = 0;
	long r;

	if (flags & ~(REEVE_FILTER_WAIT_KILLABLE | REEVE_FILTER_ALL_THREADS))
		return -EINVAL;
	if (ret_listener)
		kernel_flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (flags & REEVE_FILTER_WAIT_KILLABLE)
		kernel_flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	/* Without TSYNC_ESRCH a failure is the number of the thread that cannot follow: mistaken for a
	 * listener. */
	if (flags & REEVE_FILTER_ALL_THREADS)
		kernel_flags |= SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	r = FAULTABLE("filter_install", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kernel_flags, program));
	if (r < 0)
		return -errno;
	if (ret_listener)
		*ret_listener = (int)r;
	return 0;
}
