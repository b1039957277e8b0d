/* Host names: messages of the domain name system, what is learned from them, and which rules name what. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "names/learned.h"
#include "names/machine.h"
#include "names/message.h"
#include "policy/host.h"

/* ---- messages made by hand ---- */

struct bytes {
	uint8_t at[4096];
	size_t n;
};

static void put(struct bytes *b, const void *bytes, size_t n)
{
	assert_true(b->n + n <= sizeof(b->at));
	memcpy(b->at + b->n, bytes, n);
	b->n += n;
}

static void put16(struct bytes *b, unsigned value)
{
	put(b, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

/* Dots part labels; no escapes. */
static void put_name(struct bytes *b, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		put(b, (uint8_t[]){(uint8_t)n}, 1);
		put(b, name, n);
		name += n + (name[n] == '.');
	}
	put(b, "", 1);
}

static struct bytes message(unsigned id, unsigned flags, unsigned questions, unsigned answers)
{
	struct bytes b = {.n = 0};

	put16(&b, id);
	put16(&b, flags);
	put16(&b, questions);
	put16(&b, answers);
	put16(&b, 0);
	put16(&b, 0);
	return b;
}

static void put_question(struct bytes *b, const char *name, unsigned type)
{
	put_name(b, name);
	put16(b, type);
	put16(b, ns_c_in);
}

static void put_record(
        struct bytes *b, const char *name, unsigned type, unsigned ttl, const void *data, size_t n)
{
	put_name(b, name);
	put16(b, type);
	put16(b, ns_c_in);
	put16(b, ttl >> 16);
	put16(b, ttl & 0xffff);
	put16(b, (unsigned)n);
	put(b, data, n);
}

static void put_a(struct bytes *b, const char *name, unsigned ttl, const char *ip)
{
	uint8_t address[4];

	assert_int_equal(inet_pton(AF_INET, ip, address), 1);
	put_record(b, name, ns_t_a, ttl, address, 4);
}

static void put_alias(struct bytes *b, const char *name, unsigned ttl, const char *alias)
{
	struct bytes data = {.n = 0};

	put_name(&data, alias);
	put_record(b, name, ns_t_cname, ttl, data.at, data.n);
}

static int read_answer(const struct bytes *b, struct message_answer *ret)
{
	return message_read_answer(b->at, b->n, "api.example.org", ns_t_a, 7, ret);
}

static const char *ip_text(const uint8_t ip[16])
{
	static char text[INET6_ADDRSTRLEN];

	return inet_ntop(AF_INET6, ip, text, sizeof(text));
}

/* ---- questions ---- */

static void question_in_any_case(void **state)
{
	struct bytes b = message(0x1234, 0x100, 1, 0);
	struct message_question question;
	uint8_t answer[MESSAGE_SIZE];
	size_t n;

	put_question(&b, "Api.EXAMPLE.org", ns_t_a);
	assert_int_equal(message_read_question(b.at, b.n, &question), 0);
	assert_string_equal(question.name, "api.example.org");
	assert_int_equal(question.type, ns_t_a);
	assert_int_equal(question.id, 0x1234);
	assert_false(question.has_edns);
	assert_int_equal(question.most, 512);
	n = message_write_answer(&question, NULL, ns_r_nxdomain, true, question.most, answer);
	assert_int_equal(n, b.n);
	/* The letters come back as they were. */
	assert_memory_equal(answer + 12, b.at + 12, b.n - 12);
	assert_int_equal(answer[2], 0x81);
	assert_int_equal(answer[3], 0x80 | ns_r_nxdomain);
}

static void questions_that_are_none(void **state)
{
	struct bytes b = message(1, 0x8100, 1, 0), none = message(1, 0x100, 0, 0),
	             two = message(1, 0x100, 2, 0), update = message(9, 0x2900, 1, 0),
	             chaos = message(9, 0x100, 1, 0);
	struct message_question question;

	put_question(&b, "a", ns_t_a);
	assert_int_equal(message_read_question(b.at, b.n, &question), -EINVAL);
	assert_int_equal(message_read_question(b.at, 11, &question), -EINVAL);
	assert_int_equal(message_read_question(none.at, none.n, &question), ns_r_formerr);
	put_question(&two, "a", ns_t_a);
	put_question(&two, "b", ns_t_a);
	assert_int_equal(message_read_question(two.at, two.n, &question), ns_r_formerr);
	put_question(&update, "a", ns_t_a);
	assert_int_equal(message_read_question(update.at, update.n, &question), ns_r_notimpl);
	assert_int_equal(question.id, 9);
	put_name(&chaos, "version.bind");
	put16(&chaos, ns_t_txt);
	put16(&chaos, ns_c_chaos);
	assert_int_equal(message_read_question(chaos.at, chaos.n, &question), ns_r_notimpl);
	/* What is cut off, at any place. */
	b.at[2] = 1;
	for (size_t n = 12; n < b.n; n++)
		assert_int_equal(message_read_question(b.at, n, &question), ns_r_formerr);
}

static void names_that_only_look_like_others(void **state)
{
	static const struct {
		const char *wire;
		size_t n;
	} cases[] = {
	        {"\013api.example\003org", 17},      /* a dot inside of a label */
	        {"\004api\0\007example\003org", 18}, /* a NUL */
	        {"\003a\\i\007example\003org", 17},
	        {"\003a i\007example\003org", 17},
	        {"\003\303\244i\007example\003org", 17},
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct bytes b = message(1, 0x100, 1, 0);
		struct message_question question;

		put(&b, cases[i].wire, cases[i].n);
		put16(&b, ns_t_a);
		put16(&b, ns_c_in);
		assert_int_equal(message_read_question(b.at, b.n, &question), 0);
		assert_false(host_is_name(question.name));
	}
	assert_true(host_is_name("api.example.org"));
	assert_true(host_is_name("_http._tcp.x-1"));
	assert_false(host_is_name(""));
	assert_false(host_is_name("."));
	assert_false(host_is_name("a..b"));
	assert_false(host_is_name("a."));
	assert_false(host_is_name("*.example.org"));
}

/* A name that points to itself, and one that is longer than any can be. */
static void names_without_end(void **state)
{
	struct bytes loop = message(1, 0x100, 1, 0), longest = message(1, 0x100, 1, 0);
	struct message_question question;
	char label[] = "\077aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

	put16(&loop, 0xc00c);
	put16(&loop, ns_t_a);
	put16(&loop, ns_c_in);
	assert_int_equal(message_read_question(loop.at, loop.n, &question), ns_r_formerr);
	for (int i = 0; i < 4; i++)
		put(&longest, label, 64);
	put(&longest, "", 1);
	put16(&longest, ns_t_a);
	put16(&longest, ns_c_in);
	assert_int_equal(message_read_question(longest.at, longest.n, &question), ns_r_formerr);
}

static void client_that_takes_more(void **state)
{
	struct bytes b = message(1, 0x100, 1, 0);
	struct message_question question;
	struct message_answer answer = {.ttl = 60, .address_count = MESSAGE_ADDRESSES};
	uint8_t bytes[MESSAGE_SIZE];
	size_t n;

	b.at[11] = 1;
	put_question(&b, "a", ns_t_a);
	put(&b, "", 1);
	put16(&b, ns_t_opt);
	put16(&b, 4096);
	put(&b, "\0\0\0\0\0\0", 6);
	assert_int_equal(message_read_question(b.at, b.n, &question), 0);
	assert_true(question.has_edns);
	assert_int_equal(question.most, MESSAGE_EDNS);
	/* Too many for the room: marked, and to be asked for by TCP. */
	n = message_write_answer(&question, &answer, 0, false, 512, bytes);
	assert_true(n <= 512);
	assert_true(bytes[2] & 2);
	assert_in_range(bytes[7], 20, MESSAGE_ADDRESSES - 1);
	n = message_write_answer(&question, &answer, 0, false, MESSAGE_SIZE, bytes);
	assert_false(bytes[2] & 2);
	assert_int_equal(bytes[7], MESSAGE_ADDRESSES);
	assert_true(n > 1000);
}

/* ---- answers ---- */

static void answer_through_aliases(void **state)
{
	struct bytes b = message(7, 0x8180, 1, 5);
	struct message_answer answer;
	struct message_question question = {
	        .id = 1, .type = ns_t_a, .most = 512, .wire = "\1a", .wire_length = 3};
	uint8_t bytes[MESSAGE_SIZE];
	size_t n;

	put_question(&b, "api.example.org", ns_t_a);
	/* In any order, among others that have nothing to do with the name. */
	put_a(&b, "C.cdn.example", 300, "192.0.2.7");
	put_a(&b, "evil.example", 300, "192.0.2.66");
	put_alias(&b, "b.example.net", 30, "c.cdn.example");
	put_alias(&b, "API.example.org", 200, "B.example.net");
	put_a(&b, "c.cdn.example", 300, "192.0.2.8");
	assert_int_equal(read_answer(&b, &answer), 0);
	assert_int_equal(answer.code, 0);
	assert_int_equal(answer.alias_count, 2);
	assert_string_equal(answer.aliases[0], "b.example.net");
	assert_string_equal(answer.aliases[1], "c.cdn.example");
	assert_int_equal(answer.address_count, 2);
	assert_string_equal(ip_text(answer.addresses[0].ip), "::ffff:192.0.2.7");
	assert_string_equal(ip_text(answer.addresses[1].ip), "::ffff:192.0.2.8");
	assert_int_equal(answer.ttl, 30);
	/* What is written of it says the same. */
	n = message_write_answer(&question, &answer, 0, false, 512, bytes);
	assert_int_equal(message_read_answer(bytes, n, "a", ns_t_a, 1, &answer), 0);
	assert_int_equal(answer.alias_count, 2);
	assert_int_equal(answer.address_count, 2);
	assert_string_equal(ip_text(answer.addresses[1].ip), "::ffff:192.0.2.8");
}

static void answers_to_something_else(void **state)
{
	struct bytes good = message(7, 0x8180, 1, 1), b;
	struct message_answer answer;

	put_question(&good, "api.example.org", ns_t_a);
	put_a(&good, "api.example.org", 60, "192.0.2.7");
	assert_int_equal(read_answer(&good, &answer), 0);
	assert_int_equal(answer.address_count, 1);
	b = good;
	b.at[1] = 8; /* another number */
	assert_int_equal(read_answer(&b, &answer), -EINVAL);
	b = good;
	b.at[2] = 1; /* a question */
	assert_int_equal(read_answer(&b, &answer), -EINVAL);
	b = good;
	b.at[13] = 'x'; /* about another name */
	assert_int_equal(read_answer(&b, &answer), -EINVAL);
	assert_int_equal(
	        message_read_answer(good.at, good.n, "api.example.org", ns_t_aaaa, 7, &answer), -EINVAL);
	b = message(7, 0x8180, 0, 1);
	put_a(&b, "api.example.org", 60, "192.0.2.7");
	assert_int_equal(read_answer(&b, &answer), -EINVAL);
	/* Cut off anywhere. */
	for (size_t n = 0; n < good.n; n++)
		assert_true(message_read_answer(good.at, n, "api.example.org", ns_t_a, 7, &answer) < 0);
}

static void answers_that_lead_nowhere(void **state)
{
	struct bytes loop = message(7, 0x8180, 1, 2), chain = message(7, 0x8180, 1, 40),
	             strange = message(7, 0x8180, 1, 1), shorter = message(7, 0x8180, 1, 1);
	struct message_answer answer;
	char from[32] = "api.example.org";

	put_question(&loop, "api.example.org", ns_t_a);
	put_alias(&loop, "api.example.org", 60, "b.example");
	put_alias(&loop, "b.example", 60, "api.example.org");
	assert_int_equal(read_answer(&loop, &answer), -EBADMSG);
	put_question(&chain, "api.example.org", ns_t_a);
	for (int i = 0; i < 40; i++) {
		char to[32];

		snprintf(to, sizeof(to), "n%d.example", i);
		put_alias(&chain, from, 60, to);
		strcpy(from, to);
	}
	assert_int_equal(read_answer(&chain, &answer), -EBADMSG);
	put_question(&strange, "api.example.org", ns_t_a);
	put_alias(&strange, "api.example.org", 60, "a b.example");
	assert_int_equal(read_answer(&strange, &answer), -EBADMSG);
	/* An address of three bytes is none. */
	put_question(&shorter, "api.example.org", ns_t_a);
	put_record(&shorter, "api.example.org", ns_t_a, 60, "abc", 3);
	assert_int_equal(read_answer(&shorter, &answer), 0);
	assert_int_equal(answer.address_count, 0);
}

static void answer_with_too_many(void **state)
{
	struct bytes b = message(7, 0x8180, 1, 100);
	struct message_answer answer;

	put_question(&b, "api.example.org", ns_t_a);
	for (int i = 0; i < 100; i++) {
		char ip[16];

		snprintf(ip, sizeof(ip), "192.0.2.%d", i);
		put_a(&b, "api.example.org", i == 99 ? 0x80000005 : 60, ip);
	}
	assert_int_equal(read_answer(&b, &answer), 0);
	assert_int_equal(answer.address_count, MESSAGE_ADDRESSES);
	assert_int_equal(answer.ttl, 60);
}

static void question_for_a_server(void **state)
{
	uint8_t bytes[MESSAGE_LEAST];
	struct message_question question;
	int n = message_write_question("api.example.org", ns_t_aaaa, 0xbeef, true, bytes);

	assert_true(n > 0);
	assert_int_equal(message_read_question(bytes, (size_t)n, &question), 0);
	assert_string_equal(question.name, "api.example.org");
	assert_int_equal(question.id, 0xbeef);
	assert_int_equal(question.type, ns_t_aaaa);
	assert_true(question.has_edns);
	assert_int_equal(message_write_question("a\\.b", ns_t_a, 1, true, bytes), -EINVAL);
}

/* ---- what is learned ---- */

static bool suits_all(void *user, const char *name)
{
	return !user || strcmp(name, user) == 0;
}

static void ip_of(const char *text, uint8_t ret[16])
{
	memset(ret, 0, 16);
	if (inet_pton(AF_INET6, text, ret) == 1)
		return;
	ret[10] = ret[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, ret + 12), 1);
}

