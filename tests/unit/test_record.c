/* Records as text, as JSON Lines, folded and counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "record/record.h"

#define HOME "/home/me"

static const struct policy_file_rule deny_ssh = {.verdict = POLICY_DENY,
        .access = 7,
        .error = EACCES,
        .text = "~/.ssh",
        .path = HOME "/.ssh",
        .place = {.source = "workspace", .line = 12}};
static const struct policy_file_rule deny_env = {.verdict = POLICY_DENY,
        .access = 7,
        .error = EACCES,
        .is_glob = true,
        .text = "**/.env",
        .path = "/**/.env",
        .place = {.source = "command line", .flag = "--deny **/.env"}};

struct world {
	FILE *text;
	int json;
	struct recorder *recorder;
};

static void world_make(struct world *world, bool json)
{
	char name[] = "/tmp/record-XXXXXX";

	*world = (struct world){.text = tmpfile(), .json = -1};
	assert_non_null(world->text);
	if (json) {
		world->json = mkstemp(name);
		assert_true(world->json >= 0);
		unlink(name);
	}
	assert_int_equal(0,
	        recorder_new(&(struct record_options){.text = world->text, .json = world->json, .home = HOME},
	                &world->recorder));
}

static void world_end(struct world *world)
{
	recorder_free(world->recorder);
	fclose(world->text);
	if (world->json >= 0)
		close(world->json);
}

static char *content(int fd)
{
	char *bytes = calloc(1, 1 << 20);
	ssize_t n = pread(fd, bytes, (1 << 20) - 1, 0);

	assert_true(n >= 0);
	return bytes;
}

static struct record sample(const char *object, const struct policy_file_rule *rule)
{
	return (struct record){.tid = 4711,
	        .program = "cat",
	        .call = "openat",
	        .operation = "open",
	        .object = object,
	        .access = POLICY_READ,
	        .verdict = POLICY_DENY,
	        .error = EACCES,
	        .file_rule = rule,
	        .nanoseconds = 1500};
}

static void expect_text(const struct record *record, const char *expected)
{
	struct world world;
	char *text;

	world_make(&world, false);
	recorder_write(world.recorder, record);
	text = content(fileno(world.text));
	assert_string_equal(text, expected);
	free(text);
	world_end(&world);
}

static void test_text(void **state)
{
	struct record record = sample(HOME "/.ssh/id_rsa", &deny_ssh);

	expect_text(&record, "reeve: denied  cat[4711] openat(/home/me/.ssh/id_rsa, read) -> EACCES\n"
	                     "           rule    deny ~/.ssh at workspace:12, enforced by the supervisor\n"
	                     "           allow   --read ~/.ssh/id_rsa    or in a policy: files: [{read: "
	                     "[~/.ssh/id_rsa]}]\n");
	record = sample("/srv/a b/.env", &deny_env);
	expect_text(&record, "reeve: denied  cat[4711] openat(/srv/a b/.env, read) -> EACCES\n"
	                     "           rule    --deny '**/.env', enforced by the supervisor\n"
	                     "           allow   --read '/srv/a b/.env'    or in a policy: files: [{read: "
	                     "[\"/srv/a b/.env\"]}]\n");
	record = sample("/etc/x", NULL);
	record.access = POLICY_READ | POLICY_WRITE;
	expect_text(&record,
	        "reeve: denied  cat[4711] openat(/etc/x, read, write) -> EACCES\n"
	        "           rule    no rule allows it\n"
	        "           allow   --write /etc/x    or in a policy: files: [{write: [/etc/x]}]\n");
	record.why = "cannot be performed yet";
	expect_text(&record, "reeve: refused cat[4711] openat(/etc/x, read, write) -> EACCES\n"
	                     "           why     cannot be performed yet\n");
}

/* What a deny rule names itself is opened by no other rule, and what only begins like the home is not in it.
 */
