/* Records for machines: docs/records.md describes them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "plan/tell.h"
#include "record/describe.h"

const char *describe_time(const struct timespec *time, char *ret, size_t size)
{
	struct tm utc;
	size_t n;

	gmtime_r(&time->tv_sec, &utc);
	n = strftime(ret, size, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(ret + n, size - n, ".%09ldZ", time->tv_nsec);
	return ret;
}

const char *describe_now(char *ret, size_t size)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return describe_time(&now, ret, size);
}

static void add(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text ? tell_bytes_json(text) : NULL);
}

static char hex_digit(unsigned value)
{
	return (char)(value < 10 ? '0' + value : 'a' + value - 10);
}

/* Bytes that are no UTF-8 come a second time, as they are: "object_bytes" in hexadecimal. */
static void add_bytes(struct json_object *object, const char *key, const char *hex_key, const char *bytes)
{
	AUTO_FREE char *hex = NULL;
	size_t n;

	add(object, key, bytes);
	if (!bytes || escape_is_utf8(bytes))
		return;
	n = strlen(bytes);
	hex = malloc(2 * n + 1);
	if (!hex)
		return;
	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = hex_digit((unsigned char)bytes[i] >> 4);
		hex[2 * i + 1] = hex_digit((unsigned char)bytes[i] & 15);
	}
	hex[2 * n] = '\0';
	json_object_object_add(object, hex_key, json_object_new_string(hex));
}

static void add_memory(struct json_object *object, const char *key,
        void (*write)(FILE *out, const struct record *record, const char *home), const struct record *record,
        const char *home)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	write(out, record, home);
	if (fclose(out) == 0)
		add(object, key, text);
}

static void add_hint(struct json_object *object, const struct record *record, const char *home)
{
	bool rule = hint_of(record) == HINT_RULE;

	json_object_object_add(object, "allow_flag", NULL);
	json_object_object_add(object, "allow_policy", NULL);
	if (rule)
		add_memory(object, "allow_flag", hint_flag, record, home);
	if (rule && hint_has_policy(record))
		add_memory(object, "allow_policy", hint_policy, record, home);
}

static const char *verdict_word(const struct record *record)
{
	return describe_outcome(record) == COUNTS_REFUSED ? "refuse" : tell_verdict(record->verdict);
}

struct json_object *describe_json(const struct record *record, const char *home)
{
	static const char *const layers[] = {"supervisor", "landlock", "filter"};
	struct json_object *object = json_object_new_object();
	char time[64], number[32];

	if (!object)
		return NULL;
	json_object_object_add(object, "schema", json_object_new_int(1));
	add(object, "time", describe_now(time, sizeof(time)));
	json_object_object_add(object, "tid", json_object_new_int64(record->tid));
	add_bytes(object, "program", "program_bytes", record->program);
	add(object, "call", record->call);
	add(object, "operation", record->operation);
	add_bytes(object, "object", "object_bytes", record->object);
	add_bytes(object, "second", "second_bytes", record->second);
	if (record->asked)
		add_bytes(object, "asked", "asked_bytes", record->asked);
	json_object_object_add(object, "access", tell_access_json(record->access));
	add(object, "verdict", verdict_word(record));
	add(object, "errno", record->error ? tell_error(record->error, number, sizeof(number)) : NULL);
	json_object_object_add(object, "rule",
	        record->address_rule ? tell_address_rule_json(record->address_rule)
	                             : tell_rule_json(record->file_rule, record->call_rule));
	add(object, "layer", layers[record->layer]);
	add(object, "why", record->why);
	add(object, "answer", record->answer);
	add_hint(object, record, home);
	json_object_object_add(object, "nanoseconds",
	        record->nanoseconds ? json_object_new_int64((int64_t)record->nanoseconds) : NULL);
	return object;
}
