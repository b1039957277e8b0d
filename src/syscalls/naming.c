#include "reeve/reeve.h"

#include "syscalls/table.h"

const char *reeve_call_name(uint32_t audit_arch, int nr)
{
	for (int arch = 0; nr >= 0 && arch < SYSCALLS_ARCHES; arch++)
		if (syscalls_audit_arch(arch) == audit_arch)
			return syscalls_name_of(arch, (unsigned)nr);
	return NULL;
}
