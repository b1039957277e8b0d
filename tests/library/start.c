/* start: a command that nobody could serve does not run, whatever it is that fails between its making and its
 * exec; and of what was made for it nothing is left. */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <reeve/reeve.h>

enum { PATIENCE = 60 };

static int threads, descriptors;
static char folder[] = "/tmp/reeve-start.XXXXXX";

__attribute__((format(printf, 1, 2))) static _Noreturn void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static int count(const char *path)
{
	DIR *entries = opendir(path);
	int n = 0;

	while (entries && readdir(entries))
		n++;
	if (entries)
		closedir(entries);
	return n;
}

/* Threads that end are counted for a moment yet. */
static void is_as_before(const char *path, int before, const char *fault)
{
	int now = count(path);

	for (int i = 0; now != before && i < PATIENCE * 100; i++) {
		usleep(10000);
		now = count(path);
	}
	if (now != before)
		fail("%s: %d in %s, %d before", fault, now, path, before);
}

static struct reeve_plan *plan_with(const char *limit)
{
	struct reeve_policy *policy;
	struct reeve_plan *plan;

	if (reeve_policy_new(&policy) < 0 || reeve_policy_add_rule(policy, "read", "/") < 0 ||
	        reeve_policy_add_rule(policy, "exec", "/") < 0 ||
	        reeve_policy_add_rule(policy, "write", folder) < 0 ||
	        reeve_policy_add_rule(policy, "deny", "/nonexistent/x") < 0 ||
	        (limit && reeve_policy_add_rule(policy, "limit", limit) < 0))
		fail("no policy");
	if (reeve_plan_new(policy, 0, NULL, &plan, NULL) < 0)
		fail("no plan");
	reeve_policy_free(policy);
	return plan;
}

static int run(struct reeve_plan *plan)
{
	char script[128];
	const char *argv[] = {"sh", "-c", script, NULL};
	struct reeve_spawn_options options = {.size = sizeof(options)};
	struct reeve_run *run = NULL;
	int status, r;

	snprintf(script, sizeof(script), "exec 2>&-; : > %s/ran", folder);
	r = reeve_spawn(plan, argv, &options, &run);
	if (r < 0)
		return r;
	if (reeve_run_wait(run, &status) < 0)
		fail("it cannot be waited for");
	reeve_run_free(run);
	return status;
}

static void fails(struct reeve_plan *plan, const char *fault)
{
	char ran[64];
	int r;

	snprintf(ran, sizeof(ran), "%s/ran", folder);
	setenv("REEVE_FAULT", fault, 1);
	r = run(plan);
	unsetenv("REEVE_FAULT");
	if (r >= 0)
		fail("%s: it was started: %d", fault, r);
	if (access(ran, F_OK) == 0)
		fail("%s: it ran", fault);
	if (waitpid(-1, NULL, __WALL) >= 0 || errno != ECHILD)
		fail("%s: a child is left", fault);
	is_as_before("/proc/self/task", threads, fault);
	is_as_before("/proc/self/fd", descriptors, fault);
	if (run(plan) != 0 || unlink(ran) < 0)
		fail("%s: without the fault it does not run", fault);
}

static void all_fail(const char *limit)
{
	static const char *const faults[] = {"pidfd_getfd:EPERM", "offers_addfd:EINVAL",
	        "offers_continue:ENOTTY", "filter_install:EINVAL", "filter_install:EBUSY",
	        "close_range:EBADF", "landlock:EINVAL"};
	struct reeve_plan *plan = plan_with(limit);

	descriptors = count("/proc/self/fd");
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		fails(plan, faults[i]);
	reeve_plan_free(plan);
}

int main(void)
{
	if (!mkdtemp(folder))
		fail("no folder");
	threads = count("/proc/self/task");
	all_fail(NULL);
	/* In a copy of the memory, below a keeper. */
	all_fail("wall-time=10m");
	if (rmdir(folder) < 0)
		fail("something is left in the folder");
	return 0;
}
