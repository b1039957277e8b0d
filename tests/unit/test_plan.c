/* The planner: which layer a rule goes to, and which calls notify; and that the filter does what the plan
 * says. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folder.h"
#include "kernel/unplugged.h"
#include "plan/plan.h"

static char top[] = "/tmp/reeve-plan-XXXXXX";

static char private_tmp[64];

static const char *lookup(void *user, const char *name)
{
	return strcmp(name, "REEVE_TMP") == 0 ? private_tmp : NULL;
}

static int make_world(void **state)
{
	char path[128];

	if (!mkdtemp(top))
		return -1;
	snprintf(private_tmp, sizeof(private_tmp), "%s/tmp", top);
	for (const char *const *name = (const char *const[]){"work", "work/inner", "home", "tmp", NULL};
	        *name; name++) {
		snprintf(path, sizeof(path), "%s/%s", top, *name);
		if (mkdir(path, 0755) < 0)
			return -1;
	}
	snprintf(path, sizeof(path), "%s/link", top);
	return symlink("work", path);
}

static int remove_world(void **state)
{
	folder_remove(top);
	return 0;
}

static struct plan *plan_with(const char *text, const struct plan_options *options)
{
	char cwd[128];
	struct policy_context context = {top, cwd, lookup, NULL};
	struct policy_builder *builder = NULL;
	struct policy *policy = NULL;
	struct plan *plan = NULL;

	snprintf(cwd, sizeof(cwd), "%s/work", top);
	assert_int_equal(policy_builder_new(&context, &builder), 0);
	if (policy_add_text(builder, "t", text, strlen(text)) < 0)
		fail_msg("%s", policy_builder_diagnostics(builder)->items[0].message);
	assert_int_equal(policy_builder_finish(builder, &policy), 0);
	policy_builder_free(builder);
	assert_int_equal(plan_new(policy, options, &plan), 0);
	policy_unref(policy);
	return plan;
}

static struct plan *plan_of(const char *text)
{
	static const struct plan_options options = {0};

	return plan_with(text, &options);
}

static uint32_t action_with(
        const struct plan *plan, const char *call, uint64_t first, uint64_t second, uint64_t third)
{
	struct seccomp_data data = {.nr = syscalls_by_name(call)->nr[syscalls_native()],
	        .arch = syscalls_audit_arch(syscalls_native()),
	        .args = {first, second, third}};
	uint32_t action;

	assert_int_equal(filter_simulate(&plan->filter, &data, &action), 0);
	return action;
}

static bool notifies(const struct plan *plan, const char *call)
{
	return action_with(plan, call, 1, 1, 0) == SECCOMP_RET_USER_NOTIF;
}

static const struct plan_line *line_of(const struct plan *plan, const char *text)
{
	for (size_t i = 0; i < plan->line_count; i++)
		if (plan->lines[i].file && strcmp(plan->lines[i].file->text, text) == 0)
			return &plan->lines[i];
	fail_msg("no rule %s", text);
	return NULL;
}

/* A tree that may be written may hold sockets, which no kernel layer knows: connect and listen notify, and
 * what moves a task out of sight of whoever performs them. */
static void assert_only_sockets_notify(const struct plan *plan)
{
	static const char *const expected[] = {
	        "chroot", "connect", "landlock_restrict_self", "listen", "setns", "unshare", NULL};

	assert_true(plan->network.is_all_that_supervises);
	for (size_t i = 0; i < syscalls_all_count; i++) {
		const char *const *name = expected;

		if (syscalls_all[i].nr[syscalls_native()] < 0 ||
		        plan->calls[syscalls_all[i].nr[syscalls_native()]].action == PLAN_CALL_TASK)
			continue;
		while (*name && strcmp(*name, syscalls_all[i].name) != 0)
			name++;
		if (notifies(plan, syscalls_all[i].name) != (*name != NULL))
			fail_msg("%s", syscalls_all[i].name);
	}
}

