#include "record/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "record/describe.h"

static void entry_clear(struct fold_entry *entry)
{
	free(entry->key);
	free(entry->event);
	*entry = (struct fold_entry){0};
}

static void entry_tell(const struct fold_entry *entry, FILE *out)
{
	if (entry->repeats > 0)
		fprintf(out, "reeve: %-7s %llu more time%s: %s\n", entry->outcome,
		        (unsigned long long)entry->repeats, entry->repeats == 1 ? "" : "s", entry->event);
}

void fold_done(struct fold *fold)
{
	for (size_t i = 0; i < FOLD_ENTRIES; i++)
		entry_clear(&fold->entries[i]);
}

void fold_tell(struct fold *fold, FILE *out)
{
	for (size_t i = 0; i < FOLD_ENTRIES; i++) {
		entry_tell(&fold->entries[i], out);
		entry_clear(&fold->entries[i]);
	}
}

static void write_key(FILE *out, const struct record *record)
{
	const char *texts[] = {
	        record->program, record->call, record->object, record->second, record->asked, record->why};

	for (size_t i = 0; i < ELEMENTS(texts); i++)
		if (texts[i])
			fwrite(texts[i], 1, strlen(texts[i]) + 1, out);
		else
			fputc('\xff', out);
	fprintf(out, "%d %d %u %u %p %p %p", record->verdict, record->error, record->access, record->use,
	        (const void *)record->file_rule, (const void *)record->call_rule,
	        (const void *)record->address_rule);
}

static char *text_of(
        void (*write)(FILE *, const struct record *), const struct record *record, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);

	if (!out)
		return NULL;
	write(out, record);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void write_event(FILE *out, const struct record *record)
{
	describe_event(out, record, 0);
}

static struct fold_entry *oldest(struct fold *fold)
{
	struct fold_entry *found = &fold->entries[0];

	for (size_t i = 0; i < FOLD_ENTRIES; i++) {
		if (!fold->entries[i].key)
			return &fold->entries[i];
		if (fold->entries[i].last < found->last)
			found = &fold->entries[i];
	}
	return found;
}

bool fold_add(struct fold *fold, const struct record *record, FILE *out)
{
	size_t key_size = 0, event_size = 0;
	AUTO_FREE char *key = text_of(write_key, record, &key_size);
	AUTO_FREE char *event = NULL;
	struct fold_entry *entry;

	if (!key)
		return false;
	for (size_t i = 0; i < FOLD_ENTRIES; i++) {
		entry = &fold->entries[i];
		if (entry->key && entry->key_size == key_size && memcmp(entry->key, key, key_size) == 0) {
			entry->repeats++;
			entry->last = ++fold->clock;
			return true;
		}
	}
	event = text_of(write_event, record, &event_size);
	if (!event)
		return false;
	entry = oldest(fold);
	entry_tell(entry, out);
	entry_clear(entry);
	*entry = (struct fold_entry){
	        .key = TAKE_PTR(key),
	        .key_size = key_size,
	        .event = TAKE_PTR(event),
	        .outcome = counts_outcome_name(describe_outcome(record)),
	        .last = ++fold->clock,
	};
	return false;
}
