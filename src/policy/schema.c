#include "policy/schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/builder.h"
#include "policy/conditions.h"
#include "syscalls/table.h"

enum shape {
	SHAPE_VERSION,
	SHAPE_USE,
	SHAPE_MAP,     /* its keys are the set of the same name */
	SHAPE_RULES,   /* a list of maps, whose keys are the set of the same name */
	SHAPE_NETWORK, /* the same, with a word among them */
	SHAPE_STRINGS, /* one or a list; what stands in them only the reader can judge */
	SHAPE_CALLS,
	SHAPE_ERROR,
	SHAPE_TRUTH,
	SHAPE_SIZE,
	SHAPE_TIME,
	SHAPE_COUNT,
	SHAPE_REDIRECT,
	SHAPE_ADDRESSES, /* as strings, and redirects among them */
	SHAPE_WORD,
	SHAPE_STREAM,
};

/* What may stand behind each key that the reader knows; a test fails for one that is not here. */
static const struct row {
	const char *set; /* NULL: in every set of rules */
	const char *key;
	enum shape shape;
	const char *with; /* the keys that it goes with, or NULL */
	const char *text;
} rows[] = {
        {"", "reeve", SHAPE_VERSION, NULL, "The version of the policy language."},
        {"", "use", SHAPE_USE, NULL, "Profiles and files whose rules are added."},
        {"", "files", SHAPE_RULES, NULL, "What may be read, changed and run. The order does not matter."},
        {"", "network", SHAPE_NETWORK, NULL, "Addresses that may be connected to and listened on."},
        {"", "syscalls", SHAPE_RULES, NULL, "System calls by name, number or @group."},
        {"", "streams", SHAPE_MAP, NULL, "Files that the output goes to."},
        {"streams", "stdout", SHAPE_STREAM, NULL, "A file that standard output goes to."},
        {"streams", "stderr", SHAPE_STREAM, NULL, "A file that standard error goes to."},
        {"stream", "file", SHAPE_WORD, NULL, "The file."},
        {"stream", "rotate", SHAPE_SIZE, NULL, "A new file is begun at this size, as in 10M."},
        {"stream", "keep", SHAPE_COUNT, "rotate", "How many old files stay beside it."},
        {"", "limits", SHAPE_MAP, NULL, "What the program and all that it starts may use."},
        {"limits", "memory", SHAPE_SIZE, NULL, "Of all processes together, as in 512M or 2G."},
        {"limits", "processes", SHAPE_COUNT, NULL, "Processes and threads at once."},
        {"limits", "cpu-time", SHAPE_TIME, NULL, "Of all processes together, as in 90s or 10m."},
        {"limits", "wall-time", SHAPE_TIME, NULL, "From the start, as in 10m or 1h30m."},
        {"limits", "open-files", SHAPE_COUNT, NULL, "Descriptors of each process."},
        {"limits", "file-size", SHAPE_SIZE, NULL, "Of each file that is written, as in 1G."},
        {"files", "read", SHAPE_STRINGS, NULL, "Files, or whole trees, that may be read."},
        {"files", "write", SHAPE_STRINGS, NULL, "May be changed, made and removed; implies read."},
        {"files", "exec", SHAPE_STRINGS, NULL, "May be run; implies read."},
        {"files", "deny", SHAPE_STRINGS, NULL, "Refused, unless an allow lies inside; patterns, too."},
        {"files", "hide", SHAPE_STRINGS, NULL, "As if it were not there."},
        {"files", "ask", SHAPE_STRINGS, NULL,
                "Asked about each time, unless an allow lies inside; patterns, too."},
        {"files", "redirect", SHAPE_REDIRECT, NULL, "Something else in the place of a file or folder."},
        {"files", "optional", SHAPE_TRUTH, "read write exec", "What is not there is left out."},
        {"files", "create", SHAPE_TRUTH, "write", "A folder that is not there is made for the run."},
        {"network", "connect", SHAPE_ADDRESSES, NULL,
                "ADDRESS:PORT, as in 127.0.0.1:8080, 10.0.0.0/8:443, example.org:443, unix:PATH; or a "
                "redirect, {from: ADDRESS, to: ADDRESS}."},
        {"network", "listen", SHAPE_STRINGS, NULL, "ADDRESS:PORT, as in *:8080-8090."},
        {"network", "deny-connect", SHAPE_STRINGS, NULL, "Refused, unless an allow lies inside."},
        {"network", "deny-listen", SHAPE_STRINGS, NULL, "Refused, unless an allow lies inside."},
        {"network", "ask-connect", SHAPE_STRINGS, NULL,
                "Asked about each time, unless an allow lies inside."},
        {"network", "ask-listen", SHAPE_STRINGS, NULL, "Asked about each time, unless an allow lies inside."},
        {"syscalls", "allow", SHAPE_CALLS, NULL, "Allowed where a group denies or kills."},
        {"syscalls", "deny", SHAPE_CALLS, NULL, "Refused with EPERM, or with what errno says."},
        {"syscalls", "kill", SHAPE_CALLS, NULL, "Ends the process that makes the call."},
        {"syscalls", "ask", SHAPE_CALLS, NULL,
                "Asked about each time; refused with EPERM, or with what errno says."},
        {NULL, "errno", SHAPE_ERROR, "deny deny-connect deny-listen ask ask-connect ask-listen",
                "The error that a refusal ends in."},
        {NULL, "log", SHAPE_TRUTH, NULL, "Every decision by this rule is recorded."},
};