/* Sockets of UDP that no rule is about. */
static uint32_t udp_with(const char *text)
{
	struct plan *plan = plan_of(text);
	uint32_t action = action_with(plan, "socket", AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(action_with(plan, "socket", AF_INET6, SOCK_DGRAM, IPPROTO_UDP), action);
	if (action == SECCOMP_RET_USER_NOTIF) {
		assert_true(plan->network.unplugs_udp);
		assert_false(notifies(plan, "sendto"));
		assert_false(notifies(plan, "sendmsg"));
		assert_false(notifies(plan, "recvmsg"));
		assert_false(notifies(plan, "bind"));
	}
	plan_free(plan);
	return action;
}

static void udp_is_unplugged(void **state)
{
	const uint32_t refused = SECCOMP_RET_ERRNO | EACCES, notified = SECCOMP_RET_USER_NOTIF;
	/* Whoever owns the namespace of a socket could enter it: not where that is refused. */
	const uint32_t owned = unplugged_is_owned() ? refused : notified;

	assert_int_equal(udp_with("reeve: 1\nuse: workspace\n"), notified);
	assert_int_equal(udp_with("reeve: 1\nfiles: [{read: /}, {write: .}]\n"), notified);
	assert_int_equal(
	        udp_with("reeve: 1\nuse: workspace\nnetwork: [{connect: \"tcp:*:443\"}]\n"), notified);
	/* Nobody is made to supervise for it. */
	assert_int_equal(udp_with("reeve: 1\nfiles: [{read: /}]\n"), refused);
	assert_int_equal(udp_with("reeve: 1\nuse: strict\n"), refused);
	assert_int_equal(udp_with("reeve: 1\nuse: workspace\nnetwork: no-unplugged\n"), refused);
	assert_int_equal(udp_with("reeve: 1\nuse: workspace\nsyscalls: [{deny: socket}]\n"),
	        SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(udp_with("reeve: 1\nuse: workspace\nsyscalls: [{deny: [{socket: {type: {has: "
	                          "SOCK_DGRAM}}}], errno: "
	                          "EAFNOSUPPORT}]\n"),
	        SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	/* What rules speak of is real. */
	assert_int_equal(
	        udp_with("reeve: 1\nuse: strict\nnetwork: [{connect: \"udp:*:53\"}]\n"), SECCOMP_RET_ALLOW);
	assert_int_equal(
	        udp_with("reeve: 1\nuse: workspace\nnetwork: [{listen: \"udp:*:53\"}]\n"), SECCOMP_RET_ALLOW);
	assert_int_equal(udp_with("reeve: 1\nuse: [workspace, loopback]\n"), SECCOMP_RET_ALLOW);
	assert_int_equal(
	        udp_with("reeve: 1\nuse: workspace\nnetwork: [{deny-connect: \"udp:*:53\"}]\n"), notified);
	assert_int_equal(udp_with("reeve: 1\nuse: workspace\nsyscalls: [{deny: unshare}]\n"), owned);
	assert_int_equal(udp_with("reeve: 1\nuse: workspace\nsyscalls: [{deny: [{clone: {flags: {has: "
	                          "CLONE_NEWUSER}}}]}]\n"),
	        owned);
	assert_int_equal(udp_with("reeve: 1\nuse: workspace\nsyscalls: [{allow: unshare}]\n"), notified);
}

static void opened_udp_is_real(void **state)
{
	struct plan *plan =
	        plan_of("reeve: 1\nuse: workspace\nsyscalls: [{allow: [{socket: {family: AF_INET}}]}]\n");

	assert_int_equal(action_with(plan, "socket", AF_INET, SOCK_DGRAM, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(action_with(plan, "socket", AF_INET6, SOCK_DGRAM, 0), SECCOMP_RET_USER_NOTIF);
	plan_free(plan);
}

/* Recorded calls come to the supervisor whatever they make: it has to tell them apart. */
static void recorded_sockets_are_told_apart(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nuse: workspace\nsyscalls: [{allow: socket, log: true}]\n");
	struct seccomp_data data = {.nr = syscalls_by_name("socket")->nr[syscalls_native()],
	        .arch = syscalls_audit_arch(syscalls_native()),
	        .args = {AF_INET, SOCK_STREAM, 0}};
	uint32_t action;

	assert_int_equal(action_with(plan, "socket", AF_INET, SOCK_STREAM, 0), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(plan_call_rest(plan, &data, &action), 0);
	assert_int_equal(action, SECCOMP_RET_ALLOW);
	data.args[1] = SOCK_DGRAM;
	assert_int_equal(plan_call_rest(plan, &data, &action), 0);
	assert_int_equal(action, SECCOMP_RET_USER_NOTIF);
	plan_free(plan);
}

static void whole_trees_notify_nothing(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: /}, {exec: /usr}]\n");

	assert_false(plan->supervises);
	assert_int_equal(line_of(plan, "/")->layer, PLAN_LANDLOCK);
	for (size_t i = 0; i < syscalls_all_count; i++)
		if (syscalls_all[i].nr[syscalls_native()] >= 0)
			assert_false(notifies(plan, syscalls_all[i].name));
	plan_free(plan);
	plan = plan_of("reeve: 1\nfiles: [{read: /}, {exec: /usr}, {write: .}]\n");
	assert_int_equal(line_of(plan, ".")->layer, PLAN_LANDLOCK);
	assert_only_sockets_notify(plan);
	plan_free(plan);
}

static void built_in_profiles_notify_nothing(void **state)
{
	static const char *const names[] = {"workspace", "base", "readonly"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[64];
		struct plan *plan;

		snprintf(text, sizeof(text), "reeve: 1\nuse: [%s]\n", names[i]);
		plan = plan_of(text);
		if (!plan->network.is_all_that_supervises)
			fail_msg("%s needs a supervisor for files", names[i]);
		plan_free(plan);
	}
}

static void a_deny_that_no_grant_covers_costs_nothing(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{write: .}, {deny: ~/home}, {hide: ~/elsewhere}]\n");

	assert_only_sockets_notify(plan);
	assert_int_equal(line_of(plan, "~/home")->layer, PLAN_NOWHERE);
	plan_free(plan);
}

static void a_deny_notifies_what_could_touch_it(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: /}, {write: .}, {deny: ~/home}]\n");

	assert_int_equal(line_of(plan, "~/home")->layer, PLAN_SUPERVISOR);
	assert_true(notifies(plan, "openat"));
	assert_true(notifies(plan, "openat2"));
	assert_true(notifies(plan, "fchmodat"));
	/* Landlock keeps changes out of what only a read rule covers; nothing there may be run. */
	assert_false(notifies(plan, "unlinkat"));
	assert_false(notifies(plan, "renameat2"));
	assert_false(notifies(plan, "execve"));
	assert_false(notifies(plan, "newfstatat"));
	plan_free(plan);
	plan = plan_of("reeve: 1\nfiles: [{read: /}, {write: .}, {deny: inner}]\n");
	assert_true(notifies(plan, "unlinkat"));
	assert_true(notifies(plan, "renameat2"));
	assert_true(notifies(plan, "linkat"));
	assert_true(notifies(plan, "mkdirat"));
	assert_true(notifies(plan, "truncate"));
	assert_false(notifies(plan, "execve"));
	plan_free(plan);
	plan = plan_of("reeve: 1\nfiles: [{exec: .}, {deny: \"**/x\"}]\n");
	assert_true(notifies(plan, "execve"));
	assert_true(notifies(plan, "execveat"));
	assert_false(notifies(plan, "unlinkat"));
	plan_free(plan);
}

static void hiding_notifies_looks(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: .}, {hide: inner}]\n");

	assert_true(plan->hides);
	assert_true(notifies(plan, "newfstatat"));
	assert_true(notifies(plan, "statx"));
	assert_true(notifies(plan, "readlinkat"));
	assert_true(notifies(plan, "faccessat2"));
	/* Also what looks like none: the kernel may read a path at address 0. */
	assert_int_equal(action_with(plan, "newfstatat", 3, 0, 0), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(action_with(plan, "statx", 3, 0, AT_EMPTY_PATH), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(action_with(plan, "utimensat", 3, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(action_with(plan, "utimensat", AT_FDCWD, 0, 0), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(action_with(plan, "utimensat", (uint32_t)AT_FDCWD, 0, 0), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(action_with(plan, "utimensat", 3, 1, 0), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(action_with(plan, "openat", 3, 1, O_PATH), SECCOMP_RET_USER_NOTIF);
	plan_free(plan);
}

/* What is told of the rule beside its layer. */
static const char *note_of(const struct plan *plan, unsigned line)
{
	assert_true(line < plan->line_count);
	return plan->lines[line].note ? plan->lines[line].note : "";
}

/* Its places are as sure as who can change what leads there. */
static void a_grant_through_a_link_of_the_command_is_told(void **state)
{
	char link_in[160];
	struct plan *plan;

	snprintf(link_in, sizeof(link_in), "%s/work/bin", top);
	assert_int_equal(symlink("../home", link_in), 0);
	plan = plan_of("reeve: 1\nfiles: [{write: .}, {exec: bin}, {read: inner}, {read: ../link}]\n");
	assert_non_null(strstr(note_of(plan, 1), "/home, by a link"));
	assert_string_equal(note_of(plan, 0), "");
	assert_string_equal(note_of(plan, 2), "");
	assert_string_equal(note_of(plan, 3), "");
	plan_free(plan);
	plan = plan_of("reeve: 1\nfiles: [{read: .}, {exec: bin}]\n");
	assert_string_equal(note_of(plan, 1), "");
	plan_free(plan);
	assert_int_equal(unlink(link_in), 0);
}

static void an_o_path_open_is_decided_on_registers(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: .}, {deny: inner}]\n");

	assert_int_equal(action_with(plan, "openat", 3, 1, O_RDONLY), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(action_with(plan, "openat", 3, 1, O_PATH | O_CLOEXEC), SECCOMP_RET_ALLOW);
	/* The upper half of an int is nothing. */
	assert_int_equal(action_with(plan, "openat", 3, 1, (uint64_t)O_PATH << 32), SECCOMP_RET_USER_NOTIF);
	plan_free(plan);
}

static void globs_and_missing_places_need_the_supervisor(void **state)
{
	struct plan *plan = plan_of(
	        "reeve: 1\nfiles: [{read: \"*.c\"}, {write: missing}, {read: gone, optional: true}]\n");

	assert_int_equal(line_of(plan, "*.c")->layer, PLAN_SUPERVISOR);
	assert_true(line_of(plan, "*.c")->backstop);
	assert_int_equal(line_of(plan, "missing")->layer, PLAN_SUPERVISOR);
	assert_int_equal(line_of(plan, "gone")->layer, PLAN_NOWHERE);
	assert_true(notifies(plan, "openat"));
	assert_true(notifies(plan, "mkdirat"));
	plan_free(plan);
	/* Inside a tree that is granted anyway they add nothing. */
	plan = plan_of("reeve: 1\nfiles: [{write: .}, {read: \"*.c\"}, {read: missing}]\n");
	assert_only_sockets_notify(plan);
	plan_free(plan);
}

static void rules_follow_links(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: ~/}, {deny: ~/link/inner}]\n");
	struct match_verdict verdict;
	char path[128];

	snprintf(path, sizeof(path), "%s/work/inner/x", top);
	matcher_decide(plan->matcher, path, POLICY_READ, &verdict);
	assert_int_equal(verdict.verdict, POLICY_DENY);
	plan_free(plan);
}

static void every_plan_refuses_the_ways_around(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: /}]\n");
	struct seccomp_data foreign = {.nr = 0, .arch = 0x40000003};
	uint32_t action;

	assert_int_equal(action_with(plan, "io_uring_setup", 1, 1, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(action_with(plan, "open_by_handle_at", 1, 1, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(action_with(plan, "ioctl", 0, 0x5412, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(action_with(plan, "ioctl", 0, 0x5412 | 1ull << 40, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(filter_simulate(&plan->filter, &foreign, &action), 0);
	assert_int_equal(action, SECCOMP_RET_KILL_PROCESS);
	/* A plan that performs nothing leaves the target's own sandboxes alone. */
	assert_int_equal(action_with(plan, "landlock_create_ruleset", 1, 1, 0), SECCOMP_RET_ALLOW);
	plan_free(plan);
	plan = plan_of("reeve: 1\nfiles: [{read: /}, {deny: ~/home}]\n");
	assert_int_equal(
	        action_with(plan, "landlock_create_ruleset", 1, 1, 0), SECCOMP_RET_ERRNO | EOPNOTSUPP);
	assert_int_equal(action_with(plan, "mount", 1, 1, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_true(notifies(plan, "chroot"));
	plan_free(plan);
}

static void credentials_are_watched_by_the_privileged(void **state)
{
	static const struct plan_options privileged = {.privileged = true};
	static const char text[] = "reeve: 1\nfiles: [{read: /}, {deny: ~/home}]\n";
	struct plan *plan = plan_of(text);

	assert_false(notifies(plan, "setuid"));
	assert_int_equal(action_with(plan, "clone3", 1, 1, 0), SECCOMP_RET_ALLOW);
	plan_free(plan);
	plan = plan_with(text, &privileged);
	assert_true(notifies(plan, "setuid"));
	assert_true(notifies(plan, "capset"));
	assert_int_equal(action_with(plan, "prctl", PR_SET_DUMPABLE, 0, 0), SECCOMP_RET_ALLOW);
	plan_free(plan);
	/* Sockets alone are looked at: there each look asks. */
	plan = plan_with("reeve: 1\nfiles: [{read: /}, {write: .}]\n", &privileged);
	assert_false(notifies(plan, "setuid"));
	assert_int_equal(action_with(plan, "clone3", 1, 1, 0), SECCOMP_RET_ALLOW);
	plan_free(plan);
	plan = plan_of("reeve: 1\nfiles: [{read: /}, {write: .}]\n");
	assert_int_equal(action_with(plan, "prctl", PR_SET_DUMPABLE, 0, 0), SECCOMP_RET_ERRNO | 0);
	assert_int_equal(action_with(plan, "prctl", PR_SET_DUMPABLE, 1, 0), SECCOMP_RET_ALLOW);
	plan_free(plan);
	plan = plan_with(text, &privileged);
	assert_int_equal(action_with(plan, "clone3", 1, 1, 0), SECCOMP_RET_ERRNO | ENOSYS);
	plan_free(plan);
}

static void calls_go_to_the_filter(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: /}]\n"
	                            "syscalls: [{deny: ptrace, errno: EACCES}, {kill: kexec_load}, "
	                            "{allow: getppid, log: true}]\n");

	assert_int_equal(action_with(plan, "ptrace", 0, 0, 0), SECCOMP_RET_ERRNO | EACCES);
	assert_int_equal(action_with(plan, "kexec_load", 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	assert_true(notifies(plan, "getppid"));
	plan_free(plan);
}

/* What the filter sends to the supervisor, the plan knows an answer for, and nothing else reaches it. */
static void filter_and_plan_agree(void **state)
{
	static const char *const texts[] = {
	        "reeve: 1\nfiles: [{read: /}]\n",
	        "reeve: 1\nfiles: [{read: /}, {exec: /}, {write: .}, {deny: inner}, {hide: ~/home}]\n",
	        ("reeve: 1\nfiles: [{read: /}, {deny: ~/home}]\n"
	         "syscalls: [{deny: [openat, \"@debug\"], log: true}]\n"),
	};
	static const struct plan_options options[] = {{0}, {.privileged = true}, {.verbose_denials = true}};

	for (size_t t = 0; t < 3; t++)
		for (size_t o = 0; o < 3; o++) {
			struct plan *plan = plan_with(texts[t], &options[o]);

			for (int i = 0; i < 20000; i++) {
				struct seccomp_data data = {
				        .nr = rand() % 480, .arch = syscalls_audit_arch(syscalls_native())};
				uint32_t action;

				for (int a = 0; a < 6; a++)
					data.args[a] = (uint64_t)rand() << 32 ^ (uint64_t)rand();
				assert_int_equal(filter_simulate(&plan->filter, &data, &action), 0);
				if (action == SECCOMP_RET_USER_NOTIF)
					assert_int_not_equal(plan->calls[data.nr].action, PLAN_CALL_NONE);
			}
			plan_free(plan);
		}
}

/* ---- addresses ---- */

static const struct plan_line *address_line_of(const struct plan *plan, const char *text)
{
	for (size_t i = 0; i < plan->line_count; i++)
		if (plan->lines[i].address && strcmp(plan->lines[i].address->text, text) == 0)
			return &plan->lines[i];
	fail_msg("no rule %s", text);
	return NULL;
}

static void assert_notifying(const struct plan *plan, const char *const *names, bool expected)
{
	for (; *names; names++)
		if (notifies(plan, *names) != expected)
			fail_msg("%s", *names);
}

#define NOTIFY(plan, ...) assert_notifying(plan, (const char *const[]){__VA_ARGS__, NULL}, true)
#define DO_NOT_NOTIFY(plan, ...) assert_notifying(plan, (const char *const[]){__VA_ARGS__, NULL}, false)

static void no_network_costs_nothing(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: /}, {write: [/dev/null]}]\n");

	assert_false(plan->supervises);
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_NONE);
	assert_false(plan->network.makes_unix);
	assert_int_equal(action_with(plan, "socket", 1, 1, 0), SECCOMP_RET_ERRNO | EACCES);
	assert_int_equal(action_with(plan, "listen", 3, 1, 0), SECCOMP_RET_ERRNO | EACCES);
	plan_free(plan);
}

static void everything_costs_nothing(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{write: /}]\n"
	                            "network: [{connect: [\"*\", \"unix:@*\"]}, {listen: \"*:*\"}]\n");

	assert_false(plan->supervises);
	assert_int_equal(plan->network.tcp_listen, PLAN_REACH_ALL);
	assert_int_equal(plan->network.files, PLAN_REACH_ALL);
	assert_int_equal(action_with(plan, "socket", 2, 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(action_with(plan, "socket", 1, 2, 0), SECCOMP_RET_ALLOW);
	plan_free(plan);
	/* Every socket file is in a tree that may be written, and abstract ones are kept within by Landlock.
	 */
	plan = plan_of("reeve: 1\nfiles: [{write: /}]\n");
	DO_NOT_NOTIFY(plan, "connect", "bind", "sendto", "sendmsg");
	assert_true(plan->network.names_within);
	plan_free(plan);
	plan = plan_of("reeve: 1\nfiles: [{write: /}, {deny: inner}]\n");
	NOTIFY(plan, "connect", "bind");
	plan_free(plan);
}

static void ports_go_to_landlock(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: /}]\n"
	                            "network: [{connect: [\"tcp:*:443\", \"tcp:*:8000-8003\"]}]\n");
	static const uint16_t expected[] = {443, 8000, 8001, 8002, 8003};

	assert_false(plan->supervises);
	assert_int_equal(address_line_of(plan, "tcp:*:443")->layer, PLAN_LANDLOCK);
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_PORTS);
	assert_int_equal(plan->network.connect_ports.count, 5);
	assert_memory_equal(plan->network.connect_ports.items, expected, sizeof(expected));
	assert_int_equal(action_with(plan, "socket", 2, 2, 0), SECCOMP_RET_ERRNO | EACCES);
	plan_free(plan);
	/* That a listening socket has a port that was allowed, somebody has to see. */
	plan = plan_of("reeve: 1\nfiles: [{read: /}]\nnetwork: [{listen: \"tcp:*:8080\"}]\n");
	NOTIFY(plan, "listen");
	DO_NOT_NOTIFY(plan, "bind", "connect");
	assert_int_equal(plan->network.listen_ports.count, 1);
	plan_free(plan);
	plan = plan_of(
	        "reeve: 1\nnetwork: [{connect: \"tcp:*:8000-8003\"}, {deny-connect: \"*:8001-8002\"}]\n");
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_PORTS);
	assert_int_equal(plan->network.connect_ports.count, 2);
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{connect: \"tcp:*:*\"}]\n");
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_ALL);
	DO_NOT_NOTIFY(plan, "connect");
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{connect: \"tcp:*:1-60000\"}]\n");
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_SOME);
	NOTIFY(plan, "connect");
	plan_free(plan);
}

