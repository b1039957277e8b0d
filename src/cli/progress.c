#include "cli/progress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	const char *what;
	bool is_silent, is_running, is_over;
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool can_move_cursor(void)
{
	const char *term = getenv("TERM");

	return term && *term && strcmp(term, "dumb") != 0;
}

/* One write: nothing of somebody else's comes between. */
static void show(bool moves, long seconds)
{
	char line[160];
	int n = moves ? snprintf(
	                        line, sizeof(line), "\r\033[Kreeve: still %s (%ld s)", progress.what, seconds)
	              : snprintf(line, sizeof(line), "reeve: still %s\n", progress.what);

	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		progress.is_silent = true;
}

static void take_away(void)
{
	static const char line[] = "\r\033[K";

	if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		progress.is_silent = true;
}

static void *tell(void *unused)
{
	bool moves = can_move_cursor();
	struct timespec when;
	long seconds = 0;

	(void)unused;
	clock_gettime(CLOCK_MONOTONIC, &when);
	pthread_mutex_lock(&progress.lock);
	while (!progress.is_over) {
		when.tv_sec++;
		while (!progress.is_over &&
		        pthread_cond_timedwait(&progress.changed, &progress.lock, &when) != ETIMEDOUT)
			;
		if (progress.is_over)
			break;
		seconds++;
		if (moves || seconds == 1)
			show(moves, seconds);
	}
	if (moves && seconds > 0)
		take_away();
	pthread_mutex_unlock(&progress.lock);
	return NULL;
}

void progress_begin(const char *what)
{
	pthread_condattr_t attributes;
	sigset_t all, before;

	if (progress.is_silent || progress.is_running || !isatty(STDERR_FILENO))
		return;
	progress.what = what;
	progress.is_over = false;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&progress.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	progress.is_running = pthread_create(&progress.thread, NULL, tell, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void progress_end(void)
{
	if (!progress.is_running)
		return;
	pthread_mutex_lock(&progress.lock);
	progress.is_over = true;
	pthread_cond_signal(&progress.changed);
	pthread_mutex_unlock(&progress.lock);
	pthread_join(progress.thread, NULL);
	pthread_cond_destroy(&progress.changed);
	progress.is_running = false;
}

void progress_silence(void)
{
	progress.is_silent = true;
}
