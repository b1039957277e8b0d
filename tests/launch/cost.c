/* What a run costs while nothing happens. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

/* Voluntary switches of all threads of a process. */
static long switches(pid_t pid)
{
	char path[300], line[256];
	struct dirent *entry;
	long total = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (!strncmp(line, "voluntary_ctxt_switches:", 24))
				total += atol(line + 24);
		if (file)
			fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return total;
}

struct pair {
	pid_t front, server;
	long *grown;
};

/* Nothing moves for two seconds. On a crowded machine the start may pause for longer than it takes, so it is
 * looked again; what wakes up now and then is never quiet. */
static bool is_quiet(const void *data)
{
	const struct pair *pair = data;
	const struct timespec two_seconds = {.tv_sec = 2};
	long before = switches(pair->front) + switches(pair->server);

	nanosleep(&two_seconds, NULL);
	*pair->grown = switches(pair->front) + switches(pair->server) - before;
	return *pair->grown == 0;
}

void test_cost(void)
{
	static struct run run;

	for (now = QUIET; now < STANDARD; now++) {
		long grown = 0;
		struct pair pair = {.grown = &grown};

		start_words(&run, false, "sh", "-c", "echo on; exec sleep 100", NULL);
		expect(&run, "on");
		pair.front = run.pid;
		pair.server = child_of(run.pid);
		CHECK(becomes_true(is_quiet, &pair), "%ld wake-ups in two idle seconds", grown);
		send_signal(run.pid, SIGTERM);
		CHECK(finish_run(&run) == 143, "idle command");
	}
}