static void addresses_go_to_the_supervisor(void **state)
{
	struct plan *plan =
	        plan_of("reeve: 1\nnetwork: [{connect: [\"tcp:10.0.0.0/8:443\", \"tcp:*:80\"]}]\n");

	assert_int_equal(address_line_of(plan, "tcp:10.0.0.0/8:443")->layer, PLAN_SUPERVISOR);
	assert_true(address_line_of(plan, "tcp:10.0.0.0/8:443")->backstop);
	assert_int_equal(plan->network.connect_ports.count, 2);
	NOTIFY(plan, "connect");
	DO_NOT_NOTIFY(plan, "bind", "listen", "sendto", "sendmsg", "sendmmsg");
	assert_true(plan->undoes_domains);
	plan_free(plan);
	/* A denial that nothing allows, or that all who allow it avoid, changes nothing. */
	plan = plan_of("reeve: 1\nnetwork: [{connect: \"tcp:*:443\"}, {deny-connect: [\"10.0.0.0/8:80\"]}, "
	               "{deny-listen: \"*:*\"}]\n");
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_PORTS);
	assert_int_equal(address_line_of(plan, "10.0.0.0/8:80")->layer, PLAN_NOWHERE);
	assert_int_equal(address_line_of(plan, "*:*")->layer, PLAN_NOWHERE);
	DO_NOT_NOTIFY(plan, "connect");
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{connect: \"tcp:*:443\"}, {deny-connect: \"10.0.0.0/8:*\"}]\n");
	NOTIFY(plan, "connect");
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{listen: \"tcp:127.0.0.1:*\"}]\n");
	NOTIFY(plan, "bind", "listen");
	DO_NOT_NOTIFY(plan, "connect");
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{connect: \"api.example.org:443\"}]\n");
	assert_int_equal(address_line_of(plan, "api.example.org:443")->layer, PLAN_SUPERVISOR);
	NOTIFY(plan, "connect", "sendmsg", "sendmmsg");
	plan_free(plan);
}

