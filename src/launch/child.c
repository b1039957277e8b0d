#include "launch/child.h"

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <reeve/reeve.h>

#include "kernel/credentials.h"
#include "kernel/landlock.h"
#include "kernel/process.h"
#include "launch/launch.h"

static void report(const struct child_options *options, enum child_step step, int error, int number)
{
	struct child_report report = {.step = step, .error = error, .number = number, .pid = getpid()};
	ssize_t n;

	do
		n = write(options->reports, &report, sizeof(report));
	while (n < 0 && errno == EINTR);
}

static _Noreturn void fail(const struct child_options *options, enum child_step step, int error)
{
	report(options, step, error, -1);
	_exit(step != CHILD_EXEC  ? LAUNCH_EXIT_FAILED
	        : error == ENOENT ? LAUNCH_EXIT_NOT_FOUND
	                          : LAUNCH_EXIT_CANNOT_RUN);
}

static void install(const struct child_options *options)
{
	struct sock_fprog program = {
	        .len = options->plan->filter.length, .filter = options->plan->filter.instructions};
	int listener = -1, r;
	char byte;

	r = reeve_filter_install(&program, options->filter_flags, options->needs_listener ? &listener : NULL);
	if (r < 0)
		fail(options, CHILD_FILTER, -r);
	/* From here on calls may be held: only write, read, close and exec are made, and exec when it is
	 * served. */
	report(options, CHILD_READY, 0, listener);
	if (listener < 0)
		return;
	do
		r = (int)read(options->go, &byte, 1);
	while (r < 0 && errno == EINTR);
	if (r != 1)
		_exit(LAUNCH_EXIT_FAILED);
	close(listener);
}

/* A text without "#!" is run by the shell, as execvp does. */
static void execute(const struct child_options *options, const char *path)
{
	execve(path, options->argv, options->environment);
	if (errno != ENOEXEC)
		return;
	options->script[0] = (char *)"/bin/sh";
	options->script[1] = (char *)path;
	execve(options->script[0], options->script, options->environment);
}

static const char *search_path(char *const *environment)
{
	for (; *environment; environment++)
		if (strncmp(*environment, "PATH=", 5) == 0)
			return *environment + 5;
	return CHILD_STANDARD_PATH;
}

/* A folder of PATH that is closed to us holds nothing that could be found. */
static bool was_found(const char *path, int error)
{
	struct stat st;
	bool found = error != ENOENT && error != ENOTDIR;

	if (error == EACCES)
		found = stat(path, &st) == 0;
	errno = error;
	return found;
}

/* Most folders of PATH lack the command, and each exec may be one that the supervisor answers: a look is
 * cheaper. */
static bool is_absent(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* The errno that tells most: a file that was found and could not be run comes before one that was not found.
 */
static int search(const struct child_options *options, const char *name)
{
	const char *path = search_path(options->environment);
	int error = ENOENT;

	for (;;) {
		const char *end = strchrnul(path, ':');
		char full[PATH_MAX];
		size_t n = (size_t)(end - path), m = strlen(name);

		if (n + m + 2 <= sizeof(full)) {
			memcpy(full, path, n);
			if (n)
				full[n++] = '/';
			memcpy(full + n, name, m + 1);
			if (!is_absent(full))
				execute(options, full);
			if (error == ENOENT && was_found(full, errno))
				error = errno;
			if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
				return errno;
		}
		if (!*end)
			return error;
		path = end + 1;
	}
}

/* A signal that comes between its being let through and the exec would run one in the memory of whoever made
 * us, which is not its process. The exec forgets them anyway. */
static void forget_handlers(void)
{
	struct sigaction action;

	for (int i = 1; i < NSIG; i++)
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
		        action.sa_handler != SIG_IGN)
			signal(i, SIG_DFL);
}

static void give_back(const struct child_origin *origin, const struct limits_own *limits)
{
	if (origin->handles_signals)
		forget_handlers();
	setrlimit(RLIMIT_NOFILE, &limits->files);
	if (origin->ignored_child)
		signal(SIGCHLD, SIG_IGN);
	sigprocmask(SIG_SETMASK, &origin->mask, NULL);
}

_Noreturn void child_run(const struct child_options *options)
{
	const char *name = options->argv[0];
	int r = process_die_with_parent(options->parent);

	if (r < 0)
		fail(options, CHILD_PARENT, -r);
	r = limits_put_on(options->limits);
	if (r < 0)
		fail(options, CHILD_LIMITS, -r);
	r = credentials_no_new_privileges();
	if (r == 0 && options->ruleset >= 0)
		r = landlock_restrict_thread(options->ruleset);
	if (r < 0)
		fail(options, CHILD_DOMAIN, -r);
	/* Last: what is used above may have one of their numbers. */
	r = options->streams ? streams_put_on(options->streams) : 0;
	if (r < 0)
		fail(options, CHILD_STREAMS, -r);
	install(options);
	give_back(options->origin, options->limits);
	if (strchr(name, '/')) {
		execute(options, name);
		fail(options, CHILD_EXEC, errno);
	}
	fail(options, CHILD_EXEC, *name ? search(options, name) : ENOENT);
}
