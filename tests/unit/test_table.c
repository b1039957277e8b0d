/* The table of operations against itself and against the kernel headers that are installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "syscalls/arguments.h"
#include "syscalls/table.h"

static const struct {
	enum syscalls_arch arch;
	const char *name;
	unsigned nr;
} kernel_numbers[] = {
#include "kernel_numbers.h"
};

/* Counts what is wrong and names each, so that one run shows all of it. */
static int wrong;

#define EXPECT(condition, ...)                                                                               \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			wrong++;                                                                             \
			print_error("%s: ", #condition);                                                     \
			print_error(__VA_ARGS__);                                                            \
			print_error("\n");                                                                   \
		}                                                                                            \
	} while (0)

static int begin(void **state)
{
	wrong = 0;
	return 0;
}

static int rows_named(const char *name)
{
	int count = 0;

	for (size_t i = 0; i < syscalls_table_count; i++)
		count += strcmp(syscalls_table[i].name, name) == 0;
	return count;
}

static int harmless_named(const char *name)
{
	int count = 0;

	for (size_t i = 0; i < syscalls_harmless_count; i++)
		count += strcmp(syscalls_harmless[i], name) == 0;
	return count;
}

static void test_each_call_is_governed_once(void **state)
{
	for (size_t i = 0; i < syscalls_all_count; i++) {
		const char *name = syscalls_all[i].name;

		EXPECT(rows_named(name) + harmless_named(name) == 1, "%s: %d rows, %d times harmless", name,
		        rows_named(name), harmless_named(name));
	}
	EXPECT(syscalls_table_count + syscalls_harmless_count == syscalls_all_count, "%zu + %zu != %zu",
	        syscalls_table_count, syscalls_harmless_count, syscalls_all_count);
	assert_int_equal(wrong, 0);
}

static void test_sorted(void **state)
{
	for (size_t i = 1; i < syscalls_all_count; i++)
		EXPECT(strcmp(syscalls_all[i - 1].name, syscalls_all[i].name) < 0, "%s",
		        syscalls_all[i].name);
	for (size_t i = 1; i < syscalls_harmless_count; i++)
		EXPECT(strcmp(syscalls_harmless[i - 1], syscalls_harmless[i]) < 0, "%s",
		        syscalls_harmless[i]);
	assert_int_equal(wrong, 0);
}

static void test_numbers_are_unique(void **state)
{
	for (int arch = 0; arch < SYSCALLS_ARCHES; arch++) {
		const char *seen[1024] = {0};

		for (size_t i = 0; i < syscalls_all_count; i++) {
			int nr = syscalls_all[i].nr[arch];

			if (nr < 0)
				continue;
			EXPECT(nr < 1024 && !seen[nr], "%d is %s and %s", nr, seen[nr], syscalls_all[i].name);
			seen[nr] = syscalls_all[i].name;
		}
	}
	assert_int_equal(wrong, 0);
}

static void check_lookups_of(const struct syscalls_name *call, enum syscalls_arch arch)
{
	unsigned nr = (unsigned)call->nr[arch];
	const struct syscalls_row *row;
	const char *name;

	if (call->nr[arch] < 0)
		return;
	name = syscalls_name_of(arch, nr);
	row = syscalls_row_by_nr(arch, nr);
	EXPECT(name && strcmp(name, call->name) == 0, "%s", call->name);
	EXPECT((row != NULL) == (rows_named(call->name) == 1), "%s", call->name);
	EXPECT(!row || strcmp(row->name, call->name) == 0, "%s", call->name);
	EXPECT(!row || memcmp(row->nr, call->nr, sizeof(row->nr)) == 0, "%s", call->name);
	EXPECT(nr <= syscalls_highest(arch), "%s", call->name);
}

static void test_lookups_agree(void **state)
{
	for (size_t i = 0; i < syscalls_all_count; i++) {
		EXPECT(syscalls_by_name(syscalls_all[i].name) == &syscalls_all[i], "%s",
		        syscalls_all[i].name);
		for (int arch = 0; arch < SYSCALLS_ARCHES; arch++)
			check_lookups_of(&syscalls_all[i], (enum syscalls_arch)arch);
	}
	assert_int_equal(wrong, 0);
}

