#include "record/recent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void recent_init(struct recent *recent)
{
	pthread_condattr_t attributes;

	memset(recent, 0, sizeof(*recent));
	pthread_mutex_init(&recent->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&recent->added, &attributes);
	pthread_condattr_destroy(&attributes);
}

void recent_done(struct recent *recent)
{
	for (size_t i = 0; i < RECENT_LINES; i++)
		free(recent->lines[i]);
	pthread_cond_destroy(&recent->added);
	pthread_mutex_destroy(&recent->lock);
}

/* One that memory could not be had for is told as lost: its place stays empty. */
void recent_add(struct recent *recent, const char *line)
{
	char *copy = strdup(line), *before;

	pthread_mutex_lock(&recent->lock);
	before = recent->lines[recent->next % RECENT_LINES];
	recent->lines[recent->next % RECENT_LINES] = copy;
	recent->next++;
	pthread_cond_broadcast(&recent->added);
	pthread_mutex_unlock(&recent->lock);
	free(before);
}

static bool is_there(const struct recent *recent, uint64_t position)
{
	return position < recent->next;
}

int recent_next(
        struct recent *recent, uint64_t *position, int milliseconds, char **ret_line, uint64_t *ret_lost)
{
	struct timespec until;
	uint64_t at = *position, first;
	char *line = NULL;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += milliseconds / 1000;
	until.tv_nsec += milliseconds % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_mutex_lock(&recent->lock);
	while (r == 0 && !is_there(recent, at))
		r = pthread_cond_timedwait(&recent->added, &recent->lock, &until);
	first = recent->next > RECENT_LINES ? recent->next - RECENT_LINES : 0;
	at = at < first ? first : at;
	while (is_there(recent, at) && !recent->lines[at % RECENT_LINES])
		at++;
	if (is_there(recent, at)) {
		line = strdup(recent->lines[at % RECENT_LINES]);
		r = line ? 0 : -ENOMEM;
		*ret_lost = at - *position;
		*position = at + 1;
	} else {
		r = 1;
	}
	pthread_mutex_unlock(&recent->lock);
	if (r == 0)
		*ret_line = line;
	return r;
}
