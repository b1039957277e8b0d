#include "record/summary.h"

#include <errno.h>
#include <inttypes.h>

#include "base/escape.h"
#include "plan/tell.h"

static uint64_t at(const struct counts *counts, size_t row, enum counts_outcome outcome)
{
	return atomic_load(&counts->by[row][outcome]);
}

static bool row_is_empty(const struct counts *counts, size_t row)
{
	for (int i = 0; i < COUNTS_OUTCOMES; i++)
		if (at(counts, row, i))
			return false;
	return true;
}

static double microseconds(uint64_t nanoseconds)
{
	return (double)nanoseconds / 1000.0;
}

static void tell_times(struct counts *counts, FILE *out)
{
	uint64_t timed = atomic_load(&counts->timed);
	struct counts_slowest slowest;

	if (timed == 0)
		return;
	counts_slowest(counts, &slowest);
	fprintf(out, "reeve: summary  %.1f us on average, slowest %.1f us: %s",
	        microseconds(atomic_load(&counts->nanoseconds) / timed), microseconds(slowest.nanoseconds),
	        slowest.call[0] ? slowest.call : slowest.operation);
	if (slowest.object[0]) {
		fputc('(', out);
		escape_for_terminal(out, slowest.object);
		fputc(')', out);
	}
	fputc('\n', out);
}

int summary_tell(struct counts *counts, uint64_t dropped, FILE *out)
{
	fprintf(out, "reeve: summary  %" PRIu64 " notifications",
	        (uint64_t)atomic_load(&counts->notifications));
	for (int i = 0; i < COUNTS_OUTCOMES; i++)
		fprintf(out, ", %" PRIu64 " %s", counts_total(counts, i), counts_outcome_name(i));
	fputc('\n', out);
	for (size_t row = 0; row < COUNTS_ROWS; row++) {
		if (row_is_empty(counts, row))
			continue;
		fprintf(out, "reeve: summary    %-12s", counts->names[row]);
		for (int i = 0; i < COUNTS_OUTCOMES; i++)
			if (at(counts, row, i))
				fprintf(out, " %" PRIu64 " %s", at(counts, row, i), counts_outcome_name(i));
		fputc('\n', out);
	}
	tell_times(counts, out);
	if (dropped)
		fprintf(out, "reeve: summary  %" PRIu64 " records were lost\n", dropped);
	return fflush(out) == 0 ? 0 : -errno;
}

static struct json_object *number(uint64_t value)
{
	return json_object_new_int64((int64_t)value);
}

static struct json_object *operations_json(const struct counts *counts)
{
	struct json_object *object = json_object_new_object();

	for (size_t row = 0; object && row < COUNTS_ROWS; row++) {
		struct json_object *one;

		if (row_is_empty(counts, row))
			continue;
		one = json_object_new_object();
		for (int i = 0; one && i < COUNTS_OUTCOMES; i++)
			json_object_object_add(one, counts_outcome_name(i), number(at(counts, row, i)));
		json_object_object_add(object, counts->names[row], one);
	}
	return object;
}

static struct json_object *slowest_json(struct counts *counts)
{
	struct json_object *object;
	struct counts_slowest slowest;

	counts_slowest(counts, &slowest);
	if (!slowest.operation)
		return NULL;
	object = json_object_new_object();
	if (!object)
		return NULL;
	json_object_object_add(object, "nanoseconds", number(slowest.nanoseconds));
	json_object_object_add(object, "operation", json_object_new_string(slowest.operation));
	json_object_object_add(object, "call", slowest.call[0] ? tell_bytes_json(slowest.call) : NULL);
	json_object_object_add(object, "object", slowest.object[0] ? tell_bytes_json(slowest.object) : NULL);
	return object;
}

struct json_object *summary_json_of(struct counts *counts, uint64_t dropped)
{
	struct json_object *object = json_object_new_object();
	uint64_t timed = atomic_load(&counts->timed);

	if (!object)
		return NULL;
	json_object_object_add(object, "schema", json_object_new_int(1));
	json_object_object_add(object, "notifications", number(atomic_load(&counts->notifications)));
	for (int i = 0; i < COUNTS_OUTCOMES; i++)
		json_object_object_add(object, counts_outcome_name(i), number(counts_total(counts, i)));
	json_object_object_add(object, "dropped_records", number(dropped));
	json_object_object_add(
	        object, "mean_nanoseconds", timed ? number(atomic_load(&counts->nanoseconds) / timed) : NULL);
	json_object_object_add(object, "slowest", slowest_json(counts));
	json_object_object_add(object, "by_operation", operations_json(counts));
	return object;
}
