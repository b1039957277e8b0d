/* Each kernel call by a name, so that the test suite can make it fail. FAULTABLE(name, call) is the call
 * itself in a normal build. Compiled with REEVE_FAULTS, the environment variable REEVE_FAULT names calls and
 * the errno that they fail with instead of being made: "addfd_send:EINVAL,pidfd_getfd:EPERM". */
#pragma once

#include <stdbool.h>

#ifdef REEVE_FAULTS
#include <errno.h>
#include <stdlib.h>

/* The errno that `name` shall fail with now, or 0. */
int fault_errno(const char *name);

/* Whether any is to fail. */
#define FAULTS_SET (getenv("REEVE_FAULT") != NULL)

#define FAULTABLE(name, call)                                                                                \
	__extension__({                                                                                      \
		int fault_ = fault_errno(name);                                                              \
		fault_ ? (errno = fault_, -1) : (call);                                                      \
	})
#else
#define FAULTS_SET false
#define FAULTABLE(name, call) (call)
#endif
