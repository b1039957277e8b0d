#include "plan/places.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

#define START_SIZE 256 /* a power of two, as all sizes are */
#define START_TEXT 4096

/* One path, to its last byte, where all before its last name is there. */
struct place_seen {
	uint32_t hash, at; /* in the text */
	uint16_t length;   /* 0: free */
	uint8_t place;     /* enum place; elsewhere: it is a link */
};

/* Its place, or the free one where it would go. */
static struct place_seen *find(const struct places *places, const char *path, size_t length, uint32_t hash)
{
	for (size_t i = hash;; i++) {
		struct place_seen *seen = &places->table[i & (places->size - 1)];

		if (!seen->length || (seen->hash == hash && seen->length == length &&
		                             memcmp(places->text + seen->at, path, length) == 0))
			return seen;
	}
}

static bool grow_table(struct places *places)
{
	struct places grown = *places;

	grown.size = places->size ? 2 * places->size : START_SIZE;
	grown.table = calloc(grown.size, sizeof(*grown.table));
	if (!grown.table)
		return false;
	for (size_t i = 0; i < places->size; i++) {
		const struct place_seen *seen = &places->table[i];

		if (seen->length)
			*find(&grown, places->text + seen->at, seen->length, seen->hash) = *seen;
	}
	free(places->table);
	*places = grown;
	return true;
}

static bool make_room(struct places *places, size_t length)
{
	size_t capacity = places->capacity ? places->capacity : START_TEXT;
	char *text;

	if (2 * places->used >= places->size && !grow_table(places))
		return false;
	while (capacity < places->length + length)
		capacity *= 2;
	if (capacity == places->capacity)
		return true;
	text = realloc(places->text, capacity);
	if (!text)
		return false;
	places->text = text;
	places->capacity = capacity;
	return true;
}

static void remember(struct places *places, const char *path, size_t length, uint32_t hash, enum place place)
{
	struct place_seen *seen;

	if (length > UINT16_MAX || places->length > UINT32_MAX - PATH_MAX || !make_room(places, length))
		return;
	seen = find(places, path, length, hash);
	*seen = (struct place_seen){.hash = hash,
	        .at = (uint32_t)places->length,
	        .length = (uint16_t)length,
	        .place = (uint8_t)place};
	memcpy(places->text + places->length, path, length);
	places->length += length;
	places->used++;
}

/* One name more, at the end of what is known to be there. What is unclear is not remembered. */
static enum place look_at(struct places *places, const char *path, size_t length, uint32_t hash)
{
	enum place place = PLACE_ELSEWHERE;
	char link;

	if (readlink(path, &link, 1) < 0) {
		if (errno != EINVAL && errno != ENOENT)
			return PLACE_ELSEWHERE;
		place = errno == EINVAL ? PLACE_THERE : PLACE_MISSING;
	}
	remember(places, path, length, hash, place);
	return place;
}

enum place places_look(struct places *places, const char *path)
{
	char head[PATH_MAX];
	uint32_t hash = HASH_START;
	size_t end = 0;

	if (strlen(path) >= sizeof(head))
		return PLACE_ELSEWHERE;
	/* "/" itself is no link. */
	while (path[end] && path[end + 1]) {
		const struct place_seen *seen;
		enum place place;

		do {
			hash = hash_byte(hash, path[end]);
			head[end] = path[end];
			end++;
		} while (path[end] && path[end] != '/');
		head[end] = '\0';
		seen = places->size ? find(places, path, end, hash) : NULL;
		place = seen && seen->length ? seen->place : look_at(places, head, end, hash);
		if (place != PLACE_THERE)
			return place;
	}
	return PLACE_THERE;
}

void places_done(struct places *places)
{
	free(places->table);
	free(places->text);
}
