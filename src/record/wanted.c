#include "record/wanted.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/hash.h"
#include "base/path.h"
#include "plan/tell.h"
#include "record/describe.h"

void wanted_init(struct wanted *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	pthread_mutex_init(&wanted->lock, NULL);
}

void wanted_done(struct wanted *wanted)
{
	for (size_t i = 0; i < wanted->items.count; i++) {
		free(wanted->items.items[i].object);
		free(wanted->items.items[i].flag);
	}
	free(wanted->items.items);
	free(wanted->places);
	pthread_mutex_destroy(&wanted->lock);
}

/* Where the object's number is, or belongs. */
static uint32_t *place_of(struct wanted *wanted, const char *object)
{
	size_t at = hash_text(object) & (wanted->place_count - 1);

	while (wanted->places[at] && strcmp(wanted->items.items[wanted->places[at] - 1].object, object) != 0)
		at = (at + 1) & (wanted->place_count - 1);
	return &wanted->places[at];
}

static int make_room(struct wanted *wanted)
{
	size_t count = wanted->place_count ? 2 * wanted->place_count : 256;
	uint32_t *places;

	if (wanted->place_count > 2 * wanted->items.count)
		return 0;
	places = calloc(count, sizeof(*places));
	if (!places)
		return -ENOMEM;
	free(wanted->places);
	wanted->places = places;
	wanted->place_count = count;
	for (size_t i = 0; i < wanted->items.count; i++)
		*place_of(wanted, wanted->items.items[i].object) = (uint32_t)i + 1;
	return 0;
}

static char *flag_of(const struct record *record, const char *home)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	hint_flag(out, record, home);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* "deny /etc/shadow at policy.yaml:3:5: openat(/etc/shadow)" */
static char *tell_unallowable(const struct record *record)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (record->file_rule || record->call_rule) {
		tell_rule(out, record->file_rule, record->call_rule);
		fputs(": ", out);
	}
	fputs(record->call ? record->call : "?", out);
	if (record->object) {
		fputc('(', out);
		escape_for_terminal(out, record->object);
		fputc(')', out);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Takes `object`. */
static int add(struct wanted *wanted, char *object, const struct wanted_item *item)
{
	AUTO_FREE char *own = object;
	uint32_t *place;
	struct wanted_item added = *item;
	int r = make_room(wanted);

	if (r < 0 || !own)
		return -ENOMEM;
	place = place_of(wanted, own);
	if (*place) {
		wanted->items.items[*place - 1].access |= item->access;
		wanted->items.items[*place - 1].times++;
		return 1;
	}
	added.object = own;
	added.times = 1;
	r = ARRAY_PUSH(&wanted->items, added);
	if (r < 0)
		return r;
	own = NULL;
	*place = (uint32_t)wanted->items.count;
	return 0;
}

static int add_record(struct wanted *wanted, const struct record *record, const char *home)
{
	struct wanted_item item = {0};
	int r;

	if (hint_of(record) != HINT_RULE)
		return add(wanted, tell_unallowable(record), &item);
	if (record->use) {
		item.flag = flag_of(record, home);
		r = item.flag ? add(wanted, strdup(item.flag), &item) : -ENOMEM;
		if (r != 0)
			free(item.flag);
		return r;
	}
	item.access = record->access ? record->access : POLICY_READ;
	r = add(wanted, strdup(record->object), &item);
	if (r >= 0 && record->second)
		r = add(wanted, strdup(record->second), &item);
	return r;
}

void wanted_add(struct wanted *wanted, const struct record *record, const char *home)
{
	pthread_mutex_lock(&wanted->lock);
	if (add_record(wanted, record, home) < 0)
		wanted->lost++;
	pthread_mutex_unlock(&wanted->lock);
}

static int by_object(const void *left, const void *right)
{
	const struct wanted_item *a = left, *b = right;

	return strcmp(a->object, b->object);
}

/* A path means its tree: what lies in the tree of another that grants as much needs no flag. Such a path
 * sorts before, and all of its tree need not follow at once. */
static bool is_covered(const struct wanted *wanted, size_t index)
{
	const struct wanted_item *item = &wanted->items.items[index];

	for (size_t i = 0; i < index; i++) {
		const struct wanted_item *other = &wanted->items.items[i];

		if (other->access && !(item->access & ~other->access) &&
		        path_is_within(item->object, other->object))
			return true;
	}
	return false;
}

static void tell_flags(const struct wanted *wanted, const char *home, FILE *out)
{
	size_t column = 0;

	for (size_t i = 0; i < wanted->items.count; i++) {
		const struct wanted_item *item = &wanted->items.items[i];
		struct record record = {
		        .verdict = POLICY_DENY, .object = item->object, .access = item->access};
		AUTO_FREE char *made = NULL;
		const char *flag = item->flag;

		if (!flag && item->access && !is_covered(wanted, i))
			flag = made = flag_of(&record, home);
		if (!flag)
			continue;
		if (column == 0 || column + strlen(flag) > 100)
			column = (size_t)fprintf(out, "%sreeve:  ", column ? " \\\n" : "");
		column += (size_t)fprintf(out, " %s", flag);
	}
	if (column)
		fputc('\n', out);
}

static void tell_others(const struct wanted *wanted, FILE *out)
{
	bool told = false;

	for (size_t i = 0; i < wanted->items.count; i++) {
		const struct wanted_item *item = &wanted->items.items[i];

		if (item->flag || item->access)
			continue;
		if (!told)
			fputs("reeve: no flag beside the policy would allow these; it has to change:\n", out);
		fprintf(out, "reeve:   %s\n", item->object);
		told = true;
	}
}

void wanted_tell(struct wanted *wanted, const char *home, FILE *out)
{
	uint64_t times = 0, flags = 0;

	pthread_mutex_lock(&wanted->lock);
	for (size_t i = 0; i < wanted->items.count; i++) {
		times += wanted->items.items[i].times;
		flags += wanted->items.items[i].flag || wanted->items.items[i].access;
	}
	if (wanted->items.count)
		qsort(wanted->items.items, wanted->items.count, sizeof(wanted->items.items[0]), by_object);
	free(wanted->places); /* numbers of another order */
	wanted->places = NULL;
	wanted->place_count = 0;
	if (times == 0)
		fputs("reeve: nothing would have been refused\n", out);
	else
		fprintf(out, "reeve: %" PRIu64 " call%s would have been refused.%s\n", times,
		        times == 1 ? "" : "s", flags ? " These flags would allow them:" : "");
	tell_flags(wanted, home, out);
	tell_others(wanted, out);
	if (wanted->lost)
		fprintf(out, "reeve: %" PRIu64 " more are not in this list for want of memory\n",
		        wanted->lost);
	fflush(out);
	pthread_mutex_unlock(&wanted->lock);
}