static const struct row *row_of(const char *set, const char *key)
{
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (strcmp(rows[i].key, key) == 0 && (!rows[i].set || strcmp(rows[i].set, set) == 0))
			return &rows[i];
	return NULL;
}

/* ---- building: a NULL object on the way is told by the end, when the whole is looked at ---- */

static struct json_object *map(void)
{
	return json_object_new_object();
}

static struct json_object *with(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
	return object;
}

static struct json_object *string(const char *text)
{
	return json_object_new_string(text);
}

static struct json_object *list_of(struct json_object *first, struct json_object *second)
{
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, first);
	if (second)
		json_object_array_add(list, second);
	return list;
}

static struct json_object *reference(const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "#/$defs/%s", name);
	return with(map(), "$ref", string(text));
}

/* One of `item`, or a list of them. */
static struct json_object *one_or_list(const char *item)
{
	struct json_object *list = with(with(map(), "type", string("array")), "items", reference(item));

	return with(map(), "anyOf", list_of(reference(item), list));
}

static struct json_object *integer_between(int low, int high)
{
	struct json_object *object = with(map(), "type", string("integer"));

	return with(with(object, "minimum", json_object_new_int(low)), "maximum", json_object_new_int(high));
}

static struct json_object *integer_from(int low)
{
	return with(with(map(), "type", string("integer")), "minimum", json_object_new_int(low));
}

static struct json_object *pattern(const char *text)
{
	return with(with(map(), "type", string("string")), "pattern", string(text));
}

static struct json_object *names_of(const char *const *names)
{
	struct json_object *list = json_object_new_array();

	for (; *names; names++)
		json_object_array_add(list, string(*names));
	return list;
}

/* ---- definitions ---- */

/* Digits alone are a name, too, and editors take them for a number. */
static struct json_object *define_string(void)
{
	struct json_object *types = list_of(string("string"), string("number"));

	return with(with(map(), "type", types), "minLength", json_object_new_int(1));
}

/* As the reader tells files from profiles. */
static struct json_object *define_profile(void)
{
	struct json_object *profiles = with(map(), "enum", names_of(policy_profiles()));

	return with(map(), "anyOf", list_of(profiles, pattern("/|^~$|\\.(yaml|yml|json)$")));
}

/* What an argument is compared with. */
static struct json_object *define_value(void)
{
	struct json_object *types = list_of(string("string"), string("integer"));

