/* Tables of calls and the action that a filter has for each, on both architectures, in the simulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "filter/expected.h"

#define ERRNO(number) (SECCOMP_RET_ERRNO | (number))
#define ALLOW SECCOMP_RET_ALLOW
#define NOTIFY SECCOMP_RET_USER_NOTIF
#define KILL SECCOMP_RET_KILL_PROCESS
#define HIGH (1ULL << 40)

enum {
	DEFAULT = ERRNO(200),
	UNKNOWN = ERRNO(ENOSYS),
	MAX_CALLS = 512,
};

/* A part under construction: calls are added in any order and sorted by the end. */
struct spec {
	struct filter_call calls[MAX_CALLS];
	struct filter_case cases[MAX_CALLS * 6];
	size_t case_count;
	struct filter_part part;
};

static int by_nr(const void *one, const void *other)
{
	unsigned a = ((const struct filter_call *)one)->nr, b = ((const struct filter_call *)other)->nr;

	return (a > b) - (a < b);
}

static void spec_init(struct spec *spec, enum syscalls_arch arch)
{
	spec->case_count = 0;
	spec->part = (struct filter_part){.arch = arch,
	        .calls = spec->calls,
	        .default_action = DEFAULT,
	        .highest = syscalls_highest(arch),
	        .unknown_action = UNKNOWN};
}

static int nr_of(enum syscalls_arch arch, const char *name)
{
	const struct syscalls_name *call = syscalls_by_name(name);

	assert_non_null(call);
	return call->nr[arch];
}

/* Adds a call if the architecture has it. */
static void add(struct spec *spec, const char *name, struct filter_call call)
{
	int nr = nr_of(spec->part.arch, name);

	if (nr < 0)
		return;
	call.nr = (unsigned)nr;
	if (call.case_count)
		memcpy(&spec->cases[spec->case_count], call.cases, call.case_count * sizeof(call.cases[0]));
	call.cases = &spec->cases[spec->case_count];
	spec->case_count += call.case_count;
	spec->calls[spec->part.call_count++] = call;
	qsort(spec->calls, spec->part.call_count, sizeof(spec->calls[0]), by_nr);
}

static struct seccomp_data call_of(enum syscalls_arch arch, unsigned nr)
{
	return (struct seccomp_data){.nr = (int)nr, .arch = syscalls_audit_arch(arch)};
}

static uint32_t simulate(const struct filter_program *program, const struct seccomp_data *data)
{
	uint32_t action = 0;

	assert_int_equal(filter_simulate(program, data, &action), 0);
	return action;
}

