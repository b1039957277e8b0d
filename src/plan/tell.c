#include "plan/tell.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"

const char *tell_verdict(enum policy_verdict verdict)
{
	static const char *const names[] = {[POLICY_ALLOW] = "allow",
	        [POLICY_ASK] = "ask",
	        [POLICY_DENY] = "deny",
	        [POLICY_HIDE] = "hide",
	        [POLICY_KILL] = "kill",
	        [POLICY_REDIRECT] = "redirect"};

	return names[verdict];
}

const char *tell_access(unsigned access)
{
	switch (access & (POLICY_WRITE | POLICY_EXEC)) {
	case POLICY_WRITE | POLICY_EXEC:
		return "write, exec";
	case POLICY_WRITE:
		return "write";
	case POLICY_EXEC:
		return "exec";
	default:
		return access & POLICY_READ ? "read" : "";
	}
}

const char *tell_error(int error, char *ret, size_t size)
{
	const char *name = strerrorname_np(error);

	if (name)
		return name;
	snprintf(ret, size, "errno %d", error);
	return ret;
}

void tell_place(FILE *out, const struct policy_place *place)
{
	char text[512];

	if (!place->flag) {
		escape_for_terminal(out, policy_place_text(place, text, sizeof(text)));
		return;
	}
	/* As it would be typed again: the word, and its value in quotes where a shell needs them. */
	{
		size_t word = strcspn(place->flag, " ");

		fwrite(place->flag, 1, word, out);
		if (place->flag[word]) {
			fputc(' ', out);
			escape_for_shell(out, place->flag + word + 1);
		}
	}
}

void tell_rule_text(FILE *out, const struct policy_file_rule *file, const struct policy_syscall_rule *call)
{
	if (file) {
		bool allows = file->verdict == POLICY_ALLOW;

		fprintf(out, "%s ", allows ? tell_access(file->access) : tell_verdict(file->verdict));
		escape_for_terminal(out, file->text);
		return;
	}
	fprintf(out, "%s ", tell_verdict(call->verdict));
	escape_for_terminal(out, call->text);
}

void tell_rule(FILE *out, const struct policy_file_rule *file, const struct policy_syscall_rule *call)
{
	const struct policy_place *place = file ? &file->place : &call->place;

	if (!place->flag) {
		tell_rule_text(out, file, call);
		fputs(" at ", out);
	}
	tell_place(out, place);
}

void tell_address_rule_text(FILE *out, const struct policy_address_rule *rule)
{
	fprintf(out, "%s%s ",
	        rule->verdict == POLICY_ALLOW      ? ""
	        : rule->verdict == POLICY_ASK      ? "ask-"
	        : rule->verdict == POLICY_REDIRECT ? "redirect-"
	                                           : "deny-",
	        rule->use == POLICY_CONNECT ? "connect" : "listen");
	escape_for_terminal(out, rule->text);
}

void tell_address_rule(FILE *out, const struct policy_address_rule *rule)
{
	if (!rule->place.flag) {
		tell_address_rule_text(out, rule);
		fputs(" at ", out);
	}
	tell_place(out, &rule->place);
}

struct json_object *tell_bytes_json(const char *bytes)
{
	AUTO_FREE char *text = NULL;
	struct json_object *object;
	size_t size = 0;
	FILE *out;

	if (escape_is_utf8(bytes))
		return json_object_new_string(bytes);
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	while (*bytes) {
		size_t n = escape_utf8_length(bytes);

		if (n)
			fwrite(bytes, 1, n, out);
		else
			fputs("\xef\xbf\xbd", out);
		bytes += n ? n : 1;
	}
	if (fclose(out) != 0)
		return NULL;
	object = json_object_new_string(text);
	return object;
}

struct json_object *tell_access_json(unsigned access)
{
	struct json_object *list = json_object_new_array();

	if (!list)
		return NULL;
	if (access & POLICY_READ)
		json_object_array_add(list, json_object_new_string("read"));
	if (access & POLICY_WRITE)
		json_object_array_add(list, json_object_new_string("write"));
	if (access & POLICY_EXEC)
		json_object_array_add(list, json_object_new_string("exec"));
	return list;
}

static struct json_object *rule_json(
        enum policy_verdict verdict, const char *text, const struct policy_place *place)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	json_object_object_add(object, "verdict", json_object_new_string(tell_verdict(verdict)));
	json_object_object_add(object, "text", tell_bytes_json(text));
	json_object_object_add(object, "source", place->source ? tell_bytes_json(place->source) : NULL);
	json_object_object_add(object, "line", place->line ? json_object_new_int64(place->line) : NULL);
	json_object_object_add(object, "column", place->column ? json_object_new_int64(place->column) : NULL);
	json_object_object_add(object, "flag", place->flag ? tell_bytes_json(place->flag) : NULL);
	return object;
}

struct json_object *tell_rule_json(
        const struct policy_file_rule *file, const struct policy_syscall_rule *call)
{
	if (file)
		return rule_json(file->verdict, file->text, &file->place);
	return call ? rule_json(call->verdict, call->text, &call->place) : NULL;
}

struct json_object *tell_address_rule_json(const struct policy_address_rule *rule)
{
	return rule ? rule_json(rule->verdict, rule->text, &rule->place) : NULL;
}
