/* What people do at a terminal: keys, job control, the size of the window. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "driver.h"

static void keys(void)
{
	static struct run run;
	int code;

	/* "?" comes by line: the terminal is left as it is. */
	start_words(&run, true, helper, "counts", NULL);
	expect(&run, "ready");
	for (int i = 0; i < 3; i++) {
		type(&run, "\x03");
		expect(&run, "^C");
		type(&run, "?\n");
		expect(&run, "end");
	}
	type(&run, "\x1c");
	expect(&run, "^\\");
	type(&run, "?\n");
	expect(&run, "2:3 3:1 end");
	type(&run, ".\n");
	code = finish_run(&run);
	CHECK(code == 7, "code %d: %s", code, run.text);
}

static void killed_by_key(void)
{
	static struct run run;
	int code;

	start_words(&run, true, "sh", "-c", "echo on; exec sleep 100", NULL);
	expect(&run, "on");
	type(&run, "\x03");
	expect_end(&run);
	code = finish_run(&run);
	CHECK(code == 130, "Ctrl-C gave %d: %s", code, run.text);
	start_words(&run, true, "sh", "-c", "stty -echo; trap '' INT; echo on; exec cat", NULL);
	expect(&run, "on\r\n");
	type(&run, "\x03word\n");
	expect(&run, "word");
	type(&run, "\x04");
	code = finish_run(&run);
	CHECK(code == 0, "a command that ignores Ctrl-C gave %d", code);
}

/* An outer bash, native, with reeve as its job. */
static void as_a_job(void)
{
	static struct run run;
	const char **list = arguments_of(
	        (const char *[]){"sh", "-c", "echo on; read x; echo got-$x; read y; echo of$((1))f", NULL});
	char line[4096] = "";
	enum how was = now;

	for (const char **word = list; *word; word++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "'%s' ", *word);
	strcat(line, "\n");
	now = NATIVE;
	setenv("TERM", "dumb", 1);
	start_words(&run, true, "bash", "--norc", "--noprofile", "-i", NULL);
	now = was;
	type(&run, "PS1='%%'\n");
	expect(&run, "%%");
	expect(&run, "%%");
	for (int i = 0; i < 3; i++) {
		type(&run, line);
		expect(&run, "on\r\n");
		type(&run, "\x1a");
		expect(&run, "Stopped ");
		expect(&run, "%%");
		type(&run, "fg\n");
		expect(&run, "f'\r\n");
		type(&run, "word\n");
		expect(&run, "got-word");
		type(&run, "\x1a");
		expect(&run, "Stopped ");
		CHECK(!strstr(run.text, "Stopped (signal)"), "not stopped by the key: %s", run.text);
		type(&run, " bg\n");
		/* In the background it reads the terminal, and is stopped again. */
		type(&run, "while jobs | grep -q Running; do :; done; jobs\n");
		expect(&run, " &\r\n");
		expect(&run, "Stopped ");
		type(&run, "fg\n");
		type(&run, "\n");
		expect(&run, "of1f");
		expect(&run, "%%");
	}
	type(&run, "exit 5\n");
	CHECK(finish_run(&run) == 5, "the outer shell: %s", run.text);
}

static bool foreground_is(const void *data)
{
	const struct run *run = data;

	return tcgetpgrp(run->terminal) == run->pid;
}