static void test_lookups_of_nothing(void **state)
{
	static const unsigned numbers[] = {
	        470, 512, 0x40000000, 0x40000001, 0x7fffffff, 0x80000000, UINT32_MAX};
	static const char *const names[] = {"", "zzz", "Open", "ope", "opena", "openat3", "0"};

	for (int arch = 0; arch < SYSCALLS_ARCHES; arch++) {
		assert_int_equal(syscalls_highest((enum syscalls_arch)arch), 469);
		for (size_t i = 0; i < ELEMENTS(numbers); i++) {
			assert_null(syscalls_name_of((enum syscalls_arch)arch, numbers[i]));
			assert_null(syscalls_row_by_nr((enum syscalls_arch)arch, numbers[i]));
		}
	}
	for (size_t i = 0; i < ELEMENTS(names); i++)
		assert_null(syscalls_by_name(names[i]));
	assert_null(syscalls_by_name(NULL));
	assert_null(syscalls_name_of(SYSCALLS_AARCH64, 244));
	assert_null(syscalls_name_of(SYSCALLS_X86_64, 400));
	assert_null(syscalls_name_of(SYSCALLS_ARCHES, 0));
	assert_int_equal(syscalls_highest(SYSCALLS_ARCHES), 0);
	assert_int_equal(syscalls_audit_arch(SYSCALLS_ARCHES), 0);
}

static void test_known_numbers(void **state)
{
	assert_string_equal(syscalls_name_of(SYSCALLS_X86_64, 0), "read");
	assert_string_equal(syscalls_name_of(SYSCALLS_X86_64, 257), "openat");
	assert_string_equal(syscalls_name_of(SYSCALLS_X86_64, 336), "uprobe");
	assert_string_equal(syscalls_name_of(SYSCALLS_AARCH64, 0), "io_setup");
	assert_string_equal(syscalls_name_of(SYSCALLS_AARCH64, 38), "renameat");
	assert_string_equal(syscalls_name_of(SYSCALLS_AARCH64, 56), "openat");
	assert_string_equal(syscalls_name_of(SYSCALLS_AARCH64, 79), "newfstatat");
	assert_string_equal(syscalls_name_of(SYSCALLS_AARCH64, 469), "file_setattr");
	assert_int_equal(syscalls_by_name("open")->nr[SYSCALLS_AARCH64], -1);
	assert_int_equal(syscalls_audit_arch(SYSCALLS_X86_64), 0xc000003e);
	assert_int_equal(syscalls_audit_arch(SYSCALLS_AARCH64), 0xc00000b7);
}

static void test_kernel_headers(void **state)
{
	size_t newer = 0, seen[SYSCALLS_ARCHES] = {0};

	for (size_t i = 0; i < ELEMENTS(kernel_numbers); i++) {
		const struct syscalls_name *call = syscalls_by_name(kernel_numbers[i].name);
		enum syscalls_arch arch = kernel_numbers[i].arch;

		seen[arch]++;
		if (kernel_numbers[i].nr > syscalls_highest(arch)) {
			newer++;
			continue;
		}
		EXPECT(call && call->nr[arch] == (int)kernel_numbers[i].nr,
		        "%s is %u in the kernel's headers", kernel_numbers[i].name, kernel_numbers[i].nr);
	}
	print_message(
	        "kernel headers: %zu calls of x86_64, %zu of aarch64, %zu of them newer than this table\n",
	        seen[SYSCALLS_X86_64], seen[SYSCALLS_AARCH64], newer);
	assert_int_equal(wrong, 0);
	assert_true(seen[syscalls_native()] > 300);
}

/* What may follow a shape that says nothing by itself. */
static bool is_followed_well(const struct syscalls_row *row, size_t i)
{
	enum syscalls_shape next = i + 1 < ELEMENTS(row->args) ? row->args[i + 1] : SYSCALLS_NONE;

	switch (row->args[i]) {
	case SYSCALLS_DIRFD:
		return next == SYSCALLS_PATH;
	case SYSCALLS_ADDRESS:
	case SYSCALLS_HOW:
		return next == SYSCALLS_LENGTH;
	case SYSCALLS_NONE:
		return next == SYSCALLS_NONE;
	default:
		return true;
	}
}

