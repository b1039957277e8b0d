/* Limits: their names, and values with their units. */
#include "policy/limits.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* Far above what a kernel can be asked for, and far below an overflow of what is reckoned with it. */
#define MOST_AMOUNT (UINT64_C(1) << 56)

enum amount {
	AMOUNT_SIZE, /* in bytes */
	AMOUNT_TIME, /* in milliseconds */
	AMOUNT_COUNT,
};

static const enum amount amounts[] = {
        [POLICY_LIMIT_MEMORY] = AMOUNT_SIZE,
        [POLICY_LIMIT_PROCESSES] = AMOUNT_COUNT,
        [POLICY_LIMIT_CPU_TIME] = AMOUNT_TIME,
        [POLICY_LIMIT_WALL_TIME] = AMOUNT_TIME,
        [POLICY_LIMIT_OPEN_FILES] = AMOUNT_COUNT,
        [POLICY_LIMIT_FILE_SIZE] = AMOUNT_SIZE,
};

/* What is less can only be a mistake: nothing could start. */
static const uint64_t least[] = {
        [POLICY_LIMIT_MEMORY] = 1 << 20,
        [POLICY_LIMIT_PROCESSES] = 1,
        [POLICY_LIMIT_CPU_TIME] = 1,
        [POLICY_LIMIT_WALL_TIME] = 1,
        [POLICY_LIMIT_OPEN_FILES] = 3,
        [POLICY_LIMIT_FILE_SIZE] = 0,
};

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = {
        {"B", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", UINT64_C(1) << 40}, {0}};
static const struct unit times[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {0}};
static const struct unit counts[] = {{"", 1}, {0}};

static const struct unit *const units[] = {
        [AMOUNT_SIZE] = sizes, [AMOUNT_TIME] = times, [AMOUNT_COUNT] = counts};

const char *const policy_limit_names[POLICY_LIMITS + 1] = {
        [POLICY_LIMIT_MEMORY] = "memory",
        [POLICY_LIMIT_PROCESSES] = "processes",
        [POLICY_LIMIT_CPU_TIME] = "cpu-time",
        [POLICY_LIMIT_WALL_TIME] = "wall-time",
        [POLICY_LIMIT_OPEN_FILES] = "open-files",
        [POLICY_LIMIT_FILE_SIZE] = "file-size",
};

static const struct unit *find_unit(const struct unit *list, const char *text, size_t length)
{
	for (; list->name; list++)
		if (strlen(list->name) == length && memcmp(list->name, text, length) == 0)
			return list;
	return NULL;
}

/* One number and its unit, moved past. */
static bool take_part(const char **text, const struct unit *list, uint64_t *ret, const struct unit **ret_unit)
{
	const char *at = *text, *unit;
	uint64_t number = 0;

	for (; isdigit((unsigned char)*at); at++) {
		number = number * 10 + (uint64_t)(*at - '0');
		if (number > MOST_AMOUNT)
			return false;
	}
	unit = at;
	while (isalpha((unsigned char)*at))
		at++;
	*ret_unit = unit == *text ? NULL : find_unit(list, unit, (size_t)(at - unit));
	if (!*ret_unit || number > MOST_AMOUNT / (*ret_unit)->factor)
		return false;
	*ret = number * (*ret_unit)->factor;
	*text = at;
	return true;
}

static bool parse(const char *text, enum amount amount, uint64_t *ret)
{
	const struct unit *unit, *before = NULL;
	uint64_t sum = 0, part;

	do {
		if (!take_part(&text, units[amount], &part, &unit))
			return false;
		/* "1h30m", and never "30m1h". */
		if (before && (amount != AMOUNT_TIME || unit->factor >= before->factor))
			return false;
		sum += part;
		before = unit;
	} while (*text && sum <= MOST_AMOUNT);
	*ret = sum;
	return sum <= MOST_AMOUNT;
}

bool policy_parse_size(const char *text, size_t length, uint64_t *ret)
{
	return strlen(text) == length && parse(text, AMOUNT_SIZE, ret);
}

/* "2gb" was meant to be "2G"; a bare number lacks its unit. Returns ret, or NULL. */
static const char *meant(const char *text, enum amount amount, char *ret, size_t size)
{
	size_t digits = strspn(text, "0123456789"), letters = strlen(text + digits);
	char first = (char)toupper((unsigned char)text[digits]);
	uint64_t ignored;

	if (digits == 0 || digits > 15 || strpbrk(text + digits, "0123456789"))
		return NULL;
	if (letters == 0)
		snprintf(ret, size, "%.*s%s", (int)digits, text, amount == AMOUNT_SIZE ? "M" : "s");
	else if (amount == AMOUNT_SIZE && strchr("BKMGT", first))
		snprintf(ret, size, "%.*s%c", (int)digits, text, first);
	else if (amount == AMOUNT_TIME && strncmp(text + digits, "min", 3) == 0)
		snprintf(ret, size, "%.*sm", (int)digits, text);
	else if (amount == AMOUNT_TIME && strchr("SMHD", first))
		snprintf(ret, size, "%.*s%c", (int)digits, text, tolower(first));
	else
		return NULL;
	return parse(ret, amount, &ignored) ? ret : NULL;
}

static int complain(struct policy_builder *builder, enum policy_limit_kind kind,
        const struct policy_place *place, const char *text, size_t length)
{
	static const char *const expected[] = {
	        [AMOUNT_SIZE] = "a size such as 512M or 2G",
	        [AMOUNT_TIME] = "a time such as 90s, 10m or 1h30m",
	        [AMOUNT_COUNT] = "a number such as 200",
	};
	enum amount amount = amounts[kind];
	char suggestion[32];
	const char *better = amount == AMOUNT_COUNT || strlen(text) != length
	                             ? NULL
	                             : meant(text, amount, suggestion, sizeof(suggestion));

	return policy_diagnose(builder, place, "'%s' expects %s, found '%s'%s%s%s", policy_limit_names[kind],
	        expected[amount], policy_quote(text, length).text, better ? "; did you mean '" : "",
	        better ? better : "", better ? "'?" : "");
}

int policy_add_limit(struct policy_builder *builder, enum policy_limit_kind kind,
        const struct policy_place *place, const char *text, size_t length)
{
	struct policy_limit *limit = &builder->limits[kind];
	uint64_t value;

	if (strlen(text) != length || !parse(text, amounts[kind], &value))
		return complain(builder, kind, place, text, length);
	if (value < least[kind])
		return policy_diagnose(builder, place, "'%s' of '%s' is too little for any program",
		        policy_limit_names[kind], policy_quote(text, length).text);
	if (limit->is_set && limit->value <= value)
		return 0;
	text = store_text(&builder->store, text, length);
	if (!text)
		return -ENOMEM;
	*limit = (struct policy_limit){.is_set = true, .value = value, .text = text, .place = *place};
	return 0;
}

int policy_limit_by_name(const char *name, size_t length)
{
	for (int i = 0; i < POLICY_LIMITS; i++)
		if (strlen(policy_limit_names[i]) == length &&
		        memcmp(policy_limit_names[i], name, length) == 0)
			return i;
	return -1;
}

int policy_add_limit_flag(struct policy_builder *builder, const struct policy_place *place, const char *value)
{
	size_t length = strcspn(value, "=");
	int kind = policy_limit_by_name(value, length);
	AUTO_FREE char *name = NULL;
	const char *nearest;

	if (kind >= 0 && value[length])
		return policy_add_limit(builder, (enum policy_limit_kind)kind, place, value + length + 1,
		        strlen(value + length + 1));
	if (kind >= 0)
		return policy_diagnose(
		        builder, place, "a value is missing: --limit %s=VALUE", policy_limit_names[kind]);
	name = strndup(value, length);
	if (!name)
		return -ENOMEM;
	nearest = policy_nearest(name, policy_limit_names);
	return policy_diagnose(builder, place, "there is no limit '%s'%s%s%s",
	        policy_quote(name, length).text,
	        nearest ? "; did you mean '"
	                : "; there are memory, processes, cpu-time, wall-time, open-files and file-size",
	        nearest ? nearest : "", nearest ? "'?" : "");
}
