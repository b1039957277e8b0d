/* Somebody dies: nothing is let through, and nothing is left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

static const char opens[] = "for i in 1 2 3 4 5 6 7 8 9; do cat allowed .env; (sleep 0.1 &) ; done";
static const char makes[] = "for i in 1 2 3 4 5 6 7 8 9; do \"$0\" udp-once; (\"$0\" udp-once &) ; done";

static char mark[64];

static void marked(void)
{
	setenv("REEVE_TEST_MARK", mark, 1);
}

static void begin(struct run *run, const char *what, const char *first, const char *second, const char *said)
{
	static int number;

	snprintf(mark, sizeof(mark), "death-%d-%d", (int)getpid(), number++);
	start(run, false, marked, (const char *[]){helper, what, first, second, NULL});
	expect(run, said);
}

static void none_left(const char *what)
{
	CHECK(nothing_left(mark), "%s: something is left", what);
}

static void front_dies(const char *what, const char *said)
{
	static struct run run;

	begin(&run, what, NULL, NULL, said);
	send_signal(run.pid, SIGKILL);
	CHECK(finish_run(&run) == 137, "the front was killed");
	none_left(what);
}

static void server_dies(const char *what, const char *said)
{
	static struct run run;
	int code;

	begin(&run, what, NULL, NULL, said);
	CHECK(kill_child_of(run.pid), "no supervisor to kill");
	code = wait_for(&run, 0);
	CHECK(WIFEXITED(code) && WEXITSTATUS(code) == 125, "%s: the supervisor was killed: %x", what, code);
	/* The output ends: nobody has it any more. */
	CHECK(expect_end(&run), "%s: the output does not end", what);
	CHECK(strstr(run.text, "supervisor died"), "no message: %s", run.text);
	close(run.input);
	close(run.output);
	none_left(what);
}

/* Network namespaces are to be had, so that there is a process which lives in one. */
static bool has_udp(void)
{
	static struct run run;

	start_words(&run, false, helper, "udp-once", NULL);
	return finish_run(&run) == 0;
}

static pid_t named_child_of(pid_t parent, const char *name)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	pid_t found = -1;

	while (proc && found < 0 && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		char path[64], line[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		file = pid > 1 && is_child_of(pid, parent) ? fopen(path, "re") : NULL;
		if (file && fgets(line, sizeof(line), file) && strcmp(line, name) == 0)
			found = pid;
		if (file)
			fclose(file);
	}
	if (proc)
		closedir(proc);
	return found;
}

/* The process that makes unplugged sockets dies, and takes nothing with it; what it made, and the rest, goes
 * on. */
static void maker_dies(void)
{
	static struct run run;
	pid_t server, maker;
	int code;

	begin(&run, "udp", NULL, NULL, "udp");
	server = named_child_of(run.pid, "reeve\n");
	maker = named_child_of(server, "reeve-unplugged\n");
	CHECK(maker > 1, "no process makes the sockets");
	if (maker <= 1)
		send_signal(run.pid, SIGKILL);
	else
		send_signal(maker, SIGKILL);
	type(&run, "x");
	expect(&run, "has died or does not answer");
	expect(&run, "again EACCES");
	code = finish_run(&run);
	CHECK(code == 8, "its end was the command's: %d", code);
	none_left("udp");
}

static void made_and_ended(void)
{
	static struct run run;
	int code;

	begin(&run, "udp", NULL, NULL, "udp");
	type(&run, "x");
	expect(&run, "again made");
	code = finish_run(&run);
	CHECK(code == 8, "with sockets of UDP: %d: %s", code, run.text);
	none_left("udp");
}

static void nothing_passes(bool is_front)
{
	static struct run run;

	for (int i = 0; i < 10; i++) {
		begin(&run, "storm", ".env", "witness", "storm");
		if (is_front)
			send_signal(run.pid, SIGKILL);
		else
			CHECK(kill_child_of(run.pid), "no supervisor to kill");
		finish_run(&run);
		none_left("storm");
		CHECK(access("witness", F_OK) < 0, "a denied file was opened when somebody died");
	}
}

/* Any process of the run at any time. */
static void at_any_time(int runs, const char *script)
{
	static struct run run;
	unsigned seed = 12345;

	for (int i = 0; i < runs; i++) {
		struct timespec delay = {.tv_nsec = rand_r(&seed) % 9000000};
		pid_t parent, child;
		unsigned depth;

		snprintf(mark, sizeof(mark), "death-%d-any-%d", (int)getpid(), i);
		start(&run, false, marked, (const char *[]){"sh", "-c", script, helper, NULL});
		nanosleep(&delay, NULL);
		depth = rand_r(&seed) % 4;
		for (parent = run.pid; depth > 1 && (child = child_of(parent)) > 1; depth--)
			parent = child;
		if (depth == 0 || !kill_child_of(parent))
			send_signal(run.pid, SIGKILL);
		wait_for(&run, 0);
		close(run.input);
		close(run.output);
	}
	snprintf(mark, sizeof(mark), "death-%d-any-", (int)getpid());
	none_left("killed at any time");
}

static int threads_and_descriptors(pid_t pid)
{
	char path[64];
	int count = 0;

	for (int i = 0; i < 2; i++) {
		FILE *list;
		char line[64];

		snprintf(path, sizeof(path), "ls /proc/%d/%s | wc -l", pid, i ? "fd" : "task");
		list = popen(path, "re");
		if (list && fgets(line, sizeof(line), list))
			count += atoi(line);
		if (list)
			pclose(list);
	}
	return count;
}