/* The example that most tests look at: one call of each kind of condition. */
static void spec_example(struct spec *spec, enum syscalls_arch arch)
{
	spec_init(spec, arch);
	add(spec, "read", (struct filter_call){.action = ALLOW, .hot = true});
	add(spec, "futex", (struct filter_call){.action = ALLOW, .hot = true});
	add(spec, "write", (struct filter_call){.action = ALLOW});
	add(spec, "openat", (struct filter_call){.action = NOTIFY});
	add(spec, "open", (struct filter_call){.action = NOTIFY});
	add(spec, "ptrace", (struct filter_call){.action = ERRNO(EPERM)});
	add(spec, "socket",
	        (struct filter_call){.action = ERRNO(EAFNOSUPPORT),
	                .case_count = 3,
	                .cases = (struct filter_case[]){{.arg = 2,
	                                                        .mask = UINT32_MAX,
	                                                        .value = 262,
	                                                        .action = ERRNO(EPROTONOSUPPORT)},
	                        {.arg = 0, .mask = UINT32_MAX, .value = AF_UNIX, .action = ALLOW},
	                        {.arg = 0, .mask = UINT32_MAX, .value = AF_INET, .action = NOTIFY}}});
	add(spec, "ioctl",
	        (struct filter_call){.action = ALLOW,
	                .hot = true,
	                .case_count = 1,
	                .cases = (struct filter_case[]){
	                        {.arg = 1, .mask = UINT32_MAX, .value = TIOCSTI, .action = ERRNO(EPERM)}}});
	add(spec, "newfstatat",
	        (struct filter_call){.action = NOTIFY,
	                .case_count = 1,
	                .cases = (struct filter_case[]){
	                        {.arg = 1, .wide = true, .mask = UINT64_MAX, .value = 0, .action = ALLOW}}});
	add(spec, "clone",
	        (struct filter_call){.action = ALLOW,
	                .case_count = 1,
	                .cases = (struct filter_case[]){{.arg = 0,
	                        .negated = true,
	                        .mask = CLONE_NEWUSER | CLONE_NEWNS,
	                        .value = 0,
	                        .action = ERRNO(EPERM)}}});
	add(spec, "lseek",
	        (struct filter_call){.action = ERRNO(1),
	                .case_count = 4,
	                .cases = (struct filter_case[]){{.arg = 1,
	                                                        .wide = true,
	                                                        .mask = UINT64_MAX,
	                                                        .value = 0x500000007,
	                                                        .action = ERRNO(2)},
	                        {.arg = 1,
	                                .wide = true,
	                                .mask = 0xff00000000,
	                                .value = 0x600000000,
	                                .action = ERRNO(3)},
	                        {.arg = 1, .wide = true, .mask = UINT32_MAX, .value = 9, .action = ERRNO(4)},
	                        {.arg = 1,
	                                .wide = true,
	                                .negated = true,
	                                .mask = UINT64_MAX,
	                                .value = (uint64_t)-1,
	                                .action = ERRNO(5)}}});
	add(spec, "fcntl",
	        (struct filter_call){.action = ALLOW,
	                .case_count = 1,
	                .cases = (struct filter_case[]){{.arg = 0,
	                        .mask = UINT64_MAX,
	                        .value = (uint64_t)AT_FDCWD,
	                        .action = ERRNO(EBADF)}}});
}

static const struct {
	const char *call;
	uint64_t args[6];
	uint32_t action;
} example[] = {
        {"read", {0}, ALLOW},
        {"futex", {0}, ALLOW},
        {"write", {1, 2, 3}, ALLOW},
        {"openat", {(uint64_t)AT_FDCWD}, NOTIFY},
        {"open", {0}, NOTIFY},
        {"ptrace", {0}, ERRNO(EPERM)},
        {"close", {0}, DEFAULT},
        {"file_setattr", {0}, DEFAULT},

        /* The kernel takes ints from the low half: what is above must not change the decision. */
        {"socket", {AF_UNIX, SOCK_STREAM, 0}, ALLOW},
        {"socket", {AF_UNIX | HIGH, SOCK_STREAM, 0}, ALLOW},
        {"socket", {AF_INET, SOCK_STREAM, 0}, NOTIFY},
        {"socket", {AF_INET | HIGH, SOCK_STREAM, 0}, NOTIFY},
        {"socket", {AF_INET | 1ULL << 63, SOCK_STREAM, 0}, NOTIFY},
        {"socket", {AF_PACKET, SOCK_RAW, 0}, ERRNO(EAFNOSUPPORT)},
        {"socket", {AF_PACKET | HIGH, SOCK_RAW, 0}, ERRNO(EAFNOSUPPORT)},
        /* The first case that matches decides. */
        {"socket", {AF_UNIX, SOCK_STREAM, 262}, ERRNO(EPROTONOSUPPORT)},
        {"socket", {AF_INET, SOCK_STREAM, 262 | HIGH}, ERRNO(EPROTONOSUPPORT)},
        {"ioctl", {0, TIOCSTI, 0}, ERRNO(EPERM)},
        {"ioctl", {0, TIOCSTI | HIGH, 0}, ERRNO(EPERM)},
        {"ioctl", {0, TIOCSTI | 0xffffffff00000000, 0}, ERRNO(EPERM)},
        {"ioctl", {TIOCSTI, TCGETS, TIOCSTI}, ALLOW},
        {"fcntl", {(uint64_t)AT_FDCWD}, ERRNO(EBADF)},
        {"fcntl", {(uint32_t)AT_FDCWD}, ERRNO(EBADF)},
        {"fcntl", {0x1ffffff9c}, ERRNO(EBADF)},
        {"fcntl", {0xffffff9d}, ALLOW},

        /* A pointer is NULL only if all of it is. */
        {"newfstatat", {3, 0, 0, AT_EMPTY_PATH}, ALLOW},
        {"newfstatat", {3, 1, 0, AT_EMPTY_PATH}, NOTIFY},
        {"newfstatat", {3, 1ULL << 32, 0, AT_EMPTY_PATH}, NOTIFY},
        {"newfstatat", {3, 1ULL << 63, 0, AT_EMPTY_PATH}, NOTIFY},

        {"clone", {SIGCHLD}, ALLOW},
        {"clone", {CLONE_VM | CLONE_THREAD}, ALLOW},
        {"clone", {CLONE_NEWUSER | SIGCHLD}, ERRNO(EPERM)},
        {"clone", {CLONE_NEWNS}, ERRNO(EPERM)},
        {"clone", {CLONE_NEWNS | HIGH}, ERRNO(EPERM)},
        {"clone", {(uint64_t)CLONE_NEWNS << 32}, ALLOW},

        {"lseek", {0, 0x500000007}, ERRNO(2)},
        {"lseek", {0, 0x600000007}, ERRNO(3)},
        {"lseek", {0, 0xff00000600000000}, ERRNO(3)},
        {"lseek", {0, 0x1600000000}, ERRNO(5)},
        {"lseek", {0, 0xffff0006ffffffff}, ERRNO(3)},
        {"lseek", {0, 0x700000009}, ERRNO(4)},
        {"lseek", {0, 0x700000008}, ERRNO(5)},
        {"lseek", {0, 7}, ERRNO(5)},
        {"lseek", {0, UINT64_MAX}, ERRNO(1)},
        {"lseek", {0, UINT32_MAX}, ERRNO(5)},
};

