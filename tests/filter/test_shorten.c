/* Random programs, longer than a conditional jump leads: shortened they answer what they answered, and a load
 * of what is loaded is left out. The seed is printed; test_shorten SEED runs that one again. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/filter.h"
#include "plan/shorten.h"

enum { PROGRAMS = 3000, CALLS_EACH = 300, LONGEST = 600 };

static uint64_t seed;

static unsigned below(unsigned limit)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (unsigned)((z ^ (z >> 31)) % limit);
}

static unsigned smaller(unsigned one, unsigned other)
{
	return one < other ? one : other;
}

/* Few places, masks and values: much is done twice. */
static struct sock_filter random_instruction(unsigned left)
{
	static const uint16_t jumps[] = {BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET};
	unsigned near = smaller(left, below(4) ? 6 : 256);

	switch (left == 0 ? 3 : below(12)) {
	case 0:
	case 1:
	case 2:
		return (struct sock_filter){.code = BPF_LD | BPF_W | BPF_ABS, .k = 4 * below(4)};
	case 3:
		return (struct sock_filter){.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ERRNO | below(50)};
	case 4:
		return (struct sock_filter){.code = BPF_ALU | BPF_AND | BPF_K, .k = 1 + below(2)};
	case 5:
		return (struct sock_filter){.code = BPF_ALU | BPF_ADD | BPF_K, .k = 0x80000000};
	case 6:
		return (struct sock_filter){.code = BPF_JMP | BPF_JA, .k = below(near)};
	default:
		return (struct sock_filter){.code = BPF_JMP | BPF_K | jumps[below(4)],
		        .jt = (uint8_t)below(near),
		        .jf = (uint8_t)below(near),
		        .k = below(4)};
	}
}

static size_t random_program(struct sock_filter *ret)
{
	size_t count = 2 + below(LONGEST - 2);

	ret[0] = (struct sock_filter){.code = BPF_LD | BPF_W | BPF_ABS};
	for (size_t i = 1; i < count; i++)
		ret[i] = random_instruction((unsigned)(count - 1 - i));
	return count;
}

static uint32_t answer(struct sock_filter *instructions, size_t count, const struct seccomp_data *data)
{
	const struct filter_program program = {instructions, (unsigned short)count};
	uint32_t action;

	if (filter_simulate(&program, data, &action) < 0) {
		printf("a program of %zu that the kernel would not take\n", count);
		exit(1);
	}
	return action;
}

static size_t check(void)
{
	struct sock_filter before[LONGEST], after[LONGEST];
	size_t count = random_program(before), left;

	memcpy(after, before, sizeof(after));
	left = shorten(after, count);
	for (int i = 0; i < CALLS_EACH; i++) {
		const struct seccomp_data data = {.nr = (int)below(4),
		        .arch = below(4),
		        .instruction_pointer = (uint64_t)below(4) << 32 | below(4)};

		if (answer(before, count, &data) != answer(after, left, &data)) {
			printf("%zu instructions, and %zu of them, do not say the same\n", count, left);
			exit(1);
		}
	}
	return count - left;
}

/* 0: load; 1: 1? 2: load again; 3: 2? 4: refuse; 5: allow. */
static void leave_out_a_load(void)
{
	struct sock_filter program[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 2, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};

	if (shorten(program, 6) != 5 || program[2].code != (BPF_JMP | BPF_JEQ | BPF_K) ||
	        program[1].jt != 1) {
		printf("a load of what is loaded stays\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	size_t saved = 0;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	printf("seed %" PRIu64 "\n", seed);
	leave_out_a_load();
	for (int i = 0; i < PROGRAMS; i++)
		saved += check();
	printf("%d programs, %zu instructions fewer\n", PROGRAMS, saved);
	return saved == 0;
}