static void test_hints(void **state)
{
	struct record record = sample(HOME "/.ssh", &deny_ssh);

	expect_text(&record, "reeve: denied  cat[4711] openat(/home/me/.ssh, read) -> EACCES\n"
	                     "           rule    deny ~/.ssh at workspace:12, enforced by the supervisor\n"
	                     "           allow   only a policy without that rule: others can open what lies "
	                     "inside, not the "
	                     "place itself\n");
	/* Nothing in a name means more than itself. */
	record = sample(HOME "/a*b?[c]\\${HOME}$x", NULL);
	expect_text(&record,
	        "reeve: denied  cat[4711] openat(/home/me/a*b?[c]\\\\${HOME}$x, read) -> EACCES\n"
	        "           rule    no rule allows it\n"
	        "           allow   --read ~/'a\\*b\\?\\[c\\]\\\\\\${HOME}$x'    or in a policy: "
	        "files: [{read: [\"~/a\\\\*b\\\\?\\\\[c\\\\]\\\\\\\\\\\\${HOME}$x\"]}]\n");
	record = sample("/home/melanie/x", NULL);
	expect_text(&record, "reeve: denied  cat[4711] openat(/home/melanie/x, read) -> EACCES\n"
	                     "           rule    no rule allows it\n"
	                     "           allow   --read /home/melanie/x    or in a policy: files: [{read: "
	                     "[/home/melanie/x]}]\n");
}

/* What is there is removed by its folder, unless a rule refuses it by name. Two paths are both granted, once.
 */
static void test_folders(void **state)
{
	struct record record = sample("/dev/null", NULL);

	record.call = "unlink";
	record.operation = "remove";
	record.access = POLICY_WRITE;
	expect_text(&record, "reeve: denied  cat[4711] unlink(/dev/null, write) -> EACCES\n"
	                     "           rule    no rule allows it\n"
	                     "           allow   --write /dev    or in a policy: files: [{write: [/dev]}]\n"
	                     "                   (removing or renaming it changes its folder)\n");
	record.object = "/nowhere/x";
	expect_text(&record, "reeve: denied  cat[4711] unlink(/nowhere/x, write) -> EACCES\n"
	                     "           rule    no rule allows it\n"
	                     "           allow   --write /nowhere/x    or in a policy: files: [{write: "
	                     "[/nowhere/x]}]\n");
	record.operation = "rename";
	record.second = "/nowhere/x";
	expect_text(&record, "reeve: denied  cat[4711] unlink(/nowhere/x, /nowhere/x, write) -> EACCES\n"
	                     "           rule    no rule allows it\n"
	                     "           allow   --write /nowhere/x    or in a policy: files: [{write: "
	                     "[/nowhere/x]}]\n");
	record.operation = "link";
	record.second = "/nowhere/y";
	record.access = POLICY_READ;
	record.why = "the new name would give more access than the old one has";
	expect_text(&record,
	        "reeve: refused cat[4711] unlink(/nowhere/x, /nowhere/y, read) -> EACCES\n"
	        "           why     the new name would give more access than the old one has\n"
	        "           allow   --write /nowhere/x --write /nowhere/y    or in a policy: files: [{write: "
	        "[/nowhere/x, /nowhere/y]}]\n");
}

static void test_calls(void **state)
{
	static const struct policy_syscall_rule by_default = {.verdict = POLICY_DENY,
	                                                .text = "ioctl(request=TIOCSTI)",
	                                                .place = {.source = "default"}},
	                                        group = {.verdict = POLICY_KILL,
	                                                .text = "@debug",
	                                                .place = {.source = "p.yaml", .line = 2}},
	                                        one = {.verdict = POLICY_DENY,
	                                                .text = "ptrace",
	                                                .place = {.source = "p.yaml", .line = 2}};
	struct record record = {.tid = 1,
	        .program = "gdb",
	        .call = "ptrace",
	        .operation = "trace",
	        .verdict = POLICY_DENY,
	        .error = EPERM,
	        .call_rule = &by_default};

	expect_text(&record, "reeve: denied  gdb[1] ptrace() -> EPERM\n"
	                     "           rule    deny ioctl(request=TIOCSTI) at default, enforced by the "
	                     "supervisor\n"
	                     "           allow   --allow-call 'ioctl(request=TIOCSTI)'    or in a policy: "
	                     "syscalls: [{allow: [\"ioctl(request=TIOCSTI)\"]}]\n");
	record.call_rule = &group;
	expect_text(&record, "reeve: denied  gdb[1] ptrace() -> EPERM\n"
	                     "           rule    kill @debug at p.yaml:2, enforced by the supervisor\n"
	                     "           allow   --allow-call ptrace    or in a policy: syscalls: [{allow: "
	                     "[\"ptrace\"]}]\n");
	record.call_rule = &one;
	expect_text(&record, "reeve: denied  gdb[1] ptrace() -> EPERM\n"
	                     "           rule    deny ptrace at p.yaml:2, enforced by the supervisor\n"
	                     "           allow   only a policy without that rule\n");
}

