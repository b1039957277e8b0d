/* Filters in the running kernel: a child wears one, makes calls, and compares what it gets with what the
 * simulator says and with the description that the filter was made from. All calls name the descriptor -1, so
 * that those which the filter allows fail with EBADF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "filter/expected.h"

#define ERRNO(number) (SECCOMP_RET_ERRNO | (number))
#define ALLOW SECCOMP_RET_ALLOW

enum {
	UNKNOWN = ERRNO(901),
	FOREIGN = ERRNO(902),
	MAX_CALLS = 480,
	AGREES = 0,
	NOT_INSTALLED = 100,
};

static const struct filter_call description[] = {
        {.nr = SYS_lseek,
                .action = ALLOW,
                .case_count = 4,
                .cases = (struct filter_case[]){{.arg = 1,
                                                        .wide = true,
                                                        .mask = UINT64_MAX,
                                                        .value = 1ULL << 40,
                                                        .action = ERRNO(801)},
                        {.arg = 1,
                                .wide = true,
                                .mask = 7ULL << 32,
                                .value = 5ULL << 32,
                                .action = ERRNO(802)},
                        {.arg = 2, .mask = UINT32_MAX, .value = 1, .action = ERRNO(803)},
                        {.arg = 2, .mask = 6, .value = 6, .action = ERRNO(804)}}},
        {.nr = SYS_fcntl,
                .action = ERRNO(810),
                .case_count = 2,
                .cases = (struct filter_case[]){{.arg = 1, .mask = UINT32_MAX, .value = 3, .action = ALLOW},
                        {.arg = 1, .negated = true, .mask = 0xf0, .value = 0, .action = ERRNO(811)}}},
        {.nr = SYS_ioctl,
                .action = ALLOW,
                .hot = true,
                .case_count = 2,
                .cases =
                        (struct filter_case[]){
                                {.arg = 1, .mask = UINT32_MAX, .value = 0x5412, .action = ERRNO(820)},
                                {.arg = 2,
                                        .wide = true,
                                        .negated = true,
                                        .mask = UINT64_MAX,
                                        .value = 0,
                                        .action = ERRNO(821)}}},
        {.nr = SYS_madvise,
                .action = ERRNO(850),
                .case_count = 7,
                .cases = (struct filter_case[]){{.arg = 2,
                                                        .compare = FILTER_ABOVE,
                                                        .is_signed = true,
                                                        .negated = true,
                                                        .mask = UINT64_MAX,
                                                        .value = (uint64_t)-2,
                                                        .action = ERRNO(851)},
                        {.arg = 1,
                                .wide = true,
                                .compare = FILTER_FROM,
                                .mask = UINT64_MAX,
                                .value = 6ULL << 32 | 9,
                                .link = FILTER_AND},
                        {.arg = 1,
                                .wide = true,
                                .compare = FILTER_ABOVE,
                                .is_signed = true,
                                .mask = UINT64_MAX,
                                .value = 7ULL << 32 | 4,
                                .goes_on = true,
                                .skip = 2},
                        {.arg = 2, .mask = UINT32_MAX, .value = 5, .link = FILTER_OR},
                        {.arg = 2, .mask = UINT32_MAX, .value = 7, .action = ERRNO(852)},
                        {.arg = 2,
                                .compare = FILTER_FROM,
                                .mask = UINT32_MAX,
                                .value = 1U << 31,
                                .action = ERRNO(853)},
                        {.arg = 2, .mask = UINT32_MAX, .value = 9, .action = ERRNO(854)}}},
        {.nr = SYS_fchmod, .action = ERRNO(830), .hot = true},
        {.nr = SYS_fstatfs, .action = ERRNO(840)},
};

struct spec {
	struct filter_call calls[MAX_CALLS];
	struct filter_case fill[MAX_CALLS];
	struct filter_part part;
};

/* A filter that is worn, and what it was made from. */
struct worn {
	const struct filter_part *part;
	struct filter_program program;
};

static int by_nr(const void *one, const void *other)
{
	unsigned a = ((const struct filter_call *)one)->nr, b = ((const struct filter_call *)other)->nr;

	return (a > b) - (a < b);
}

static void sort(struct spec *spec)
{
	qsort(spec->calls, spec->part.call_count, sizeof(spec->calls[0]), by_nr);
}

static void spec_init(struct spec *spec)
{
	enum syscalls_arch arch = syscalls_native();

	*spec = (struct spec){.part = {.arch = arch,
	                              .calls = spec->calls,
	                              .call_count = ELEMENTS(description),
	                              .default_action = ALLOW,
	                              .highest = syscalls_highest(arch),
	                              .unknown_action = UNKNOWN}};
	memcpy(spec->calls, description, sizeof(description));
	sort(spec);
}

static bool has_call(const struct spec *spec, unsigned nr)
{
	for (size_t i = 0; i < spec->part.call_count; i++) {
		if (spec->calls[i].nr == nr)
			return true;
	}
	return false;
}

/* Conditions on all other calls too, which never match: the program becomes long, and its jumps as well. */
static void spec_fill(struct spec *spec)
{
	for (unsigned nr = 0; nr <= spec->part.highest && nr < MAX_CALLS; nr++) {
		struct filter_call call = {
		        .nr = nr, .action = ALLOW, .case_count = 1, .cases = &spec->fill[nr]};

		spec->fill[nr] = (struct filter_case){.arg = 5,
		        .wide = true,
		        .mask = UINT64_MAX,
		        .value = ~0x1234567ULL - nr,
		        .action = ERRNO(860)};
		if (!has_call(spec, nr))
			spec->calls[spec->part.call_count++] = call;
	}
	sort(spec);
}

