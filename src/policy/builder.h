/* What the files of the policy room share while a policy is being read. Others use policy/policy.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/array.h"
#include "policy/policy.h"
#include "policy/store.h"

/* One word of a syscalls rule, before conflicts are settled: names and numbers stand alone, groups are
 * expanded. */
struct call_mention {
	struct policy_syscall_rule rule;
	bool from_group;
};

/* A file or profile that was read or is being read: files by device and inode, profiles by name. */
struct policy_source {
	unsigned long long device, inode;
	const char *profile;
	bool is_open; /* being read: naming it again is a cycle */
};

struct policy_builder {
	struct store store;
	struct policy_context context;
	struct policy_diagnostics diagnostics;
	ARRAY(struct policy_file_rule) files;
	ARRAY(struct call_mention) calls;
	ARRAY(struct policy_address_rule) addresses;
	ARRAY(struct policy_address_redirect) redirects;
	ARRAY(struct policy_source) sources;
	bool own_network;
	struct policy_place own_network_place;
	bool no_unplugged;
	struct policy_limit limits[POLICY_LIMITS];
	struct policy_stream streams[POLICY_STREAMS];
	/* For every stream that has none of its own. */
	struct {
		uint64_t size;
		unsigned keep;
		struct policy_place place, keep_place;
	} rotate;
	unsigned depth; /* of `use` */
	bool wants_private_tmp;
};

/* Adds an error. 0 or -ENOMEM. */
int policy_diagnose(struct policy_builder *builder, const struct policy_place *place, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Whether further errors would not be told: then there is no use in looking for them. */
bool policy_has_told_enough(const struct policy_builder *builder);

/* The word of `words` (NULL-terminated) that `word` was probably meant to be, or NULL. */
const char *policy_nearest(const char *word, const char *const *words);

/* Text as it may stand in a message: cut when long, control characters as "?". */
struct policy_quote {
	char text[64];
};

struct policy_quote policy_quote(const char *text, size_t length);

/* Expands a written path: 0 with `*ret_path` (NULL when it was wrong, which is then diagnosed), or -ENOMEM.
 */
int policy_expand(struct policy_builder *builder, const struct policy_place *place, const char *text,
        size_t length, const char **ret_path, bool *ret_is_glob);

/* Sets verdict, access and error as the key of a rule about files says. False when it is no such key. */
bool policy_start_rule(struct policy_file_rule *rule, const char *key);

/* Adds one rule about files; `rule` lacks text and path, which come from `text`. 0 or -ENOMEM. */
int policy_add_path(
        struct policy_builder *builder, const struct policy_file_rule *rule, const char *text, size_t length);

/* Sets verdict, use and error as the key of a rule about addresses says. False when it is no such key. */
bool policy_start_address(struct policy_address_rule *rule, const char *key);

/* Adds one rule about addresses (for "localhost" two), which come from `text`. 0 or -ENOMEM. */
int policy_add_address(struct policy_builder *builder, const struct policy_address_rule *rule,
        const char *text, size_t length);

/* What one string stands for: "localhost" for two addresses. */
struct policy_addresses {
	struct policy_address_rule items[2];
	size_t count; /* 0: it was wrong, which is diagnosed */
};

/* As policy_add_address, without adding them. */
int policy_read_address(struct policy_builder *builder, const struct policy_address_rule *rule, const char *text,
        size_t length, struct policy_addresses *ret);

/* A string as it was written. */
struct policy_words {
	struct policy_place place;
	const char *text;
	size_t length;
};

/* Adds one redirect. 0 or -ENOMEM. */
int policy_add_redirect(struct policy_builder *builder, const struct policy_place *place,
        const struct policy_words *from, const struct policy_words *to);

/* Adds one redirect of addresses. 0 or -ENOMEM. */
int policy_add_address_redirect(struct policy_builder *builder, const struct policy_place *place,
        const struct policy_words *from, const struct policy_words *to);

/* Diagnoses those that contradict each other. 0 or -ENOMEM. */
int policy_settle_redirects(struct policy_builder *builder);

/* Sets verdict and error as the key of a rule about system calls says: "allow", "ask", "deny", "kill", or as a flag
 * "allow-call" and so on. False when it is no such key. */
bool policy_start_call(struct policy_syscall_rule *rule, const char *key);

/* What a flag says of system calls: words with commas between them. 0 or -ENOMEM. */
int policy_add_call_text(
        struct policy_builder *builder, const struct policy_syscall_rule *rule, const char *text);

/* Adds one word of a syscalls rule: a name, a number, a group, or a name with conditions in parentheses. The text
 * lives as long as the builder. 0 or -ENOMEM. */
int policy_add_call(struct policy_builder *builder, const struct policy_syscall_rule *rule, const char *text);

struct conditions;

/* Begins the conditions of the call of that name; `is_wrong` when there is none. 0 or -ENOMEM. */
int policy_begin_conditions(struct policy_builder *builder, struct conditions *conditions,
        const struct policy_place *place, const char *name, size_t length);

/* Adds one rule on the calls that meet the conditions. 0 or -ENOMEM. */
int policy_add_conditions(struct policy_builder *builder, struct conditions *conditions,
        const struct policy_syscall_rule *rule);

/* Of the rules without conditions one per call: kill before deny before ask before allow, and a name before a group. Sorts and
 * shortens the array. */
void policy_settle_calls(struct policy_builder *builder);

#define POLICY_HIGHEST_ERROR 133

/* Names that stand beside others for the same number, NULL-terminated. */
const char *const *policy_error_synonyms(void);

/* What the reader knows in one place: "" is the top, others are called as the key of the top that holds them. Of
 * `choices` each map has exactly one; NULL: there are none. The last has no name. */
struct policy_key_set {
	const char *name;
	const char *const *known, *const *choices;
};

extern const struct policy_key_set policy_key_sets[];

/* A word that stands for itself under "network"; NULL behind the last. */
extern const char *const policy_network_words[];

/* One of them, or diagnoses what else stands there. 0 or -ENOMEM. */
int policy_add_network(
        struct policy_builder *builder, const struct policy_place *place, const char *text, size_t length);

/* Reads one text. `directory` is what relative files of `use` start at. */
struct policy_text {
	const char *name;
	const char *directory;
	const char *text;
	size_t length;
	const unsigned char *tree; /* what document_unpack takes instead of the text; or NULL */
	bool may_lack_version;
};

int policy_read_text(struct policy_builder *builder, const struct policy_text *text);

/* Reads what one word of `use` names: a built-in profile or a file. */
int policy_use(struct policy_builder *builder, const struct policy_place *place, const char *directory,
        const char *text, size_t length);
