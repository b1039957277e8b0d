/* The program that the benchmarks measure: it makes one system call over and over, in one thread or in
 *several, and prints the nanoseconds that one call takes as its caller sees it. It is the same natively,
 *under the smallest loops and under a policy, and times itself, so that start-up is not part of it.
 *
 *	workload [-t THREADS] [-f FD] [-l] getppid COUNT
 *	workload [-t THREADS] [-f FD] [-l] open COUNT PATH
 *	workload [-f FD] spawn COUNT COMMAND [ARGUMENT...]
 *
 * -l puts the program into a Landlock domain that grants everything first; "spawn" runs a command to its end,
 * COUNT times in a row, and demands that it exits with 0. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "base/cleanup.h"

#define MOST_THREADS 64

struct work {
	bool opens;
	long count;
	const char *path;
	int threads;
	pthread_barrier_t start;
};

struct runner {
	pthread_t thread;
	struct work *work;
	int64_t nanoseconds;
	int error;
};

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int call_many(const struct work *work, long count)
{
	for (long i = 0; i < count; i++) {
		if (!work->opens) {
			syscall(SYS_getppid);
			continue;
		}
		long fd = syscall(SYS_openat, AT_FDCWD, work->path, O_RDONLY | O_CLOEXEC, 0);

		if (fd < 0)
			return -errno;
		close((int)fd);
	}
	return 0;
}

static void *run(void *data)
{
	struct runner *runner = data;
	struct work *work = runner->work;

	runner->error = call_many(work, work->count / 10);
	pthread_barrier_wait(&work->start);
	if (runner->error < 0)
		return NULL;

	int64_t begin = now();

	runner->error = call_many(work, work->count);
	runner->nanoseconds = now() - begin;
	return NULL;
}

static int run_threads(struct work *work, double *ret_per_call)
{
	struct runner runners[MOST_THREADS] = {0};
	double sum = 0;

	pthread_barrier_init(&work->start, NULL, (unsigned)work->threads);
	for (int i = 0; i < work->threads; i++) {
		runners[i].work = work;
		/* The barrier counts on every thread: without one of them none would ever go on. */
		if (pthread_create(&runners[i].thread, NULL, run, &runners[i]) != 0) {
			fprintf(stderr, "workload: no thread\n");
			exit(2);
		}
	}
	for (int i = 0; i < work->threads; i++) {
		pthread_join(runners[i].thread, NULL);
		if (runners[i].error < 0)
			return runners[i].error;
		sum += (double)runners[i].nanoseconds;
	}
	*ret_per_call = sum / work->threads / (double)work->count;
	return 0;
}

static int wear_landlock(void)
{
	struct landlock_ruleset_attr handled = {.handled_access_fs = (1ull << 13) - 1};
	AUTO_CLOSE int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	AUTO_CLOSE int top = open("/", O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr all = {
	        .allowed_access = handled.handled_access_fs, .parent_fd = top};

	if (ruleset < 0 || top < 0)
		return -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &all, 0) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

static int spawn_many(long count, char **argv, double *ret_per_run)
{
	int64_t begin = now();

	for (long i = 0; i < count; i++) {
		pid_t pid;
		int status;
		int error = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);

		if (error)
			return -error;
		if (waitpid(pid, &status, 0) < 0)
			return -errno;
		if (status != 0) {
			fprintf(stderr, "workload: %s ended with status 0x%x\n", argv[0], (unsigned)status);
			return -ECHILD;
		}
	}
	*ret_per_run = (double)(now() - begin) / (double)count;
	return 0;
}

static _Noreturn void usage(void)
{
	fprintf(stderr, "usage: workload [-t THREADS] [-f FD] [-l] getppid COUNT | open COUNT PATH\n"
	                "       workload [-f FD] spawn COUNT COMMAND [ARGUMENT...]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	struct work work = {.threads = 1};
	int fd = STDOUT_FILENO, option, r = 0;
	bool landlock = false;
	double result = 0;

	while ((option = getopt(argc, argv, "+t:f:l")) != -1) {
		if (option == 't')
			work.threads = (int)strtol(optarg, NULL, 10);
		else if (option == 'f')
			fd = (int)strtol(optarg, NULL, 10);
		else if (option == 'l')
			landlock = true;
		else
			usage();
	}
	if (argc - optind < 2 || work.threads < 1 || work.threads > MOST_THREADS)
		usage();

	const char *what = argv[optind];

	work.count = strtol(argv[optind + 1], NULL, 10);
	work.path = argv[optind + 2];
	work.opens = strcmp(what, "open") == 0;
	if (work.count < 1 || (strcmp(what, "getppid") != 0 && !work.path))
		usage();
	if (landlock)
		r = wear_landlock();
	if (r == 0)
		r = strcmp(what, "spawn") == 0 ? spawn_many(work.count, argv + optind + 2, &result)
		                               : run_threads(&work, &result);
	if (r < 0) {
		fprintf(stderr, "workload: %s: %s\n", what, strerror(-r));
		return 1;
	}
	dprintf(fd, "%.1f\n", result);
	return 0;
}
