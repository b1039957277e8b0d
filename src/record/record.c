#include "record/record.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/limits.h"
#include "plan/tell.h"
#include "record/counts.h"
#include "record/describe.h"
#include "record/fold.h"
#include "record/recent.h"
#include "record/sink.h"
#include "record/summary.h"
#include "record/wanted.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct recorder {
	struct sink text, json;
	FILE *errors;
	bool colour, summary;
	char *home;
	pthread_mutex_t fold_lock;
	struct fold fold;
	struct counts counts;
	void (*line)(void *user, const char *line, size_t length);
	void *user;
	pthread_mutex_t line_lock;
	bool keeps_recent, collects_wanted;
	struct wanted wanted;
	struct recent recent;
};

int recorder_new(const struct record_options *options, struct recorder **ret)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return -ENOMEM;
	if (options->home) {
		recorder->home = strdup(options->home);
		if (!recorder->home) {
			free(recorder);
			return -ENOMEM;
		}
	}
	if (options->text)
		fflush(options->text);
	sink_init(&recorder->text, options->text ? fileno(options->text) : -1);
	sink_init(&recorder->json, options->json);
	recorder->errors = options->errors;
	recorder->colour = options->colour;
	recorder->summary = options->summary;
	recorder->line = options->line;
	recorder->user = options->user;
	pthread_mutex_init(&recorder->line_lock, NULL);
	pthread_mutex_init(&recorder->fold_lock, NULL);
	counts_init(&recorder->counts);
	recorder->keeps_recent = options->recent;
	recorder->collects_wanted = options->wanted;
	wanted_init(&recorder->wanted);
	recent_init(&recorder->recent);
	*ret = recorder;
	return 0;
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	fold_done(&recorder->fold);
	sink_done(&recorder->text);
	sink_done(&recorder->json);
	pthread_mutex_destroy(&recorder->fold_lock);
	pthread_mutex_destroy(&recorder->line_lock);
	counts_done(&recorder->counts);
	recent_done(&recorder->recent);
	wanted_done(&recorder->wanted);
	free(recorder->home);
	free(recorder);
}

bool recorder_wants_allowed(const struct recorder *recorder)
{
	return recorder->json.fd >= 0 || recorder->line ||
	       atomic_load_explicit(&recorder->recent.wanting_all, memory_order_relaxed) > 0;
}

static void write_to(struct recorder *recorder, struct sink *sink, const char *bytes, size_t size)
{
	int error = 0;

	if (sink_write(sink, bytes, size, &error) == 1 && recorder->errors) {
		fprintf(recorder->errors, "reeve: records are being lost: %s\n", strerror(-error));
		fflush(recorder->errors);
	}
}

/* A record that memory could not be had for is one that was lost. */
static void write_json(struct recorder *recorder, struct json_object *object)
{
	AUTO_FREE char *line = NULL;
	const char *text = object ? json_object_to_json_string_ext(object, JSON_FLAGS) : NULL;
	int n = text ? asprintf(&line, "%s\n", text) : -1;

	if (n < 0) {
		line = NULL;
		sink_count_lost(&recorder->json);
	} else {
		if (recorder->json.fd >= 0)
			write_to(recorder, &recorder->json, line, (size_t)n);
		if (recorder->keeps_recent)
			recent_add(&recorder->recent, line);
		if (recorder->line) {
			pthread_mutex_lock(&recorder->line_lock);
			recorder->line(recorder->user, line, (size_t)n - 1);
			pthread_mutex_unlock(&recorder->line_lock);
		}
	}
	json_object_put(object);
}

static bool wants_json(const struct recorder *recorder, bool is_allowed)
{
	return recorder->json.fd >= 0 || recorder->line ||
	       (recorder->keeps_recent && (!is_allowed || recorder_wants_allowed(recorder)));
}

static void write_text(struct recorder *recorder, const struct record *record)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		sink_count_lost(&recorder->text);
		return;
	}
	pthread_mutex_lock(&recorder->fold_lock);
	if (!fold_add(&recorder->fold, record, out))
		describe_text(out, record, recorder->home, recorder->colour);
	pthread_mutex_unlock(&recorder->fold_lock);
	if (fclose(out) != 0)
		sink_count_lost(&recorder->text);
	else if (size > 0)
		write_to(recorder, &recorder->text, text, size);
}

void recorder_write(struct recorder *recorder, const struct record *record)
{
	enum counts_outcome outcome = describe_outcome(record);

	counts_add(&recorder->counts, record->operation, outcome, record->nanoseconds, record->call,
	        record->object);
	if (recorder->collects_wanted && record->is_lifted)
		wanted_add(&recorder->wanted, record, recorder->home);
	if (wants_json(recorder, outcome == COUNTS_ALLOWED))
		write_json(recorder, describe_json(record, recorder->home));
	if (outcome != COUNTS_ALLOWED && sink_is_open(&recorder->text))
		write_text(recorder, record);
}

void recorder_count_allowed(struct recorder *recorder, const char *operation, uint64_t nanoseconds)
{
	counts_add(&recorder->counts, operation, COUNTS_ALLOWED, nanoseconds, NULL, NULL);
}

void recorder_count_notification(struct recorder *recorder)
{
	atomic_fetch_add_explicit(&recorder->counts.notifications, 1, memory_order_relaxed);
}