static void udp_notifies_with_addresses(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nnetwork: [{connect: \"udp:*:53\"}]\n");
	struct seccomp_data data = {.nr = syscalls_by_name("sendto")->nr[syscalls_native()],
	        .arch = syscalls_audit_arch(syscalls_native()),
	        .args = {3, 1, 1, 0, 1ull << 32, 16}};
	uint32_t action;

	NOTIFY(plan, "connect", "bind", "sendmsg", "sendmmsg");
	/* A NULL address. */
	DO_NOT_NOTIFY(plan, "sendto", "recvfrom", "recvmsg", "read", "write");
	assert_int_equal(filter_simulate(&plan->filter, &data, &action), 0);
	assert_int_equal(action, SECCOMP_RET_USER_NOTIF);
	plan_free(plan);
}

static void sockets_of_files_and_names(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nnetwork: [{connect: \"unix:~/home/x.sock\"}]\n");

	NOTIFY(plan, "connect", "sendmsg");
	DO_NOT_NOTIFY(plan, "bind");
	assert_int_equal(action_with(plan, "socket", 1, 2, 0), SECCOMP_RET_ALLOW);
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{listen: \"unix:~/home/x.sock\"}]\n");
	NOTIFY(plan, "bind", "connect");
	assert_int_equal(plan->grant_count, 1);
	assert_true(plan->grants[0].sockets);
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{connect: \"unix:@name\"}]\n");
	NOTIFY(plan, "connect");
	assert_false(plan->network.names_within);
	plan_free(plan);
}

static void redirects_of_addresses_need_a_look(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{write: /}]\n"
	                            "network: [{connect: [\"*\", {from: \"tcp:10.0.0.5:80\", to: "
	                            "\"127.0.0.1:8080\"}]}]\n");
	const struct plan_line *line = address_line_of(plan, "tcp:10.0.0.5:80 to 127.0.0.1:8080");

	/* All connections are allowed, and each has to be looked at; those of UDP are as before. */
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_SOME);
	assert_int_equal(plan->network.udp_connect, PLAN_REACH_ALL);
	assert_false(plan->network.connect_ports.is_named);
	assert_true(plan->network.refuses_fast_open);
	NOTIFY(plan, "connect");
	DO_NOT_NOTIFY(plan, "sendto", "sendmsg", "sendmmsg");
	assert_int_equal(line->layer, PLAN_SUPERVISOR);
	plan_free(plan);
	/* Ports that Landlock would hold: they stay its outline, with the one that is led to. */
	plan = plan_of("reeve: 1\nnetwork: [{connect: [\"tcp:*:443\", \"tcp:127.0.0.1:8080\", {from: "
	               "\"tcp:*:443\", to: \"127.0.0.1:8080\"}]}]\n");
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_SOME);
	assert_int_equal(plan->network.connect_ports.count, 2);
	NOTIFY(plan, "connect");
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{connect: [\"udp:*:*\", {from: \"udp:*:53\", to: "
	               "\"127.0.0.1:5353\"}]}]\n");
	NOTIFY(plan, "connect", "sendmsg", "sendmmsg");
	plan_free(plan);
	/* Nothing that it could lead to. */
	plan = plan_of("reeve: 1\nnetwork: [{connect: {from: \"*:80\", to: \"127.0.0.1:8080\"}}]\n");
	assert_false(plan->supervises);
	assert_int_equal(address_line_of(plan, "*:80 to 127.0.0.1:8080")->layer, PLAN_NOWHERE);
	plan_free(plan);
}

