#include "kernel/fault.h"

#ifdef REEVE_FAULTS
#include <stdlib.h>
#include <string.h>

/* strerrorname_np would do, but other C libraries lack it; these are the ones that matter. */
static int errno_by_name(const char *name, size_t length)
{
	static const struct {
		const char *name;
		int value;
	} known[] = {
	        {"EPERM", EPERM},
	        {"ENOENT", ENOENT},
	        {"ESRCH", ESRCH},
	        {"EINTR", EINTR},
	        {"EBADF", EBADF},
	        {"EAGAIN", EAGAIN},
	        {"ENOMEM", ENOMEM},
	        {"EACCES", EACCES},
	        {"EFAULT", EFAULT},
	        {"EBUSY", EBUSY},
	        {"EXDEV", EXDEV},
	        {"EINVAL", EINVAL},
	        {"EMFILE", EMFILE},
	        {"ENFILE", ENFILE},
	        {"ENOTTY", ENOTTY},
	        {"ENOSYS", ENOSYS},
	        {"ELOOP", ELOOP},
	        {"E2BIG", E2BIG},
	        {"EIO", EIO},
	        {"EOPNOTSUPP", EOPNOTSUPP},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == length && !memcmp(known[i].name, name, length))
			return known[i].value;
	return EINVAL;
}

int fault_errno(const char *name)
{
	const char *entry = getenv("REEVE_FAULT");
	size_t length = strlen(name);

	while (entry && *entry) {
		const char *end = strchrnul(entry, ',');

		if (!strncmp(entry, name, length) && entry[length] == ':')
			return errno_by_name(entry + length + 1, (size_t)(end - entry) - length - 1);
		entry = *end ? end + 1 : end;
	}
	return 0;
}
#else
/* An empty translation unit is not C. */
typedef int fault_unused;
#endif