static bool agrees(const struct worn *worn, const struct seccomp_data *data)
{
	const unsigned long long *a = data->args;
	uint32_t action = 0;
	long result;
	int expected;

	if (filter_simulate(&worn->program, data, &action) < 0 ||
	        action != expected_action(worn->part, 1, FOREIGN, data)) {
		dprintf(2, "call %d: the simulator says %#x\n", data->nr, action);
		return false;
	}
	expected = action == ALLOW ? EBADF : (int)(action & SECCOMP_RET_DATA);
	result = syscall(data->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (result == -1 && errno == expected)
		return true;
	dprintf(2, "call %d (%#llx, %#llx, %#llx): %ld, errno %d, expected %d\n", data->nr, a[0], a[1], a[2],
	        result, errno, expected);
	return false;
}

static int compare_calls(const struct worn *worn)
{
	static const long numbers[] = {SYS_lseek, SYS_fcntl, SYS_ioctl, SYS_fchmod, SYS_fstatfs, SYS_madvise,
	        SYS_fsync, SYS_fdatasync, SYS_getdents64};
	static const uint64_t values[] = {0, 1, 3, 6, 0x10, 0x5412, 1ULL << 40, 5ULL << 32, 5ULL << 32 | 1,
	        1ULL << 32 | 3, 1ULL << 63 | 0x5412, UINT32_MAX, UINT64_MAX, 5, 7, 9, 6ULL << 32 | 9,
	        7ULL << 32 | 4, 7ULL << 32 | 5, UINT64_MAX - 1, UINT64_MAX - 2, 1U << 31};
	const size_t count = ELEMENTS(values);

	for (size_t i = 0; i < ELEMENTS(numbers) * count * count; i++) {
		struct seccomp_data data = {.nr = (int)numbers[i / count / count],
		        .arch = syscalls_audit_arch(syscalls_native()),
		        .args = {UINT64_MAX, values[i / count % count], values[i % count]}};

		if (!agrees(worn, &data))
			return 1;
	}
	return AGREES;
}

static int compare_numbers(const struct worn *worn)
{
	static const unsigned everywhere[] = {
	        470, 471, 511, 512, 600, 0x3fffffff, 0x80000000, 0x80000027, UINT32_MAX};
	static const unsigned x32[] = {
	        0x40000000, 0x40000027, 0x40000200, 0x7fffffff, 0xc0000000, 0xfffffffe};
	struct seccomp_data data = {.arch = syscalls_audit_arch(syscalls_native()), .args = {UINT64_MAX}};

	for (size_t i = 0; i < ELEMENTS(everywhere); i++) {
		data.nr = (int)everywhere[i];
		if (!agrees(worn, &data))
			return 1;
	}
	for (size_t i = 0; i < ELEMENTS(x32); i++) {
		data.nr = (int)x32[i];
		if (!agrees(worn, &data))
			return 1;
	}
	return AGREES;
}

/* An i386 call from a 64-bit program: the table that it means is another one. */
static int compare_foreign(const struct worn *worn)
{
#ifdef __x86_64__
	int result = 20;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	if (result != -(int)(FOREIGN & SECCOMP_RET_DATA)) {
		dprintf(2, "int 0x80 gives %d\n", result);
		return 1;
	}
#endif
	return AGREES;
}

/* In a child that wears the filter; its exit status, or minus the signal that ended it. */
static int run_wearing(const struct spec *spec, int (*compare)(const struct worn *))
{
	struct worn worn = {.part = &spec->part};
	struct sock_fprog installed;
	int status = 0;
	pid_t pid;

	assert_int_equal(filter_build(&spec->part, 1, FOREIGN, &worn.program), 0);
	installed = (struct sock_fprog){.len = worn.program.length, .filter = worn.program.instructions};
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &installed, 0, 0) < 0)
			_exit(NOT_INSTALLED);
		_exit(compare(&worn));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	filter_program_done(&worn.program);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_small(void **state)
{
	AUTO_FREE struct spec *spec = calloc(1, sizeof(*spec));

	spec_init(spec);
	assert_int_equal(run_wearing(spec, compare_calls), AGREES);
	assert_int_equal(run_wearing(spec, compare_numbers), AGREES);
}

static void test_large(void **state)
{
	AUTO_FREE struct spec *spec = calloc(1, sizeof(*spec));

	spec_init(spec);
	spec_fill(spec);
	assert_int_equal(run_wearing(spec, compare_calls), AGREES);
	assert_int_equal(run_wearing(spec, compare_numbers), AGREES);
}

static void test_foreign(void **state)
{
	AUTO_FREE struct spec *spec = calloc(1, sizeof(*spec));
	int status;

	spec_init(spec);
	status = run_wearing(spec, compare_foreign);
	if (status == -SIGSEGV) {
		print_message("this kernel has no i386 calls\n");
		free(TAKE_PTR(spec));
		skip();
	}
	assert_int_equal(status, AGREES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_small),
	        cmocka_unit_test(test_large),
	        cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
