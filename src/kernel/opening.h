/* Opening by openat2, and the other path calls that act relative to a descriptor of our own. Thin: -errno. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define OPENING_NO_LINKS (0x02u | 0x04u) /* RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS */
#define OPENING_NO_MAGIC 0x02u           /* RESOLVE_NO_MAGICLINKS */
#define OPENING_BENEATH 0x08u            /* RESOLVE_BENEATH */

/* What the kernel itself sets on every open of a 64-bit program; F_GETFL shows it. Not libc's O_LARGEFILE. */
#if defined(__x86_64__)
#define OPENING_LARGEFILE 0100000u
#elif defined(__aarch64__)
#define OPENING_LARGEFILE 0400000u
#else
#error "reeve is for x86_64 and aarch64"
#endif

/* openat2(2), Linux 5.6. The descriptor, or -errno; -ENOSYS where the kernel or an outer filter lacks it. */
int opening_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

/* openat(2), retried on EINTR. The descriptor, or -errno. */
int opening_openat(int dirfd, const char *path, int flags, mode_t mode);