static void check_example(const struct filter_program *program, enum syscalls_arch arch)
{
	for (size_t i = 0; i < ELEMENTS(example); i++) {
		int nr = nr_of(arch, example[i].call);
		struct seccomp_data data = call_of(arch, (unsigned)nr);
		uint32_t action;

		if (nr < 0)
			continue;
		memcpy(data.args, example[i].args, sizeof(data.args));
		action = simulate(program, &data);
		if (action != example[i].action)
			fail_msg("row %zu: %s gets %#x, not %#x", i, example[i].call, action,
			        example[i].action);
	}
}

/* Numbers that no call of the table has. */
static const struct {
	enum syscalls_arch arch;
	unsigned first, last;
	uint32_t action;
} ranges[] = {
        {SYSCALLS_X86_64, 337, 423, DEFAULT},
        {SYSCALLS_X86_64, 470, 1000, UNKNOWN},
        {SYSCALLS_X86_64, 0x3ffffff0, 0x3fffffff, UNKNOWN},
        {SYSCALLS_X86_64, 0x40000000, 0x40000400, KILL},
        {SYSCALLS_X86_64, 0x7ffffff0, 0x7fffffff, KILL},
        {SYSCALLS_X86_64, 0x80000000, 0x80000400, UNKNOWN},
        {SYSCALLS_X86_64, 0xbffffff0, 0xbfffffff, UNKNOWN},
        {SYSCALLS_X86_64, 0xc0000000, 0xc0000400, KILL},
        {SYSCALLS_X86_64, 0xfffffff0, 0xfffffffe, KILL},
        {SYSCALLS_X86_64, 0xffffffff, 0xffffffff, UNKNOWN},
        {SYSCALLS_AARCH64, 244, 259, DEFAULT},
        {SYSCALLS_AARCH64, 295, 423, DEFAULT},
        {SYSCALLS_AARCH64, 470, 1000, UNKNOWN},
        {SYSCALLS_AARCH64, 0x40000000, 0x40000400, UNKNOWN},
        {SYSCALLS_AARCH64, 0x80000000, 0x80000400, UNKNOWN},
        {SYSCALLS_AARCH64, 0xfffffff0, 0xffffffff, UNKNOWN},
};

static void check_ranges(const struct filter_program *program, enum syscalls_arch arch)
{
	for (size_t i = 0; i < ELEMENTS(ranges); i++) {
		if (ranges[i].arch != arch)
			continue;
		for (uint64_t nr = ranges[i].first; nr <= ranges[i].last; nr++) {
			struct seccomp_data data = call_of(arch, (unsigned)nr);
			uint32_t action = simulate(program, &data);

			if (action != ranges[i].action)
				fail_msg("number %#lx gets %#x", (unsigned long)nr, action);
		}
	}
}

