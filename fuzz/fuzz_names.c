/* Any bytes as a message of the domain name system: as a question, and as an answer. With clang as in
 * fuzz_policy.c; then in BUILD: ninja fuzz/fuzz-names. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names/message.h"
#include "policy/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void check_question(const uint8_t *data, size_t size)
{
	struct message_question question, again;
	uint8_t bytes[MESSAGE_SIZE];
	int r = message_read_question(data, size, &question);
	size_t n;

	if (r < 0)
		return;
	require(question.most >= MESSAGE_LEAST && question.most <= MESSAGE_EDNS, "a size that both take");
	n = message_write_answer(&question, NULL, r ? r : ns_r_nxdomain, true, question.most, bytes);
	require(n >= 12 && n <= question.most, "an answer fits");
	require(bytes[0] == data[0] && bytes[1] == data[1], "an answer has the question's number");
	if (r > 0)
		return;
	bytes[2] &= 0x7f;
	bytes[3] = 0;
	require(message_read_question(bytes, n, &again) == 0, "what is written can be read");
	require(strcmp(question.name, again.name) == 0 && question.type == again.type,
	        "the question comes back");
	require(!host_is_name(question.name) || !strchr(question.name, '\\'), "a host has no escapes");
}

static void check_answer(const uint8_t *data, size_t size, const char *name, uint16_t type)
{
	static struct message_answer answer, again;
	struct message_question question = {.id = 1, .type = type, .wire = "\1a", .wire_length = 3};
	uint8_t bytes[MESSAGE_SIZE];
	uint16_t id = size >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;
	size_t n;

	if (message_read_answer(data, size, name, type, id, &answer) != 0)
		return;
	require(answer.alias_count <= MESSAGE_ALIASES && answer.address_count <= MESSAGE_ADDRESSES, "bounds");
	for (size_t i = 0; i < answer.alias_count; i++)
		require(host_is_name(answer.aliases[i]), "an alias is a host's name");
	if (answer.is_truncated)
		return;
	n = message_write_answer(&question, &answer, answer.code, false, MESSAGE_SIZE, bytes);
	if (bytes[2] & 2)
		return;
	require(message_read_answer(bytes, n, "a", type, 1, &again) == 0 || answer.alias_count > 0,
	        "what is written can be read");
	require(answer.alias_count > 0 || again.address_count == answer.address_count, "nothing is lost");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_question(data, size);
	check_answer(data, size, "api.example.org", ns_t_a);
	check_answer(data, size, "a", ns_t_aaaa);
	return 0;
}