static void redirects_of_unix_sockets_need_a_look(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{write: /}]\nnetwork: [{connect: {from: "
	                            "\"unix:/run/x\", to: \"unix:./y\"}}]\n");

	assert_int_equal(plan->network.files, PLAN_REACH_SOME);
	assert_int_equal(action_with(plan, "socket", 1, 2, 0), SECCOMP_RET_ALLOW);
	NOTIFY(plan, "connect", "sendmsg");
	plan_free(plan);
	/* Landlock keeps names within the program; led elsewhere they are by nobody but the supervisor. */
	plan = plan_of("reeve: 1\nfiles: [{write: /}]\nnetwork: [{connect: {from: \"unix:@x\", to: "
	               "\"unix:./y\"}}]\n");
	assert_true(plan->network.names_within);
	NOTIFY(plan, "connect", "sendmsg");
	plan_free(plan);
}

static void older_kernels_hold_it_elsewhere(void **state)
{
	static const struct plan_options no_ports = {.lacks = PLAN_LACKS_PORTS | PLAN_LACKS_SCOPES};
	static const struct plan_options alone = {.lacks = PLAN_LACKS_LISTENER};
	static const struct plan_options nothing = {
	        .lacks = PLAN_LACKS_LISTENER | PLAN_LACKS_PORTS | PLAN_LACKS_SCOPES};
	struct plan *plan = plan_with("reeve: 1\nfiles: [{write: .}]\n", &no_ports);

	NOTIFY(plan, "connect", "bind", "listen");
	assert_false(plan->network.names_within);
	plan_free(plan);
	plan = plan_with("reeve: 1\nfiles: [{write: .}]\n", &alone);
	assert_false(plan->supervises);
	assert_int_equal(action_with(plan, "socket", 1, 1, 0), SECCOMP_RET_ERRNO | EACCES);
	assert_int_equal(action_with(plan, "listen", 1, 1, 0), SECCOMP_RET_ERRNO | EACCES);
	assert_int_equal(action_with(plan, "socket", 2, 1, 0), SECCOMP_RET_ALLOW);
	plan_free(plan);
	plan = plan_with("reeve: 1\nfiles: [{write: .}]\n", &nothing);
	assert_false(plan->supervises);
	assert_int_equal(action_with(plan, "socket", 2, 1, 0), SECCOMP_RET_ERRNO | EACCES);
	plan_free(plan);
}

/* A call whose row says that it never notifies, does not, whatever the policy. */
static void some_calls_never_notify(void **state)
{
	static const struct plan_options verbose = {.verbose_denials = true};
	struct plan *plan = plan_with(
	        "reeve: 1\nfiles: [{read: /}, {exec: /}, {write: .}, {deny: inner}, {hide: ~/home}]\n",
	        &verbose);

	for (size_t i = 0; i < syscalls_table_count; i++)
		if (syscalls_table[i].answer == SYSCALLS_NEVER &&
		        syscalls_table[i].nr[syscalls_native()] >= 0)
			assert_false(notifies(plan, syscalls_table[i].name));
	for (const char *const *name = (const char *const[]){"close", "exit", "exit_group", "wait4", "futex",
	             "read", "write", "dup2", NULL};
	        *name; name++)
		if (syscalls_by_name(*name)->nr[syscalls_native()] >= 0)
			assert_false(notifies(plan, *name));
	plan_free(plan);
}

static bool is_bound(const struct plan *plan, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	for (size_t i = 0; i < plan->entry_count; i++)
		if (strcmp(plan->entries[i].path, path) == 0)
			return true;
	return false;
}

/* Places are found one after the other: what is known of one must not stand for the next. */
static void test_places(void **state)
{
	const struct plan_options options = {0};
	struct plan *plan;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/work/file", top);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	plan = plan_with(
	        "reeve: 1\nfiles:\n  - read: [~/work/inner, ~/work/in, ~/work, ~/work/inner/not/there]\n"
	        "  - read: [~/link/inner, ~/work/file, ~/work/file/below, ~/link/gone, /, ~/home]\n"
	        "  - deny: [~/link, ~/work/inner/x]\n",
	        &options);
	assert_true(is_bound(plan, "work/inner"));
	assert_true(is_bound(plan, "work/in"));
	assert_true(is_bound(plan, "work"));
	assert_true(is_bound(plan, "work/inner/not/there"));
	assert_true(is_bound(plan, "work/file"));
	assert_true(is_bound(plan, "work/file/below"));
	assert_true(is_bound(plan, "work/gone"));
	assert_true(is_bound(plan, "home"));
	assert_true(is_bound(plan, "work/inner/x"));
	/* A link's own name is bound where it is denied, and only there. */
	assert_true(is_bound(plan, "link"));
	assert_false(is_bound(plan, "link/inner"));
	assert_false(is_bound(plan, "link/gone"));
	plan_free(plan);
	assert_int_equal(unlink(path), 0);
}

