/* Output to files: plain ones and ones that rotate; every line there once, in the order in which it was
 * written. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"

#define RUN reeve, "run", "--read", "/", "--exec", "/", "--write", "."

enum { WRITERS = 4, LINES = 25000, LENGTH = 1000, ROTATE = 8 << 20, KEEP = 50, SLACK = 2 * LENGTH };

static struct run run;

/* Of the name, and NULL when there is no such file; the caller frees it. */
static char *content_of(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	char *text;

	if (!file)
		return NULL;
	if (fstat(fileno(file), &st) < 0 || !(text = malloc((size_t)st.st_size + 1)))
		abort();
	*ret_size = fread(text, 1, (size_t)st.st_size, file);
	text[*ret_size] = '\0';
	fclose(file);
	return text;
}

static void content_is(const char *path, const char *expected)
{
	size_t size;
	char *text = content_of(path, &size);

	CHECK(text && strcmp(text, expected) == 0, "%s has \"%s\", not \"%s\"", path,
	        text ? text : "(no file)", expected);
	free(text);
}

static int run_it(const char *const *command)
{
	start(&run, false, NULL, command);
	CHECK(expect_end(&run), "no end of the output");
	return finish_run(&run);
}

#define RUN_IT(...) run_it((const char *[]){RUN, __VA_ARGS__, NULL})

