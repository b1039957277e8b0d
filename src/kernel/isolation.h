/* A network namespace of one's own: nothing in it but a loopback that is up. */
#pragma once

#include <stdbool.h>

/* Whether a user namespace is needed for it: for all who lack CAP_SYS_ADMIN. */
bool isolation_needs_user_namespace(void);

/* Starts the loopback of the network that the calling thread is on. 0 or -errno. */
int isolation_loopback_up(void);

/* Moves the calling process, which must have one thread, into one. A user namespace that it needs maps its own user
 * and group to themselves, and leaves no capabilities, neither now nor after an exec; root without one keeps
 * all but CAP_NET_ADMIN. 0; -EPERM, -ENOSPC where the
 * machine gives none; other -errno. After an error the process may be anywhere in between. */
int isolation_enter(void);

/* Tries it, in a child that ends. 0 or the error. */
int isolation_probe(void);
