/* Random filters and random calls: the program, in the simulator, against the plain evaluation of what it was
 * made from. The seed is printed; test_random SEED runs that one again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "filter/expected.h"

enum {
	FILTERS = 1000,
	CALLS_EACH = 2000,
	MAX_CALLS = 300,
	MAX_CASES = 24,
};

struct description {
	struct filter_call calls[SYSCALLS_ARCHES][MAX_CALLS];
	struct filter_case cases[SYSCALLS_ARCHES][MAX_CALLS][MAX_CASES];
	struct filter_part parts[SYSCALLS_ARCHES];
	size_t count;
	uint32_t foreign_action;
};

static uint64_t seed;

static uint64_t random_bits(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static unsigned random_below(unsigned limit)
{
	return (unsigned)(random_bits() % limit);
}

static uint32_t random_action(void)
{
	static const uint32_t common[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF,
	        SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 38};

	return random_below(3) ? common[random_below(ELEMENTS(common))]
	                       : SECCOMP_RET_ERRNO | random_below(4096);
}

/* Values that meet often, in either half or both. */
static uint64_t random_value(void)
{
	uint64_t low = random_below(4), high = random_below(4);

	switch (random_below(6)) {
	case 0:
		return random_bits();
	case 1:
		return UINT64_MAX - low;
	case 2:
		return high << 32 | low;
	case 3:
		return 1ULL << random_below(64);
	default:
		return low;
	}
}

static uint64_t random_mask(void)
{
	static const uint64_t common[] = {
	        UINT64_MAX, UINT64_MAX, UINT32_MAX, 3, 1, 0, 0xffffffff00000000, 1ULL << 33};

	return random_below(5) ? common[random_below(ELEMENTS(common))] : random_bits();
}

static struct filter_case random_case(void)
{
	struct filter_case test = {.arg = (uint8_t)random_below(6),
	        .wide = random_below(2),
	        .negated = random_below(3) == 0,
	        .mask = random_mask(),
	        .value = random_value(),
	        .action = random_action()};

	if (random_below(4))
		test.value &= test.mask;
	if (random_below(3) == 0) {
		test.compare = (uint8_t)(random_below(2) ? FILTER_ABOVE : FILTER_FROM);
		test.is_signed = random_below(2);
	}
	return test;
}

/* Conditions of one or several tests, and some that lead over others. */
static void random_cases(struct filter_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cases[i] = random_case();
		if (i + 1 < count && random_below(2))
			cases[i].link = (uint8_t)(random_below(2) ? FILTER_OR : FILTER_AND);
	}
	for (size_t i = 0; i < count; i++) {
		size_t to = i + 1 + random_below((unsigned)(count - i));

		if (cases[i].link == FILTER_ENDS && random_below(4) == 0 &&
		        cases[to - 1].link == FILTER_ENDS) {
			cases[i].goes_on = true;
			cases[i].skip = (uint16_t)(to - i - 1);
		}
	}
}

static struct filter_call random_call(unsigned nr, struct filter_case cases[MAX_CASES])
{
	struct filter_call call = {
	        .nr = nr, .action = random_action(), .hot = random_below(12) == 0, .cases = cases};

	if (random_below(3) == 0)
		call.case_count = random_below(random_below(8) ? 7 : MAX_CASES);
	random_cases(cases, call.case_count);
	return call;
}

static void describe_part(struct description *description, size_t i, enum syscalls_arch arch)
{
	struct filter_part *part = &description->parts[i];
	unsigned room = random_below(20) ? 40 : MAX_CALLS;
	unsigned gap = 1 + random_below(20);
	unsigned nr = random_below(gap);

	*part = (struct filter_part){.arch = arch,
	        .calls = description->calls[i],
	        .default_action = random_action(),
	        .highest = 100 + random_below(500),
	        .unknown_action = random_action()};
	while (part->call_count < room && nr <= part->highest) {
		size_t at = part->call_count++;

		description->calls[i][at] = random_call(nr, description->cases[i][at]);
		nr += 1 + random_below(gap);
	}
}