/* bash itself under reeve. */
static void shell(void)
{
	static struct run run;
	struct winsize size = {.ws_row = 41, .ws_col = 97};
	int code;

	start_words(&run, true, "bash", "--norc", "--noprofile", "-i", NULL);
	type(&run, "PS1='%%'\n");
	expect(&run, "%%");
	expect(&run, "%%");
	type(&run, "sleep 100 &\n");
	expect(&run, "%%");
	type(&run, "jobs\n");
	expect(&run, "Running");
	type(&run, "kill %1; wait %1; echo code=$?\n");
	expect(&run, "code=143");
	/* On a line of its own: bash forgets the rest of a line whose command Ctrl-C ended. */
	type(&run, "sh -c 'echo in; exec sleep 100'\n");
	expect(&run, "\nin");
	type(&run, "\x03");
	expect(&run, "%%");
	type(&run, "echo code=$?\n");
	expect(&run, "code=130");
	type(&run, "sh -c 'echo in; read x; exit 4'; echo code=$?\n");
	expect(&run, "\nin");
	type(&run, "\x1a");
	expect(&run, "Stopped");
	type(&run, "fg; echo code=$?\n");
	expect(&run, "read x; exit 4'\r\n");
	type(&run, "\n");
	expect(&run, "code=4");
	expect(&run, "%%");
	type(&run, "trap 'echo win''ch' WINCH; echo s''et\n");
	expect(&run, "set");
	expect(&run, "%%");
	if (ioctl(run.terminal, TIOCSWINSZ, &size) < 0)
		abort();
	type(&run, "\n");
	expect(&run, "winch");
	type(&run, "stty size; tty\n");
	expect(&run, "41 97");
	expect(&run, "/dev/pts/");
	type(&run, "exit 6\n");
	code = finish_run(&run);
	CHECK(code == 6, "the shell's code: %d", code);
	CHECK(!strstr(run.text, "no job control"), "no job control: %s", run.text);
}

/* The foreground is given back to whom it belonged. */
static void foreground(void)
{
	static struct run run;

	start_words(&run, true, "bash", "--norc", "--noprofile", "-ic",
	        "set -m; sh -c 'echo on; read x'; kill -9 $$", NULL);
	expect(&run, "on");
	CHECK(!foreground_is(&run), "the shell's job has no group of its own");
	type(&run, "\n");
	CHECK(wait_for(&run, 0) == 137 << 8, "a shell that kills itself: %s", run.text);
	close(run.terminal);
}

/* The terminal hangs up. */
static void hang_up(void)
{
	static struct run run;
	int code;

	start_words(&run, true, "sh", "-c", "trap 'exit 8' HUP; echo on; while :; do sleep 0.1; done", NULL);
	expect(&run, "on");
	close(run.terminal);
	run.terminal = run.input = run.output = open("/dev/null", O_RDWR);
	code = finish_run(&run);
	CHECK(code == 8, "hang-up gave %d", code);
}

/* A command that failed may have met what Landlock refuses without a word: on a terminal a line says how to
 * see. */
static void failed(bool on_terminal, const char *flag, int status)
{
	static const char hint[] = "exit status 3; if something was refused";
	const char *list[] = {reeve, "run", "--read", "/", "--exec", "/", flag, "--", "sh", "-c",
	        status == 3 ? "exit 3" : "kill -9 $$", NULL};
	const bool expected = on_terminal && status == 3 && strcmp(flag, "-q") != 0 &&
	                      strcmp(flag, "--verbose-denials") != 0;
	static struct run run;
	enum how was = now;
	int code;

	now = NATIVE; /* the list is whole */
	start(&run, on_terminal, NULL, list);
	now = was;
	expect_end(&run);
	code = finish_run(&run);
	CHECK(code == status, "status %d, expected %d", code, status);
	CHECK(!!strstr(run.text, hint) == expected, "with %s, %s terminal, status %d: %s", flag,
	        on_terminal ? "a" : "no", status, run.text);
}

static void denied_with_words(void)
{
	const char *list[] = {
	        reeve, "run", "--read", "/", "--exec", "/", "--deny", "**/.env", "--", "cat", ".env", NULL};
	static struct run run;

	now = NATIVE;
	close(open(".env", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	start(&run, true, NULL, list);
	expect(&run, "denied");
	expect_end(&run);
	CHECK(finish_run(&run) == 1, "a denied file was read");
	CHECK(!strstr(run.text, "exit status"), "what was told is told again: %s", run.text);
}

static void hints(void)
{
	failed(true, "--best-effort", 3);
	failed(true, "--best-effort", 137);
	failed(true, "-q", 3);
	failed(true, "--verbose-denials", 3);
	failed(false, "--best-effort", 3);
	denied_with_words();
}

void test_terminal(void)
{
	hints();
	for (now = QUIET; now < STANDARD; now++) {
		keys();
		killed_by_key();
		as_a_job();
		shell();
		foreground();
		hang_up();
	}
}