static void check_foreign(const struct filter_program *program, const uint32_t *audits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (int nr = -1; nr < 500; nr++) {
			struct seccomp_data data = {.nr = nr, .arch = audits[i]};

			assert_int_equal(simulate(program, &data), KILL);
		}
	}
}

static void test_example(void **state)
{
	static const uint32_t foreign[] = {
	        AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64, 0, UINT32_MAX};

	for (int arch = 0; arch < SYSCALLS_ARCHES; arch++) {
		AUTO_FREE struct spec *spec = calloc(1, sizeof(*spec));
		struct filter_program program = {0};
		uint32_t other = syscalls_audit_arch((enum syscalls_arch)(1 - arch));

		spec_example(spec, (enum syscalls_arch)arch);
		assert_int_equal(filter_build(&spec->part, 1, KILL, &program), 0);
		print_message("%d instructions\n", program.length);
		check_example(&program, spec->part.arch);
		check_ranges(&program, spec->part.arch);
		check_foreign(&program, foreign, ELEMENTS(foreign));
		check_foreign(&program, &other, 1);
		filter_program_done(&program);
	}
}

static void test_both_architectures_in_one(void **state)
{
	static const uint32_t foreign[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM};
	AUTO_FREE struct spec *specs = calloc(SYSCALLS_ARCHES, sizeof(*specs));
	struct filter_part parts[SYSCALLS_ARCHES];
	struct filter_program program = {0};

	for (int arch = 0; arch < SYSCALLS_ARCHES; arch++) {
		spec_example(&specs[arch], (enum syscalls_arch)arch);
		parts[arch] = specs[arch].part;
	}
	assert_int_equal(filter_build(parts, SYSCALLS_ARCHES, KILL, &program), 0);
	for (int arch = 0; arch < SYSCALLS_ARCHES; arch++) {
		check_example(&program, (enum syscalls_arch)arch);
		check_ranges(&program, (enum syscalls_arch)arch);
	}
	check_foreign(&program, foreign, ELEMENTS(foreign));
	filter_program_done(&program);
	assert_null(program.instructions);
	filter_program_done(&program);
	filter_program_done(NULL);
}

static void test_no_calls(void **state)
{
	struct filter_part part = {
	        .arch = SYSCALLS_X86_64, .default_action = ALLOW, .highest = 469, .unknown_action = UNKNOWN};
	struct filter_program program = {0};

	assert_int_equal(filter_build(&part, 1, KILL, &program), 0);
	for (unsigned nr = 0; nr < 470; nr++) {
		struct seccomp_data data = call_of(SYSCALLS_X86_64, nr);

		assert_int_equal(simulate(&program, &data), ALLOW);
	}
	filter_program_done(&program);

	part.default_action = part.unknown_action = KILL;
	assert_int_equal(filter_build(&part, 1, KILL, &program), 0);
	assert_int_equal(
	        simulate(&program, &(struct seccomp_data){.nr = 5, .arch = AUDIT_ARCH_X86_64}), KILL);
	filter_program_done(&program);
}

/* 400 calls with conditions: many jumps lead further than a conditional jump can. */
static void spec_large(struct spec *spec, enum syscalls_arch arch, unsigned count)
{
	spec_init(spec, arch);
	for (unsigned i = 0; i < count; i++) {
		struct filter_call *call = &spec->calls[spec->part.call_count++];

		call->nr = i + i / 8;
		call->action = i % 3 ? ERRNO(i) : ALLOW;
		call->hot = i % 50 == 7;
		call->case_count = (uint16_t)(1 + i % 2);
		struct filter_case *cases = &spec->cases[i * 2];

		call->cases = cases;
		cases[0] = (struct filter_case){
		        .arg = (uint8_t)(i % 6), .mask = UINT32_MAX, .value = i, .action = NOTIFY};
		cases[1] = (struct filter_case){.arg = (uint8_t)((i + 1) % 6),
		        .wide = true,
		        .mask = UINT64_MAX,
		        .value = HIGH | i,
		        .action = ERRNO(1000 + i)};
	}
}