	return with(with(map(), "type", types), "minLength", json_object_new_int(1));
}

static struct json_object *define_condition(void)
{
	struct json_object *list = with(map(), "type", string("array")), *any, *tests = map();

	with(with(list, "items", reference("value")), "minItems", json_object_new_int(1));
	for (const char *const *key = policy_test_keys; *key; key++)
		json_object_object_add(tests, *key, one_or_list("value"));
	tests = with(with(map(), "type", string("object")), "properties", tests);
	with(with(tests, "additionalProperties", json_object_new_boolean(false)), "minProperties",
	        json_object_new_int(1));
	any = list_of(reference("value"), list);
	json_object_array_add(any, tests);
	return with(map(), "anyOf", any);
}

static struct json_object *redirect(void)
{
	struct json_object *ends = with(with(map(), "from", reference("string")), "to", reference("string"));
	struct json_object *object = with(with(map(), "type", string("object")), "properties", ends);

	with(object, "required", list_of(string("from"), string("to")));
	return with(object, "additionalProperties", json_object_new_boolean(false));
}

static struct json_object *define_address(void)
{
	return with(map(), "anyOf", list_of(reference("string"), redirect()));
}

/* {socket: {family: AF_NETLINK}}: the arguments of each call by name, and arg0 to arg5. */
static struct json_object *conditional_calls(void)
{
	struct json_object *calls = map(), *object = with(map(), "type", string("object"));

	for (size_t i = 0; i < syscalls_all_count; i++) {
		struct json_object *arguments = map(), *call = with(map(), "type", string("object"));
		struct syscalls_argument argument;

		for (int k = 0; syscalls_argument_at(syscalls_all[i].name, k, &argument); k++)
			json_object_object_add(arguments, argument.name, reference("condition"));
		with(with(call, "properties", arguments), "minProperties", json_object_new_int(1));
		with(call, "patternProperties", with(map(), "^arg[0-5]$", reference("condition")));
		with(call, "additionalProperties", json_object_new_boolean(false));
		json_object_object_add(calls, syscalls_all[i].name, call);
	}
	with(with(object, "properties", calls), "minProperties", json_object_new_int(1));
	return with(object, "additionalProperties", json_object_new_boolean(false));
}

static struct json_object *define_call(void)
{
	struct json_object *names = names_of(syscalls_groups()), *any;

	for (size_t i = 0; i < syscalls_all_count; i++)
		json_object_array_add(names, string(syscalls_all[i].name));
	any = list_of(with(map(), "enum", names), pattern("^[0-9]+$"));
	json_object_array_add(
	        any, with(with(map(), "type", string("integer")), "minimum", json_object_new_int(0)));
	json_object_array_add(any, pattern("^[a-z_0-9]+ *\\(.*\\) *$"));
	json_object_array_add(any, conditional_calls());
	return with(map(), "anyOf", any);
}

static struct json_object *define_error(void)
{
	struct json_object *names = json_object_new_array(), *any;
	const char *const *others = policy_error_synonyms();

	for (int number = 1; number <= POLICY_HIGHEST_ERROR; number++)
		if (policy_error_name(number))
			json_object_array_add(names, string(policy_error_name(number)));
	for (; *others; others++)
		json_object_array_add(names, string(*others));
	any = list_of(with(map(), "enum", names), pattern("^[0-9]+$"));
	json_object_array_add(any, integer_between(1, POLICY_HIGHEST_ERROR));
	return with(map(), "anyOf", any);
}

static struct json_object *network_word(void)
{
	struct json_object *words = json_object_new_array();

	for (const char *const *word = policy_network_words; *word; word++)
		json_object_array_add(words, string(*word));
	return with(map(), "enum", words);
}

static struct json_object *network(const char *key)
{
	struct json_object *items = with(map(), "anyOf", list_of(network_word(), reference(key)));

	return with(map(), "anyOf",
	        list_of(network_word(), with(with(map(), "type", string("array")), "items", items)));
}

