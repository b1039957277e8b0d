/* The sizes of the listener's structures in the running kernel. They cannot change while it runs, so they are
 * asked once. */
#pragma once

#include <stdint.h>

struct kernel_notif_sizes {
	uint16_t notif, resp, data;
};

/* 0 or -errno. Free of locks; never smaller than the structures that reeve was built with. */
int kernel_notif_sizes(struct kernel_notif_sizes *ret);