void recorder_note(struct recorder *recorder, const char *kind, const char *text)
{
	AUTO_FREE char *line = NULL;
	int n = asprintf(&line, "reeve: %s\n", text);

	if (n < 0)
		line = NULL;
	else
		write_to(recorder, &recorder->text, line, (size_t)n);
	if (wants_json(recorder, false)) {
		struct json_object *object = json_object_new_object();
		char time[64];

		json_object_object_add(object, "schema", json_object_new_int(1));
		json_object_object_add(
		        object, "time", json_object_new_string(describe_now(time, sizeof(time))));
		json_object_object_add(object, "note", tell_bytes_json(kind));
		json_object_object_add(object, "text", tell_bytes_json(text));
		write_json(recorder, object);
	}
}

static void tell_limit(const struct record_limit *limit, FILE *out)
{
	const struct policy_limit *rule = &limit->policy->limits[limit->kind];

	fprintf(out, "reeve: limit %s %s was reached, by ", policy_limit_names[limit->kind], rule->text);
	tell_place(out, &rule->place);
	if (limit->refusals > 0)
		fprintf(out, ": %" PRIu64 " %s\n", limit->refusals,
		        limit->refusals == 1 ? "new process or thread was refused (EAGAIN)"
		                             : "new processes or threads were refused (EAGAIN)");
	else if (strcmp(limit->layer, "rlimit") == 0)
		fputs(": the command was ended\n", out);
	else
		fputs(": the command and all that it started were killed\n", out);
}

void recorder_limit(struct recorder *recorder, const struct record_limit *limit)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct json_object *object;
	char time[64];

	if (out)
		tell_limit(limit, out);
	if (!out || fclose(out) != 0)
		sink_count_lost(&recorder->text);
	else
		write_to(recorder, &recorder->text, text, size);
	if (!wants_json(recorder, false))
		return;
	object = plan_limit_json(limit->policy, limit->kind);
	if (object) {
		json_object_object_add(object, "schema", json_object_new_int(1));
		json_object_object_add(
		        object, "time", json_object_new_string(describe_now(time, sizeof(time))));
		json_object_object_add(object, "note", json_object_new_string("limit"));
		json_object_object_add(object, "layer", json_object_new_string(limit->layer));
		json_object_object_add(object, "ended", json_object_new_boolean(limit->refusals == 0));
		json_object_object_add(object, "refusals", json_object_new_int64((int64_t)limit->refusals));
	}
	write_json(recorder, object);
}

void recorder_want_allowed(struct recorder *recorder, bool wanted)
{
	if (wanted)
		atomic_fetch_add(&recorder->recent.wanting_all, 1);
	else
		atomic_fetch_sub(&recorder->recent.wanting_all, 1);
}

int recorder_next(
        struct recorder *recorder, uint64_t *position, int milliseconds, char **ret_line, uint64_t *ret_lost)
{
	return recent_next(&recorder->recent, position, milliseconds, ret_line, ret_lost);
}

uint64_t recorder_end(struct recorder *recorder)
{
	uint64_t next;

	pthread_mutex_lock(&recorder->recent.lock);
	next = recorder->recent.next;
	pthread_mutex_unlock(&recorder->recent.lock);
	return next;
}

void recorder_totals(struct recorder *recorder, struct recorder_totals *ret)
{
	const struct counts *counts = &recorder->counts;

	ret->notifications = atomic_load(&counts->notifications);
	ret->allowed = counts_total(counts, COUNTS_ALLOWED);
	ret->refused = 0;
	for (int i = 0; i < COUNTS_OUTCOMES; i++)
		if (i != COUNTS_ALLOWED && i != COUNTS_PERMITTED)
			ret->refused += counts_total(counts, i);
}

void recorder_tell_wanted(struct recorder *recorder, FILE *out)
{
	wanted_tell(&recorder->wanted, recorder->home, out);
}

void recorder_close_text(struct recorder *recorder)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		pthread_mutex_lock(&recorder->fold_lock);
		fold_tell(&recorder->fold, out);
		pthread_mutex_unlock(&recorder->fold_lock);
		if (fclose(out) == 0 && size > 0)
			write_to(recorder, &recorder->text, text, size);
	}
	sink_close(&recorder->text);
}

int recorder_summary_text(struct recorder *recorder, char **ret)
{
	uint64_t dropped = sink_failed(&recorder->json) + sink_failed(&recorder->text);
	struct json_object *object = summary_json_of(&recorder->counts, dropped);
	int n = object ? asprintf(ret, "%s\n", json_object_to_json_string_ext(object, JSON_FLAGS)) : -1;

	json_object_put(object);
	return n < 0 ? -ENOMEM : 0;
}

int recorder_write_summary(struct recorder *recorder, FILE *text, int summary_json)
{
	uint64_t dropped = sink_failed(&recorder->json) + sink_failed(&recorder->text);
	struct sink sink;
	int error = 0, r = 0;

	if (text)
		r = summary_tell(&recorder->counts, dropped, text);
	if (r == 0 && summary_json >= 0) {
		AUTO_FREE char *line = NULL;

		r = recorder_summary_text(recorder, &line);
		if (r < 0)
			return r;
		sink_init(&sink, summary_json);
		sink_write(&sink, line, strlen(line), &error);
		sink_done(&sink);
	}
	return r < 0 ? r : error;
}
