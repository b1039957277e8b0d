#include "target/task.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "kernel/blocking.h"
#include "kernel/mates.h"
#include "kernel/opening.h"

char *task_number(char *ret, unsigned number)
{
	char digits[12];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n)
		*ret++ = digits[--n];
	*ret = '\0';
	return ret;
}

/* "TID/what" */
static void task_name(pid_t tid, const char *what, char *ret, size_t size)
{
	char *end = task_number(ret, (unsigned)tid);

	*end++ = '/';
	strncpy(end, what, size - (size_t)(end - ret) - 1);
	ret[size - 1] = '\0';
}

int task_view_init(struct task_view *ret)
{
	AUTO_CLOSE int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (proc < 0 || root < 0)
		return -errno;
	*ret = (struct task_view){.proc = TAKE_FD(proc), .own_fds = -EBADF, .root = TAKE_FD(root)};
	return 0;
}

int task_view_own_fds(struct task_view *view)
{
	if (view->own_fds < 0)
		view->own_fds = open("/proc/thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return view->own_fds;
}

void task_view_done(struct task_view *view)
{
	cleanup_close(&view->proc);
	cleanup_close(&view->own_fds);
	cleanup_close(&view->root);
	view->proc = view->own_fds = view->root = -EBADF;
}

/* The next name in the path that is a number of a process; NULL when there is none. */
static const char *next_number(const char *path, size_t *ret_digits)
{
	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		size_t digits = strspn(p + 1, "0123456789");

		if (digits == 0 || digits > 10 || (p[1 + digits] != '/' && p[1 + digits] != '\0'))
			continue;
		*ret_digits = digits;
		return p + 1;
	}
	return NULL;
}

bool task_path_has_number(const char *path)
{
	size_t digits;

	return next_number(path, &digits) != NULL;
}

static bool is_helper(const struct task_view *view, pid_t pid)
{
	for (size_t i = 0; view->helpers && i < TASK_HELPERS; i++) {
		pid_t helper;

		/* Its number is known in a moment. */
		while ((helper = view->helpers[i]) == BLOCKING_STARTS)
			sched_yield();
		if (helper != 0 && helper == pid)
			return true;
	}
	return false;
}

/* Whether it is the number of a process with our memory, or of one of its threads. */
static bool is_ours(const struct task_view *view, pid_t number)
{
	pid_t mates[MATES_MOST];
	size_t count = mates_list(mates);
	pid_t self = getpid();
	char name[64];

	snprintf(name, sizeof(name), "self/task/%d", number);
	if (faccessat(view->proc, name, F_OK, 0) == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		if (mates[i] == self)
			continue;
		snprintf(name, sizeof(name), "%d/task/%d", mates[i], number);
		if (number == mates[i] || faccessat(view->proc, name, F_OK, 0) == 0)
			return true;
	}
	return false;
}

bool task_view_is_own(const struct task_view *view, const char *path)
{
	size_t digits;

	for (const char *number = next_number(path, &digits); number; number = next_number(number, &digits)) {
		long pid = strtol(number, NULL, 10);

		/* No process has a number as large as the longest. */
		if (pid <= INT32_MAX && (is_helper(view, (pid_t)pid) || is_ours(view, (pid_t)pid)))
			return true;
	}
	return false;
}

