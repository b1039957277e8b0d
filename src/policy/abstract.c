#include "policy/abstract.h"

#include <string.h>

#include "policy/ports.h"

/* The rules on one name, or on all that begin with it. */
struct abstract_name {
	const char *bytes;
	size_t length;
	bool is_prefix;
	const struct policy_address_rule *allow, *deny;
};

static uint64_t hash_name(const char *bytes, size_t length, bool is_prefix)
{
	return slots_finish(slots_hash(is_prefix, bytes, length));
}

/* The slot of a name: it is there, or has its place there. */
static uint32_t *find_slot(
        const struct abstract_names *names, const char *bytes, size_t length, bool is_prefix)
{
	for (size_t at = hash_name(bytes, length, is_prefix);; at++) {
		uint32_t *slot = &names->slots.items[at & names->slots.mask];
		const struct abstract_name *name;

		if (*slot == 0)
			return slot;
		name = &names->items[*slot - 1];
		if (name->length == length && name->is_prefix == is_prefix &&
		        memcmp(name->bytes, bytes, length) == 0)
			return slot;
	}
}

static void add_name(struct abstract_names *names, const struct policy_address_rule *rule)
{
	uint32_t *slot = find_slot(names, rule->name, rule->name_length, rule->is_prefix);
	struct abstract_name *name;

	if (*slot == 0) {
		names->items[names->count] = (struct abstract_name){
		        .bytes = rule->name, .length = rule->name_length, .is_prefix = rule->is_prefix};
		*slot = (uint32_t)++names->count;
		if (rule->is_prefix)
			names->is_prefix_length[rule->name_length] = true;
	}
	name = &names->items[*slot - 1];
	if (rule->verdict == POLICY_ALLOW)
		name->allow = ports_first_rule(name->allow, rule);
	else
		name->deny = ports_first_rule(name->deny, rule);
}

int abstract_init(
        struct abstract_names *names, const struct address_entry *entries, size_t count, unsigned use)
{
	int r = slots_init(&names->slots, count);

	names->items = calloc(count + 1, sizeof(*names->items));
	if (r < 0 || !names->items)
		return -ENOMEM;
	names->allows_others = use == POLICY_LISTEN;
	for (size_t i = 0; i < count; i++) {
		const struct policy_address_rule *rule = entries[i].rule;

		if (rule->use != use || rule->kind != POLICY_ADDRESS_ABSTRACT ||
		        rule->name_length > ABSTRACT_LONGEST)
			continue;
		add_name(names, rule);
		if (policy_grants(rule->verdict))
			names->allows_others = false;
	}
	return 0;
}

void abstract_done(struct abstract_names *names)
{
	free(names->slots.items);
	free(names->items);
}
void abstract_decide(
        const struct abstract_names *names, const struct address *address, struct address_verdict *ret)
{
	const struct abstract_name *allowing = NULL, *denying = NULL;

	for (size_t length = 0; length <= address->name_length + 1; length++) {
		bool is_prefix = length <= address->name_length;
		uint32_t slot;

		if (is_prefix && (length > ABSTRACT_LONGEST || !names->is_prefix_length[length]))
			continue;
		slot = *find_slot(names, address->name, is_prefix ? length : address->name_length, is_prefix);
		if (slot == 0)
			continue;
		if (names->items[slot - 1].allow)
			allowing = &names->items[slot - 1];
		if (names->items[slot - 1].deny)
			denying = &names->items[slot - 1];
	}
	if (!allowing && !denying && names->allows_others)
		return address_allow(ret, NULL);
	address_deny(ret, denying ? denying->deny : NULL);
	/* The later one is the longer one. */
	if (allowing &&
	        (!denying || (allowing != denying &&
	                             (!allowing->is_prefix ||
	                                     (denying->is_prefix && allowing->length > denying->length)))))
		address_allow(ret, allowing->allow);
}