static void check_exhaustively(const struct filter_part *part, const struct filter_program *program)
{
	for (unsigned nr = 0; nr < 600; nr++) {
		for (unsigned k = 0; k < 24; k++) {
			struct seccomp_data data = call_of(part->arch, nr);
			uint32_t action;
			unsigned i = nr - nr / 9;

			data.args[k % 6] = k < 12 ? i : HIGH | i;
			if (k % 12 > 6)
				data.args[(k + 1) % 6] = HIGH | i;
			action = expected_action(part, 1, KILL, &data);
			if (simulate(program, &data) != action)
				fail_msg("number %u, variant %u: not %#x", nr, k, action);
		}
	}
}

static void test_far_jumps(void **state)
{
	for (int arch = 0; arch < SYSCALLS_ARCHES; arch++) {
		AUTO_FREE struct spec *spec = calloc(1, sizeof(*spec));
		struct filter_program program = {0};

		for (unsigned count = 1; count <= 400; count += count < 16 ? 1 : 77) {
			spec_large(spec, (enum syscalls_arch)arch, count);
			assert_int_equal(filter_build(&spec->part, 1, KILL, &program), 0);
			check_exhaustively(&spec->part, &program);
			filter_program_done(&program);
		}
		spec_large(spec, (enum syscalls_arch)arch, 400);
		assert_int_equal(filter_build(&spec->part, 1, KILL, &program), 0);
		print_message("400 calls: %d instructions\n", program.length);
		assert_true(program.length > 1200);
		check_exhaustively(&spec->part, &program);
		filter_program_done(&program);
	}
}

static void test_too_large(void **state)
{
	AUTO_FREE struct spec *spec = calloc(1, sizeof(*spec));
	struct filter_program program = {0};

	spec_init(spec, SYSCALLS_X86_64);
	for (unsigned i = 0; i < 450; i++) {
		struct filter_call *call = &spec->calls[spec->part.call_count++];

		struct filter_case *cases = &spec->cases[(size_t)i * 6];

		*call = (struct filter_call){.nr = i, .action = ERRNO(i), .case_count = 6, .cases = cases};
		for (unsigned k = 0; k < 6; k++)
			cases[k] = (struct filter_case){.arg = (uint8_t)k,
			        .wide = true,
			        .mask = UINT64_MAX - 1,
			        .value = i * 2,
			        .action = ERRNO(i + 500 * k)};
	}
	assert_int_equal(filter_build(&spec->part, 1, KILL, &program), -E2BIG);
	assert_null(program.instructions);
}

/* What is decided by the number alone must not look at an argument: only then does the kernel remember the
 * decision. Here each load of an argument is replaced by a return that no call may meet. */
static void test_constant_calls_look_at_no_argument(void **state)
{
	enum { POISON = ERRNO(4000) };
	AUTO_FREE struct spec *spec = calloc(1, sizeof(*spec));
	struct filter_program program = {0};

	spec_example(spec, SYSCALLS_X86_64);
	assert_int_equal(filter_build(&spec->part, 1, KILL, &program), 0);
	for (size_t i = 0; i < program.length; i++) {
		struct sock_filter *instruction = &program.instructions[i];

		if (BPF_CLASS(instruction->code) == BPF_LD &&
		        instruction->k >= offsetof(struct seccomp_data, args))
			*instruction = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, POISON);
	}
	for (unsigned nr = 0; nr < 500; nr++) {
		struct seccomp_data data = call_of(SYSCALLS_X86_64, nr);
		bool is_conditional = false;

		for (size_t i = 0; i < spec->part.call_count; i++)
			is_conditional |= spec->calls[i].nr == nr && spec->calls[i].case_count > 0;
		assert_int_equal(simulate(&program, &data) == POISON, is_conditional);
	}
	filter_program_done(&program);
}

