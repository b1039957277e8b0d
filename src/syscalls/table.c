/* The table of operations: the rows of rows.def joined with the numbers of names.def. */
#include "syscalls/names.h"

#include "base/cleanup.h"

#define A0                                                                                                   \
	{                                                                                                    \
		SYSCALLS_NONE                                                                                \
	}
#define A1(a)                                                                                                \
	{                                                                                                    \
		SYSCALLS_##a                                                                                 \
	}
#define A2(a, b)                                                                                             \
	{                                                                                                    \
		SYSCALLS_##a, SYSCALLS_##b                                                                   \
	}
#define A3(a, b, c)                                                                                          \
	{                                                                                                    \
		SYSCALLS_##a, SYSCALLS_##b, SYSCALLS_##c                                                     \
	}
#define A4(a, b, c, d)                                                                                       \
	{                                                                                                    \
		SYSCALLS_##a, SYSCALLS_##b, SYSCALLS_##c, SYSCALLS_##d                                       \
	}
#define A5(a, b, c, d, e)                                                                                    \
	{                                                                                                    \
		SYSCALLS_##a, SYSCALLS_##b, SYSCALLS_##c, SYSCALLS_##d, SYSCALLS_##e                         \
	}
#define A6(a, b, c, d, e, f)                                                                                 \
	{                                                                                                    \
		SYSCALLS_##a, SYSCALLS_##b, SYSCALLS_##c, SYSCALLS_##d, SYSCALLS_##e, SYSCALLS_##f           \
	}

const struct syscalls_row syscalls_table[] = {
#define ROW(call, what, who, how, release, why, flags, ...)                                                  \
	{                                                                                                    \
	        .name = #call,                                                                               \
	        .nr = {X86_64_##call, AARCH64_##call},                                                       \
	        .operation = SYSCALLS_##what,                                                                \
	        .args = __VA_ARGS__,                                                                         \
	        .flags_arg = (flags),                                                                        \
	        .family = who,                                                                               \
	        .answer = SYSCALLS_##how,                                                                    \
	        .since = release,                                                                            \
	},
#include "syscalls/rows.def"
#undef ROW
};
const size_t syscalls_table_count = ELEMENTS(syscalls_table);

static const char reasons[][104] = {
#define ROW(call, what, who, how, release, why, ...) why,
#include "syscalls/rows.def"
#undef ROW
};

const char *syscalls_reason(const struct syscalls_row *row)
{
	return reasons[row - syscalls_table];
}

enum {
#define ROW(call, ...) ROW_##call,
#include "syscalls/rows.def"
#undef ROW
};

/* From a place in syscalls_all to one more than its row; harmless calls have 0. */
static const uint16_t rows_by_place[NAME_COUNT] = {
#define ROW(call, ...) [NAME_##call] = ROW_##call + 1,
#include "syscalls/rows.def"
#undef ROW
};

const struct syscalls_row *syscalls_row_by_nr(enum syscalls_arch arch, unsigned nr)
{
	int place = syscalls_place(arch, nr);

	if (place < 0 || rows_by_place[place] == 0)
		return NULL;
	return &syscalls_table[rows_by_place[place] - 1];
}

static const char *const operation_names[SYSCALLS_OPERATIONS] = {
        [SYSCALLS_OPEN] = "open",
        [SYSCALLS_OPEN_HANDLE] = "open by handle",
        [SYSCALLS_CREATE] = "create",
        [SYSCALLS_REMOVE] = "remove",
        [SYSCALLS_RENAME] = "rename",
        [SYSCALLS_LINK] = "link",
        [SYSCALLS_METADATA] = "metadata",
        [SYSCALLS_METADATA_FD] = "metadata by descriptor",
        [SYSCALLS_TRUNCATE] = "truncate",
        [SYSCALLS_STAT] = "stat",
        [SYSCALLS_WATCH] = "watch",
        [SYSCALLS_LIST] = "list",
        [SYSCALLS_CHDIR] = "chdir",
        [SYSCALLS_ROOT] = "root",
        [SYSCALLS_MOUNT] = "mount",
        [SYSCALLS_EXEC] = "exec",
        [SYSCALLS_SOCKET] = "socket",
        [SYSCALLS_CONNECT] = "connect",
        [SYSCALLS_BIND] = "bind",
        [SYSCALLS_LISTEN] = "listen",
        [SYSCALLS_ACCEPT] = "accept",
        [SYSCALLS_SEND] = "send",
        [SYSCALLS_RECEIVE] = "receive",
        [SYSCALLS_SOCKET_OPTION] = "socket option",
        [SYSCALLS_CREDENTIALS] = "credentials",
        [SYSCALLS_NAMESPACE] = "namespace",
        [SYSCALLS_PROCESS] = "process",
        [SYSCALLS_SIGNAL] = "signal",
        [SYSCALLS_DEBUG] = "debug",
        [SYSCALLS_SCHEDULE] = "schedule",
        [SYSCALLS_DESCRIPTORS] = "descriptors",
        [SYSCALLS_IOCTL] = "ioctl",
        [SYSCALLS_KERNEL] = "kernel",
        [SYSCALLS_IO_URING] = "io_uring",
        [SYSCALLS_LANDLOCK] = "landlock",
        [SYSCALLS_SECCOMP] = "seccomp",
        [SYSCALLS_IPC] = "ipc",
        [SYSCALLS_HARMLESS] = "harmless",
};

const char *syscalls_operation_name(enum syscalls_operation operation)
{
	return (unsigned)operation < SYSCALLS_OPERATIONS ? operation_names[operation] : "unknown";
}