static struct record to_address(const char *object, unsigned use, const struct policy_address_rule *rule)
{
	return (struct record){.tid = 4711,
	        .program = "curl",
	        .call = use == POLICY_CONNECT ? "connect" : "bind",
	        .operation = use == POLICY_CONNECT ? "connect" : "bind",
	        .object = object,
	        .use = use,
	        .verdict = POLICY_DENY,
	        .error = EACCES,
	        .address_rule = rule};
}

/* What became of a question is told where it was no yes. */
static void test_questions(void **state)
{
	static const struct policy_address_rule rule = {.verdict = POLICY_ASK,
	        .use = POLICY_CONNECT,
	        .kind = POLICY_ADDRESS_IP,
	        .families = POLICY_IPV4 | POLICY_IPV6,
	        .port_low = 443,
	        .port_high = 443,
	        .text = "*:443",
	        .place = {.source = "reeve.yaml", .line = 4, .column = 20}};
	struct record record = to_address("10.0.0.5:443", POLICY_CONNECT, &rule);

	record.verdict = POLICY_ASK;
	record.answer = "nobody";
	expect_text(&record,
	        "reeve: denied  curl[4711] connect(10.0.0.5:443) -> EACCES\n"
	        "           rule    ask-connect *:443 at reeve.yaml:4:20, enforced by the supervisor\n"
	        "           asked   nobody could be asked\n"
	        "           allow   --connect 10.0.0.5:443    or in a policy: network: [{connect: "
	        "[\"10.0.0.5:443\"]}]\n");
	record.answer = "timeout";
	record.address_rule = NULL;
	expect_text(&record,
	        "reeve: denied  curl[4711] connect(10.0.0.5:443) -> EACCES\n"
	        "           rule    no rule allows it\n"
	        "           asked   no answer came in time\n"
	        "           allow   --connect 10.0.0.5:443    or in a policy: network: [{connect: "
	        "[\"10.0.0.5:443\"]}]\n");
}