/* Neighbours with the same action are one range. */
static void test_ranges_are_merged(void **state)
{
	AUTO_FREE struct spec *spec = calloc(1, sizeof(*spec));
	struct filter_program program = {0};

	spec_init(spec, SYSCALLS_X86_64);
	for (unsigned i = 0; i < 300; i++)
		spec->calls[spec->part.call_count++] =
		        (struct filter_call){.nr = i, .action = i < 150 ? ALLOW : NOTIFY};
	assert_int_equal(filter_build(&spec->part, 1, KILL, &program), 0);
	print_message("300 calls in 2 ranges: %d instructions\n", program.length);
	assert_true(program.length <= 24);
	for (unsigned nr = 0; nr < 500; nr++) {
		struct seccomp_data data = call_of(SYSCALLS_X86_64, nr);

		assert_int_equal(simulate(&program, &data), expected_action(&spec->part, 1, KILL, &data));
	}
	filter_program_done(&program);
}

/* Cases that can never match, or always do. */
static void test_degenerate_cases(void **state)
{
	static const struct {
		struct filter_case test;
		bool matches;
	} rows[] = {
	        {{.mask = 0, .value = 0}, true},
	        {{.mask = 0, .value = 0, .wide = true}, true},
	        {{.mask = 0, .value = 0, .negated = true}, false},
	        {{.mask = 0, .value = 1}, false},
	        {{.mask = 0, .value = 1, .negated = true}, true},
	        {{.mask = 1, .value = 2}, false},
	        {{.mask = HIGH, .value = 0}, true},
	        {{.mask = HIGH, .value = HIGH}, true},
	        {{.mask = HIGH, .value = HIGH, .wide = true}, false},
	        {{.mask = HIGH, .value = 0, .wide = true}, true},
	        {{.mask = 1, .value = HIGH | 1, .wide = true}, false},
	        {{.mask = 1, .value = HIGH | 1, .wide = true, .negated = true}, true},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct filter_case test = rows[i].test;
		struct filter_call call = {.nr = 7, .action = ERRNO(1), .case_count = 1, .cases = &test};
		struct filter_part part = {
		        .arch = SYSCALLS_AARCH64, .calls = &call, .call_count = 1, .highest = 469};
		struct filter_program program = {0};
		struct seccomp_data data = call_of(SYSCALLS_AARCH64, 7);

		test.action = ERRNO(2);
		data.args[0] = 1;
		assert_int_equal(filter_build(&part, 1, KILL, &program), 0);
		if (simulate(&program, &data) != ERRNO(rows[i].matches ? 2 : 1))
			fail_msg("row %zu", i);
		filter_program_done(&program);
	}
}

static void expect_invalid(const struct filter_part *parts, size_t count)
{
	struct filter_program program = {0};

	assert_int_equal(filter_build(parts, count, KILL, &program), -EINVAL);
	assert_null(program.instructions);
}

static void test_invalid_descriptions(void **state)
{
	struct filter_call calls[2] = {{.nr = 5}, {.nr = 9}};
	struct filter_case cases[3] = {0};
	const struct filter_part good = {
	        .arch = SYSCALLS_X86_64, .calls = calls, .call_count = 2, .highest = 469};
	struct filter_part parts[3] = {good, good, good};
	struct filter_program program = {0};

	assert_int_equal(filter_build(parts, 1, KILL, &program), 0);
	filter_program_done(&program);
	expect_invalid(parts, 0);
	expect_invalid(parts, 2);
	expect_invalid(parts, 3);
	parts[0].arch = SYSCALLS_ARCHES;
	expect_invalid(parts, 1);
	parts[0] = good;
	parts[0].highest = 0x40000000;
	expect_invalid(parts, 1);
	parts[0] = good;
	parts[0].highest = 8;
	expect_invalid(parts, 1);
	parts[0] = good;
	calls[1].nr = 5;
	expect_invalid(parts, 1);
	calls[1].nr = 4;
	expect_invalid(parts, 1);
	calls[1].nr = 9;
	calls[1].cases = cases;
	calls[1].case_count = 2;
	assert_int_equal(filter_build(parts, 1, KILL, &program), 0);
	filter_program_done(&program);
	cases[1].arg = 6;
	expect_invalid(parts, 1);
	cases[1] = (struct filter_case){.compare = FILTER_FROM + 1};
	expect_invalid(parts, 1);
	cases[1] = (struct filter_case){.link = FILTER_OR + 1};
	expect_invalid(parts, 1);
	/* A condition that does not end, or that leads beyond the end or into the middle of another. */
	cases[1] = (struct filter_case){.link = FILTER_AND};
	expect_invalid(parts, 1);
	cases[1] = (struct filter_case){.goes_on = true, .skip = 1};
	expect_invalid(parts, 1);
	cases[1] = (struct filter_case){0};
	cases[0] = (struct filter_case){.goes_on = true, .skip = 2};
	expect_invalid(parts, 1);
	calls[1].case_count = 3;
	cases[0].skip = 1;
	cases[1].link = FILTER_AND;
	expect_invalid(parts, 1);
	cases[1].link = FILTER_ENDS;
	assert_int_equal(filter_build(parts, 1, KILL, &program), 0);
	filter_program_done(&program);
}