static void learned_for_a_while(void **state)
{
	struct learned *learned = NULL;
	uint8_t one[16], two[16];
	char name[LEARNED_NAME], other[] = "b.example";

	ip_of("192.0.2.1", one);
	ip_of("2001:db8::1", two);
	assert_int_equal(learned_new(4, &learned), 0);
	assert_int_equal(learned_find(learned, one, 0, suits_all, NULL, name), LEARNED_UNKNOWN);
	assert_int_equal(learned_add(learned, one, "a.example", 100), 0);
	assert_int_equal(learned_find(learned, one, 100, suits_all, NULL, name), LEARNED_KNOWN);
	assert_string_equal(name, "a.example");
	assert_int_equal(learned_find(learned, one, 101, suits_all, NULL, name), LEARNED_ENDED);
	assert_int_equal(learned_find(learned, two, 0, suits_all, NULL, name), LEARNED_UNKNOWN);
	assert_int_equal(learned_find(learned, one, 0, suits_all, other, name), LEARNED_UNKNOWN);
	/* Anew, and never shorter. */
	assert_int_equal(learned_add(learned, one, "a.example", 200), 0);
	assert_int_equal(learned_add(learned, one, "a.example", 150), 0);
	assert_int_equal(learned_find(learned, one, 200, suits_all, NULL, name), LEARNED_KNOWN);
	assert_int_equal(learned_add(learned, one, other, 300), 0);
	assert_int_equal(learned_find(learned, one, 250, suits_all, NULL, name), LEARNED_KNOWN);
	assert_string_equal(name, other);
	learned_free(learned);
}