/* ---- asking ---- */

static void asking_goes_to_the_supervisor(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nfiles: [{ask: inner}]\n");
	const struct plan_line *line = line_of(plan, "inner");

	assert_true(plan->asks && !plan->asks_all && plan->supervises);
	assert_int_equal(line->layer, PLAN_SUPERVISOR);
	assert_true(line->backstop && line->why);
	NOTIFY(plan, "openat", "mkdir", "unlink", "rename", "link", "truncate", "execve", "chmod", "creat");
	DO_NOT_NOTIFY(plan, "stat", "inotify_add_watch", "read", "close");
	/* What an answer may allow is in the outline. */
	assert_int_equal(plan->grants[0].access, POLICY_READ | POLICY_WRITE | POLICY_EXEC);
	plan_free(plan);
	/* A grant that covers it changes nothing, nor does one inside. */
	plan = plan_of("reeve: 1\nfiles: [{write: .}, {read: inner/x}, {ask: inner}]\n");
	assert_int_equal(line_of(plan, "inner")->layer, PLAN_SUPERVISOR);
	assert_int_equal(line_of(plan, ".")->layer, PLAN_LANDLOCK);
	NOTIFY(plan, "openat", "execve", "bind");
	plan_free(plan);
	/* Where all of a grant is asked about, Landlock grants nothing by it. */
	plan = plan_of("reeve: 1\nfiles: [{write: inner}, {ask: inner}]\n");
	assert_int_equal(line_of(plan, "inner")->layer, PLAN_NOWHERE);
	NOTIFY(plan, "openat", "execve");
	plan_free(plan);
	/* What is denied inside takes something away. */
	plan = plan_of("reeve: 1\nfiles: [{ask: .}, {deny: inner}]\n");
	assert_int_equal(line_of(plan, "inner")->layer, PLAN_SUPERVISOR);
	plan_free(plan);
}

