/* Two questions, both answered in a number of steps that grows with the logarithm of the number of ports at
 * most. What do the deny rules that cover a port have in common: the ports fall into segments between the
 * ends of rules, and each segment knows the rule that begins last and the one that ends first. Is there an
 * allow rule inside some bounds: the rules lie in order of their beginnings, and a tree over them knows the
 * ends of each part in order. */
#include "policy/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { CLASSES = 3 /* TCP, UDP, both */, NO_RULE = -1 };

/* Deny rules of one class, by segments: segment i begins at starts[i] and ends before the next. */
struct denials {
	const struct policy_address_rule **rules;
	uint32_t *starts;
	int32_t *last_begun, *first_ended; /* index into rules, or NO_RULE */
	size_t rule_count, segment_count;
};

/* Allow rules of one class, by their beginning; of those that begin together the longest first. Level N holds
 * the ends of each 2^N of them in order. */
struct grants {
	const struct policy_address_rule **rules;
	uint16_t *ends;
	uint16_t *begins; /* of the rules in order, in the same block */
	size_t count;
	unsigned levels;
};

struct ports {
	struct denials denials[CLASSES];
	struct grants grants[CLASSES];
};

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_number(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

const struct policy_address_rule *ports_first_rule(
        const struct policy_address_rule *a, const struct policy_address_rule *b)
{
	int r;

	if (!a || !b)
		return a ? a : b;
	r = policy_place_compare(&a->place, &b->place);
	if (r == 0)
		r = compare_number((size_t)a->error, (size_t)b->error);
	if (r == 0)
		r = compare_number(a->log, b->log);
	if (r == 0)
		r = compare_text(a->text, b->text);
	return r <= 0 ? a : b;
}

/* What asks is in the way as what denies is. */
static bool refuses(const struct policy_address_rule *rule)
{
	return rule->verdict != POLICY_ALLOW;
}

/* By verdict, class, beginning, and end with the furthest first; of those that say the same the one that is
 * told. */
static int compare_rules(const void *left, const void *right)
{
	const struct policy_address_rule *a = *(const struct policy_address_rule *const *)left;
	const struct policy_address_rule *b = *(const struct policy_address_rule *const *)right;
	int r = compare_number(refuses(a), refuses(b));

	if (r == 0)
		r = compare_number(a->transports, b->transports);
	if (r == 0)
		r = compare_number(a->port_low, b->port_low);
	if (r == 0)
		r = compare_number(b->port_high, a->port_high);
	if (r != 0 || a == b)
		return r;
	return ports_first_rule(a, b) == a ? -1 : 1;
}

static bool says_the_same(const struct policy_address_rule *a, const struct policy_address_rule *b)
{
	return a->port_low == b->port_low && a->port_high == b->port_high;
}

/* ---- denials ---- */

static int compare_starts(const void *a, const void *b)
{
	return compare_number(*(const uint32_t *)a, *(const uint32_t *)b);
}

static size_t segment_of(const struct denials *denials, uint32_t port)
{
	size_t low = 0, high = denials->segment_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (denials->starts[middle] <= port)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* What `next` leads to is not painted yet; paths grow shorter by being walked. */
static size_t unpainted(uint32_t *next, size_t segment)
{
	while (next[segment] != segment)
		segment = next[segment] = next[next[segment]];
	return segment;
}

/* Each segment keeps the first rule in `order` that covers it. */
static int paint(const struct denials *denials, const uint32_t *order, int32_t *segments)
{
	AUTO_FREE uint32_t *next = calloc(denials->segment_count + 1, sizeof(*next));

	if (!next)
		return -ENOMEM;
	for (size_t i = 0; i <= denials->segment_count; i++)
		next[i] = (uint32_t)i;
	for (size_t i = 0; i < denials->segment_count; i++)
		segments[i] = NO_RULE;
	for (size_t i = 0; i < denials->rule_count; i++) {
		const struct policy_address_rule *rule = denials->rules[order[i]];
		size_t end = segment_of(denials, rule->port_high);

		for (size_t at = unpainted(next, segment_of(denials, rule->port_low)); at <= end;
		        at = unpainted(next, at)) {
			segments[at] = (int32_t)order[i];
			next[at] = (uint32_t)at + 1;
		}
	}
	return 0;
}

static void find_starts(struct denials *denials)
{
	size_t kept = 0;

	denials->starts[0] = 0;
	for (size_t i = 0; i < denials->rule_count; i++) {
		denials->starts[2 * i + 1] = denials->rules[i]->port_low;
		denials->starts[2 * i + 2] = denials->rules[i]->port_high + 1u;
	}
	qsort(denials->starts, 2 * denials->rule_count + 1, sizeof(*denials->starts), compare_starts);
	for (size_t i = 0; i <= 2 * denials->rule_count; i++)
		if (i == 0 || denials->starts[i] != denials->starts[kept - 1])
			denials->starts[kept++] = denials->starts[i];
	denials->segment_count = kept;
}

static int compare_ends(const void *left, const void *right, void *user)
{
	const struct policy_address_rule *const *rules = user;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	int r = compare_number(rules[a]->port_high, rules[b]->port_high);

	/* Rules are in order of their beginning: of those that end together the one that begins last. */
	return r != 0 ? r : compare_number(b, a);
}

static int denials_init(struct denials *denials, const struct policy_address_rule **rules, size_t count)
{
	AUTO_FREE uint32_t *order = calloc(count + 1, sizeof(*order));
	int r;

	denials->rules = rules;
	denials->rule_count = count;
	denials->starts = calloc(2 * count + 1, sizeof(*denials->starts));
	denials->last_begun = calloc(2 * count + 1, sizeof(*denials->last_begun));
	denials->first_ended = calloc(2 * count + 1, sizeof(*denials->first_ended));
	if (!order || !denials->starts || !denials->last_begun || !denials->first_ended)
		return -ENOMEM;
	find_starts(denials);
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)(count - 1 - i);
	r = paint(denials, order, denials->last_begun);
	if (r < 0)
		return r;
	qsort_r(order, count, sizeof(*order), compare_ends, (void *)rules);
	return paint(denials, order, denials->first_ended);
}

/* ---- grants ---- */

static void merge(const uint16_t *from, size_t middle, size_t end, uint16_t *to)
{
	size_t a = 0, b = middle;

	for (size_t i = 0; i < end; i++)
		to[i] = b >= end || (a < middle && from[a] <= from[b]) ? from[a++] : from[b++];
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int grants_init(struct grants *grants, const struct policy_address_rule **rules, size_t count)
{
	grants->rules = rules;
	grants->count = count;
	grants->levels = 1;
	while ((size_t)1 << (grants->levels - 1) < count)
		grants->levels++;
	grants->ends = calloc((grants->levels + 1) * count, sizeof(*grants->ends));
	if (!grants->ends)
		return -ENOMEM;
	grants->begins = grants->ends + grants->levels * count;
	for (size_t i = 0; i < count; i++) {
		grants->ends[i] = rules[i]->port_high;
		grants->begins[i] = rules[i]->port_low;
	}
	for (unsigned level = 1; level < grants->levels; level++) {
		const uint16_t *from = grants->ends + (level - 1) * count;
		uint16_t *to = grants->ends + level * count;

		for (size_t start = 0; start < count; start += (size_t)1 << level) {
			size_t end = least((size_t)1 << level, count - start);

			merge(from + start, least((size_t)1 << (level - 1), end), end, to + start);
		}
	}
	return 0;
}

/* The number of rules that begin before `port`. */
static size_t begun_before(const struct grants *grants, unsigned port)
{
	size_t low = 0, high = grants->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (grants->begins[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool some_ends_within(const uint16_t *ends, size_t count, unsigned low, unsigned high)
{
	size_t first = 0;

	while (count > 0) {
		size_t half = count / 2;

		if (ends[first + half] < low) {
			first += half + 1;
			count -= half + 1;
		} else {
			if (ends[first + half] <= high)
				return true;
			count = half;
		}
	}
	return false;
}

struct wanted {
	size_t first, end;  /* of the rules */
	unsigned low, high; /* where they may end */
};

/* The last wanted rule of the block of a level that begins at `start`, or NO_RULE. */
static ptrdiff_t find_last(
        const struct grants *grants, unsigned level, size_t start, const struct wanted *wanted)
{
	size_t end = least(start + ((size_t)1 << level), grants->count);
	ptrdiff_t found = NO_RULE;

	if (start >= wanted->end || end <= wanted->first)
		return NO_RULE;
	if (start >= wanted->first && end <= wanted->end &&
	        !some_ends_within(
	                grants->ends + level * grants->count + start, end - start, wanted->low, wanted->high))
		return NO_RULE;
	if (level == 0)
		return (ptrdiff_t)start;
	if (start + ((size_t)1 << (level - 1)) < end)
		found = find_last(grants, level - 1, start + ((size_t)1 << (level - 1)), wanted);
	return found != NO_RULE ? found : find_last(grants, level - 1, start, wanted);
}

static const struct policy_address_rule *find_grant(
        const struct grants *grants, unsigned port, const struct ports_bounds *bounds)
{
	struct wanted wanted = {
	        begun_before(grants, bounds->low), begun_before(grants, port + 1), port, bounds->high};
	ptrdiff_t found;

	if (wanted.first >= wanted.end)
		return NULL;
	found = find_last(grants, grants->levels - 1, 0, &wanted);
	return found == NO_RULE ? NULL : grants->rules[found];
}

/* ---- both ---- */

static unsigned class_of(unsigned transports)
{
	return transports - 1;
}

/* `[*at, end)` of the sorted rules are those of a verdict and class that start at `*at`; of those that say
 * the same the first stays. */
static size_t take_class(const struct policy_address_rule **rules, size_t count, size_t *at)
{
	size_t first = *at, kept = first;

	for (; *at < count && refuses(rules[*at]) == refuses(rules[first]) &&
	        rules[*at]->transports == rules[first]->transports;
	        ++*at)
		if (kept == first || !says_the_same(rules[*at], rules[kept - 1]))
			rules[kept++] = rules[*at];
	return kept - first;
}

/* Both in the same order: what allows precisely what is denied never counts. */
static size_t drop_denied(const struct policy_address_rule **grants, size_t grant_count,
        const struct policy_address_rule *const *denials, size_t denial_count)
{
	size_t kept = 0, at = 0;

	for (size_t i = 0; i < grant_count; i++) {
		while (at < denial_count && (denials[at]->port_low < grants[i]->port_low ||
		                                    (denials[at]->port_low == grants[i]->port_low &&
		                                            denials[at]->port_high > grants[i]->port_high)))
			at++;
		if (at == denial_count || !says_the_same(denials[at], grants[i]))
			grants[kept++] = grants[i];
	}
	return kept;
}

int ports_new(const struct policy_address_rule **rules, size_t count, struct ports **ret)
{
	struct {
		const struct policy_address_rule **rules;
		size_t count;
	} sorted[2][CLASSES] = {0};
	struct ports *ports = calloc(1, sizeof(*ports));
	int r = 0;

	if (!ports)
		return -ENOMEM;
	qsort(rules, count, sizeof(*rules), compare_rules);
	for (size_t at = 0; at < count;) {
		size_t first = at;
		unsigned class = class_of(rules[first]->transports);
		bool denies = refuses(rules[first]);

		sorted[denies][class].rules = rules + first;
		sorted[denies][class].count = take_class(rules, count, &at);
	}
	for (unsigned class = 0; class < CLASSES && r == 0; class ++) {
		if (sorted[true][class].count > 0)
			r = denials_init(
			        &ports->denials[class], sorted[true][class].rules, sorted[true][class].count);
		sorted[false][class].count = drop_denied(sorted[false][class].rules,
		        sorted[false][class].count, sorted[true][class].rules, sorted[true][class].count);
		if (r == 0 && sorted[false][class].count > 0)
			r = grants_init(&ports->grants[class], sorted[false][class].rules,
			        sorted[false][class].count);
	}
	if (r < 0) {
		ports_free(ports);
		return r;
	}
	*ret = ports;
	return 0;
}

void ports_free(struct ports *ports)
{
	if (!ports)
		return;
	for (unsigned class = 0; class < CLASSES; class ++) {
		free(ports->denials[class].starts);
		free(ports->denials[class].last_begun);
		free(ports->denials[class].first_ended);
		free(ports->grants[class].ends);
	}
	free(ports);
}

static unsigned maximum(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static unsigned minimum(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

bool ports_narrow(const struct ports *ports, unsigned port, unsigned transport, struct ports_bounds *bounds)
{
	const unsigned transports[] = {transport, POLICY_TCP | POLICY_UDP};
	bool found = false;

	for (size_t i = 0; i < ELEMENTS(transports); i++) {
		const struct denials *denials = &ports->denials[class_of(transports[i])];
		size_t segment = segment_of(denials, port);

		if (denials->rule_count == 0 || denials->last_begun[segment] == NO_RULE)
			continue;
		found = true;
		bounds->low = maximum(bounds->low, denials->rules[denials->last_begun[segment]]->port_low);
		bounds->high =
		        minimum(bounds->high, denials->rules[denials->first_ended[segment]]->port_high);
		bounds->transports &= transports[i];
	}
	return found;
}

const struct policy_address_rule *ports_find(
        const struct ports *ports, unsigned port, unsigned transport, const struct ports_bounds *bounds)
{
	const struct policy_address_rule *one, *both = NULL;

	one = find_grant(&ports->grants[class_of(transport)], port, bounds);
	if (bounds->transports == (POLICY_TCP | POLICY_UDP))
		both = find_grant(&ports->grants[class_of(POLICY_TCP | POLICY_UDP)], port, bounds);
	if (!one || !both)
		return one ? one : both;
	if (one->port_low != both->port_low)
		return one->port_low > both->port_low ? one : both;
	return one->port_high <= both->port_high ? one : both;
}

size_t ports_denials(const struct ports *ports, unsigned port, unsigned transport,
        const struct policy_address_rule *ret[PORTS_DENIALS])
{
	const unsigned transports[] = {transport, POLICY_TCP | POLICY_UDP};
	size_t count = 0;

	for (size_t i = 0; i < ELEMENTS(transports); i++) {
		const struct denials *denials = &ports->denials[class_of(transports[i])];
		size_t segment = segment_of(denials, port);

		if (denials->rule_count == 0 || denials->last_begun[segment] == NO_RULE)
			continue;
		ret[count++] = denials->rules[denials->last_begun[segment]];
		ret[count++] = denials->rules[denials->first_ended[segment]];
	}
	return count;
}