static void test_shapes(void **state)
{
	for (size_t i = 0; i < syscalls_table_count; i++) {
		const struct syscalls_row *row = &syscalls_table[i];
		int flags = 0;

		for (size_t k = 0; k < ELEMENTS(row->args); k++) {
			EXPECT(is_followed_well(row, k), "%s, argument %zu", row->name, k);
			flags += row->args[k] == SYSCALLS_FLAGS;
		}
		EXPECT(row->flags_arg >= -1 && row->flags_arg < 6, "%s", row->name);
		EXPECT(row->flags_arg < 0 || row->args[row->flags_arg] == SYSCALLS_FLAGS, "%s", row->name);
		EXPECT(flags == (row->flags_arg >= 0), "%s has %d flags arguments", row->name, flags);
	}
	assert_int_equal(wrong, 0);
}

/* How much of a register the kernel looks at, as the rows say it. */
static bool is_as_wide(enum syscalls_shape shape, const struct syscalls_argument *argument)
{
	switch (shape) {
	case SYSCALLS_FD:
	case SYSCALLS_DIRFD:
	case SYSCALLS_PID:
		return argument->type == SYSCALLS_TYPE_INT;
	case SYSCALLS_ID:
		return argument->type == SYSCALLS_TYPE_UNSIGNED && argument->mask == UINT32_MAX;
	case SYSCALLS_MODE:
		return argument->mask == UINT16_MAX;
	case SYSCALLS_INT:
		return syscalls_is_narrow(argument);
	case SYSCALLS_FLAGS:
		return argument->type != SYSCALLS_TYPE_POINTER;
	case SYSCALLS_LENGTH:
		return argument->type != SYSCALLS_TYPE_POINTER && argument->type != SYSCALLS_TYPE_LONG;
	case SYSCALLS_LONG:
		return !syscalls_is_narrow(argument) && argument->type != SYSCALLS_TYPE_POINTER;
	case SYSCALLS_STRUCT:
		return !syscalls_is_narrow(argument);
	default:
		return argument->type == SYSCALLS_TYPE_POINTER;
	}
}