static void describe(struct description *description)
{
	enum syscalls_arch first = (enum syscalls_arch)random_below(SYSCALLS_ARCHES);

	description->count = 1 + random_below(2);
	description->foreign_action = random_action();
	for (size_t i = 0; i < description->count; i++)
		describe_part(description, i, i == 0 ? first : (enum syscalls_arch)(1 - first));
}

static unsigned random_nr(const struct filter_part *part)
{
	switch (random_below(12)) {
	case 0:
		return (unsigned)random_bits();
	case 1:
		return part->highest - 1 + random_below(3);
	case 2:
		return 0x40000000 | random_below(part->highest);
	case 3:
		return ((unsigned)random_below(4) << 30) - 1 + random_below(3);
	case 4:
	case 5:
	case 6:
		return random_below(part->highest + 2);
	default:
		return part->call_count ? part->calls[random_below((unsigned)part->call_count)].nr : 0;
	}
}

/* Half of the arguments come from the conditions of the call itself. */
static uint64_t random_argument(const struct filter_part *part, unsigned nr)
{
	for (size_t i = 0; i < part->call_count; i++) {
		const struct filter_call *call = &part->calls[i];
		uint64_t value;

		if (call->nr != nr || call->case_count == 0 || random_below(2))
			continue;
		value = call->cases[random_below(call->case_count)].value;
		return random_below(3) ? value : value ^ 1ULL << random_below(64);
	}
	return random_value();
}

static struct seccomp_data random_data(const struct description *description)
{
	const struct filter_part *part = &description->parts[random_below((unsigned)description->count)];
	struct seccomp_data data = {.nr = (int)random_nr(part), .arch = syscalls_audit_arch(part->arch)};

	if (random_below(20) == 0)
		data.arch = random_below(2)
		                    ? syscalls_audit_arch((enum syscalls_arch)random_below(SYSCALLS_ARCHES))
		                    : (uint32_t)random_bits();
	for (size_t i = 0; i < 6; i++)
		data.args[i] = random_argument(part, (unsigned)data.nr);
	return data;
}

static int compare(const struct description *description, const struct filter_program *program)
{
	struct seccomp_data data = random_data(description);
	uint32_t expected =
	        expected_action(description->parts, description->count, description->foreign_action, &data);
	uint32_t action = 0;
	int r = filter_simulate(program, &data, &action);

	if (r == 0 && action == expected)
		return 0;
	printf("number %#x of %#x: %#x, expected %#x (%d)\n", (unsigned)data.nr, data.arch, action, expected,
	        r);
	for (size_t i = 0; i < 6; i++)
		printf("argument %zu: %#" PRIx64 "\n", i, (uint64_t)data.args[i]);
	return 1;
}

static int check_filter(struct description *description, size_t *longest)
{
	struct filter_program program = {0};
	int failures = 0, r;

	describe(description);
	r = filter_build(description->parts, description->count, description->foreign_action, &program);
	if (r == -E2BIG)
		return 0;
	if (r < 0) {
		printf("not built: %d\n", r);
		return 1;
	}
	for (int i = 0; i < CALLS_EACH && failures == 0; i++)
		failures += compare(description, &program);
	if (program.length > *longest)
		*longest = program.length;
	filter_program_done(&program);
	return failures;
}

int main(int argc, char **argv)
{
	AUTO_FREE struct description *description = calloc(1, sizeof(*description));
	size_t longest = 0;

	if (!description)
		return 1;
	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	for (int i = 0; i < FILTERS; i++) {
		if (check_filter(description, &longest)) {
			printf("filter %d differs\n", i);
			return 1;
		}
	}
	printf("%d calls agree; the longest program has %zu instructions\n", FILTERS * CALLS_EACH, longest);
	return 0;
}