static void learned_up_to_a_bound(void **state)
{
	struct learned *learned = NULL;
	uint8_t ip[16];
	char name[LEARNED_NAME];

	assert_int_equal(learned_new(64, &learned), 0);
	ip_of("192.0.2.0", ip);
	for (unsigned i = 0; i < 5000; i++) {
		ip[14] = (uint8_t)(i >> 8);
		ip[15] = (uint8_t)i;
		assert_int_equal(learned_add(learned, ip, "a.example", 1000 + i), 0);
		assert_int_equal(learned_find(learned, ip, 0, suits_all, NULL, name), LEARNED_KNOWN);
	}
	/* The last ones are there, the first are not. */
	for (unsigned i = 0; i < 5000; i++) {
		ip[14] = (uint8_t)(i >> 8);
		ip[15] = (uint8_t)i;
		assert_int_equal(learned_find(learned, ip, 0, suits_all, NULL, name),
		        i < 5000 - 64 ? LEARNED_UNKNOWN : LEARNED_KNOWN);
	}
	learned_free(learned);
}

/* ---- rules ---- */

static void rules_on_names(void **state)
{
	const struct policy_address_rule rules[] = {
	        {.kind = POLICY_ADDRESS_HOST,
	                .use = POLICY_CONNECT,
	                .transports = POLICY_TCP,
	                .port_low = 443,
	                .port_high = 443,
	                .host = "api.example.org"},
	        {.kind = POLICY_ADDRESS_HOST,
	                .use = POLICY_CONNECT,
	                .transports = POLICY_TCP | POLICY_UDP,
	                .port_low = 80,
	                .port_high = 90,
	                .host = "*.example.net"},
	        {.kind = POLICY_ADDRESS_HOST,
	                .use = POLICY_CONNECT,
	                .verdict = POLICY_DENY,
	                .error = ECONNREFUSED,
	                .transports = POLICY_TCP | POLICY_UDP,
	                .port_high = 65535,
	                .host = "*.ads.example.net"},
	        {.kind = POLICY_ADDRESS_HOST,
	                .use = POLICY_CONNECT,
	                .transports = POLICY_TCP,
	                .port_low = 80,
	                .port_high = 80,
	                .host = "good.ads.example.net"},
	};
	const struct policy policy = {.address_count = ELEMENTS(rules), .addresses = rules};
	struct host_verdict verdict;

	assert_true(host_any(&policy));
	assert_true(host_is_named(&policy, "api.example.org"));
	assert_false(host_is_named(&policy, "example.org"));
	assert_false(host_is_named(&policy, "x.api.example.org"));
	assert_false(host_is_named(&policy, "example.net"));
	assert_true(host_is_named(&policy, "a.example.net"));
	assert_true(host_is_named(&policy, "a.b.example.net"));
	assert_false(host_is_named(&policy, "badexample.net"));
	assert_false(host_is_named(&policy, "x.ads.example.net"));
	assert_true(host_is_named(&policy, "good.ads.example.net"));
	host_decide(&policy, "api.example.org", 443, POLICY_TCP, &verdict);
	assert_int_equal(verdict.verdict, POLICY_ALLOW);
	assert_ptr_equal(verdict.rule, &rules[0]);
	host_decide(&policy, "api.example.org", 443, POLICY_UDP, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	assert_null(verdict.rule);
	host_decide(&policy, "a.example.net", 91, POLICY_TCP, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	host_decide(&policy, "x.ads.example.net", 80, POLICY_TCP, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	assert_int_equal(verdict.error, ECONNREFUSED);
	host_decide(&policy, "good.ads.example.net", 80, POLICY_TCP, &verdict);
	assert_int_equal(verdict.verdict, POLICY_ALLOW);
	host_decide(&policy, "good.ads.example.net", 81, POLICY_TCP, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
}

/* What asks about a name is an allow, and in the way of a wider one. */
static void names_that_are_asked_about(void **state)
{
	static const struct policy_address_rule rules[] = {
	        {.kind = POLICY_ADDRESS_HOST,
	                .use = POLICY_CONNECT,
	                .transports = POLICY_TCP,
	                .port_high = 65535,
	                .host = "*.example.net"},
	        {.kind = POLICY_ADDRESS_HOST,
	                .use = POLICY_CONNECT,
	                .verdict = POLICY_ASK,
	                .error = ECONNREFUSED,
	                .transports = POLICY_TCP,
	                .port_low = 443,
	                .port_high = 443,
	                .host = "*.ads.example.net"},
	        {.kind = POLICY_ADDRESS_HOST,
	                .use = POLICY_CONNECT,
	                .transports = POLICY_TCP,
	                .port_low = 443,
	                .port_high = 443,
	                .host = "good.ads.example.net"},
	        {.kind = POLICY_ADDRESS_HOST,
	                .use = POLICY_CONNECT,
	                .verdict = POLICY_ASK,
	                .error = EACCES,
	                .transports = POLICY_TCP,
	                .port_low = 443,
	                .port_high = 443,
	                .host = "api.example.org"},
	        {.kind = POLICY_ADDRESS_HOST,
	                .use = POLICY_CONNECT,
	                .verdict = POLICY_DENY,
	                .error = EACCES,
	                .transports = POLICY_TCP,
	                .port_high = 65535,
	                .host = "bad.ads.example.net"},
	};
	static const struct {
		const char *name;
		uint16_t port;
		enum policy_verdict verdict;
		int rule; /* -1: none */
	} expected[] = {
	        {"x.ads.example.net", 443, POLICY_ASK, 1},
	        {"x.ads.example.net", 80, POLICY_ALLOW, 0},
	        {"good.ads.example.net", 443, POLICY_ALLOW, 2},
	        {"bad.ads.example.net", 443, POLICY_DENY, 4},
	        {"api.example.org", 443, POLICY_ASK, 3},
	        {"api.example.org", 80, POLICY_DENY, -1},
	};
	const struct policy policy = {.address_count = ELEMENTS(rules), .addresses = rules};
	const struct policy alone = {.address_count = 1, .addresses = &rules[3]};

	for (size_t i = 0; i < ELEMENTS(expected); i++) {
		struct host_verdict verdict;

		host_decide(&policy, expected[i].name, expected[i].port, POLICY_TCP, &verdict);
		assert_int_equal(verdict.verdict, expected[i].verdict);
		assert_ptr_equal(verdict.rule, expected[i].rule < 0 ? NULL : &rules[expected[i].rule]);
	}
	assert_true(host_any(&alone));
	assert_true(host_is_named(&alone, "api.example.org"));
}

/* ---- the machine ---- */

static void public_addresses(void **state)
{
	static const char *const public[] = {"1.1.1.1", "172.32.0.1", "203.0.113.5", "198.20.0.1",
	        "2001:db8::1", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"};
	static const char *const others[] = {"0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9",
	        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "198.18.0.1", "224.0.0.251",
	        "255.255.255.255", "::", "::1", "::7f00:1", "fe80::1", "fd00::1", "ff02::1",
	        "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1", "2002:c0a8:101::1",
	        "::ffff:127.0.0.1"};
	uint8_t ip[16];

	for (size_t i = 0; i < ELEMENTS(public); i++) {
		ip_of(public[i], ip);
		assert_true(machine_is_public(ip));
	}
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		ip_of(others[i], ip);
		assert_false(machine_is_public(ip));
	}
}

static void name_servers(void **state)
{
	static const char *const good[] = {
	        "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:53", "[::1]"};
	static const char *const bad[] = {"", "x", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[::1",
	        "[::1]x", "[::1]:x", "192.0.2.1:5x"};
	struct machine_server server;

	for (size_t i = 0; i < ELEMENTS(good); i++)
		assert_int_equal(machine_read_server(good[i], &server), 0);
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(machine_read_server(bad[i], &server), -EINVAL);
}

static void write_file(char path[32], const char *text)
{
	int fd;

	strcpy(path, "/tmp/reeve-names-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void servers_of_a_file(void **state)
{
	char path[32];
	struct machine_servers servers;

	write_file(path, "# one\nsearch example.org\nnameserver 192.0.2.1\nnameserver\nnameserver x\n"
	                 "nameserver ::1 # two\noptions edns0\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n");
	machine_servers(path, &servers);
	assert_int_equal(servers.count, 3);
	assert_int_equal(servers.items[1].address.ss_family, AF_INET6);
	assert_int_equal(servers.timeout, 5);
	assert_int_equal(servers.attempts, 2);
	/* A program that turns to the next one means it. */
	assert_int_equal(machine_find_server(&servers, (uint8_t[16]){[10] = 0xff, 0xff, 192, 0, 2, 3}), 2);
	assert_int_equal(machine_find_server(&servers, (uint8_t[16]){[15] = 1}), 1);
	assert_int_equal(machine_find_server(&servers, (uint8_t[16]){[10] = 0xff, 0xff, 192, 0, 2, 9}), 0);
	unlink(path);
	machine_servers(path, &servers);
	assert_int_equal(servers.count, 1);
	assert_int_equal(servers.timeout, 5);
	write_file(path, "nameserver ::1\noptions rotate timeout:2 attempts:3 ndots:1\n");
	machine_servers(path, &servers);
	assert_int_equal(servers.timeout, 2);
	assert_int_equal(servers.attempts, 3);
	unlink(path);
	write_file(path, "options timeout:x attempts: timeouts:9\noptions timeout:0 attempts:99 timeout:\n");
	machine_servers(path, &servers);
	assert_int_equal(servers.timeout, 1);
	assert_int_equal(servers.attempts, 5);
	unlink(path);
}

static int collect(void *user, const char *name, const uint8_t ip[16])
{
	char *text = user;

	sprintf(text + strlen(text), "%s=%s ", name, ip_text(ip));
	return 0;
}

static void hosts_of_a_file(void **state)
{
	char path[32], text[512] = "";

	write_file(path, "# a file\n192.0.2.1\tDB db.example.org. # the base\n\nx y\n2001:db8::1 db\n");
	assert_int_equal(machine_hosts(path, collect, text), 0);
	assert_string_equal(text, "localhost=::ffff:127.0.0.1 localhost=::1 db=::ffff:192.0.2.1 "
	                          "db.example.org=::ffff:192.0.2.1 db=2001:db8::1 ");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(question_in_any_case),
	        cmocka_unit_test(questions_that_are_none),
	        cmocka_unit_test(names_that_only_look_like_others),
	        cmocka_unit_test(names_without_end),
	        cmocka_unit_test(client_that_takes_more),
	        cmocka_unit_test(answer_through_aliases),
	        cmocka_unit_test(answers_to_something_else),
	        cmocka_unit_test(answers_that_lead_nowhere),
	        cmocka_unit_test(answer_with_too_many),
	        cmocka_unit_test(question_for_a_server),
	        cmocka_unit_test(learned_for_a_while),
	        cmocka_unit_test(learned_up_to_a_bound),
	        cmocka_unit_test(rules_on_names),
	        cmocka_unit_test(names_that_are_asked_about),
	        cmocka_unit_test(public_addresses),
	        cmocka_unit_test(name_servers),
	        cmocka_unit_test(servers_of_a_file),
	        cmocka_unit_test(hosts_of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
