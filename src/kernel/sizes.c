#include "kernel/sizes.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "kernel/fault.h"
#include "kernel/uapi.h"

static uint16_t at_least(uint16_t size, size_t known)
{
	return size < known ? (uint16_t)known : size;
}

int kernel_notif_sizes(struct kernel_notif_sizes *ret)
{
	static _Atomic uint64_t remembered;
	uint64_t packed = atomic_load_explicit(&remembered, memory_order_relaxed);
	struct seccomp_notif_sizes sizes;

	if (!packed) {
		if (FAULTABLE("notif_sizes", syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes)) < 0)
			return -errno;
		packed = (uint64_t)at_least(sizes.seccomp_notif, sizeof(struct seccomp_notif)) << 32 |
		         (uint64_t)at_least(sizes.seccomp_notif_resp, sizeof(struct seccomp_notif_resp))
		                 << 16 |
		         at_least(sizes.seccomp_data, sizeof(struct seccomp_data));
		atomic_store_explicit(&remembered, packed, memory_order_relaxed);
	}
	ret->notif = (uint16_t)(packed >> 32);
	ret->resp = (uint16_t)(packed >> 16);
	ret->data = (uint16_t)packed;
	return 0;
}