int task_view_path(struct task_view *view, int fd, char *ret, size_t size)
{
	char name[12];
	ssize_t n;

	task_number(name, (unsigned)fd);
	n = task_view_own_fds(view) < 0 ? -1 : readlinkat(view->own_fds, name, ret, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return (int)n;
}

int task_open(const struct task *task, const char *what)
{
	char name[64];
	uint64_t before;
	int fd;

	task_name(task->tid, what, name, sizeof(name));
	fd = opening_openat(task->view->proc, name, O_PATH | O_CLOEXEC, 0);
	/* It is the task's own, also where its ids changed and others may not look any more. */
	if (fd == -EACCES && credentials_begin_looking(&before)) {
		fd = opening_openat(task->view->proc, name, O_PATH | O_CLOEXEC, 0);
		credentials_end_looking(before);
	}
	return fd;
}

int task_link(const struct task *task, const char *what, char *ret, size_t size)
{
	char name[64];
	uint64_t before;
	ssize_t n;

	task_name(task->tid, what, name, sizeof(name));
	n = readlinkat(task->view->proc, name, ret, size);
	if (n < 0 && errno == EACCES && credentials_begin_looking(&before)) {
		n = readlinkat(task->view->proc, name, ret, size);
		credentials_end_looking(before);
		if (n < 0)
			return -EACCES;
	}
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return (int)n;
}

FILE *task_read_maps(const struct task_view *view, pid_t pid)
{
	char name[64];
	FILE *file;
	int fd;

	task_name(pid, "maps", name, sizeof(name));
	fd = openat(view->proc, name, O_RDONLY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (fd >= 0 && !file)
		close(fd);
	return file;
}

/* The file TID/what as text. Its length, -ESRCH, -errno; -EOVERFLOW when it does not fit. */
static int task_read(const struct task_view *view, pid_t tid, const char *what, char *ret, size_t size)
{
	char name[64];
	AUTO_CLOSE int fd = -EBADF;
	size_t length = 0;

	task_name(tid, what, name, sizeof(name));
	fd = openat(view->proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	for (;;) {
		ssize_t n = read(fd, ret + length, size - length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0)
			length += (size_t)n;
		if (length == size)
			return -EOVERFLOW; /* no room for the end of the text */
	}
	ret[length] = '\0';
	return (int)length;
}

/* What stands behind "\nKey:\t", or NULL. */
static const char *status_value(const char *text, const char *key)
{
	const char *found = strstr(text, key);

	return found ? found + strlen(key) : NULL;
}

static int status_hex(const char *text, const char *key, uint64_t *ret)
{
	const char *value = status_value(text, key);

	if (!value)
		return -EIO;
	*ret = strtoull(value, NULL, 16);
	return 0;
}

/* The fourth number behind "Uid:" and "Gid:" is the one that counts for files. */
static int status_fs_id(const char *text, const char *key, uint32_t *ret)
{
	const char *value = status_value(text, key);

	if (!value || sscanf(value, "%*u %*u %*u %u", ret) != 1)
		return -EIO;
	return 0;
}

static int status_groups(const char *text, struct credentials *ret)
{
	const char *value = status_value(text, "\nGroups:\t");

	ret->group_count = 0;
	if (!value)
		return -EIO;
	while (*value && *value != '\n') {
		char *end;
		unsigned long group = strtoul(value, &end, 10);

		if (end == value)
			break;
		if (ret->group_count == CREDENTIALS_GROUPS)
			return -EOVERFLOW;
		ret->groups[ret->group_count++] = (gid_t)group;
		value = end + strspn(end, " ");
	}
	return 0;
}

int task_status(const struct task *task, struct task_status *ret)
{
	char text[8192];
	struct task_status status = {0};
	const char *value;
	int r = task_read(task->view, task->tid, "status", text, sizeof(text));

	if (r < 0)
		return r;
	value = status_value(text, "\nTgid:\t");
	if (!value)
		return -EIO;
	status.tgid = (pid_t)strtol(value, NULL, 10);
	value = status_value(text, "\nState:\t");
	if (!value)
		return -EIO;
	status.state = *value;
	value = status_value(text, "\nUmask:\t");
	if (!value)
		return -EIO;
	status.umask = (mode_t)strtoul(value, NULL, 8);
	if (status_fs_id(text, "\nUid:\t", &status.credentials.fsuid) < 0 ||
	        status_fs_id(text, "\nGid:\t", &status.credentials.fsgid) < 0 ||
	        status_hex(text, "\nCapEff:\t", &status.credentials.effective) < 0 ||
	        status_hex(text, "\nSigPnd:\t", &status.pending) < 0 ||
	        status_hex(text, "\nShdPnd:\t", &status.shared) < 0 ||
	        status_hex(text, "\nSigBlk:\t", &status.blocked) < 0)
		return -EIO;
	r = status_groups(text, &status.credentials);
	if (r < 0)
		return r;
	*ret = status;
	return 0;
}

static int status_number(const char *text, const char *key, long *ret)
{
	const char *value = status_value(text, key);

	if (!value)
		return -EIO;
	*ret = strtol(value, NULL, 10);
	return 0;
}

static int filters_of(const char *text, long *ret)
{
	return status_number(text, "\nSeccomp_filters:\t", ret);
}

int task_is_supervised(const struct task_view *view, pid_t tid, pid_t *ret_tgid)
{
	enum { DEEPEST = 4096 };
	char text[8192];
	long filters, own_filters, tgid, parent;
	const pid_t self = getpid();
	int r = task_read(view, self, "status", text, sizeof(text));

	if (r == 0 || r == -ESRCH)
		return -EIO;
	if (r < 0 || filters_of(text, &own_filters) < 0)
		return r < 0 ? r : -EIO;
	r = task_read(view, tid, "status", text, sizeof(text));
	if (r < 0)
		return r;
	if (filters_of(text, &filters) < 0 || status_number(text, "\nTgid:\t", &tgid) < 0 ||
	        status_number(text, "\nPPid:\t", &parent) < 0)
		return -EIO;
	if (filters <= own_filters || tgid == self)
		return 0;
	*ret_tgid = (pid_t)tgid;
	for (int depth = 0; depth < DEEPEST && parent > 1; depth++) {
		if (parent == self)
			return 1;
		r = task_read(view, (pid_t)parent, "status", text, sizeof(text));
		if (r < 0)
			return r == -ESRCH ? 0 : r;
		if (status_number(text, "\nPPid:\t", &parent) < 0)
			return -EIO;
	}
	return parent == self;
}

int task_numbers_as_we(const struct task *task)
{
	char text[8192];
	const char *value;
	int r = task_read(task->view, task->tid, "status", text, sizeof(text));

	if (r < 0)
		return r;
	value = status_value(text, "\nNSpid:\t");
	return value ? strcspn(value, "\t") > strcspn(value, "\n") : -EIO;
}

int task_has_own_user_namespace(const struct task *task)
{
	char name[64];
	struct stat theirs, ours;

	task_name(task->tid, "ns/user", name, sizeof(name));
	if (fstatat(task->view->proc, name, &theirs, 0) < 0 ||
	        fstatat(task->view->proc, "thread-self/ns/user", &ours, 0) < 0)
		return -errno;
	return theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev;
}

int task_terminal(pid_t tid, const struct task_view *view, dev_t *ret)
{
	char text[1024];
	const char *after;
	int terminal;
	int r = task_read(view, tid, "stat", text, sizeof(text));

	if (r < 0)
		return r;
	after = strrchr(text, ')');
	if (!after || sscanf(after + 1, " %*c %*d %*d %*d %d", &terminal) != 1)
		return -EIO;
	/* The kernel packs the number as new_encode_dev does. */
	*ret = makedev((unsigned)(terminal >> 8) & 0xfff,
	        ((unsigned)terminal & 0xff) | (((unsigned)terminal >> 12) & 0xfff00));
	return 0;
}

int task_descriptor_flags(const struct task *task, int number, unsigned *ret)
{
	char name[32], text[512];
	const char *flags;
	uint64_t before;
	int n;

	snprintf(name, sizeof(name), "fdinfo/%d", number);
	n = task_read(task->view, task->tid, name, text, sizeof(text));
	if (n == -EACCES && credentials_begin_looking(&before)) {
		n = task_read(task->view, task->tid, name, text, sizeof(text));
		credentials_end_looking(before);
	}
	flags = n < 0 ? NULL : strstr(text, "flags:");
	if (!flags)
		return n < 0 ? n : -EIO;
	*ret = (unsigned)strtoul(flags + strlen("flags:"), NULL, 8);
	return 0;
}

void task_program(const struct task *task, char *ret, size_t size)
{
	char text[128];
	int n = task_read(task->view, task->tid, "comm", text, sizeof(text));

	if (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	snprintf(ret, size, "%s", n > 0 ? text : "?");
}
