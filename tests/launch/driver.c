#include "driver.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Only a failure waits this long. */
#define DEADLINE_MS 120000

int failures;
enum how now;
static const char *const names[HOWS] = {"native", "no notification", "performing", "default profile"};

static long milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void fail_at(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	failures++;
	fprintf(stderr, "%s:%d: (%s, uid %d) ", file, line, names[now], (int)getuid());
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

const char **arguments_of(const char *const *command)
{
	static const char *list[300];
	static const char *const options[HOWS][10] = {
	        [QUIET] = {"run", "--read", "/", "--exec", "/", "--write", ".", "--write", "/dev", NULL},
	        [PERFORMING] = {"run", "--read", "/", "--exec", "/", "--write", ".", "--deny", "**/.env",
	                NULL},
	        [STANDARD] = {"run", "--use", "workspace", "--read", "/tmp", "--exec", "/tmp", NULL},
	};
	size_t n = 0;

	if (now != NATIVE) {
		list[n++] = reeve;
		for (size_t i = 0; i < 10 && options[now][i]; i++)
			list[n++] = options[now][i];
		list[n++] = "--";
	}
	for (size_t i = 0; command[i] && n < 299; i++)
		list[n++] = command[i];
	list[n] = NULL;
	return list;
}

static void enter_terminal(int master)
{
	int fd;

	setsid();
	fd = open(ptsname(master), O_RDWR);
	ioctl(fd, TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static int open_terminal(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0) {
		printf("no pseudo-terminal can be had: %s\n", strerror(errno));
		exit(77);
	}
	return fd;
}

void start(struct run *run, bool on_terminal, void (*prepare)(void), const char *const *command)
{
	const char **list = arguments_of(command);
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	sigset_t none;

	memset(run, 0, sizeof(*run));
	run->terminal = on_terminal ? open_terminal() : -1;
	if (!on_terminal && (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0))
		abort();
	fflush(NULL);
	run->pid = fork();
	if (run->pid < 0) {
		perror("fork");
		_exit(1);
	}
	if (run->pid == 0) {
		sigemptyset(&none);
		if (on_terminal) {
			enter_terminal(run->terminal);
		} else {
			setpgid(0, 0);
			dup2(in[0], 0);
			dup2(out[1], 1);
			dup2(out[1], 2);
		}
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (prepare)
			prepare();
		execvp(list[0], (char **)list);
		_exit(99);
	}
	if (!on_terminal) {
		close(in[0]);
		close(out[1]);
	}
	run->input = on_terminal ? run->terminal : in[1];
	run->output = on_terminal ? run->terminal : out[0];
}

void start_words(struct run *run, bool on_terminal, const char *first, ...)
{
	const char *list[32] = {first};
	va_list arguments;
	size_t n = 1;

	va_start(arguments, first);
	while (n < 31 && (list[n] = va_arg(arguments, char *)))
		n++;
	va_end(arguments);
	start(run, on_terminal, NULL, list);
}

/* 1: some more text, 0: the end, -1: the deadline. */
static int read_some(struct run *run, long until)
{
	struct pollfd fd = {.fd = run->output, .events = POLLIN};
	long left = until - milliseconds();
	ssize_t n;

	if (left <= 0 || poll(&fd, 1, (int)left) <= 0 || run->length == sizeof(run->text) - 1)
		return -1;
	n = read(run->output, run->text + run->length, sizeof(run->text) - 1 - run->length);
	if (n <= 0)
		return 0;
	run->length += (size_t)n;
	run->text[run->length] = '\0';
	return 1;
}

bool expect(struct run *run, const char *text)
{
	long until = milliseconds() + DEADLINE_MS;

	for (;;) {
		const char *at = strstr(run->text + run->seen, text);

		if (at) {
			run->seen = (size_t)(at - run->text) + strlen(text);
			return true;
		}
		if (read_some(run, until) <= 0) {
			fail_at(__FILE__, __LINE__, "expected \"%s\", got \"%s\"", text,
			        run->text + run->seen);
			return false;
		}
	}
}

void type(struct run *run, const char *text)
{
	size_t n = strlen(text);

	if (write(run->input, text, n) != (ssize_t)n)
		fail_at(__FILE__, __LINE__, "cannot type: %s", strerror(errno));
}

bool expect_end(struct run *run)
{
	long until = milliseconds() + DEADLINE_MS;
	int r;

	while ((r = read_some(run, until)) > 0)
		;
	return r == 0;
}

int wait_for(const struct run *run, int options)
{
	long until = milliseconds() + DEADLINE_MS;
	const struct timespec moment = {.tv_nsec = 300000};
	int status;

	for (;;) {
		pid_t pid = waitpid(run->pid, &status, options | WNOHANG);

		if (pid == run->pid)
			return status;
		if (pid < 0 || milliseconds() > until)
			return -1;
		nanosleep(&moment, NULL);
	}
}

int finish_run(struct run *run)
{
	int status = wait_for(run, 0);

	if (status == -1) {
		fail_at(__FILE__, __LINE__, "does not end; so far: \"%s\"", run->text);
		send_signal(run->pid, SIGCONT);
		send_signal(run->pid, SIGKILL);
		waitpid(run->pid, &status, 0);
		status = -1;
	}
	close(run->output);
	if (run->input != run->output)
		close(run->input);
	if (status == -1)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool becomes_true(bool (*condition)(const void *data), const void *data)
{
	long until = milliseconds() + DEADLINE_MS;
	const struct timespec moment = {.tv_nsec = 1000000};

	while (!condition(data)) {
		if (milliseconds() > until)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

static bool file_has(pid_t pid, const char *file, const char *word)
{
	static char text[1 << 17];
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text));
	close(fd);
	return n > 0 && memmem(text, (size_t)n, word, strlen(word));
}

static bool is_nothing_left(const void *data)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (proc && !found && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (!isdigit((unsigned char)entry->d_name[0]) || pid == getpid() || pid == getppid())
			continue;
		found = file_has(pid, "cmdline", data) || file_has(pid, "environ", data);
	}
	if (proc)
		closedir(proc);
	return !found;
}

bool nothing_left(const char *word)
{
	return becomes_true(is_nothing_left, word);
}

static pid_t stat_of(pid_t pid, char *ret_state)
{
	char path[64], text[512];
	FILE *file;
	size_t n;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	if (!strrchr(text, ')') || sscanf(strrchr(text, ')') + 1, " %c %d", ret_state, &parent) != 2)
		return -1;
	return parent;
}

char state_of(pid_t pid)
{
	char state = '?';

	return stat_of(pid, &state) < 0 ? '?' : state;
}

bool is_child_of(pid_t pid, pid_t parent)
{
	char state;

	return stat_of(pid, &state) == parent;
}

pid_t child_of(pid_t pid)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = -1;
	char state;

	while (proc && found < 0 && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		        stat_of((pid_t)atoi(entry->d_name), &state) == pid)
			found = (pid_t)atoi(entry->d_name);
	if (proc)
		closedir(proc);
	return found;
}

bool kill_child_of(pid_t pid)
{
	pid_t child = child_of(pid);
	int fd = child > 1 ? (int)syscall(SYS_pidfd_open, child, 0) : -1;
	char state;
	bool is_his;

	if (fd < 0)
		return false;
	is_his = stat_of(child, &state) == pid;
	if (is_his)
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	close(fd);
	return is_his;
}

void send_signal(pid_t pid, int signal)
{
	pid_t who = pid < 0 ? -pid : pid;

	if (who <= 1 || who == getpid() || who == getppid() || who == getpgrp()) {
		fprintf(stderr, "no process to signal: %d\n", (int)pid);
		_exit(1);
	}
	kill(pid, signal);
}
