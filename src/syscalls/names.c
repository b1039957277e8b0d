/* The kernel's own list of calls, and the way from a number to its name. */
#include "syscalls/names.h"

#include <linux/audit.h>
#include <string.h>

#include "base/cleanup.h"

const struct syscalls_name syscalls_all[] = {
#define BOTH(name, x86_64, aarch64) {#name, {x86_64, aarch64}},
#define X86_64(name, number) {#name, {number, -1}},
#include "syscalls/names.def"
#undef BOTH
#undef X86_64
};
const size_t syscalls_all_count = ELEMENTS(syscalls_all);

/* One more than the place of a number's name, so that the gaps between numbers are 0. */
static const uint16_t x86_64_places[] = {
#define BOTH(name, x86_64, aarch64) [x86_64] = NAME_##name + 1,
#define X86_64(name, number) [number] = NAME_##name + 1,
#include "syscalls/names.def"
#undef BOTH
#undef X86_64
};

static const uint16_t aarch64_places[] = {
#define BOTH(name, x86_64, aarch64) [aarch64] = NAME_##name + 1,
#define X86_64(name, number)
#include "syscalls/names.def"
#undef BOTH
#undef X86_64
};

static const struct {
	const uint16_t *places;
	unsigned highest;
	uint32_t audit;
} arches[SYSCALLS_ARCHES] = {
        [SYSCALLS_X86_64] = {x86_64_places, ELEMENTS(x86_64_places) - 1, AUDIT_ARCH_X86_64},
        [SYSCALLS_AARCH64] = {aarch64_places, ELEMENTS(aarch64_places) - 1, AUDIT_ARCH_AARCH64},
};

static bool is_arch(enum syscalls_arch arch)
{
	return (unsigned)arch < SYSCALLS_ARCHES;
}

int syscalls_place(enum syscalls_arch arch, unsigned nr)
{
	if (!is_arch(arch) || nr > arches[arch].highest)
		return -1;
	return arches[arch].places[nr] - 1;
}

const struct syscalls_name *syscalls_by_name(const char *name)
{
	size_t low = 0, high = syscalls_all_count;

	while (name && low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, syscalls_all[middle].name);

		if (order == 0)
			return &syscalls_all[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *syscalls_name_of(enum syscalls_arch arch, unsigned nr)
{
	int place = syscalls_place(arch, nr);

	return place < 0 ? NULL : syscalls_all[place].name;
}

unsigned syscalls_highest(enum syscalls_arch arch)
{
	return is_arch(arch) ? arches[arch].highest : 0;
}

enum syscalls_arch syscalls_native(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	return SYSCALLS_X86_64;
#elif defined(__aarch64__) && !defined(__ILP32__)
	return SYSCALLS_AARCH64;
#else
#error "no table of system calls for this architecture"
#endif
}

uint32_t syscalls_audit_arch(enum syscalls_arch arch)
{
	return is_arch(arch) ? arches[arch].audit : 0;
}
