#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

unsigned attack_time = 2000;
char *attack_self;

static struct timespec end;
static bool no_window;

void attack_begin(void)
{
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += attack_time / 1000;
	end.tv_nsec += attack_time % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_nsec -= 1000000000L;
		end.tv_sec++;
	}
}

bool attack_goes_on(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec);
}

/* One write, so that processes do not mix their lines. */
static void say(const char *head, const char *format, va_list arguments)
{
	char text[600];
	int n = snprintf(text, sizeof(text), "%s", head);

	vsnprintf(text + n, sizeof(text) - (size_t)n - 1, format, arguments);
	strcat(text, "\n");
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(ATTACK_BROKEN);
}

void leaked(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("LEAK: ", format, arguments);
	_exit(ATTACK_LEAKED);
}

void broken(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("BROKEN: ", format, arguments);
	_exit(ATTACK_BROKEN);
}

void tell(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("note: ", format, arguments);
	va_end(arguments);
}

void skip(const char *why)
{
	printf("SKIP: %s\n", why);
	fflush(stdout);
	_exit(ATTACK_SKIPPED);
}

void window(const char *name, unsigned long one, unsigned long other)
{
	tell("%s: %lu times the one, %lu times the other", name, one, other);
	if (one == 0 || other == 0)
		no_window = true;
}

bool look(int fd, const char *how)
{
	char text[4096];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n > 0 && memmem(text, (size_t)n, MARKER, strlen(MARKER)))
		leaked("%s", how);
	return true;
}

bool try_read(const char *path, const char *how)
{
	return look(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), how);
}

void must_fail(long result, const char *how)
{
	if (result >= 0)
		leaked("%s succeeded (%ld)", how, result);
}

void must_fail_with(long result, int error, const char *how)
{
	int got = errno;

	must_fail(result, how);
	if (got != error)
		leaked("%s failed with %s instead of %s", how, strerrorname_np(got), strerrorname_np(error));
}

bool put_at_null(const char *path)
{
	char *volatile page = NULL;

	if (mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	        MAP_FAILED)
		return false;
	/* Neither compilers nor their library like to write there. */
	for (size_t i = 0; i == 0 || path[i - 1]; i++)
		((volatile char *)page)[i] = path[i];
	return true;
}

static const struct attack *find(const char *name)
{
	const struct attack *const lists[] = {swap_attacks, move_attacks, reach_attacks, door_attacks,
	        exec_attacks, who_attacks, signal_attacks, hide_attacks, network_attacks};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const struct attack *a = lists[i]; a->name; a++)
			if (strcmp(a->name, name) == 0)
				return a;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct attack *attack = argc >= 2 ? find(argv[1]) : NULL;

	if (!attack)
		broken("no such attack");
	attack_self = argv[0];
	if (argc >= 3)
		attack_time = (unsigned)atoi(argv[2]);
	attack_begin();
	attack->run();
	if (no_window)
		return ATTACK_NO_WINDOW;
	return ATTACK_HELD;
}