static void asking_without_need_asks_nobody(void **state)
{
	static const struct plan_options permissive = {.permissive = true, .verbose_denials = true};
	struct plan *plan = plan_of("reeve: 1\nfiles: [{read: /usr}]\n");

	assert_false(plan->asks);
	assert_int_equal(plan->rest.length, 0);
	plan_free(plan);
	plan = plan_with("reeve: 1\nfiles: [{ask: inner}]\n", &permissive);
	assert_false(plan->asks);
	plan_free(plan);
}

static void asking_about_addresses(void **state)
{
	struct plan *plan = plan_of("reeve: 1\nnetwork: [{ask-connect: \"tcp:*:443\"}]\n");
	const struct plan_line *line = address_line_of(plan, "tcp:*:443");

	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_SOME);
	assert_int_equal(line->layer, PLAN_SUPERVISOR);
	assert_true(line->backstop);
	assert_int_equal(plan->network.connect_ports.count, 1);
	NOTIFY(plan, "connect");
	DO_NOT_NOTIFY(plan, "bind");
	plan_free(plan);
	/* All that may be connected to otherwise does not make up for it. */
	plan = plan_of("reeve: 1\nnetwork: [{connect: \"*:*\"}, {ask-connect: \"*:25\"}]\n");
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_SOME);
	assert_int_equal(plan->network.udp_connect, PLAN_REACH_SOME);
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{ask-listen: \"tcp:*:8080\"}]\n");
	NOTIFY(plan, "bind", "listen");
	DO_NOT_NOTIFY(plan, "connect");
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{ask-connect: [\"unix:/run/x\", \"unix:@x\"]}]\n");
	assert_int_equal(plan->network.files, PLAN_REACH_SOME);
	assert_int_equal(plan->network.names, PLAN_REACH_SOME);
	assert_true(plan->network.makes_unix && !plan->network.names_within);
	NOTIFY(plan, "connect");
	plan_free(plan);
	/* A socket in a place that is asked about. */
	plan = plan_of("reeve: 1\nfiles: [{ask: inner}]\n");
	assert_int_equal(plan->network.files, PLAN_REACH_SOME);
	NOTIFY(plan, "connect", "bind");
	plan_free(plan);
}

