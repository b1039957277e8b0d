/* The trees of the built-in profiles are what their texts say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/document.h"

static void compare(const struct document_node *read, const struct document_node *unpacked)
{
	for (; read && unpacked; read = read->next, unpacked = unpacked->next) {
		assert_int_equal(read->kind, unpacked->kind);
		assert_int_equal(read->is_plain, unpacked->is_plain);
		assert_int_equal(read->line, unpacked->line);
		assert_int_equal(read->column, unpacked->column);
		assert_int_equal(read->length, unpacked->length);
		assert_int_equal(read->count, unpacked->count);
		if (read->kind == DOCUMENT_SCALAR)
			assert_memory_equal(read->text, unpacked->text, read->length + 1);
		compare(read->first, unpacked->first);
	}
	assert_null(read);
	assert_null(unpacked);
}

static void trees(void **state)
{
	size_t count = 0;

	for (const char *const *name = policy_profiles(); *name; name++, count++) {
		struct policy_builder builder = {0};
		struct policy_text text = {.name = *name, .text = policy_profile_text(*name)};
		struct document_node *read = NULL, *unpacked = NULL;

		text.length = strlen(text.text);
		assert_int_equal(document_read(&builder, &text, &read), 0);
		assert_int_equal(document_unpack(&builder, policy_profile_tree(*name), &unpacked), 0);
		assert_non_null(read);
		compare(read, unpacked);
		store_done(&builder.store);
	}
	assert_true(count > 5);
	assert_null(policy_profile_tree("no-such-profile"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(trees)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
