/* An open that may block for ever, made where it can be given up: in a short-lived process that shares our
 * memory and descriptors. No signal handler is needed, which a library could not install. */
#pragma once

#include <linux/openat2.h>
#include <stddef.h>
#include <sys/types.h>

#define BLOCKING_STARTS (-1)

/* Opens; before, and every `interval_ms` until it is done, `tick` is asked, which returns 0 to go on or a value
 * that the open is given up with. `stack` is memory for the helper (8 KiB at least). The descriptor, also of an open
 * that was over just before it was given up; -errno; or
 * what tick returned, negated: so tick returns positive numbers above 4095, and keeps no descriptor open.
 * `helper` is that process while there is one, BLOCKING_STARTS while its number is not known yet, and 0: whoever
 * must not let others see our memory has to know it. */
int blocking_open(int dirfd, const char *path, const struct open_how *how, void *stack, size_t stack_size,
        int interval_ms, int (*tick)(void *user), void *user, _Atomic pid_t *helper);
