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
	long *last;
};

/* Nothing moved since the last look, a tenth of a second ago. */
static bool is_quiet(const void *data)
{
	const struct pair *pair = data;
	const struct timespec tenth = {.tv_nsec = 100000000};
	long before = switches(pair->front) + switches(pair->server);

	nanosleep(&tenth, NULL);
	*pair->last = switches(pair->front) + switches(pair->server);
	return *pair->last == before;
}

void test_cost(void)
{
	static struct run run;
	const struct timespec second = {.tv_sec = 1};

	for (now = QUIET; now < STANDARD; now++) {
		long last = 0, grown;
		struct pair pair = {.last = &last};

		start_words(&run, false, "sh", "-c", "echo on; exec sleep 100", NULL);
		expect(&run, "on");
		pair.front = run.pid;
		pair.server = child_of(run.pid);
		CHECK(becomes_true(is_quiet, &pair), "reeve never comes to rest");
		nanosleep(&second, NULL);
		grown = switches(pair.front) + switches(pair.server) - last;
		CHECK(grown == 0, "%ld wake-ups in an idle second", grown);
		send_signal(run.pid, SIGTERM);
		CHECK(finish_run(&run) == 143, "idle command");
	}
}
