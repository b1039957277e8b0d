/* The filter program is written from its end to its beginning. Jumps of BPF lead forwards only, so everything
 * that an instruction can lead to has been placed before it and its distance is known; a target that is too
 * far for the eight bits of a conditional jump gets an unconditional one close by. Nothing falls into such a
 * jump or into a shared return, since both ways of each conditional jump are explicit.
 *
 * Calls whose answer depends on the number alone are decided without looking at an argument: the kernel then
 * finds them constant and does not run the program for them at all. */
#include "plan/filter.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "plan/shorten.h"

enum {
	NEAR = 240,        /* a shared return within this distance is used again */
	CONDITIONAL = 255, /* the furthest that a conditional jump leads */
	KNOWN_RETURNS = 16,
	X32_BIT = 0x40000000,
};

#define SIGN_BIT 0x80000000
#define ADD_NUMBER BPF_ALU /* with BPF_ADD and BPF_K, which are both 0 */

/* A place in the program, counted from its end: the last instruction is 1. */
typedef size_t label;

struct writer {
	struct sock_filter *code; /* in reverse order, BPF_MAXINSNS of them */
	size_t count;
	bool full, no_memory;
	struct {
		uint32_t action;
		label at;
	} returns[KNOWN_RETURNS];
	size_t next_return;
};

/* Numbers from `start` up to the next segment lead to the cases of `call`, or without one to `action`. */
struct segment {
	uint32_t start;
	uint32_t action;
	const struct filter_call *call;
};

struct segments {
	struct segment *list;
	size_t count;
};

static label put(struct writer *writer, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (writer->count == BPF_MAXINSNS) {
		writer->full = true;
		return writer->count;
	}
	writer->code[writer->count++] = (struct sock_filter){.code = code, .jt = jt, .jf = jf, .k = k};
	return writer->count;
}

/* How many instructions lie between the next one to be written and `target`. */
static size_t distance(const struct writer *writer, label target)
{
	return writer->count - target;
}

static label put_return(struct writer *writer, uint32_t action)
{
	for (size_t i = 0; i < KNOWN_RETURNS; i++) {
		label at = writer->returns[i].at;

		if (at > 0 && writer->returns[i].action == action && distance(writer, at) < NEAR)
			return at;
	}
	label at = put(writer, BPF_RET | BPF_K, action, 0, 0);

	writer->returns[writer->next_return].action = action;
	writer->returns[writer->next_return].at = at;
	writer->next_return = (writer->next_return + 1) % KNOWN_RETURNS;
	return at;
}

/* A conditional jump. The trampoline of the one side pushes the other side away by one. */
static label put_jump(struct writer *writer, uint16_t test, uint32_t k, label yes, label no)
{
	if (distance(writer, yes) >= CONDITIONAL)
		yes = put(writer, BPF_JMP | BPF_JA, (uint32_t)distance(writer, yes), 0, 0);
	if (distance(writer, no) > CONDITIONAL)
		no = put(writer, BPF_JMP | BPF_JA, (uint32_t)distance(writer, no), 0, 0);
	return put(writer, BPF_JMP | BPF_K | test, k, (uint8_t)distance(writer, yes),
	        (uint8_t)distance(writer, no));
}