static void test_arguments_are_as_the_rows(void **state)
{
	for (size_t i = 0; i < syscalls_table_count; i++) {
		const struct syscalls_row *row = &syscalls_table[i];
		struct syscalls_argument argument;

		for (int k = 0; k < 6 && row->args[k] != SYSCALLS_NONE; k++) {
			/* The last ones of clone have another order on each architecture. */
			if (strcmp(row->name, "clone") == 0 && k > 2)
				continue;
			EXPECT(syscalls_argument_at(row->name, k, &argument), "%s lacks argument %d",
			        row->name, k);
			EXPECT(is_as_wide(row->args[k], &argument), "%s: %s", row->name, argument.name);
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_argument_names(void **state)
{
	struct syscalls_argument argument, other;

	for (size_t i = 0; i < syscalls_all_count; i++) {
		const char *call = syscalls_all[i].name;

		for (int k = 0; syscalls_argument_at(call, k, &argument); k++) {
			size_t count, meant = 0;
			const struct syscalls_constant *constants = syscalls_constants(&count);

			EXPECT(k < 6 && argument.name[0] && argument.index == k, "%s, %d", call, k);
			EXPECT(syscalls_argument(call, argument.name, strlen(argument.name), &other) == 0 &&
			                other.index == k,
			        "%s: %s", call, argument.name);
			for (size_t c = 0; c < count; c++)
				meant += strcmp(constants[c].sort, argument.sort) == 0;
			EXPECT(!argument.sort[0] || meant, "%s: %s has no constants", call, argument.name);
		}
	}
	assert_int_equal(syscalls_argument("socket", "arg1", 4, &argument), 0);
	assert_int_equal(argument.mask, UINT32_MAX);
	assert_int_equal(syscalls_argument("socket", "arg5", 4, &argument), 0);
	assert_true(argument.mask == UINT64_MAX);
	assert_int_equal(syscalls_argument("socket", "arg6", 4, &argument), -ENOENT);
	assert_int_equal(syscalls_argument("nothing", "family", 6, &argument), -ENOENT);
	assert_int_equal(wrong, 0);
}

/* No name stands for two numbers where the same argument may have both. */
static void test_constants(void **state)
{
	size_t count;
	const struct syscalls_constant *constants = syscalls_constants(&count);

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			EXPECT(strcmp(constants[i].name, constants[k].name) != 0 ||
			                strcmp(constants[i].sort, constants[k].sort) != 0,
			        "%s", constants[i].name);
	assert_int_equal(syscalls_constant("AF", "AF_NETLINK", 10)->value, 16);
	assert_true(syscalls_constant("AT", "AT_FDCWD", 8)->value == (uint64_t)-100);
	assert_null(syscalls_constant("AF", "AF_NETLIN", 9));
	assert_int_equal(wrong, 0);
}

static bool is_family(const char *family)
{
	static const char *const families[] = {"open", "create", "remove", "rename", "link", "metadata",
	        "stat", "exec", "credentials", "connect", "bind", "send", "schedule", "unplugged"};

	for (size_t i = 0; i < ELEMENTS(families); i++) {
		if (strcmp(family, families[i]) == 0)
			return true;
	}
	return !*family;
}

static void test_answers(void **state)
{
	for (size_t i = 0; i < syscalls_table_count; i++) {
		const struct syscalls_row *row = &syscalls_table[i];
		bool performs = row->answer == SYSCALLS_PERFORM || row->answer == SYSCALLS_PERFORM_FD;
		bool continues = row->answer == SYSCALLS_CONTINUE;

		EXPECT(continues == (syscalls_reason(row)[0] != '\0'), "%s: %s", row->name,
		        syscalls_reason(row));
		EXPECT(!performs || row->family[0], "%s", row->name);
		EXPECT(is_family(row->family), "%s: %s", row->name, row->family);
		EXPECT(row->operation < SYSCALLS_HARMLESS, "%s", row->name);
		EXPECT((row->operation == SYSCALLS_OPEN || strcmp(row->name, "socket") == 0) ==
		                (row->answer == SYSCALLS_PERFORM_FD),
		        "%s", row->name);
		EXPECT(row->since[0] == 0 || (row->since[0] >= '5' && row->since[1] == '.'), "%s", row->name);
	}
	assert_int_equal(wrong, 0);
}

/* A signal that comes before the notification is received would make these fail where they never do. */
static void test_calls_that_never_notify(void **state)
{
	static const char *const names[] = {"close", "close_range", "dup", "dup2", "dup3", "exit",
	        "exit_group", "fork", "vfork", "clone", "clone3", "wait4", "waitid", "futex", "futex_wait",
	        "futex_wake", "futex_waitv", "read", "write", "readv", "writev", "pread64", "pwrite64",
	        "poll", "epoll_wait", "rt_sigreturn", "restart_syscall", "mmap", "munmap", "brk"};

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		bool is_never = harmless_named(names[i]) == 1;

		for (size_t k = 0; k < syscalls_table_count; k++)
			is_never |= strcmp(syscalls_table[k].name, names[i]) == 0 &&
			            syscalls_table[k].answer == SYSCALLS_NEVER;
		EXPECT(is_never, "%s", names[i]);
	}
	assert_int_equal(wrong, 0);
}

/* The variants that are left out when a list of calls is made from memory. */
static void test_forgotten_variants(void **state)
{
	static const char *const names[] = {"creat", "open_by_handle_at", "openat2", "renameat2", "linkat",
	        "fchmodat2", "utime", "utimes", "futimesat", "setxattrat", "getxattrat", "listxattrat",
	        "removexattrat", "truncate", "statx", "faccessat2", "execveat", "sendmmsg", "quotactl",
	        "quotactl_fd", "mount_setattr", "fsopen", "fsmount", "fsconfig", "fspick", "move_mount",
	        "open_tree", "open_tree_attr", "file_setattr", "file_getattr", "uselib", "acct", "swapon",
	        "pivot_root", "inotify_add_watch", "fanotify_mark", "name_to_handle_at", "process_vm_writev",
	        "pidfd_getfd", "pidfd_send_signal", "fsetxattr", "fchown", "fchmod", "io_uring_setup",
	        "add_key", "keyctl", "request_key", "userfaultfd", "memfd_secret"};

	for (size_t i = 0; i < ELEMENTS(names); i++)
		EXPECT(rows_named(names[i]) == 1, "%s has no row", names[i]);
	assert_int_equal(wrong, 0);
}

/* A call that takes a path is never harmless, so the shapes of the rows are what the groups are checked by.
 */
static bool is_in_group(const char *group, const char *name)
{
	const char *const *calls = NULL;

	assert_int_equal(syscalls_group(group, &calls), 0);
	for (size_t i = 0; calls[i]; i++) {
		if (strcmp(calls[i], name) == 0)
			return true;
	}
	return false;
}

static void test_groups_name_calls(void **state)
{
	const char *const *names = syscalls_groups();
	const char *const *calls = NULL;

	for (size_t i = 0; names[i]; i++) {
		assert_int_equal(syscalls_group(names[i], &calls), 0);
		EXPECT(names[i][0] == '@' && calls[0], "%s", names[i]);
		EXPECT(i == 0 || strcmp(names[i - 1], names[i]) < 0, "%s", names[i]);
		for (size_t k = 0; calls[k]; k++) {
			EXPECT(syscalls_by_name(calls[k]), "%s: %s", names[i], calls[k]);
			EXPECT(k == 0 || strcmp(calls[k - 1], calls[k]) < 0, "%s: %s", names[i], calls[k]);
		}
	}
	calls = NULL;
	assert_int_equal(syscalls_group("@nothing", &calls), -ENOENT);
	assert_int_equal(syscalls_group("network", &calls), -ENOENT);
	assert_int_equal(syscalls_group(NULL, &calls), -ENOENT);
	assert_null(calls);
	assert_int_equal(wrong, 0);
}

static const char *group_of(enum syscalls_operation operation)
{
	if (operation <= SYSCALLS_CHDIR)
		return "@file-system";
	if (operation >= SYSCALLS_SOCKET && operation <= SYSCALLS_SOCKET_OPTION)
		return "@network";
	switch (operation) {
	case SYSCALLS_ROOT:
	case SYSCALLS_MOUNT:
		return "@mount";
	case SYSCALLS_CREDENTIALS:
		return "@credentials";
	case SYSCALLS_NAMESPACE:
		return "@namespace";
	case SYSCALLS_SIGNAL:
		return "@signal";
	case SYSCALLS_DEBUG:
		return "@debug";
	case SYSCALLS_SCHEDULE:
		return "@resources";
	case SYSCALLS_IO_URING:
		return "@io-uring";
	case SYSCALLS_IPC:
		return "@ipc";
	default:
		return NULL;
	}
}

static void test_groups_are_complete(void **state)
{
	for (size_t i = 0; i < syscalls_table_count; i++) {
		const char *group = group_of(syscalls_table[i].operation);

		EXPECT(!group || is_in_group(group, syscalls_table[i].name), "%s is not in %s",
		        syscalls_table[i].name, group);
	}
	assert_int_equal(wrong, 0);
}

static void test_operation_names(void **state)
{
	for (int i = 0; i < SYSCALLS_OPERATIONS; i++) {
		const char *name = syscalls_operation_name((enum syscalls_operation)i);

		assert_non_null(name);
		assert_string_not_equal(name, "unknown");
		for (int k = 0; k < i; k++)
			assert_string_not_equal(name, syscalls_operation_name((enum syscalls_operation)k));
	}
	assert_string_equal(syscalls_operation_name(SYSCALLS_OPERATIONS), "unknown");
	assert_string_equal(syscalls_operation_name((enum syscalls_operation) - 1), "unknown");
}

#define TEST(function) cmocka_unit_test_setup(function, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_each_call_is_governed_once),
	        TEST(test_sorted),
	        TEST(test_numbers_are_unique),
	        TEST(test_lookups_agree),
	        TEST(test_lookups_of_nothing),
	        TEST(test_known_numbers),
	        TEST(test_kernel_headers),
	        TEST(test_shapes),
	        TEST(test_arguments_are_as_the_rows),
	        TEST(test_argument_names),
	        TEST(test_constants),
	        TEST(test_answers),
	        TEST(test_calls_that_never_notify),
	        TEST(test_forgotten_variants),
	        TEST(test_groups_name_calls),
	        TEST(test_groups_are_complete),
	        TEST(test_operation_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
