#include "plan/shorten.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* What is in the accumulator before an instruction: what `length` of them from `start` on put there. Those
 * are a load and what it is masked and turned by. */
struct held {
	uint16_t start, length; /* 0: it is not known */
	bool is_reached;
	uint16_t moves_to;
};

static bool is_conditional(const struct sock_filter *instruction)
{
	return BPF_CLASS(instruction->code) == BPF_JMP && BPF_OP(instruction->code) != BPF_JA;
}

static bool is_alike(const struct sock_filter *one, const struct sock_filter *other, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (one[i].code != other[i].code || one[i].k != other[i].k)
			return false;
	return true;
}

static void reach(struct held *at, const struct held *with, const struct sock_filter *program)
{
	if (!at->is_reached) {
		at->start = with->start;
		at->length = with->length;
		at->is_reached = true;
	} else if (at->length != with->length ||
	           !is_alike(program + at->start, program + with->start, at->length)) {
		at->length = 0;
	}
}

/* How many instructions at `target` do again what was done. */
static size_t repeated(
        const struct held *held, const struct sock_filter *program, size_t count, size_t target)
{
	return held->length < count - target &&
	                       is_alike(program + target, program + held->start, held->length)
	               ? held->length
	               : 0;
}

static void lead_on(struct sock_filter *program, size_t count, struct held *all, size_t i)
{
	struct sock_filter *jump = &program[i];
	size_t yes = i + 1 + jump->jt, no = i + 1 + jump->jf;

	yes += repeated(&all[i], program, count, yes);
	no += repeated(&all[i], program, count, no);
	if (yes - i - 1 <= UINT8_MAX)
		jump->jt = (uint8_t)(yes - i - 1);
	if (no - i - 1 <= UINT8_MAX)
		jump->jf = (uint8_t)(no - i - 1);
	reach(&all[i + 1 + jump->jt], &all[i], program);
	reach(&all[i + 1 + jump->jf], &all[i], program);
}

static void follow(struct sock_filter *program, size_t count, struct held *all, size_t i)
{
	struct sock_filter *instruction = &program[i];
	struct held held = {.start = (uint16_t)i, .length = 1};

	switch (BPF_CLASS(instruction->code)) {
	case BPF_RET:
		return;
	case BPF_JMP:
		if (is_conditional(instruction)) {
			lead_on(program, count, all, i);
			return;
		}
		instruction->k += (uint32_t)repeated(&all[i], program, count, i + 1 + instruction->k);
		reach(&all[i + 1 + instruction->k], &all[i], program);
		return;
	case BPF_ALU:
		held = all[i];
		/* In one piece only. */
		held.length = held.length && held.start + held.length == i ? held.length + 1 : 0;
		break;
	default:
		break;
	}
	reach(&all[i + 1], &held, program);
}

static size_t move_up(struct sock_filter *program, size_t count, struct held *all)
{
	size_t next = 0;

	for (size_t i = 0; i < count; i++) {
		all[i].moves_to = (uint16_t)next;
		next += all[i].is_reached;
	}
	for (size_t i = 0; i < count; i++) {
		struct sock_filter moved = program[i];
		size_t to = all[i].moves_to;

		if (!all[i].is_reached)
			continue;
		if (is_conditional(&moved)) {
			moved.jt = (uint8_t)(all[i + 1 + moved.jt].moves_to - to - 1);
			moved.jf = (uint8_t)(all[i + 1 + moved.jf].moves_to - to - 1);
		} else if (BPF_CLASS(moved.code) == BPF_JMP) {
			moved.k = (uint32_t)(all[i + 1 + moved.k].moves_to - to - 1);
		}
		program[to] = moved;
	}
	return next;
}

size_t shorten(struct sock_filter *program, size_t count)
{
	AUTO_FREE struct held *all = calloc(count + 1, sizeof(*all));

	if (!all)
		return count;
	all[0].is_reached = true;
	for (size_t i = 0; i < count; i++)
		if (all[i].is_reached)
			follow(program, count, all, i);
	return move_up(program, count, all);
}
