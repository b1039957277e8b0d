/* What a command finds is what it would find without us. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"

static void as_it_is(void)
{
}

static void ignoring(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
}

static void masked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void limited(void)
{
	struct rlimit files = {200, 400}, stack = {4u << 20, RLIM_INFINITY}, core = {0, 0};
	cpu_set_t cpus;

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_STACK, &stack);
	setrlimit(RLIMIT_CORE, &core);
	umask(0137);
	if (setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + 3) < 0)
		abort();
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void with_descriptors(void)
{
	int fd = open("/etc/passwd", O_RDONLY), pair[2];

	dup2(fd, 5);
	dup2(fd, 77);
	close(fd);
	fd = open("out", O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, 9);
	close(fd);
	if (pipe(pair) < 0)
		abort();
	dup2(pair[0], 20);
	dup2(pair[1], 21);
	close(pair[0]);
	close(pair[1]);
	dup2(open("/", O_PATH | O_CLOEXEC), 30);
}

static void without_group(void)
{
	setpgid(0, 0);
}

static void in_a_session(void)
{
	setpgid(0, getppid());
	setsid();
}

static void without_environment(void)
{
	clearenv();
	setenv("A", "", 1);
	setenv("PWD", "/tmp/./", 1);
	putenv((char *)"no equals sign");
}

static void closed(int which)
{
	for (int i = 0; i < 3; i++)
		if (which & 1 << i)
			close(i);
}

#define CLOSED(n)                                                                                            \
	static void closed_##n(void)                                                                         \
	{                                                                                                    \
		closed(n);                                                                                   \
	}
CLOSED(1)
CLOSED(2)
CLOSED(3)
CLOSED(4)
CLOSED(5)
CLOSED(6)
CLOSED(7)

struct origin {
	const char *name;
	void (*prepare)(void);
	bool on_terminal, in_file;
};

static const struct origin origins[] = {
        {"as it is", as_it_is, false, false},
        {"a terminal", as_it_is, true, false},
        {"ignored signals", ignoring, false, false},
        {"blocked signals", masked, false, false},
        {"limits, umask, nice, affinity", limited, false, false},
        {"descriptors", with_descriptors, false, false},
        {"a group", without_group, true, false},
        {"a session", in_a_session, false, false},
        {"an environment", without_environment, false, false},
        {"without 0", closed_1, false, true},
        {"without 1", closed_2, false, true},
        {"without 0 and 1", closed_3, false, true},
        {"without 2", closed_4, false, true},
        {"without 0 and 2", closed_5, false, true},
        {"without 1 and 2", closed_6, false, true},
        {"without 0, 1 and 2", closed_7, false, true},
};

static void find(const struct origin *origin, char *ret, size_t size)
{
	static struct run run;
	int code;

	unlink("said");
	start(&run, origin->on_terminal, origin->prepare,
	        (const char *[]){helper, "origin", (origin->in_file ? "said" : NULL), NULL});
	expect_end(&run);
	code = finish_run(&run);
	CHECK(code == 0, "%s: code %d: %s", origin->name, code, run.text);
	snprintf(ret, size, "%s", run.text);
	if (origin->in_file) {
		int fd = open("said", O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

		CHECK(n > 0, "%s: said nothing", origin->name);
		ret[n > 0 ? n : 0] = '\0';
		if (fd >= 0)
			close(fd);
	}
}

static void compare(const char *name, const char *native, const char *here)
{
	while (*native || *here) {
		size_t n = strcspn(native, "\n"), m = strcspn(here, "\n");

		/* no_new_privs is no secret; all else is the same. */
		CHECK(n == m && memcmp(native, here, n) == 0, "%s: \"%.*s\" natively, \"%.*s\" here", name,
		        (int)n, native, (int)m, here);
		native += n + (native[n] == '\n');
		here += m + (here[m] == '\n');
	}
}

/* A reader that has gone is felt, and an end that the command closes is the end. */
static void pipes(void)
{
	static struct run run;
	int code;

	start_words(&run, false, "sh", "-c", "read x; echo y; echo z; exit 3", NULL);
	close(run.output);
	type(&run, "\n");
	run.output = open("/dev/null", O_RDONLY | O_CLOEXEC);
	code = finish_run(&run);
	CHECK(code == 141, "a closed reader gave %d", code);

	start_words(&run, false, "sh", "-c", "echo x; exec >&- 2>&-; read y; exit 4", NULL);
	if (now == NATIVE)
		CHECK(expect_end(&run), "no end of the output");
	type(&run, "\n");
	code = finish_run(&run);
	CHECK(code == 4, "after the end: %d", code);
}

static void closes_early(void)
{
	static struct run run;
	int code;

	/* Our own copy of stderr is not the command's stdout. */
	start(&run, false, NULL, (const char *[]){"sh", "-c", "echo x; exec >&-; read y; exit 4", NULL});
	(void)expect(&run, "x\n");
	type(&run, "\n");
	code = finish_run(&run);
	CHECK(code == 4, "closed early: %d", code);
}

static void errors_apart(void)
{
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
}

static void end_of_output(void)
{
	static struct run run;
	int code;

	start(&run, false, errors_apart,
	        (const char *[]){"sh", "-c", "echo x; exec >&-; read y; exit 4", NULL});
	CHECK(expect_end(&run), "reeve keeps the command's output open");
	type(&run, "\n");
	code = finish_run(&run);
	CHECK(code == 4, "after the end of its output: %d", code);
}

void test_origin(void)
{
	static char native[1 << 16], here[1 << 16];

	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		now = NATIVE;
		find(&origins[i], native, sizeof(native));
		for (now = QUIET; now < STANDARD; now++) {
			find(&origins[i], here, sizeof(here));
			compare(origins[i].name, native, here);
		}
	}
	for (now = NATIVE; now < STANDARD; now++) {
		pipes();
		closes_early();
		end_of_output();
	}
}