static uint32_t rest_of(const struct plan *plan, const char *call, uint64_t first, uint64_t second)
{
	struct seccomp_data data = {.nr = syscalls_by_name(call)->nr[syscalls_native()],
	        .arch = syscalls_audit_arch(syscalls_native()),
	        .args = {first, second}};
	uint32_t action;

	assert_int_equal(plan_call_rest(plan, &data, &action), 0);
	return action;
}

/* A yes opens what the rule refused, and nothing that every plan refuses. */
static void asking_about_where_it_leads(void **state)
{
	struct plan *plan =
	        plan_of("reeve: 1\nnetwork: [{ask-connect: \"tcp:127.0.0.1:8080\"}, {connect: {from: "
	                "\"tcp:*:443\", to: \"127.0.0.1:8080\"}}]\n");

	/* Landlock holds what an answer could open, and nothing of what is led there. */
	assert_true(plan->asks);
	assert_int_equal(plan->network.tcp_connect, PLAN_REACH_SOME);
	assert_true(plan->network.connect_ports.is_named);
	assert_int_equal(plan->network.connect_ports.count, 1);
	assert_int_equal(plan->network.connect_ports.items[0], 8080);
	assert_int_equal(address_line_of(plan, "tcp:*:443 to 127.0.0.1:8080")->layer, PLAN_SUPERVISOR);
	assert_int_equal(address_line_of(plan, "tcp:127.0.0.1:8080")->layer, PLAN_SUPERVISOR);
	NOTIFY(plan, "connect");
	plan_free(plan);
	plan = plan_of("reeve: 1\nnetwork: [{ask-connect: \"unix:./y\"}, {connect: {from: \"unix:@x\", to: "
	               "\"unix:./y\"}}]\n");
	assert_true(plan->asks);
	NOTIFY(plan, "connect", "sendmsg");
	plan_free(plan);
}

static void asking_about_calls(void **state)
{
	struct plan *plan =
	        plan_of("reeve: 1\nfiles: [{write: .}, {deny: inner}]\nsyscalls: [{ask: [ptrace, bpf, "
	                "\"@mount\", io_uring_setup, {ioctl: {request: 1}}, mkdir]}, {kill: personality}]\n");

	NOTIFY(plan, "ptrace", "bpf", "mount", "io_uring_setup");
	assert_int_equal(action_with(plan, "ioctl", 0, 1, 0), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(action_with(plan, "ioctl", 0, 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(action_with(plan, "personality", 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(rest_of(plan, "ptrace", 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(rest_of(plan, "bpf", 0, 0), SECCOMP_RET_ALLOW); /* refused where no rule opens it */
	assert_int_equal(rest_of(plan, "mount", 0, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(rest_of(plan, "io_uring_setup", 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(rest_of(plan, "mkdir", 0, 0), SECCOMP_RET_USER_NOTIF); /* its path is looked at */
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_places),
	        cmocka_unit_test(whole_trees_notify_nothing),
	        cmocka_unit_test(udp_is_unplugged),
	        cmocka_unit_test(opened_udp_is_real),
	        cmocka_unit_test(recorded_sockets_are_told_apart),
	        cmocka_unit_test(built_in_profiles_notify_nothing),
	        cmocka_unit_test(a_deny_that_no_grant_covers_costs_nothing),
	        cmocka_unit_test(a_deny_notifies_what_could_touch_it),
	        cmocka_unit_test(hiding_notifies_looks),
	        cmocka_unit_test(a_grant_through_a_link_of_the_command_is_told),
	        cmocka_unit_test(an_o_path_open_is_decided_on_registers),
	        cmocka_unit_test(globs_and_missing_places_need_the_supervisor),
	        cmocka_unit_test(rules_follow_links),
	        cmocka_unit_test(every_plan_refuses_the_ways_around),
	        cmocka_unit_test(credentials_are_watched_by_the_privileged),
	        cmocka_unit_test(calls_go_to_the_filter),
	        cmocka_unit_test(no_network_costs_nothing),
	        cmocka_unit_test(everything_costs_nothing),
	        cmocka_unit_test(ports_go_to_landlock),
	        cmocka_unit_test(addresses_go_to_the_supervisor),
	        cmocka_unit_test(udp_notifies_with_addresses),
	        cmocka_unit_test(sockets_of_files_and_names),
	        cmocka_unit_test(redirects_of_addresses_need_a_look),
	        cmocka_unit_test(redirects_of_unix_sockets_need_a_look),
	        cmocka_unit_test(older_kernels_hold_it_elsewhere),
	        cmocka_unit_test(filter_and_plan_agree),
	        cmocka_unit_test(some_calls_never_notify),
	        cmocka_unit_test(asking_goes_to_the_supervisor),
	        cmocka_unit_test(asking_without_need_asks_nobody),
	        cmocka_unit_test(asking_about_addresses),
	        cmocka_unit_test(asking_about_where_it_leads),
	        cmocka_unit_test(asking_about_calls),
	};

	return cmocka_run_group_tests(tests, make_world, remove_world);
}
