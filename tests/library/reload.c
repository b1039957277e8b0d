/* reload OPENER: the policy of a run is changed through the library, over and over, while its program opens
 * files from many threads. See opener.c; what is asked of it after reeve_run_reload has returned gets the new
 * policy's answer. */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <reeve/reeve.h>

#if defined(__SANITIZE_ADDRESS__)
/* What is freed stays for a while; what is not is told at the end. */
enum { FIRST = 50, MANY = 200, GROWTH = 512 << 20 };
#elif defined(__SANITIZE_THREAD__)
/* Its own notes on memory grow. */
enum { FIRST = 100, MANY = 300, GROWTH = 16 << 20 };
#else
/* What a crowd of threads once needs at the same time stays with the allocator. So memory may grow for a few
 * rounds and has to come to rest then, to these bytes: a hundred that each reload left behind would be more.
 */
enum { FIRST = 200, MANY = 1000, GROWTH = 64 << 10 };
#endif
enum { PATIENCE = 120, QUIET = 4, ROUNDS = 10 };

static char folder[] = "/tmp/reeve-reload.XXXXXX";
static FILE *to, *from;

__attribute__((format(printf, 1, 2))) static _Noreturn void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

/* Everything may be read and run, but what is denied in the folder. */
static struct reeve_policy *policy_without(const char *denied, struct reeve_policy *like)
{
	struct reeve_policy *policy;
	char path[64];
	int r = like ? reeve_policy_like(like, &policy) : reeve_policy_new(&policy);

	if (r < 0)
		fail("no policy: %s", strerror(-r));
	snprintf(path, sizeof(path), "%s/%s", folder, denied);
	if (reeve_policy_add_rule(policy, "read", "/") < 0 ||
	        reeve_policy_add_rule(policy, "exec", "/") < 0 ||
	        reeve_policy_add_rule(policy, "deny", path) < 0)
		fail("a rule: %s", reeve_policy_errors(policy));
	return policy;
}

static void ask(char question, const char *expected)
{
	char line[64] = "";

	fputc(question, to);
	fflush(to);
	if (!fgets(line, sizeof(line), from))
		fail("the program has ended");
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, expected) != 0)
		fail("\"%s\" instead of \"%s\"", line, expected);
}

static void swap(struct reeve_run *run, struct reeve_policy *first, int times)
{
	for (int i = 0; i < times; i++) {
		const bool is_first = i & 1;
		struct reeve_policy *policy = policy_without(is_first ? "b" : "a", first);
		char *error = NULL;
		int r = reeve_run_reload(run, policy, &error);

		if (r < 0)
			fail("reload %d: %s: %s", i, strerror(-r), error ? error : "");
		reeve_policy_free(policy);
		ask('?', is_first ? "++-" : "+-+");
	}
}

static int entries(const char *path)
{
	DIR *list = opendir(path);
	int count = 0;

	while (list && readdir(list))
		count++;
	if (list)
		closedir(list);
	return count;
}

/* Threads, and the descriptors of each: it may have a table of its own. */
static int held(void)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *entry;
	int count = 0;

	while (tasks && (entry = readdir(tasks))) {
		char path[300];

		snprintf(path, sizeof(path), "/proc/self/task/%s/fd", entry->d_name);
		if (entry->d_name[0] != '.')
			count += 1 + entries(path);
	}
	if (tasks)
		closedir(tasks);
	return count;
}

static long resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		fail("no /proc/self/statm");
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* Once nothing is asked for: spare threads end after a few seconds. */
static int settled(long *ret_resident)
{
	const time_t end = time(NULL) + PATIENCE;
	const struct timespec moment = {.tv_nsec = 50000000};
	struct timespec now, since = {0};
	int seen = -1;

	ask('p', "");
	do {
		int count = held();

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (count != seen) {
			seen = count;
			since = now;
		}
		if (time(NULL) > end)
			fail("threads and descriptors never come to rest: %d", count);
		nanosleep(&moment, NULL);
	} while (now.tv_sec - since.tv_sec < QUIET);
	*ret_resident = resident();
	ask('g', "");
	return seen;
}

static void is_flat(struct reeve_run *run, struct reeve_policy *first)
{
	long size, before;
	int count, rounds = 0;

	swap(run, first, FIRST);
	count = settled(&size);
	do {
		int count_after;

		if (rounds++ == ROUNDS)
			fail("memory stays");
		before = size;
		swap(run, first, MANY);
		count_after = settled(&size);
		printf("%d reloads: from %d threads and descriptors to %d, from %ld KiB to %ld\n", MANY,
		        count, count_after, before >> 10, size >> 10);
		fflush(stdout);
		if (count_after > count)
			fail("threads or descriptors stay");
	} while (size > before + GROWTH);
}

/* What would need another filter changes nothing. */
static void cannot_widen(struct reeve_run *run, struct reeve_policy *first)
{
	struct reeve_policy *policy = policy_without("a", first);
	char *error = NULL;

	if (reeve_policy_add_rule(policy, "write", "/") < 0 || reeve_run_reload(run, policy, &error) == 0 ||
	        !error)
		fail("a policy that needs a restart was taken");
	free(error);
	reeve_policy_free(policy);
	ask('?', "++-");
}

static void put(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		fail("%s: no file", path);
	close(fd);
}

static struct reeve_run *start(struct reeve_policy *policy, const char *opener)
{
	const char *const argv[] = {opener, folder, "6", NULL};
	struct reeve_spawn_options options = {.size = sizeof(options)};
	struct reeve_plan *plan = NULL;
	struct reeve_run *run = NULL;
	char *error = NULL;
	int in[2], out[2], r;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		fail("no pipe");
	options.input = in[0];
	options.output = out[1];
	r = reeve_plan_new(policy, 0, NULL, &plan, &error);
	if (r == 0)
		r = reeve_spawn(plan, argv, &options, &run);
	if (r < 0)
		fail("start: %s: %s", strerror(-r), error ? error : "");
	reeve_plan_free(plan);
	close(in[0]);
	close(out[1]);
	to = fdopen(in[1], "w");
	from = fdopen(out[0], "r");
	return run;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"both", "a", "b"};
	struct reeve_policy *first;
	struct reeve_run *run;
	char path[64], line[256] = "";
	int status;

	if (argc != 2 || !mkdtemp(folder))
		return 2;
	for (int i = 0; i < 3; i++)
		put(names[i]);
	first = policy_without("b", NULL);
	run = start(first, argv[1]);
	ask('?', "++-");
	is_flat(run, first);
	cannot_widen(run, first);
	fclose(to);
	if (!fgets(line, sizeof(line), from) || reeve_run_wait(run, &status) < 0)
		fail("the program does not end");
	printf("%s", line);
	fclose(from);
	reeve_run_free(run);
	reeve_policy_free(first);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	if (status != 0)
		fail("a call had neither policy's answer: status %x", (unsigned)status);
	return 0;
}
