/* What lives on when the command has ended. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"

static char mark[64];

static void errors_apart(void)
{
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
	setenv("REEVE_TEST_MARK", mark, 1);
}

static bool exists(const void *path)
{
	return access(path, F_OK) == 0;
}

/* A daemon goes on under the policy, and is led by files. */
static void daemon_lives(void)
{
	static struct run run;
	int code;

	snprintf(mark, sizeof(mark), "leftover-of-launch-%d", (int)getpid());
	for (const char *const *name = (const char *const[]){"ready", "go", "done", "leak", "read", NULL};
	        *name; name++)
		unlink(*name);
	start(&run, false, errors_apart,
	        (const char *[]){"sh", "-c",
	                "setsid sh -c 'echo > ready; while ! [ -e go ]; do sleep 0.02; done; "
	                "cat .env > leak; cat allowed > read; mv read done' >/dev/null 2>&1 "
	                "</dev/null & "
	                "echo x; exit 11",
	                NULL});
	CHECK(expect_end(&run), "the output does not end");
	code = finish_run(&run);
	CHECK(code == 11, "the first child's code: %d", code);
	CHECK(becomes_true(exists, "ready"), "the daemon does not run");
	close(open("go", O_CREAT | O_WRONLY, 0600));
	CHECK(becomes_true(exists, "done"), "the daemon does not go on");
	if (now == PERFORMING) {
		struct stat st;

		CHECK(stat("leak", &st) == 0 && st.st_size == 0, "the daemon read a denied file");
	}
	CHECK(nothing_left(mark), "something is left when the daemon has ended");
}

static void returns_at_once(void)
{
	static struct run run;
	pid_t background;
	int code;

	start_words(
	        &run, false, "sh", "-c", "sleep 1000 </dev/null >/dev/null 2>&1 & echo $!.; exit 12", NULL);
	expect(&run, ".");
	background = (pid_t)strtol(run.text, NULL, 10);
	code = finish_run(&run);
	CHECK(code == 12, "with something in the background: %d", code);
	CHECK(background > 0 && kill(background, SIGKILL) == 0, "what was left in the background is gone");
}

/* An orphan's number vanishes while the command still runs. */
static void reaped_at_once(void)
{
	static struct run run;
	int code;

	start_words(&run, false, "sh", "-c",
	        "for i in 1 2 3 4 5 6 7 8 9 10; do p=$(sh -c 'sleep 0.01 >/dev/null & echo $!'); "
	        "while kill -0 $p 2>/dev/null; do :; done; done; echo gone",
	        NULL);
	expect(&run, "gone");
	code = finish_run(&run);
	CHECK(code == 0, "orphans: %d", code);
}

void test_leftovers(void)
{
	close(open(".env", O_CREAT | O_WRONLY, 0600));
	if (truncate(".env", 3) < 0)
		abort();
	close(open("allowed", O_CREAT | O_WRONLY, 0600));
	for (now = QUIET; now < STANDARD; now++) {
		daemon_lives();
		reaped_at_once();
		returns_at_once();
	}
}
