#include "policy/document.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"

struct anchor {
	const char *name;
	const struct document_node *node;
};

struct reading {
	struct policy_builder *builder;
	const struct policy_text *text;
	yaml_parser_t *parser;
	ARRAY(struct anchor) anchors;
	size_t aliased; /* scalars that aliases stand for, all together */
	bool failed;    /* something was diagnosed */
};

static struct policy_place place_at(const struct reading *reading, size_t line, size_t column)
{
	return (struct policy_place){reading->text->name, (unsigned)line + 1, (unsigned)column + 1, NULL};
}

static struct policy_place place_of_mark(const struct reading *reading, const yaml_mark_t *mark)
{
	return place_at(reading, mark->line, mark->column);
}

static struct policy_place place_of_offset(const struct reading *reading, size_t offset)
{
	size_t line = 0, column = 0;

	for (size_t i = 0; i < offset && i < reading->text->length; i++) {
		column++;
		if (reading->text->text[i] == '\n') {
			line++;
			column = 0;
		}
	}
	return place_at(reading, line, column);
}

/* The byte at a mark, whose column counts characters. */
static char byte_at_mark(const struct reading *reading, const yaml_mark_t *mark)
{
	const char *at = reading->text->text, *end = at + reading->text->length;

	for (size_t line = 0; line < mark->line; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return '\0';
		at++;
	}
	for (size_t column = 0; at < end && *at != '\n'; at++) {
		if ((*at & 0xc0) == 0x80)
			continue;
		if (column++ == mark->column)
			return *at;
	}
	return '\0';
}

static int fail(struct reading *reading, struct policy_place place, const char *message)
{
	reading->failed = true;
	return policy_diagnose(reading->builder, &place, "%s", message);
}

static int fail_scanning(struct reading *reading)
{
	const yaml_parser_t *parser = reading->parser;
	const char *context = parser->context ? parser->context : "", *advice = "";
	struct policy_place place = place_of_mark(reading, &parser->problem_mark);
	char byte = byte_at_mark(reading, &parser->problem_mark);

	if (strstr(context, "alias"))
		advice = "; quote patterns that begin with '*'";
	else if (byte == '\t')
		advice = "; a tab cannot indent: use spaces";
	else if (byte == '@' || byte == '`' || byte == '%')
		advice = "; quote words that begin with '@', '%' or '`'";
	else if (byte == '{' || byte == '}' || byte == '[' || byte == ']' || byte == '*')
		advice = "; quote strings that contain '{', '[' or '*'";
	reading->failed = true;
	return policy_diagnose(reading->builder, &place, "this is not YAML: %s%s%s%s", parser->problem,
	        *context ? " " : "", context, advice);
}

/* Takes the next event; when there is none because of an error it is diagnosed and `failed` is set. */
static int next_event(struct reading *reading, yaml_event_t *ret)
{
	yaml_parser_t *parser = reading->parser;

	if (yaml_parser_parse(parser, ret))
		return 0;
	memset(ret, 0, sizeof(*ret));
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return fail(reading, place_of_offset(reading, parser->problem_offset),
		        "this is not text: a control character or bytes that are not UTF-8");
	return fail_scanning(reading);
}

