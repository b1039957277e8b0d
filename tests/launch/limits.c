/* Limits: each strikes, is recorded, and ends what it must end; nothing above an inherited limit; the cgroup
 * goes away whatever dies. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"

#define RUN reeve, "run", "--read", "/", "--exec", "/", "--write", ".", "--json", "record"
#define EATS                                                                                                 \
	"import mmap,time; x=mmap.mmap(-1,300<<20)\nfor i in range(0,300<<20,4096): x[i]=1\ntime.sleep(60)"

/* All of a file; static memory. */
static const char *content(const char *path)
{
	static char text[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static struct run run;

static void ends_with(int expected, const char *said, const char *recorded, void (*prepare)(void),
        const char *const *command)
{
	int code;

	unlink("record");
	start(&run, false, prepare, command);
	CHECK(expect_end(&run), "%s: no end of the output", said ? said : "");
	code = finish_run(&run);
	CHECK(code == expected, "code %d instead of %d: %s", code, expected, run.text);
	CHECK(!said || strstr(run.text, said), "said \"%s\", not \"%s\"", run.text, said);
	CHECK(!recorded || strstr(content("record"), recorded), "recorded \"%s\", not \"%s\"",
	        content("record"), recorded);
}

#define ENDS(code, said, recorded, ...)                                                                      \
	ends_with(code, said, recorded, NULL, (const char *[]){RUN, __VA_ARGS__, NULL})

static void strikes(void)
{
	ENDS(124, "reeve: limit wall-time 100ms was reached, by --limit wall-time=100ms: the command and all",
	        "\"note\":\"limit\"", "--limit", "wall-time=100ms", "--", "sleep", "600");
	ENDS(124, "limit cpu-time 200ms", "\"limit\":\"cpu-time\",\"value\":200", "--limit", "cpu-time=200ms",
	        "--", "sh", "-c", "while :; do :; done");
	/* The sum counts, also of those that have ended. */
	ENDS(124, "limit cpu-time 300ms", NULL, "--limit", "cpu-time=300ms", "--", "sh", "-c",
	        "while :; do (i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done); done");
	ENDS(124, "limit file-size 64K", "\"layer\":\"rlimit\"", "--limit", "file-size=64K", "--", "dd",
	        "if=/dev/zero", "of=big", "bs=100k", "count=1");
	CHECK(strstr(content("record"), "\"ended\":true"), "not recorded as the end: %s", content("record"));
	ENDS(0, "20 20", NULL, "--limit", "open-files=20", "--", "sh", "-c",
	        "echo $(ulimit -n) $(ulimit -Hn)");
	/* What is not reached changes nothing. */
	ENDS(7, NULL, NULL, "--limit", "memory=1G", "--limit", "processes=500", "--limit", "cpu-time=1h",
	        "--limit", "wall-time=1h", "--limit", "file-size=1G", "--", "sh", "-c", "exit 7");
	CHECK(!strstr(content("record"), "\"limit\""), "a limit was recorded: %s", content("record"));
}

/* Shared memory is nobody's private memory, and counts. */
static void memory_of_the_tree(void)
{
	ENDS(124, "limit memory 100M", "\"limit\":\"memory\",\"value\":104857600", "--limit", "memory=100M",
	        "--", "python3", "-c", EATS);
}

static void too_many(void)
{
	const char *bomb = "i=0; while [ $i -lt 30 ]; do sleep 600 & i=$((i+1)); done; wait";

	unlink("record");
	start(&run, false, NULL,
	        (const char *[]){RUN, "--limit", "processes=8", "--limit", "wall-time=10s", "--", "sh", "-c",
	                bomb, NULL});
	CHECK(expect_end(&run), "no end of the output");
	CHECK(finish_run(&run) == 124, "processes: not 124: %s", run.text);
	CHECK(strstr(content("record"), "\"limit\":\"processes\",\"value\":8"), "not recorded: %s",
	        content("record"));
}

static void smaller_before(void)
{
	struct rlimit limit = {.rlim_cur = 60, .rlim_max = 90};

	setrlimit(RLIMIT_NOFILE, &limit);
	limit = (struct rlimit){.rlim_cur = 8192, .rlim_max = 16384};
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void never_raised(void)
{
	ends_with(0, "60 90 16 32", NULL, smaller_before,
	        (const char *[]){reeve, "run", "--read", "/", "--exec", "/", "--limit", "open-files=1000",
	                "--limit", "file-size=1G", "--", "bash", "-c",
	                "echo $(ulimit -Sn) $(ulimit -Hn) $(($(ulimit -Sf) * 2)) $(($(ulimit -Hf) * 2))",
	                NULL});
	/* Root's programs cannot raise it again. */
	ENDS(0, "20", NULL, "--limit", "open-files=20", "--", "sh", "-c",
	        "ulimit -n 1000 2>/dev/null; ulimit -n");
}

/* The command ends, others live on: the limit is still theirs. */
static void what_lives_on(void)
{
	char word[64];

	/* Long enough for the command to end before, however crowded the machine is. */
	snprintf(word, sizeof(word), "600.0000%d", (int)getpid());
	ENDS(0, NULL, NULL, "--limit", "wall-time=5s", "--", "sh", "-c",
	        "setsid sleep \"$0\" </dev/null >/dev/null 2>&1 &", word);
	CHECK(nothing_left(word), "what the command left outlived its limit");
}

static void composed(void)
{
	FILE *file = fopen("policy.yaml", "we");

	if (!file)
		abort();
	fputs("reeve: 1\nuse: base\nfiles: [{read: /}, {exec: /}]\nlimits: {open-files: 50, wall-time: 1h}\n",
	        file);
	fclose(file);
	file = fopen("wall.yaml", "we");
	if (!file)
		abort();
	fputs("reeve: 1\nuse: policy.yaml\nlimits: {wall-time: 100ms}\n", file);
	fclose(file);
	ends_with(0, "50", NULL, NULL,
	        (const char *[]){reeve, "run", "-p", "policy.yaml", "--limit", "open-files=80", "--", "sh",
	                "-c", "ulimit -n", NULL});
	ends_with(0, "40", NULL, NULL,
	        (const char *[]){reeve, "run", "-p", "policy.yaml", "--limit", "open-files=40", "--", "sh",
	                "-c", "ulimit -n", NULL});
	/* By whichever is smaller, at its place. */
	ends_with(124, "limit wall-time 100ms was reached, by wall.yaml:3:", NULL, NULL,
	        (const char *[]){reeve, "run", "-p", "wall.yaml", "--limit", "wall-time=2h", "--", "sleep",
	                "600", NULL});
}

void test_limits(void)
{
	now = NATIVE;
	strikes();
	memory_of_the_tree();
	too_many();
	never_raised();
	what_lives_on();
	composed();
}

/* ---- the cgroup ---- */

static const char *const tops[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};

/* Its folder, from "0::/path". False when it is none of ours. */
static bool folder_of(const char *text, char *ret, size_t size)
{
	const char *line = strstr(text, "0::/"), *end = line ? strchr(line, '\n') : NULL;

	for (size_t i = 0; end && i < 2; i++) {
		snprintf(ret, size, "%s%.*s", tops[i], (int)(end - line - 3), line + 3);
		if (strstr(ret, "/reeve-") && access(ret, F_OK) == 0)
			return true;
	}
	return false;
}

static bool is_gone(const void *path)
{
	return access(path, F_OK) < 0;
}

static void start_in_cgroup(char *folder, size_t size)
{
	start(&run, false, NULL,
	        (const char *[]){RUN, "--limit", "cpu-time=1h", "--", "sh", "-c",
	                "cat /proc/self/cgroup; echo there; exec sleep 600", NULL});
	if (!expect(&run, "there") || !folder_of(run.text, folder, size)) {
		fail_at(__FILE__, __LINE__, "not in a cgroup: %s", run.text);
		exit(1);
	}
}

static void holder_is(const char *limit, const char *holder, bool *ret)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "\"layer\": \"%s\"", holder);
	start(&run, false, NULL,
	        (const char *[]){reeve, "explain", "--json", "--limit", limit, "--read", "/", NULL});
	expect_end(&run);
	finish_run(&run);
	*ret = strstr(run.text, "\"limits\"") && strstr(strstr(run.text, "\"limits\""), expected);
}

static void goes_away(void)
{
	char folder[512], second[512];
	pid_t server;

	ENDS(0, "/reeve-", NULL, "--limit", "cpu-time=1h", "--", "cat", "/proc/self/cgroup");
	start_in_cgroup(folder, sizeof(folder));
	send_signal(run.pid, SIGKILL);
	finish_run(&run);
	CHECK(becomes_true(is_gone, folder), "the front was killed: %s is left", folder);
	start_in_cgroup(folder, sizeof(folder));
	CHECK(kill_child_of(run.pid), "no server");
	finish_run(&run);
	CHECK(becomes_true(is_gone, folder), "the server was killed: %s is left", folder);
	/* Both: the next run takes it away, and what lives in it. */
	start_in_cgroup(folder, sizeof(folder));
	server = child_of(run.pid);
	send_signal(run.pid, SIGSTOP);
	send_signal(server, SIGSTOP);
	send_signal(run.pid, SIGKILL);
	send_signal(server, SIGKILL);
	finish_run(&run);
	start_in_cgroup(second, sizeof(second));
	send_signal(run.pid, SIGTERM);
	finish_run(&run);
	ENDS(0, NULL, NULL, "--limit", "cpu-time=1h", "--", "true");
	CHECK(becomes_true(is_gone, folder), "both were killed: %s is left", folder);
	CHECK(becomes_true(is_gone, second), "%s is left", second);
}

void test_cgroup(void)
{
	bool has_any, has_memory, has_pids;

	now = NATIVE;
	holder_is("cpu-time=1h", "cgroup", &has_any);
	holder_is("memory=1G", "cgroup", &has_memory);
	holder_is("processes=100", "cgroup", &has_pids);
	if (!has_any) {
		printf("no cgroup of version 2 that uid %d may make cgroups in\n", (int)getuid());
		exit(77);
	}
	goes_away();
	if (has_memory)
		ENDS(124, "limit memory 100M", "\"layer\":\"cgroup\"", "--limit", "memory=100M", "--",
		        "python3", "-c", EATS);
	else
		printf("uid %d: the memory controller is not to be had\n", (int)getuid());
	if (has_pids)
		ENDS(3, "limit processes 8 was reached", "\"refusals\":", "--limit", "processes=8", "--",
		        "sh", "-c", "(for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & done; wait); exit 3");
	else
		printf("uid %d: the pids controller is not to be had\n", (int)getuid());
}