static label put_load(struct writer *writer, size_t offset)
{
	return put(writer, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static label put_load_half(struct writer *writer, const struct filter_case *test, bool upper)
{
	bool second = upper == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

	return put_load(writer, offsetof(struct seccomp_data, args) + 8U * test->arg + (second ? 4 : 0));
}

/* One half of an argument, masked; where the sign counts, so turned that unsigned order is signed order. */
static label put_operand(struct writer *writer, const struct filter_case *test, bool upper, bool turned)
{
	uint32_t mask = (uint32_t)(upper ? test->mask >> 32 : test->mask);

	if (turned)
		put(writer, ADD_NUMBER, SIGN_BIT, 0, 0);
	if (mask != UINT32_MAX)
		put(writer, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	return put_load_half(writer, test, upper);
}

static label put_equal(struct writer *writer, const struct filter_case *test, label yes, label no)
{
	uint64_t width = test->wide ? UINT64_MAX : UINT32_MAX;
	uint64_t mask = test->mask & width, value = test->value & width;

	if (value & ~mask)
		return no;
	if ((uint32_t)mask) {
		put_jump(writer, BPF_JEQ, (uint32_t)value, yes, no);
		yes = put_operand(writer, test, false, false);
	}
	if (mask >> 32) {
		put_jump(writer, BPF_JEQ, (uint32_t)(value >> 32), yes, no);
		yes = put_operand(writer, test, true, false);
	}
	return yes;
}

static label put_order(struct writer *writer, const struct filter_case *test, label yes, label no)
{
	uint16_t low_test = test->compare == FILTER_ABOVE ? BPF_JGT : BPF_JGE;
	uint32_t turn = test->is_signed ? SIGN_BIT : 0;
	uint32_t low = (uint32_t)test->value, high = (uint32_t)(test->value >> 32) + turn;
	label same;

	if (!test->wide) {
		put_jump(writer, low_test, low + turn, yes, no);
		return put_operand(writer, test, false, test->is_signed);
	}
	put_jump(writer, low_test, low, yes, no);
	same = put_operand(writer, test, false, false);
	same = put_jump(writer, BPF_JEQ, high, same, no);
	put_jump(writer, BPF_JGT, high, yes, same);
	return put_operand(writer, test, true, test->is_signed);
}

static label put_test(struct writer *writer, const struct filter_case *test, label yes, label no)
{
	label matched = test->negated ? no : yes;
	label otherwise = test->negated ? yes : no;

	if (test->compare == FILTER_EQUAL)
		return put_equal(writer, test, matched, otherwise);
	return put_order(writer, test, matched, otherwise);
}

static bool begins_condition(const struct filter_call *call, size_t i)
{
	return i == 0 || call->cases[i - 1].link == FILTER_ENDS;
}

/* From the last test to the first: `otherwise` is where the next condition begins, `clause` where the tests
 * go that are joined by OR when one of them holds. `at` has room for one more than there are cases. */
static label put_cases(struct writer *writer, const struct filter_call *call, label *at)
{
	label next = put_return(writer, call->action), otherwise = next, clause = next;

	at[call->case_count] = next;
	for (size_t i = call->case_count; i-- > 0;) {
		const struct filter_case *test = &call->cases[i];

		if (test->link == FILTER_ENDS) {
			otherwise = at[i + 1];
			clause = test->goes_on ? at[i + 1 + test->skip] : put_return(writer, test->action);
			next = put_test(writer, test, clause, otherwise);
		} else if (test->link == FILTER_OR) {
			next = put_test(writer, test, clause, next);
		} else {
			clause = next;
			next = put_test(writer, test, clause, otherwise);
		}
		at[i] = next;
	}
	return next;
}

static label put_call(struct writer *writer, const struct filter_call *call)
{
	AUTO_FREE label *at = NULL;

	if (call->case_count == 0)
		return put_return(writer, call->action);
	at = calloc(call->case_count + 1, sizeof(*at));
	if (!at) {
		writer->no_memory = true;
		return writer->count;
	}
	return put_cases(writer, call, at);
}

static bool is_constant(const struct filter_call *call)
{
	for (size_t i = 0; i < call->case_count; i++) {
		const struct filter_case *test = &call->cases[i];

		if (test->link == FILTER_ENDS && !test->goes_on && test->action != call->action)
			return false;
	}
	return true;
}

static bool leads_alike(const struct segment *one, const struct segment *other)
{
	return !one->call && !other->call && one->action == other->action;
}

static label put_segment(struct writer *writer, const struct segment *segment)
{
	return segment->call ? put_call(writer, segment->call) : put_return(writer, segment->action);
}

/* A balanced search over `count` segments; what is below the first of them has been excluded before. */
static label put_search(struct writer *writer, const struct segment *list, size_t count)
{
	if (count == 1)
		return put_segment(writer, list);
	if (count == 3 && leads_alike(&list[0], &list[2]) && list[1].start + 1 == list[2].start) {
		label around = put_segment(writer, &list[0]);
		label single = put_segment(writer, &list[1]);

		return put_jump(writer, BPF_JEQ, list[1].start, single, around);
	}

	size_t half = count / 2;
	label above = put_search(writer, list + half, count - half);
	label below = put_search(writer, list, half);

	return put_jump(writer, BPF_JGE, list[half].start, above, below);
}

static void add_segment(
        struct segments *segments, uint32_t start, uint32_t action, const struct filter_call *call)
{
	struct segment new = {.start = start, .action = action, .call = call};

	if (segments->count > 0 && leads_alike(&segments->list[segments->count - 1], &new))
		return;
	segments->list[segments->count++] = new;
}

/* Every number but the hot ones, which have been tested by then and so may belong to any segment. */
static void divide(const struct filter_part *part, uint32_t foreign_action, struct segments *segments)
{
	uint32_t next = 0;

	for (size_t i = 0; i < part->call_count; i++) {
		const struct filter_call *call = &part->calls[i];

		if (call->nr > next)
			add_segment(segments, next, part->default_action, NULL);
		next = call->nr + 1;
		if (!call->hot)
			add_segment(segments, call->nr, call->action, is_constant(call) ? NULL : call);
	}
	if (next <= part->highest)
		add_segment(segments, next, part->default_action, NULL);
	add_segment(segments, part->highest + 1, part->unknown_action, NULL);
	if (part->arch != SYSCALLS_X86_64)
		return;

	/* Bit 30 marks the x32 calls, with the sign bit or without it; -1 is no call of any kind. */
	add_segment(segments, X32_BIT, foreign_action, NULL);
	add_segment(segments, 0x80000000, part->unknown_action, NULL);
	add_segment(segments, 0x80000000 | X32_BIT, foreign_action, NULL);
	add_segment(segments, UINT32_MAX, part->unknown_action, NULL);
}

/* The search tree, behind it in writing and so before it in the program the hot calls. */
static label put_numbers(
        struct writer *writer, const struct filter_part *part, const struct segments *segments)
{
	label at = put_search(writer, segments->list, segments->count);

	for (size_t i = part->call_count; i > 0; i--) {
		const struct filter_call *call = &part->calls[i - 1];

		if (call->hot)
			at = put_jump(writer, BPF_JEQ, call->nr, put_call(writer, call), at);
	}
	return at;
}

static int put_part(
        struct writer *writer, const struct filter_part *part, uint32_t foreign_action, label *ret_at)
{
	struct segments segments = {.list = calloc(2 * part->call_count + 6, sizeof(*segments.list))};
	label at;

	if (!segments.list)
		return -ENOMEM;
	divide(part, foreign_action, &segments);
	at = put_numbers(writer, part, &segments);
	free(segments.list);

	/* The load falls into what comes next, so that has to be the label itself. */
	if (at != writer->count)
		put(writer, BPF_JMP | BPF_JA, (uint32_t)distance(writer, at), 0, 0);
	*ret_at = put_load(writer, offsetof(struct seccomp_data, nr));
	return 0;
}

static bool is_case_valid(const struct filter_call *call, size_t i)
{
	const struct filter_case *test = &call->cases[i];
	size_t left = call->case_count - i - 1;

	if (test->arg >= 6 || test->compare > FILTER_FROM || test->link > FILTER_OR)
		return false;
	if (test->link != FILTER_ENDS)
		return left > 0;
	return !test->goes_on || (test->skip <= left && begins_condition(call, i + 1 + test->skip));
}

static bool is_call_valid(const struct filter_call *call)
{
	for (size_t i = 0; i < call->case_count; i++) {
		if (!is_case_valid(call, i))
			return false;
	}
	return true;
}

static bool is_part_valid(const struct filter_part *part)
{
	if (!syscalls_audit_arch(part->arch) || part->highest >= X32_BIT ||
	        part->call_count > part->highest + 1UL)
		return false;
	for (size_t i = 0; i < part->call_count; i++) {
		const struct filter_call *call = &part->calls[i];

		if (call->nr > part->highest || (i > 0 && call->nr <= part->calls[i - 1].nr))
			return false;
		if (!is_call_valid(call))
			return false;
	}
	return true;
}

static bool are_parts_valid(const struct filter_part *parts, size_t count)
{
	if (count == 0 || count > SYSCALLS_ARCHES)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!is_part_valid(&parts[i]))
			return false;
		for (size_t k = 0; k < i; k++) {
			if (parts[k].arch == parts[i].arch)
				return false;
		}
	}
	return true;
}

/* Turns what was written from end to beginning round. */
static int finish(const struct writer *writer, struct filter_program *ret)
{
	if (writer->full)
		return -E2BIG;
	if (writer->no_memory)
		return -ENOMEM;

	struct sock_filter *instructions = calloc(writer->count, sizeof(*instructions));

	if (!instructions)
		return -ENOMEM;
	for (size_t i = 0; i < writer->count; i++)
		instructions[i] = writer->code[writer->count - 1 - i];
	ret->instructions = instructions;
	ret->length = (unsigned short)shorten(instructions, writer->count);
	return 0;
}

int filter_build(const struct filter_part *parts, size_t part_count, uint32_t foreign_action,
        struct filter_program *ret)
{
	if (!are_parts_valid(parts, part_count))
		return -EINVAL;

	AUTO_FREE struct sock_filter *code = malloc(BPF_MAXINSNS * sizeof(*code));

	if (!code)
		return -ENOMEM;

	struct writer writer = {.code = code};
	label at = put_return(&writer, foreign_action);

	for (size_t i = part_count; i > 0; i--) {
		label part_at = 0;
		int r = put_part(&writer, &parts[i - 1], foreign_action, &part_at);

		if (r < 0)
			return r;
		at = put_jump(&writer, BPF_JEQ, syscalls_audit_arch(parts[i - 1].arch), part_at, at);
	}
	put_load(&writer, offsetof(struct seccomp_data, arch));
	return finish(&writer, ret);
}

void filter_program_done(struct filter_program *program)
{
	if (!program)
		return;
	free(program->instructions);
	*program = (struct filter_program){0};
}

static bool is_jump(uint16_t code)
{
	switch (code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		return true;
	default:
		return false;
	}
}

/* `left` is the number of instructions behind this one. */
static bool is_instruction_valid(const struct sock_filter *instruction, size_t left)
{
	if (is_jump(instruction->code))
		return instruction->jt < left && instruction->jf < left;
	switch (instruction->code) {
	case BPF_JMP | BPF_JA:
		return instruction->k < left;
	case BPF_LD | BPF_W | BPF_ABS:
		return left > 0 && instruction->k % 4 == 0 && instruction->k < sizeof(struct seccomp_data);
	case BPF_ALU | BPF_AND | BPF_K:
	case ADD_NUMBER:
		return left > 0;
	case BPF_RET | BPF_K:
		return true;
	default:
		return false;
	}
}

static bool is_program_valid(const struct filter_program *program)
{
	if (!program->instructions || program->length == 0 || program->length > BPF_MAXINSNS)
		return false;
	for (size_t i = 0; i < program->length; i++) {
		if (!is_instruction_valid(&program->instructions[i], program->length - 1U - i))
			return false;
	}
	return true;
}

static bool does_jump(const struct sock_filter *instruction, uint32_t a)
{
	switch (BPF_OP(instruction->code)) {
	case BPF_JEQ:
		return a == instruction->k;
	case BPF_JGE:
		return a >= instruction->k;
	case BPF_JGT:
		return a > instruction->k;
	default:
		return a & instruction->k;
	}
}

int filter_simulate(
        const struct filter_program *program, const struct seccomp_data *data, uint32_t *ret_action)
{
	const uint32_t *words = (const uint32_t *)data;
	uint32_t a = 0;

	if (!is_program_valid(program))
		return -EINVAL;
	for (size_t at = 0; at < program->length; at++) {
		const struct sock_filter *instruction = &program->instructions[at];

		switch (BPF_CLASS(instruction->code)) {
		case BPF_LD:
			a = words[instruction->k / 4];
			break;
		case BPF_ALU:
			a = BPF_OP(instruction->code) == BPF_ADD ? a + instruction->k : a & instruction->k;
			break;
		case BPF_JMP:
			if (BPF_OP(instruction->code) == BPF_JA)
				at += instruction->k;
			else
				at += does_jump(instruction, a) ? instruction->jt : instruction->jf;
			break;
		default:
			*ret_action = instruction->k;
			return 0;
		}
	}
	return -EINVAL;
}