static int new_node(struct reading *reading, const yaml_event_t *event, enum document_kind kind,
        struct document_node **ret)
{
	struct document_node *node = store_take(&reading->builder->store, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->kind = kind;
	node->line = (unsigned)event->start_mark.line + 1;
	node->column = (unsigned)event->start_mark.column + 1;
	*ret = node;
	return 0;
}

static int remember_anchor(struct reading *reading, const yaml_char_t *name, const struct document_node *node)
{
	struct anchor anchor = {NULL, node};

	if (!name)
		return 0;
	anchor.name = store_text(&reading->builder->store, (const char *)name, strlen((const char *)name));
	if (!anchor.name)
		return -ENOMEM;
	if (reading->anchors.count >= DOCUMENT_KEYS)
		return fail(reading, place_at(reading, node->line - 1, node->column - 1), "too many anchors");
	return ARRAY_PUSH(&reading->anchors, anchor);
}

static bool is_simple(const struct document_node *node)
{
	if (node->kind == DOCUMENT_MAP)
		return false;
	for (const struct document_node *item = node->first; item; item = item->next)
		if (item->kind != DOCUMENT_SCALAR)
			return false;
	return true;
}

static int read_alias(struct reading *reading, const yaml_event_t *event, struct document_node **ret)
{
	struct policy_place place = place_of_mark(reading, &event->start_mark);
	const char *name = (const char *)event->data.alias.anchor;
	const struct document_node *node = NULL;

	for (size_t i = 0; i < reading->anchors.count; i++)
		if (strcmp(reading->anchors.items[i].name, name) == 0)
			node = reading->anchors.items[i].node;
	if (!node) {
		struct policy_quote quote = policy_quote(name, strlen(name));

		reading->failed = true;
		return policy_diagnose(reading->builder, &place,
		        "'*%s' is an alias, and nothing has the anchor '&%s'; quote patterns that begin with "
		        "'*'",
		        quote.text, quote.text);
	}
	if (!is_simple(node))
		return fail(reading, place, "an alias may stand for a string or a list of strings only");
	reading->aliased += node->count + 1;
	if (reading->aliased > DOCUMENT_ALIASED)
		return fail(reading, place, "the aliases stand for too much");
	*ret = store_take(&reading->builder->store, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	**ret = *node;
	(*ret)->next = NULL;
	return 0;
}

static int read_scalar(struct reading *reading, const yaml_event_t *event, struct document_node **ret)
{
	struct document_node *node;
	int r = new_node(reading, event, DOCUMENT_SCALAR, &node);

	if (r < 0)
		return r;
	if (event->data.scalar.tag)
		return fail(reading, place_of_mark(reading, &event->start_mark),
		        "tags ('!...') have no meaning here");
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->length = event->data.scalar.length;
	node->text =
	        store_text(&reading->builder->store, (const char *)event->data.scalar.value, node->length);
	if (!node->text)
		return -ENOMEM;
	*ret = node;
	return remember_anchor(reading, event->data.scalar.anchor, node);
}

static int read_node(
        struct reading *reading, const yaml_event_t *event, unsigned depth, struct document_node **ret);

/* The items up to the end event; of a map, keys and values by turns. */
static int read_items(
        struct reading *reading, struct document_node *node, yaml_event_type_t end, unsigned depth)
{
	struct document_node **tail = &node->first;
	size_t items = 0;

	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = {0};
		int r = next_event(reading, &event);

		if (r < 0 || reading->failed)
			return r;
		if (event.type == end)
			break;
		r = read_node(reading, &event, depth + 1, tail);
		if (r < 0 || reading->failed)
			return r;
		if (node->kind == DOCUMENT_MAP && items % 2 == 0 && (*tail)->kind != DOCUMENT_SCALAR)
			return fail(
			        reading, place_of_mark(reading, &event.start_mark), "a key must be a word");
		if (node->kind == DOCUMENT_MAP && items >= 2 * DOCUMENT_KEYS)
			return fail(reading, place_of_mark(reading, &event.start_mark),
			        "too many keys in one map");
		tail = &(*tail)->next;
		items++;
	}
	node->count = node->kind == DOCUMENT_MAP ? items / 2 : items;
	return 0;
}

static int read_list(
        struct reading *reading, const yaml_event_t *event, unsigned depth, struct document_node **ret)
{
	struct document_node *node;
	int r = new_node(reading, event, DOCUMENT_LIST, &node);

	if (r < 0)
		return r;
	if (event->data.sequence_start.tag)
		return fail(reading, place_of_mark(reading, &event->start_mark),
		        "tags ('!...') have no meaning here");
	r = read_items(reading, node, YAML_SEQUENCE_END_EVENT, depth);
	if (r < 0 || reading->failed)
		return r;
	*ret = node;
	return remember_anchor(reading, event->data.sequence_start.anchor, node);
}

static int read_map(
        struct reading *reading, const yaml_event_t *event, unsigned depth, struct document_node **ret)
{
	struct document_node *node;
	int r = new_node(reading, event, DOCUMENT_MAP, &node);

	if (r < 0)
		return r;
	if (event->data.mapping_start.tag)
		return fail(reading, place_of_mark(reading, &event->start_mark),
		        "tags ('!...') have no meaning here");
	r = read_items(reading, node, YAML_MAPPING_END_EVENT, depth);
	if (r < 0 || reading->failed)
		return r;
	*ret = node;
	return remember_anchor(reading, event->data.mapping_start.anchor, node);
}

static int read_node(
        struct reading *reading, const yaml_event_t *event, unsigned depth, struct document_node **ret)
{
	if (depth > DOCUMENT_DEPTH)
		return fail(reading, place_of_mark(reading, &event->start_mark), "nested too deeply");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(reading, event, ret);
	case YAML_ALIAS_EVENT:
		return read_alias(reading, event, ret);
	case YAML_SEQUENCE_START_EVENT:
		return read_list(reading, event, depth, ret);
	case YAML_MAPPING_START_EVENT:
		return read_map(reading, event, depth, ret);
	default:
		return fail(reading, place_of_mark(reading, &event->start_mark),
		        "something unexpected stands here");
	}
}

