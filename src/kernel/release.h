/* The kernel's release number, for the few facts that cannot be tried. */
#pragma once

#include <stdbool.h>

bool kernel_is_at_least(unsigned major, unsigned minor);

/* Whether RECV returns once no task wears the filter any more. Remembered: it cannot change. */
bool kernel_receive_ends(void);
