/* How the output's files are told. */
#include "plan/streams.h"

#include "base/escape.h"
#include "plan/tell.h"

static const char direct[] =
        "the command writes to the file itself, at its end. It is no terminal, which programs notice";
static const char copied[] = "the command writes to a pipe, and a thread of the supervisor from there to the "
                             "file, and begins a new "
                             "one at that size. It is no terminal, which programs notice";

void plan_tell_streams(const struct policy *policy, FILE *out,
        void (*write_text)(FILE *out, const char *text, size_t column, size_t indent))
{
	bool is_first = true;

	for (int i = 0; i < POLICY_STREAMS; i++) {
		const struct policy_stream *stream = &policy->streams[i];

		if (!stream->is_set)
			continue;
		if (is_first)
			fputs("\nThe output:\n", out);
		is_first = false;
		fprintf(out, "  %s to ", policy_stream_names[i]);
		escape_for_terminal(out, stream->path);
		fputs(stream->place.flag ? ", by " : " at ", out);
		tell_place(out, &stream->place);
		fputs(":\n      ", out);
		write_text(out, stream->rotate ? copied : direct, 6, 6);
	}
}

struct json_object *plan_streams_json(const struct policy *policy)
{
	struct json_object *list = json_object_new_array();

	for (int i = 0; list && i < POLICY_STREAMS; i++) {
		const struct policy_stream *stream = &policy->streams[i];
		struct json_object *object = stream->is_set ? json_object_new_object() : NULL;

		if (!object)
			continue;
		json_object_object_add(object, "stream", json_object_new_string(policy_stream_names[i]));
		json_object_object_add(object, "path", tell_bytes_json(stream->path));
		json_object_object_add(object, "rotate",
		        stream->rotate ? json_object_new_int64((int64_t)stream->rotate) : NULL);
		json_object_object_add(
		        object, "keep", stream->rotate ? json_object_new_int((int)stream->keep) : NULL);
		json_object_array_add(list, object);
	}
	return list;
}