/* One document, and nothing after it. `*ret` stays NULL when the stream is empty. */
static int read_stream(struct reading *reading, struct document_node **ret)
{
	bool is_done = false;

	while (!is_done) {
		CLEANUP(yaml_event_delete) yaml_event_t event = {0};
		int r = next_event(reading, &event);

		if (r < 0 || reading->failed)
			return r;
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (*ret)
				return fail(reading, place_of_mark(reading, &event.start_mark),
				        "a second document: a policy is one");
			break;
		case YAML_STREAM_END_EVENT:
			is_done = true;
			break;
		default:
			r = read_node(reading, &event, 0, ret);
			if (r < 0 || reading->failed)
				return r;
		}
	}
	return 0;
}

static int check_bytes(struct reading *reading)
{
	const struct policy_text *text = reading->text;
	struct policy_place whole = {text->name, 0, 0, NULL};
	const char *nul;

	if (text->length > DOCUMENT_BYTES)
		return fail(reading, whole, "longer than 1 MiB, the limit for a policy");
	nul = memchr(text->text, '\0', text->length);
	if (nul)
		return fail(reading, place_of_offset(reading, (size_t)(nul - text->text)),
		        "a NUL byte: this is not text");
	return 0;
}

int document_read(struct policy_builder *builder, const struct policy_text *text, struct document_node **ret)
{
	CLEANUP(yaml_parser_delete) yaml_parser_t parser = {0};
	struct policy_text given = *text;
	struct reading reading = {.builder = builder, .text = &given, .parser = &parser};
	AUTO_FREE struct anchor *anchors = NULL;
	struct document_node *node = NULL;
	int r;

	*ret = NULL;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	if (given.length >= 3 && memcmp(given.text, "\xef\xbb\xbf", 3) == 0) {
		given.text += 3; /* a byte order mark, which some editors write */
		given.length -= 3;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)given.text, given.length);
	r = check_bytes(&reading);
	if (r == 0 && !reading.failed)
		r = read_stream(&reading, &node);
	anchors = reading.anchors.items;
	if (r < 0 || reading.failed)
		return r;
	if (!node || (node->kind == DOCUMENT_SCALAR && node->is_plain && node->length == 0))
		return fail(&reading, place_at(&reading, 0, 0), "an empty policy; it begins with 'reeve: 1'");
	*ret = node;
	return 0;
}

/* ---- trees that were read before ---- */

enum { MARK_QUOTED, MARK_PLAIN, MARK_LIST, MARK_MAP };

unsigned char document_mark(const struct document_node *node)
{
	if (node->kind == DOCUMENT_SCALAR)
		return node->is_plain ? MARK_PLAIN : MARK_QUOTED;
	return node->kind == DOCUMENT_LIST ? MARK_LIST : MARK_MAP;
}

static unsigned take_number(const unsigned char **at)
{
	unsigned number = (*at)[0] | (unsigned)(*at)[1] << 8;

	*at += 2;
	return number;
}

static int unpack_node(struct policy_builder *builder, const unsigned char **at, struct document_node **ret)
{
	struct document_node *node = store_take(&builder->store, sizeof(*node)), **tail;
	unsigned char mark = *(*at)++;
	size_t items;
	int r = 0;

	if (!node)
		return -ENOMEM;
	*ret = node;
	node->kind = mark == MARK_LIST ? DOCUMENT_LIST : mark == MARK_MAP ? DOCUMENT_MAP : DOCUMENT_SCALAR;
	node->is_plain = mark == MARK_PLAIN;
	node->line = take_number(at);
	node->column = take_number(at);
	if (node->kind == DOCUMENT_SCALAR) {
		node->length = take_number(at);
		node->text = (const char *)*at;
		*at += node->length + 1;
		return 0;
	}
	node->count = take_number(at);
	items = node->kind == DOCUMENT_MAP ? 2 * node->count : node->count;
	tail = &node->first;
	for (size_t i = 0; i < items && r == 0; i++) {
		r = unpack_node(builder, at, tail);
		if (r == 0)
			tail = &(*tail)->next;
	}
	return r;
}

int document_unpack(struct policy_builder *builder, const unsigned char *tree, struct document_node **ret)
{
	return unpack_node(builder, &tree, ret);
}
