/* Exit codes, the search for the command, arguments. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		abort();
	close(fd);
}

static void code_is(int expected, const char *said, const char *const *command)
{
	static struct run run;
	int code;

	start(&run, false, NULL, command);
	if (!expect_end(&run))
		CHECK(false, "%s: no end of the output", command[0]);
	code = finish_run(&run);
	CHECK(code == expected, "%s %s: code %d instead of %d: %s", command[0], command[1] ? command[1] : "",
	        code, expected, run.text);
	CHECK(!said || strstr(run.text, said), "%s: said \"%s\", not \"%s\"", command[0], run.text, said);
}

#define CODE(expected, said, ...) code_is(expected, said, (const char *[]){__VA_ARGS__, NULL})

static void passed_through(void)
{
	const int codes[] = {0, 1, 2, 42, 124, 125, 126, 127, 128, 129, 130, 200, 255};
	const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM, SIGABRT, SIGUSR1, SIGPIPE, SIGSEGV};
	char command[32];

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		snprintf(command, sizeof(command), "exit %d", codes[i]);
		CODE(codes[i], NULL, "sh", "-c", command);
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		snprintf(command, sizeof(command), "kill -%d $$", signals[i]);
		CODE(128 + signals[i], NULL, "sh", "-c", command);
	}
}

static void cannot_run(void)
{
	CODE(127, "command not found", "no-such-command-anywhere");
	CODE(127, "no such file", "./missing");
	CODE(127, NULL, "");
	CODE(126, NULL, "./text");
	CODE(126, NULL, "./folder");
	CODE(126, NULL, "/");
	CODE(126, NULL, "./plain/inside");
	CODE(127, NULL, "./no-interpreter");
}

static void searched(void)
{
	mkdir("shut", 0);
	setenv("PATH", "shut:/nonexistent", 1);
	CODE(127, "command not found", "tool");
	setenv("PATH", "/nonexistent:closed:bin", 1);
	CODE(3, NULL, "tool");
	setenv("PATH", "second:bin", 1);
	CODE(4, NULL, "tool");
	setenv("PATH", "", 1);
	CODE(5, NULL, "here");
	setenv("PATH", "/nonexistent::bin", 1);
	CODE(5, NULL, "here");
	setenv("PATH", "/nonexistent:closed", 1);
	CODE(126, NULL, "tool");
	setenv("PATH", "bin:closed", 1);
	CODE(3, NULL, "tool");
	setenv("PATH", "folders:bin", 1);
	CODE(3, NULL, "tool");
	unsetenv("PATH");
	CODE(0, NULL, "true");
	setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
}

static void arguments(void)
{
	const char *many[260] = {"./arguments"};

	CODE(0, "[]\n[a b]\n[-x]\n[--]\n[$HOME]\n[\xff\x01]\n", "printf", "[%s]\n", "", "a b", "-x", "--",
	        "$HOME", "\xff\x01");
	CODE(3, "<a b><><c>", "./arguments", "a b", "", "c");
	for (int i = 1; i < 255; i++)
		many[i] = "x";
	code_is(3, NULL, many);
}

static void of_the_policy(void)
{
	static struct run run;

	for (int i = 0; i < 2; i++) {
		const char *list[] = {reeve, "run", "--read", "/", "--exec", "/usr", "--write", ".", "--deny",
		        "**/.env", "--", i ? "tool" : "bin/tool", NULL};

		setenv("PATH", "/usr/bin:bin", 1);
		now = NATIVE;
		start(&run, false, NULL, list);
		now = PERFORMING;
		expect_end(&run);
		CHECK(finish_run(&run) == 126, "a program that the policy denies: %s", run.text);
		CHECK(strstr(run.text, "--exec") && strstr(run.text, "/bin/tool"),
		        "not told how to allow: %s", run.text);
	}
	setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
}

static void our_own(void)
{
	now = NATIVE;
	CODE(125, NULL, reeve, "run", "--no-such-flag", "--", "true");
	CODE(125, NULL, reeve, "run", "--use", "no-such-profile", "--", "true");
	CODE(125, NULL, reeve, "run", "-p", "text", "--", "true");
	CODE(125, NULL, reeve, "run", "--");
}

void test_codes(void)
{
	mkdir("bin", 0755);
	mkdir("second", 0755);
	mkdir("closed", 0755);
	mkdir("folder", 0755);
	mkdir("folders", 0755);
	mkdir("folders/tool", 0755);
	put("plain", "", 0644);
	put("text", "not a policy: [", 0644);
	put("bin/tool", "#!/bin/sh\nexit 3\n", 0755);
	put("second/tool", "#!/bin/sh\nexit 4\n", 0755);
	put("closed/tool", "#!/bin/sh\nexit 9\n", 0644);
	put("here", "#!/bin/sh\nexit 5\n", 0755);
	put("no-interpreter", "#!/nonexistent/interpreter\n", 0755);
	put("arguments", "printf '<%s>' \"$@\"; exit 3\n", 0755);
	for (now = QUIET; now < HOWS; now++) {
		passed_through();
		cannot_run();
		searched();
		arguments();
	}
	of_the_policy();
	our_own();
}
