#include "names/learned.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define NONE SIZE_MAX

struct entry {
	uint8_t ip[16];
	uint64_t until;
	char *name; /* owned; NULL: the entry is free */
	size_t next;
};

struct learned {
	pthread_mutex_t lock;
	size_t most, bucket_count;
	struct entry *entries;
	size_t *buckets;
	size_t unused; /* entries from here on have never been used */
};

int learned_new(size_t most, struct learned **ret)
{
	struct learned *learned = calloc(1, sizeof(*learned));

	if (!learned)
		return -ENOMEM;
	pthread_mutex_init(&learned->lock, NULL);
	learned->most = most;
	learned->bucket_count = most / 2 + 1;
	learned->entries = calloc(most, sizeof(*learned->entries));
	learned->buckets = calloc(learned->bucket_count, sizeof(*learned->buckets));
	if (!learned->entries || !learned->buckets) {
		learned_free(learned);
		return -ENOMEM;
	}
	for (size_t i = 0; i < learned->bucket_count; i++)
		learned->buckets[i] = NONE;
	*ret = learned;
	return 0;
}

void learned_free(struct learned *learned)
{
	if (!learned)
		return;
	for (size_t i = 0; i < learned->unused; i++)
		free(learned->entries[i].name);
	free(learned->entries);
	free(learned->buckets);
	pthread_mutex_destroy(&learned->lock);
	free(learned);
}

/* Many addresses of one bucket make looking slow for whoever had them learned, up to the bound, and no more.
 */
static size_t *bucket_of(struct learned *learned, const uint8_t ip[16])
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < 16; i++)
		hash = (hash ^ ip[i]) * 0x100000001b3u;
	return &learned->buckets[hash % learned->bucket_count];
}

static void unlink_entry(struct learned *learned, size_t index)
{
	size_t *at = bucket_of(learned, learned->entries[index].ip);

	while (*at != index)
		at = &learned->entries[*at].next;
	*at = learned->entries[index].next;
}

/* An entry to write into: an unused one, else that which ends first. */
static size_t make_room(struct learned *learned)
{
	size_t first = 0;

	if (learned->unused < learned->most)
		return learned->unused++;
	for (size_t i = 1; i < learned->most; i++)
		if (learned->entries[i].until < learned->entries[first].until)
			first = i;
	unlink_entry(learned, first);
	free(learned->entries[first].name);
	return first;
}

static struct entry *find_same(struct learned *learned, const uint8_t ip[16], const char *name)
{
	for (size_t i = *bucket_of(learned, ip); i != NONE; i = learned->entries[i].next) {
		struct entry *entry = &learned->entries[i];

		if (memcmp(entry->ip, ip, 16) == 0 && strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

int learned_add(struct learned *learned, const uint8_t ip[16], const char *name, uint64_t until)
{
	AUTO_FREE char *copy = strdup(name);
	struct entry *entry;

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&learned->lock);
	entry = find_same(learned, ip, name);
	if (entry) {
		if (until > entry->until)
			entry->until = until;
	} else {
		size_t index = make_room(learned), *bucket = bucket_of(learned, ip);

		entry = &learned->entries[index];
		*entry = (struct entry){.until = until, .name = TAKE_PTR(copy), .next = *bucket};
		memcpy(entry->ip, ip, 16);
		*bucket = index;
	}
	pthread_mutex_unlock(&learned->lock);
	return 0;
}

enum learned_answer learned_find(struct learned *learned, const uint8_t ip[16], uint64_t now,
        bool (*suits)(void *user, const char *name), void *user, char ret_name[LEARNED_NAME])
{
	const struct entry *found = NULL;
	enum learned_answer answer = LEARNED_UNKNOWN;

	pthread_mutex_lock(&learned->lock);
	for (size_t i = *bucket_of(learned, ip); i != NONE; i = learned->entries[i].next) {
		const struct entry *entry = &learned->entries[i];

		if (memcmp(entry->ip, ip, 16) == 0 && (!found || entry->until > found->until) &&
		        suits(user, entry->name))
			found = entry;
	}
	if (found) {
		answer = found->until >= now ? LEARNED_KNOWN : LEARNED_ENDED;
		snprintf(ret_name, LEARNED_NAME, "%s", found->name);
	}
	pthread_mutex_unlock(&learned->lock);
	return answer;
}
