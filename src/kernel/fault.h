/* Each kernel call by a name, so that the test suite can make it fail. FAULTABLE(name, call) is the call
 * itself in a normal build. Compiled with REEVE_FAULTS, the environment variable REEVE_FAULT names calls and
 * the errno that they fail with instead of being made: "addfd_send:EINVAL,pidfd_getfd:EPERM". */
#pragma once

#ifdef REEVE_FAULTS
#include <errno.h>

/* The errno that `name` shall fail with now, or 0. */
int fault_errno(const char *name);

#define FAULTABLE(name, call)                                                                                \
	__extension__({                                                                                      \
		int fault_ = fault_errno(name);                                                              \
		fault_ ? (errno = fault_, -1) : (call);                                                      \
	})
#else
#define FAULTABLE(name, call) (call)
#endif