struct flat {
	pid_t pid;
	int before, *after;
};

/* What comes a moment after the start, the control socket and its thread, is there: nothing changes for a
 * second in which the command waits. */
static bool is_settled(const void *data)
{
	const struct flat *flat = data;
	const struct timespec second = {.tv_sec = 1};

	*flat->after = threads_and_descriptors(flat->pid);
	nanosleep(&second, NULL);
	return threads_and_descriptors(flat->pid) == *flat->after;
}

/* Spare threads end after a while; what leaks stays. */
static bool is_flat(const void *data)
{
	const struct flat *flat = data;

	*flat->after = threads_and_descriptors(flat->pid);
	return *flat->after <= flat->before + 3;
}

static void stays_flat(void)
{
	static struct run run;
	struct flat flat;
	int after = 0, code;

	begin(&run, "children", "2000", "allowed", "half");
	flat = (struct flat){.pid = child_of(run.pid), .after = &after};
	CHECK(becomes_true(is_settled, &flat), "threads and descriptors come and go while nothing is done");
	flat.before = after;
	type(&run, "x");
	expect(&run, "half");
	CHECK(becomes_true(is_flat, &flat), "threads and descriptors grow from %d to %d", flat.before, after);
	type(&run, "x");
	code = finish_run(&run);
	CHECK(code == 0, "2,000 children: %d: %s", code, run.text);
	none_left("children");
}

static void short_runs(int runs, const char *const *command)
{
	static struct run run;
	int code;

	snprintf(mark, sizeof(mark), "death-%d-short", (int)getpid());
	for (int i = 0; i < runs; i++) {
		start(&run, false, marked, command);
		code = finish_run(&run);
		CHECK(code == 0, "short run %d: %d: %s", i, code, run.text);
	}
	none_left("short runs");
}

static size_t private_folders(void)
{
	DIR *top = opendir("tmp");
	const struct dirent *entry;
	size_t count = 0;

	while (top && (entry = readdir(top)))
		count += strncmp(entry->d_name, "reeve-run-", 10) == 0;
	if (top)
		closedir(top);
	return count;
}

static bool no_private_folder(const void *unused)
{
	return private_folders() == 0;
}

/* Killed before there is anybody who could clean up, and all at once: the next run that lasts finds what they
 * left. */
static void no_private_folders(void)
{
	static struct run run;
	char top[4096];

	if (!getcwd(top, sizeof(top) - 4))
		abort();
	strcat(top, "/tmp");
	mkdir("tmp", 0700);
	setenv("TMPDIR", top, 1);
	at_any_time(30, opens);
	for (int i = 0; i < 10; i++) {
		start(&run, false, marked,
		        (const char *[]){"sh", "-c", "touch $TMPDIR/x; echo on; exec sleep 100", NULL});
		expect(&run, "on");
		CHECK(private_folders() > 0, "no private folder while a command runs");
		/* The supervisor dies first, so that neither of the two can clean up. */
		send_signal(run.pid, SIGSTOP);
		CHECK(kill_child_of(run.pid), "no supervisor to kill");
		send_signal(run.pid, SIGKILL);
		finish_run(&run);
	}
	none_left("killed with its folder");
	CHECK(private_folders() > 0, "nothing was left over");
	start(&run, false, marked, (const char *[]){"sh", "-c", "rmdir $TMPDIR; read x", NULL});
	CHECK(becomes_true(no_private_folder, NULL), "%zu private folders stay", private_folders());
	type(&run, "\n");
	finish_run(&run);
	CHECK(private_folders() == 0, "%zu private folders stay at the end", private_folders());
	unsetenv("TMPDIR");
}

/* The command dies in a call that blocks: whoever performs it gives up. */
static void in_a_blocking_call(void)
{
	static struct run run;
	pid_t command;
	int code;

	mkfifo("fifo", 0600);
	snprintf(mark, sizeof(mark), "death-%d-fifo", (int)getpid());
	start(&run, false, marked, (const char *[]){"sh", "-c", "echo $$; exec cat fifo", NULL});
	expect(&run, "\n");
	command = (pid_t)atoi(run.text);
	send_signal(command, SIGKILL);
	code = finish_run(&run);
	CHECK(code == 137, "killed in a blocked open: %d", code);
	none_left("blocked open");
}

static void unplugged_deaths(void)
{
	now = QUIET;
	if (!has_udp()) {
		printf("uid %d: no network namespaces are to be had: nobody makes unplugged sockets\n",
		        (int)getuid());
		return;
	}
	for (; now < STANDARD; now++) {
		made_and_ended();
		maker_dies();
		front_dies("udp", "udp");
		server_dies("udp", "udp");
		short_runs(250, (const char *[]){helper, "udp-once", NULL});
		at_any_time(100, makes);
	}
}

void test_deaths(void)
{
	if (truncate(".env", 0) < 0)
		close(open(".env", O_CREAT | O_WRONLY, 0600));
	close(open("allowed", O_CREAT | O_WRONLY, 0600));
	for (now = QUIET; now < STANDARD; now++) {
		front_dies("tree", "tree");
		front_dies("bomb", "bomb");
		server_dies("tree", "tree");
		short_runs(500, (const char *[]){"true", NULL});
		stays_flat();
		in_a_blocking_call();
		at_any_time(150, opens);
		no_private_folders();
	}
	unplugged_deaths();
	now = PERFORMING;
	nothing_passes(true);
	nothing_passes(false);
}