/* Addresses, the rule about them, and what opens an address within one that is denied. */
static void test_addresses(void **state)
{
	static const struct policy_address_rule net = {.verdict = POLICY_DENY,
	                                                .use = POLICY_CONNECT,
	                                                .kind = POLICY_ADDRESS_IP,
	                                                .prefix = 104,
	                                                .port_high = 65535,
	                                                .text = "10.0.0.0/8:*",
	                                                .place = {.source = "reeve.yaml",
	                                                        .line = 4,
	                                                        .column = 20}},
	                                        one = {.verdict = POLICY_DENY,
	                                                .use = POLICY_LISTEN,
	                                                .kind = POLICY_ADDRESS_IP,
	                                                .prefix = 128,
	                                                .port_low = 80,
	                                                .port_high = 80,
	                                                .text = "[::1]:80",
	                                                .place = {.source = "command line",
	                                                        .flag = "--deny-listen [::1]:80"}};
	struct record record = to_address("10.0.0.5:443", POLICY_CONNECT, &net);

	expect_text(&record,
	        "reeve: denied  curl[4711] connect(10.0.0.5:443) -> EACCES\n"
	        "           rule    deny-connect 10.0.0.0/8:* at reeve.yaml:4:20, enforced by the "
	        "supervisor\n"
	        "           allow   --connect 10.0.0.5:443    or in a policy: network: [{connect: "
	        "[\"10.0.0.5:443\"]}]\n");
	record = to_address("[::1]:80", POLICY_LISTEN, &one);
	expect_text(&record, "reeve: denied  curl[4711] bind([::1]:80) -> EACCES\n"
	                     "           rule    --deny-listen '[::1]:80', enforced by the supervisor\n"
	                     "           allow   only a policy without that rule: others can open what lies "
	                     "inside, not the "
	                     "place itself\n");
	record = to_address("unix:/run/a b", POLICY_CONNECT, NULL);
	expect_text(&record, "reeve: denied  curl[4711] connect(unix:/run/a b) -> EACCES\n"
	                     "           rule    no rule allows it\n"
	                     "           allow   --connect 'unix:/run/a b'    or in a policy: network: "
	                     "[{connect: [\"unix:/run/a b\"]}]\n");
	record = to_address("unix:@a\\x00", POLICY_CONNECT, NULL);
	expect_text(&record, "reeve: denied  curl[4711] connect(unix:@a\\\\x00) -> EACCES\n"
	                     "           rule    no rule allows it\n"
	                     "           allow   --connect 'unix:@a\\x00'    or in a policy: network: "
	                     "[{connect: [\"unix:@a\\\\x00\"]}]\n");
	record = to_address("unix:@a*", POLICY_CONNECT, NULL);
	expect_text(&record, "reeve: denied  curl[4711] connect(unix:@a*) -> EACCES\n"
	                     "           rule    no rule allows it\n"
	                     "           allow   --connect 'unix:@a\\*'    or in a policy: network: "
	                     "[{connect: [\"unix:@a\\\\*\"]}]\n");
	record = to_address("udp:10.0.0.2:53", POLICY_CONNECT, NULL);
	expect_text(&record, "reeve: denied  curl[4711] connect(udp:10.0.0.2:53) -> EACCES\n"
	                     "           rule    no rule allows it\n"
	                     "           allow   --connect udp:10.0.0.2:53    or in a policy: network: "
	                     "[{connect: [\"udp:10.0.0.2:53\"]}]\n"
	                     "                   (a name server; for one host: --connect example.org:443, "
	                     "which needs none)\n");
}

static void test_hostile_names(void **state)
{
	struct record record = sample("/t/\033]0;x\007\n\xff\xe2\x80\xae", NULL);
	struct world world;
	struct json_object *object, *field;
	char *text;

	record.program = "\033[2J";
	world_make(&world, true);
	recorder_write(world.recorder, &record);
	text = content(fileno(world.text));
	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c < 0x7f));
	assert_non_null(strstr(text, "\\x1b[2J[4711] openat(/t/\\x1b]0;x\\x07\\x0a\\xff\\xe2\\x80\\xae"));
	free(text);
	text = content(world.json);
	assert_true(escape_is_utf8(text));
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_true(json_object_object_get_ex(object, "object_bytes", &field));
	assert_string_equal(json_object_get_string(field), "2f742f1b5d303b78070affe280ae");
	assert_true(json_object_object_get_ex(object, "allow_policy", &field));
	assert_null(field);
	json_object_put(object);
	free(text);
	world_end(&world);
}

static void test_folding(void **state)
{
	struct record record = sample("/etc/x", NULL);
	struct world world;
	char *text;

	world_make(&world, false);
	for (int i = 0; i < 38; i++)
		recorder_write(world.recorder, &record);
	recorder_close_text(world.recorder);
	recorder_write(world.recorder, &record);
	text = content(fileno(world.text));
	assert_non_null(strstr(text, "reeve: denied  37 more times: cat openat(/etc/x, read) -> EACCES\n"));
	assert_null(strstr(strstr(text, "openat") + 1, "[4711]"));
	free(text);
	world_end(&world);
}

/* However many different ones there are, every one is told or counted. */
static void test_eviction(void **state)
{
	struct world world;
	unsigned told = 0, more = 0;
	char *text;

	world_make(&world, false);
	for (int round = 0; round < 200; round++) {
		char object[32];
		struct record record;

		snprintf(object, sizeof(object), "/x/%d", round / 2);
		record = sample(object, NULL);
		recorder_write(world.recorder, &record);
	}
	recorder_close_text(world.recorder);
	text = content(fileno(world.text));
	for (const char *p = text; (p = strstr(p, "[4711]")); p++)
		told++;
	for (const char *p = text; (p = strstr(p, "1 more time:")); p++)
		more++;
	assert_int_equal(told, 100);
	assert_int_equal(more, 100);
	free(text);
	world_end(&world);
}