static void plain(void)
{
	struct stat st;

	umask(027);
	CHECK(RUN_IT("--stdout", "out", "--", "sh", "-c", "echo one; echo two >&2; exit 5") == 5, "%s",
	        run.text);
	content_is("out", "one\n");
	CHECK(strcmp(run.text, "two\n") == 0, "stderr is \"%s\"", run.text);
	CHECK(stat("out", &st) == 0 && (st.st_mode & 0777) == 0640, "mode %o", st.st_mode);
	/* Appended; and both to one file stand in their order. */
	CHECK(RUN_IT("--stdout", "out", "--stderr", "./out", "--", "sh", "-c",
	              "for i in 1 2 3; do echo out $i; echo err $i >&2; done") == 0,
	        "%s", run.text);
	content_is("out", "one\nout 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
	unlink("out");
	/* What reeve has to say does not go there. */
	CHECK(RUN_IT("--stderr", "err", "--", "no-such-command") == 127, "%s", run.text);
	CHECK(strstr(run.text, "command not found"), "said \"%s\"", run.text);
	content_is("err", "");
	CHECK(RUN_IT("--stdout", "none/out", "--", "true") == 125, "%s", run.text);
	CHECK(strstr(run.text, "reeve: stdout cannot go to ") && strstr(run.text, "/none/out: No such file"),
	        "said \"%s\"", run.text);
	CHECK(RUN_IT("--stdout", "/dev/null", "--rotate", "10M", "--", "true") == 125, "%s", run.text);
	CHECK(strstr(run.text, "only a regular file can be rotated"), "said \"%s\"", run.text);
	unlink("err");
	umask(022);
}

static void name_of(int number, char *ret, size_t size)
{
	if (number == 0)
		snprintf(ret, size, "big");
	else
		snprintf(ret, size, "big.%d", number);
}

/* Whole lines; each writer's in order, none twice and none missing. */
static void check_lines(const char *path, int *next)
{
	size_t size = 0;
	char *text = content_of(path, &size);

	if (!text)
		return;
	CHECK(size <= ROTATE + SLACK && size % LENGTH == 0, "%s has %zu bytes", path, size);
	for (size_t at = 0; at + LENGTH <= size; at += LENGTH) {
		int writer = text[at] - '0', line = atoi(text + at + 2);

		if (writer < 0 || writer >= WRITERS || line != next[writer] ||
		        text[at + LENGTH - 1] != '\n') {
			fail_at(__FILE__, __LINE__, "%s, byte %zu: %.20s", path, at, text + at);
			break;
		}
		next[writer]++;
	}
	free(text);
}

static void rotated(void)
{
	char script[1024], name[32];
	int next[WRITERS] = {0}, files = 0;
	int n = snprintf(script, sizeof(script), "for i in 0 1 2 3; do '%s' lines $i %d %d & done; wait",
	        helper, LINES, LENGTH);

	CHECK(n < (int)sizeof(script), "a long name");
	start(&run, false, NULL,
	        (const char *[]){RUN, "--stdout", "big", "--rotate", "8M", "--keep", "50", "--", "sh", "-c",
	                script, NULL});
	CHECK(expect_end(&run), "no end of the output");
	CHECK(finish_run(&run) == 0, "%s", run.text);
	for (int i = KEEP; i >= 0; i--) {
		name_of(i, name, sizeof(name));
		files += access(name, F_OK) == 0;
		check_lines(name, next);
		unlink(name);
	}
	for (int i = 0; i < WRITERS; i++)
		CHECK(next[i] == LINES, "writer %d: %d lines", i, next[i]);
	CHECK(files >= WRITERS * LINES * (long)LENGTH / ROTATE, "%d files", files);
}

static void few_are_kept(void)
{
	CHECK(RUN_IT("--stdout", "log", "--stderr", "log", "--rotate", "4K", "--keep", "2", "--", "sh", "-c",
	              "i=1000; while [ $i -lt 3999 ]; do echo line $i; i=$((i+1)); echo line $i >&2; "
	              "i=$((i+1)); done") == 0,
	        "%s", run.text);
	CHECK(access("log.2", F_OK) == 0 && access("log.3", F_OK) < 0, "not two are kept");
	/* What is kept is the end, without a gap. */
	{
		size_t size = 0, whole = 0;
		char text[3 * 8192] = "";
		const char *names[] = {"log.2", "log.1", "log"};

		for (int i = 0; i < 3; i++) {
			char *part = content_of(names[i], &size);

			CHECK(part && (i == 2 || (size <= 4096 && size > 4000)), "%s: %zu bytes", names[i],
			        size);
			whole += (size_t)snprintf(text + whole, sizeof(text) - whole, "%s", part ? part : "");
			free(part);
			unlink(names[i]);
		}
		for (char *line = text; *line; line = strchr(line, '\n') + 1) {
			int number = atoi(line + 5);

			CHECK(number == 3999 || atoi(strchr(line, '\n') + 6) == number + 1,
			        "after line %d: %.9s", number, strchr(line, '\n') + 1);
			if (number == 3999)
				break;
		}
	}
}

/* Reeve's own messages may still come while anybody lives. */
static void errors_apart(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(fd, 2);
}

/* The command returns, others write on; then the end of the front, which takes them along: all is there. */
static bool has_last(const void *path)
{
	size_t size;
	char *text = content_of(path, &size);
	bool has = text && strstr(text, "last\n");

	free(text);
	return has;
}

static void what_lives_on(void)
{
	CHECK(mkfifo("go", 0600) == 0, "no pipe");
	start(&run, false, errors_apart,
	        (const char *[]){RUN, "--stdout", "log", "--rotate", "4K", "--", "sh", "-c",
	                "(read x <go; echo last) & echo first", NULL});
	CHECK(expect_end(&run), "no end of the output");
	CHECK(finish_run(&run) == 0, "not 0");
	content_is("log", "first\n");
	{
		int fd = open("go", O_WRONLY | O_CLOEXEC);

		CHECK(write(fd, "x\n", 2) == 2, "%s", strerror(errno));
		close(fd);
	}
	CHECK(becomes_true(has_last, "log"), "what lived on wrote nothing");
	unlink("log");
	start(&run, false, NULL,
	        (const char *[]){RUN, "--stdout", "log", "--rotate", "4K", "--", "sh", "-c",
	                "echo last; echo there >&2; exec sleep 600", NULL});
	expect(&run, "there");
	send_signal(run.pid, SIGKILL);
	finish_run(&run);
	CHECK(becomes_true(has_last, "log"), "what was written before the end is lost");
	unlink("log");
	unlink("go");
}

/* What the command puts in the place of its log is left alone, and no link of its making is followed. */
static void replaced(void)
{
	int fd = open("precious", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t size = 0;
	char *text;

	close(fd);
	CHECK(RUN_IT("--stdout", "log", "--rotate", "4K", "--", "sh", "-c",
	              "rm log; ln -s precious log; i=1000; while [ $i -lt 3000 ]; do echo line $i; "
	              "i=$((i+1)); done") == 0,
	        "%s", run.text);
	CHECK(strstr(run.text, "no new file is begun any more beside log"), "said \"%s\"", run.text);
	content_is("precious", "");
	unlink("log");
	unlink("precious");
	/* One that is gone is begun anew. */
	CHECK(RUN_IT("--stdout", "log", "--rotate", "4K", "--", "sh", "-c",
	              "rm log; i=1000; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done") == 0,
	        "%s", run.text);
	text = content_of("log", &size);
	CHECK(text && strstr(text, "line 2999\n"), "the end is lost");
	free(text);
}

/* Lines longer than a file. */
static void long_lines(void)
{
	size_t size = 0, whole = 0;

	CHECK(RUN_IT("--stdout", "long", "--rotate", "4K", "--keep", "900", "--", helper, "lines", "0", "30",
	              "9000") == 0,
	        "%s", run.text);
	for (int i = 900; i >= 0; i--) {
		char name[32];

		snprintf(name, sizeof(name), i ? "long.%d" : "long", i);
		free(content_of(name, &size));
		if (unlink(name) == 0)
			whole += size;
	}
	CHECK(whole == 30 * 9000, "%zu bytes are there", whole);
}

void test_streams(void)
{
	now = NATIVE;
	plain();
	few_are_kept();
	what_lives_on();
	replaced();
	long_lines();
	rotated();
}
