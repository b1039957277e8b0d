/* Signals to reeve alone, to its group, stops and continues. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

static void begin_counts(struct run *run)
{
	start_words(run, false, helper, "counts", NULL);
	expect(run, "ready\n");
}

struct awaited {
	struct run *run;
	char word[16];
};

static bool is_counted(const void *data)
{
	const struct awaited *awaited = data;
	struct run *run = awaited->run;

	run->length = run->seen = 0;
	run->text[0] = '\0';
	type(run, "?");
	return !expect(run, "end\n") || strstr(run->text, awaited->word);
}

/* The counts as "NUMBER:COUNT ", once the last one sent is among them. */
static const char *counts(struct run *run, int signal)
{
	struct awaited awaited = {.run = run};

	snprintf(awaited.word, sizeof(awaited.word), "%d:", signal);
	(void)becomes_true(is_counted, &awaited);
	return run->text;
}

static void one_by_one(const int *list, bool to_group)
{
	static struct run run;

	for (; *list; list++) {
		char word[16];
		const char *text;

		begin_counts(&run);
		send_signal(to_group ? -run.pid : run.pid, *list);
		snprintf(word, sizeof(word), "%d:1 ", *list);
		counts(&run, *list);
		/* A second copy would come with the next signal at the latest: they go the same way. */
		send_signal(run.pid, *list == SIGUSR2 ? SIGUSR1 : SIGUSR2);
		text = counts(&run, *list == SIGUSR2 ? SIGUSR1 : SIGUSR2);
		CHECK(strstr(text, word), "signal %d%s: counted %s", *list, to_group ? " to the group" : "",
		        text);
		type(&run, ".");
		CHECK(finish_run(&run) == 7, "exit code after signal %d", *list);
	}
}

static void ends_it(void)
{
	static struct run run;
	const int list[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGALRM, 0};

	for (const int *signal = list; *signal; signal++) {
		int code;

		start_words(&run, false, "sh", "-c", "echo on; exec sleep 100", NULL);
		expect(&run, "on\n");
		send_signal(run.pid, *signal);
		code = finish_run(&run);
		CHECK(code == 128 + *signal, "signal %d gave %d", *signal, code);
	}
}

static void stops(bool to_group, int signal)
{
	static struct run run;
	int status;

	start_words(&run, false, "sh", "-c", "echo on; read x; echo got $x; read x; exit 9", NULL);
	expect(&run, "on\n");
	send_signal(to_group ? -run.pid : run.pid, signal);
	status = wait_for(&run, WUNTRACED);
	CHECK(status != -1 && WIFSTOPPED(status) && WSTOPSIG(status) == signal, "signal %d: status %x",
	        signal, status);
	send_signal(to_group ? -run.pid : run.pid, SIGCONT);
	status = wait_for(&run, WCONTINUED);
	CHECK(status != -1 && WIFCONTINUED(status), "continue after %d: status %x", signal, status);
	type(&run, "word\n");
	expect(&run, "got word");
	/* and again */
	send_signal(to_group ? -run.pid : run.pid, signal);
	status = wait_for(&run, WUNTRACED);
	CHECK(status != -1 && WIFSTOPPED(status), "second signal %d: status %x", signal, status);
	send_signal(to_group ? -run.pid : run.pid, SIGCONT);
	wait_for(&run, WCONTINUED);
	type(&run, "word\n");
	status = finish_run(&run);
	CHECK(status == 9, "code %d after stops: %s", status, run.text);
}

/* The command stops, goes on or dies by another's hand. */
static void by_others(void)
{
	static struct run run;
	int status;
	pid_t command;

	start_words(&run, false, "sh", "-c", "echo $$; read x; exit 9", NULL);
	expect(&run, "\n");
	command = (pid_t)atoi(run.text);
	for (int i = 0; i < 20; i++) {
		send_signal(command, SIGSTOP);
		status = wait_for(&run, WUNTRACED);
		CHECK(status != -1 && WIFSTOPPED(status), "does not stop with the command: %x", status);
		send_signal(command, SIGCONT);
		status = wait_for(&run, WCONTINUED);
		CHECK(status != -1 && WIFCONTINUED(status), "does not go on with the command: %x", status);
	}
	/* No time in between. */
	for (int i = 0; i < 200; i++) {
		send_signal(command, SIGSTOP);
		send_signal(command, SIGCONT);
	}
	type(&run, "x\n");
	status = finish_run(&run);
	CHECK(status == 9, "code %d after a storm of stops", status);

	start_words(&run, false, "sh", "-c", "echo $$; read x; exit 9", NULL);
	expect(&run, "\n");
	command = (pid_t)atoi(run.text);
	send_signal(command, SIGSTOP);
	wait_for(&run, WUNTRACED);
	send_signal(command, SIGKILL);
	status = finish_run(&run);
	CHECK(status == 137, "a stopped command that is killed gave %d", status);
}

/* At once after the start: none may be lost. */
static void early(void)
{
	static struct run run;

	for (int i = 0; i < 40; i++) {
		const struct timespec delay = {.tv_nsec = i * 200000};
		int code;

		start_words(&run, false, "sleep", "100", NULL);
		nanosleep(&delay, NULL);
		send_signal(run.pid, SIGTERM);
		code = finish_run(&run);
		CHECK(code == 143, "a signal %d us after the start gave %d: %s", i * 200, code, run.text);
	}
}

void test_signals(void)
{
	const int alone[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH, SIGALRM,
	        SIGPIPE, SIGPROF, SIGXCPU, SIGRTMIN + 2, 0};
	const int group[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGCONT, SIGWINCH, 0};

	for (now = QUIET; now < STANDARD; now++) {
		one_by_one(alone, false);
		one_by_one(group, true);
		ends_it();
		stops(false, SIGTSTP);
		stops(true, SIGTSTP);
		stops(true, SIGSTOP);
		by_others();
		early();
	}
}