static void *write_many(void *recorder)
{
	struct record record = sample("/etc/x", NULL);

	for (int i = 0; i < 1000; i++) {
		recorder_write(recorder, &record);
		recorder_count_allowed(recorder, "open", 10);
	}
	return NULL;
}

static int64_t number(struct json_object *object, const char *key)
{
	struct json_object *field;

	assert_true(json_object_object_get_ex(object, key, &field));
	return json_object_get_int64(field);
}

static void test_threads(void **state)
{
	struct world world;
	struct json_object *object;
	pthread_t threads[4];
	FILE *summary = tmpfile();
	char *text, *line, *rest;
	size_t lines = 0;

	world_make(&world, true);
	for (int i = 0; i < 4; i++)
		assert_int_equal(0, pthread_create(&threads[i], NULL, write_many, world.recorder));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	text = calloc(1, 8 << 20);
	assert_true(pread(world.json, text, (8 << 20) - 1, 0) > 0);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		object = json_tokener_parse(line);
		assert_non_null(object);
		json_object_put(object);
		lines++;
	}
	assert_int_equal(lines, 4000);
	free(text);
	assert_int_equal(0, recorder_write_summary(world.recorder, NULL, fileno(summary)));
	text = content(fileno(summary));
	object = json_tokener_parse(text);
	assert_int_equal(number(object, "denied"), 4000);
	assert_int_equal(number(object, "allowed"), 4000);
	assert_int_equal(number(object, "dropped_records"), 0);
	json_object_put(object);
	free(text);
	fclose(summary);
	world_end(&world);
}

/* A sink that fails is counted, told once, and harms nobody: not even by SIGPIPE. */
static void test_lost(void **state)
{
	struct record record = sample("/etc/x", NULL);
	struct recorder *recorder;
	FILE *errors = tmpfile(), *summary = tmpfile();
	int ends[2];
	char *text;

	assert_int_equal(0, pipe(ends));
	close(ends[0]);
	assert_int_equal(
	        0, recorder_new(&(struct record_options){.json = ends[1], .errors = errors}, &recorder));
	recorder_write(recorder, &record);
	recorder_write(recorder, &record);
	assert_int_equal(0, recorder_write_summary(recorder, summary, -1));
	text = content(fileno(summary));
	assert_non_null(strstr(text, "2 records were lost"));
	free(text);
	text = content(fileno(errors));
	assert_string_equal(text, "reeve: records are being lost: Broken pipe\n");
	free(text);
	recorder_free(recorder);
	close(ends[1]);
	fclose(errors);
	fclose(summary);
}

static void expect_shell(const char *text, const char *expected)
{
	char *written = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&written, &size);

	escape_for_shell(out, text);
	fclose(out);
	assert_string_equal(written, expected);
	free(written);
}

static void test_shell(void **state)
{
	expect_shell("/a/b-c.d", "/a/b-c.d");
	expect_shell("", "''");
	expect_shell("~/a b", "~/'a b'");
	expect_shell("it's", "'it'\\''s'");
	expect_shell("a\n'\\", "$'a\\012\\'\\\\'");
	expect_shell("\xff", "$'\\377'");
	expect_shell("$HOME", "'$HOME'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_text),
	        cmocka_unit_test(test_hints),
	        cmocka_unit_test(test_folders),
	        cmocka_unit_test(test_calls),
	        cmocka_unit_test(test_addresses),
	        cmocka_unit_test(test_questions),
	        cmocka_unit_test(test_hostile_names),
	        cmocka_unit_test(test_folding),
	        cmocka_unit_test(test_eviction),
	        cmocka_unit_test(test_threads),
	        cmocka_unit_test(test_lost),
	        cmocka_unit_test(test_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
