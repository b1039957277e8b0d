#include "policy/streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/limits.h"

enum { MOST_KEPT = 999, USUALLY_KEPT = 5 };

#define LEAST_ROTATE 4096

const char *const policy_stream_names[POLICY_STREAMS + 1] = {
        [POLICY_STDOUT] = "stdout", [POLICY_STDERR] = "stderr"};

int policy_stream_by_name(const char *name, size_t length)
{
	for (int i = 0; i < POLICY_STREAMS; i++)
		if (strlen(policy_stream_names[i]) == length &&
		        memcmp(policy_stream_names[i], name, length) == 0)
			return i;
	return -1;
}

int policy_read_rotate(struct policy_builder *builder, const struct policy_place *place, const char *text,
        size_t length, uint64_t *ret)
{
	if (policy_parse_size(text, length, ret) && *ret >= LEAST_ROTATE)
		return 0;
	*ret = 0;
	return policy_diagnose(builder, place, "'rotate' expects a size from 4K, such as 10M, found '%s'",
	        policy_quote(text, length).text);
}

int policy_read_keep(struct policy_builder *builder, const struct policy_place *place, const char *text,
        size_t length, unsigned *ret)
{
	unsigned long number = 0;

	if (length > 0 && length < 4 && strspn(text, "0123456789") == length)
		number = strtoul(text, NULL, 10);
	*ret = (unsigned)number;
	if (number > 0)
		return 0;
	return policy_diagnose(builder, place,
	        "'keep' expects how many old files stay, from 1 to %d, found '%s'", MOST_KEPT,
	        policy_quote(text, length).text);
}

static bool is_same(const struct policy_stream *a, const struct policy_stream *b)
{
	return strcmp(a->path, b->path) == 0 && a->rotate == b->rotate && a->keep == b->keep;
}

/* One file has one size at which a new one is begun. */
static bool disagree(const struct policy_stream *a, const struct policy_stream *b)
{
	if (!a->is_set || !b->is_set || strcmp(a->path, b->path) != 0 || a->rotate == 0 || b->rotate == 0)
		return false;
	return a->rotate != b->rotate || (a->keep != b->keep && a->keep > 0 && b->keep > 0);
}

static int tell_disagreement(struct policy_builder *builder, const struct policy_stream *stream)
{
	return policy_diagnose(
	        builder, &stream->place, "'stdout' and 'stderr' go to one file, and rotate it differently");
}

int policy_add_stream(struct policy_builder *builder, enum policy_stream_kind kind,
        const struct policy_stream *stream, const char *text, size_t length)
{
	struct policy_stream added = *stream, *set = &builder->streams[kind];
	const char *name = policy_stream_names[kind];
	char place[512];
	bool is_glob;
	int r = policy_expand(builder, &stream->place, text, length, &added.path, &is_glob);

	if (r < 0 || !added.path)
		return r;
	if (is_glob)
		return policy_diagnose(builder, &added.place, "'%s' goes to one file, found the pattern '%s'",
		        name, policy_quote(text, length).text);
	added.text = store_text(&builder->store, text, length);
	if (!added.text)
		return -ENOMEM;
	added.is_set = true;
	if (set->is_set && !is_same(set, &added))
		return policy_diagnose(builder, &added.place, "'%s' goes elsewhere already: to '%s', by %s",
		        name, policy_quote(set->text, strlen(set->text)).text,
		        policy_place_text(&set->place, place, sizeof(place)));
	if (set->is_set)
		return 0;
	*set = added;
	return disagree(&builder->streams[POLICY_STDOUT], &builder->streams[POLICY_STDERR])
	               ? tell_disagreement(builder, set)
	               : 0;
}

static bool is_one_file(const struct policy_stream *a, const struct policy_stream *b)
{
	return a->is_set && b->is_set && strcmp(a->path, b->path) == 0;
}

/* What stands beside a stream goes before what stands beside the other one of the same file, and that before
 * what stands for all. */
static void complete(
        const struct policy_builder *builder, struct policy_stream *stream, const struct policy_stream *other)
{
	const struct policy_stream none = {0}, *like = is_one_file(stream, other) ? other : &none;

	if (!stream->is_set)
		return;
	if (stream->rotate == 0)
		stream->rotate = like->rotate ? like->rotate : builder->rotate.size;
	if (stream->keep == 0 && stream->rotate > 0)
		stream->keep = like->keep             ? like->keep
		               : builder->rotate.keep ? builder->rotate.keep
		                                      : USUALLY_KEPT;
}

int policy_settle_streams(struct policy_builder *builder)
{
	struct policy_stream *out = &builder->streams[POLICY_STDOUT], *err = &builder->streams[POLICY_STDERR];

	if (builder->rotate.size > 0 && !out->is_set && !err->is_set)
		return policy_diagnose(
		        builder, &builder->rotate.place, "there is no --stdout and no --stderr to rotate");
	if (builder->rotate.keep > 0 && builder->rotate.size == 0 && out->rotate == 0 && err->rotate == 0)
		return policy_diagnose(
		        builder, &builder->rotate.keep_place, "'keep' goes with 'rotate' only");
	complete(builder, out, err);
	complete(builder, err, out);
	if (builder->diagnostics.count == 0 && is_one_file(out, err) && !is_same(out, err))
		return tell_disagreement(builder, err);
	return 0;
}
