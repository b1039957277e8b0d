/* Numbers as constants, for the files of this room: NAME_openat is the place in syscalls_all, X86_64_openat
 * and AARCH64_openat its numbers, -1 where an architecture has no such call. */
#pragma once

#include "syscalls/table.h"

enum {
#define BOTH(name, x86_64, aarch64) NAME_##name,
#define X86_64(name, number) NAME_##name,
#include "syscalls/names.def"
#undef BOTH
#undef X86_64
	NAME_COUNT,
};

enum {
#define BOTH(name, x86_64, aarch64) X86_64_##name = x86_64, AARCH64_##name = aarch64,
#define X86_64(name, number) X86_64_##name = number, AARCH64_##name = -1,
#include "syscalls/names.def"
#undef BOTH
#undef X86_64
};

/* The place of a number in syscalls_all, or -1. Constant time. */
int syscalls_place(enum syscalls_arch arch, unsigned nr);
