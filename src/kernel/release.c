#include "kernel/release.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "kernel/fault.h"

bool kernel_is_at_least(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned has_major, has_minor;

	if (FAULTABLE("uname", uname(&name)) < 0)
		return false;
	if (sscanf(name.release, "%u.%u", &has_major, &has_minor) != 2)
		return false;
	return has_major > major || (has_major == major && has_minor >= minor);
}

bool kernel_receive_ends(void)
{
	enum { UNKNOWN, ENDS, STAYS };
	static _Atomic unsigned char remembered;
	unsigned char known = atomic_load_explicit(&remembered, memory_order_relaxed);

	if (known == UNKNOWN) {
		known = kernel_is_at_least(6, 11) ? ENDS : STAYS;
		atomic_store_explicit(&remembered, known, memory_order_relaxed);
	}
	return known == ENDS;
}