/* ---- keys ---- */

static struct json_object *shape_of(const struct row *row)
{
	switch (row->shape) {
	case SHAPE_VERSION:
		return with(map(), "const", json_object_new_int(1));
	case SHAPE_USE:
		return one_or_list("profile");
	case SHAPE_MAP:
		return reference(row->key);
	case SHAPE_RULES:
		return with(with(map(), "type", string("array")), "items", reference(row->key));
	case SHAPE_NETWORK:
		return network(row->key);
	case SHAPE_STRINGS:
		return one_or_list("string");
	case SHAPE_ADDRESSES:
		return one_or_list("address");
	case SHAPE_CALLS:
		return one_or_list("call");
	case SHAPE_ERROR:
		return reference("error");
	case SHAPE_TRUTH:
		return with(map(), "type", string("boolean"));
	case SHAPE_SIZE:
		return pattern("^[0-9]+[BKMGT]$");
	case SHAPE_TIME:
		return pattern("^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$");
	case SHAPE_REDIRECT:
		return redirect();
	case SHAPE_WORD:
		return reference("string");
	case SHAPE_STREAM:
		return with(map(), "anyOf", list_of(reference("string"), reference("stream")));
	case SHAPE_COUNT:
		return with(map(), "anyOf", list_of(integer_from(0), pattern("^[0-9]+$")));
	}
	return NULL;
}

static bool has_name(const char *const *names, const char *name, size_t length)
{
	for (; names && *names; names++)
		if (strlen(*names) == length && memcmp(*names, name, length) == 0)
			return true;
	return false;
}

/* That one of the words stands beside it. */
static struct json_object *beside(const struct policy_key_set *set, const char *words)
{
	struct json_object *any = json_object_new_array();

	while (*words) {
		size_t n = strcspn(words, " ");
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		if (has_name(set->known, words, n))
			json_object_array_add(any, with(map(), "required", list_of(string(word), NULL)));
		words += n + (words[n] == ' ');
	}
	return with(map(), "anyOf", any);
}

static struct json_object *choices_of(const char *const *choices)
{
	struct json_object *list = json_object_new_array();

	for (; *choices; choices++)
		json_object_array_add(list, with(map(), "required", list_of(string(*choices), NULL)));
	return list;
}

/* A map with the keys that the reader knows there. One without a row may hold anything: nothing that the
 * reader would take is wrong for editors. */
static struct json_object *map_of(const struct policy_key_set *set)
{
	struct json_object *properties = map(), *dependent = map(), *object;

	for (const char *const *key = set->known; *key; key++) {
		const struct row *row = row_of(set->name, *key);

		json_object_object_add(properties, *key,
		        row ? with(shape_of(row), "description", string(row->text))
		            : json_object_new_boolean(true));
		if (row && row->with)
			json_object_object_add(dependent, *key, beside(set, row->with));
	}
	object = with(with(map(), "type", string("object")), "properties", properties);
	with(object, "additionalProperties", json_object_new_boolean(false));
	if (set->choices)
		with(object, "oneOf", choices_of(set->choices));
	return with(object, "dependentSchemas", dependent);
}

struct json_object *policy_schema(void)
{
	struct json_object *definitions = map(), *schema = NULL;

	for (const struct policy_key_set *set = policy_key_sets; set->name; set++) {
		if (set->name[0])
			with(definitions, set->name, map_of(set));
		else
			schema = map_of(set);
	}
	with(definitions, "string", define_string());
	with(definitions, "address", define_address());
	with(definitions, "profile", define_profile());
	with(definitions, "call", define_call());
	with(definitions, "value", define_value());
	with(definitions, "condition", define_condition());
	with(definitions, "error", define_error());
	with(schema, "$schema", string("https://json-schema.org/draft/2020-12/schema"));
	with(schema, "title", string("reeve policy"));
	with(schema, "required", list_of(string("reeve"), NULL));
	return with(schema, "$defs", definitions);
}