static void test_invalid_programs(void **state)
{
#define RETURN BPF_STMT(BPF_RET | BPF_K, ALLOW)
	static struct sock_filter rows[][3] = {
	        {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 1), RETURN, RETURN},
	        {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RETURN, RETURN},
	        {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffffffc), RETURN, RETURN},
	        {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_ST, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_ALU | BPF_AND | BPF_X, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_JMP | BPF_JA, 2), RETURN, RETURN},
	        {BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), RETURN, RETURN},
	        {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0), RETURN, RETURN},
	        {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2), RETURN, RETURN},
	        {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 0), RETURN, RETURN},
	        {BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0, 255, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_MISC | BPF_TAX, 0), RETURN, RETURN},
	        {BPF_STMT(BPF_RET | BPF_A, 0), RETURN, RETURN},
	        {BPF_STMT(0xffff, 0), RETURN, RETURN},
	        /* The end must not be reached, and what is not reached is checked too. */
	        {RETURN, RETURN, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)},
	        {RETURN, RETURN, BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0)},
	        {RETURN, RETURN, BPF_STMT(BPF_JMP | BPF_JA, 0)},
	        {RETURN, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RETURN},
	};
	struct seccomp_data data = {0};
	struct filter_program program = {.instructions = rows[0], .length = 0};
	uint32_t action = 77;

	assert_int_equal(filter_simulate(&program, &data, &action), -EINVAL);
	program = (struct filter_program){.length = 3};
	assert_int_equal(filter_simulate(&program, &data, &action), -EINVAL);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		program = (struct filter_program){.instructions = rows[i], .length = 3};
		if (filter_simulate(&program, &data, &action) != -EINVAL)
			fail_msg("row %zu is taken", i);
	}
	assert_int_equal(action, 77);
}

/* Each instruction that the simulator knows, by itself. */
static void test_instructions(void **state)
{
	static const struct {
		uint16_t code;
		uint32_t k;
		bool jumps;
	} rows[] = {
	        {BPF_JEQ, 0xf0, true},
	        {BPF_JEQ, 0xf1, false},
	        {BPF_JGT, 0xef, true},
	        {BPF_JGT, 0xf0, false},
	        {BPF_JGE, 0xf0, true},
	        {BPF_JGE, 0xf1, false},
	        {BPF_JSET, 0x1f, true},
	        {BPF_JSET, 0x0f, false},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct sock_filter code[] = {
		        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
		        BPF_JUMP(BPF_JMP | BPF_K, rows[i].k, 1, 0),
		        BPF_STMT(BPF_JMP | BPF_JA, 1),
		        BPF_STMT(BPF_RET | BPF_K, 1),
		        BPF_STMT(BPF_RET | BPF_K, 2),
		};
		struct filter_program program = {.instructions = code, .length = ELEMENTS(code)};
		struct seccomp_data data = {.args = {0, 0xabcdef0f0, 0}};

		code[2].code |= rows[i].code;
		if (simulate(&program, &data) != (rows[i].jumps ? 1 : 2))
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_example),
	        cmocka_unit_test(test_both_architectures_in_one),
	        cmocka_unit_test(test_no_calls),
	        cmocka_unit_test(test_far_jumps),
	        cmocka_unit_test(test_too_large),
	        cmocka_unit_test(test_constant_calls_look_at_no_argument),
	        cmocka_unit_test(test_ranges_are_merged),
	        cmocka_unit_test(test_degenerate_cases),
	        cmocka_unit_test(test_invalid_descriptions),
	        cmocka_unit_test(test_invalid_programs),
	        cmocka_unit_test(test_instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
