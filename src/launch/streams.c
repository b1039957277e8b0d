#include "launch/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/apart.h"
#include "kernel/credentials.h"

enum { PIPE = 1 << 20, CHUNK = 1 << 18, LONGEST_LINE = 1 << 16 };

/* Not before 3: where 0 to 2 were closed they stay so for the command. Takes `fd`. */
static int high(int fd)
{
	AUTO_CLOSE int low = fd;
	int r;

	if (fd < 0)
		return -errno;
	r = fcntl(low, F_DUPFD_CLOEXEC, 3);
	return r < 0 ? -errno : r;
}

/* ---- opening ---- */

/* What a link leads to is rotated, and not the link. */
static int open_folder(struct streams_copier *copier)
{
	char link[64], path[PATH_MAX], *slash;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", copier->file);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOTSUP;
	*slash = '\0';
	copier->name = strdup(slash + 1);
	if (!copier->name)
		return -ENOMEM;
	copier->folder = high(open(path[0] ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return copier->folder < 0 ? copier->folder : 0;
}

/* Puts a pipe before the file. */
static int open_copier(
        const struct policy_stream *stream, int file, struct streams_copier *copier, int *ret_child)
{
	struct stat st;
	int pipe[2], r;

	copier->file = file;
	if (fstat(file, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	copier->size = (uint64_t)st.st_size;
	copier->rotate = stream->rotate;
	copier->keep = stream->keep;
	r = open_folder(copier);
	if (r < 0)
		return r;
	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	*ret_child = high(pipe[1]);
	copier->pipe = high(pipe[0]);
	if (*ret_child < 0 || copier->pipe < 0)
		return *ret_child < 0 ? *ret_child : copier->pipe;
	/* More is only better. */
	fcntl(copier->pipe, F_SETPIPE_SZ, PIPE);
	/* Of this end alone: the command's writes wait as they would for a file. */
	return fcntl(copier->pipe, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static bool is_same_file(int a, int b)
{
	struct stat one, other;

	return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static int open_stream(
        struct streams *streams, const struct policy_stream *stream, enum policy_stream_kind kind)
{
	AUTO_CLOSE int file =
	        high(open(stream->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666));
	struct streams_copier *first = &streams->copiers[POLICY_STDOUT];

	if (file < 0)
		return file;
	if (stream->rotate == 0) {
		streams->child[kind] = TAKE_FD(file);
		return 0;
	}
	/* One file has one pipe: what goes there stays in the order in which it was written. */
	if (kind == POLICY_STDERR && first->pipe >= 0 && is_same_file(file, first->file)) {
		streams->child[kind] = high(fcntl(streams->child[POLICY_STDOUT], F_DUPFD_CLOEXEC, 3));
		return streams->child[kind] < 0 ? streams->child[kind] : 0;
	}
	return open_copier(stream, TAKE_FD(file), &streams->copiers[kind], &streams->child[kind]);
}

void streams_init(struct streams *streams)
{
	*streams = (struct streams){0};
	for (int i = 0; i < POLICY_STREAMS; i++) {
		struct streams_copier *copier = &streams->copiers[i];

		streams->child[i] = -EBADF;
		copier->pipe = copier->folder = copier->file = copier->wake = -EBADF;
		pthread_mutex_init(&copier->lock, NULL);
		pthread_cond_init(&copier->changed, NULL);
	}
}

int streams_open(const struct policy *policy, const bool leave_out[POLICY_STREAMS], struct streams *ret,
        enum policy_stream_kind *ret_kind)
{
	for (int i = 0; i < POLICY_STREAMS; i++) {
		int r = policy->streams[i].is_set && !(leave_out && leave_out[i])
		                ? open_stream(ret, &policy->streams[i], (enum policy_stream_kind)i)
		                : 0;

		*ret_kind = (enum policy_stream_kind)i;
		if (r < 0)
			return r;
	}
	return 0;
}

int streams_put_on(const struct streams *streams)
{
	for (int i = 0; i < POLICY_STREAMS; i++)
		if (streams->child[i] >= 0 && dup2(streams->child[i], STDOUT_FILENO + i) < 0)
			return -errno;
	return 0;
}

/* ---- rotating ---- */

static void tell(struct streams_copier *copier, const char *what, int error)
{
	AUTO_FREE char *text = NULL;

	if (asprintf(&text, "%s %s: %s", what, copier->name, strerror(-error)) < 0) {
		text = NULL;
		return;
	}
	recorder_note(copier->recorder, "stream", text);
}

/* "build.log.3"; the file itself for 0. */
static void name_of(const struct streams_copier *copier, unsigned number, char *ret, size_t size)
{
	if (number == 0)
		snprintf(ret, size, "%s", copier->name);
	else
		snprintf(ret, size, "%s.%u", copier->name, number);
}

/* The command may be able to put something else there: nothing of what is not ours is moved, and no link is
 * followed. */
static bool is_in_place(const struct streams_copier *copier)
{
	struct stat ours, there;

	return fstat(copier->file, &ours) == 0 &&
	       fstatat(copier->folder, copier->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* What is not there leaves a gap. */
static int move_up(const struct streams_copier *copier)
{
	for (unsigned i = copier->keep; i > 0; i--) {
		char from[NAME_MAX + 8], to[NAME_MAX + 8];

		name_of(copier, i - 1, from, sizeof(from));
		name_of(copier, i, to, sizeof(to));
		if (renameat(copier->folder, from, copier->folder, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int begin_file(struct streams_copier *copier)
{
	struct stat st;
	int r = fstat(copier->file, &st) < 0 ? -errno : 0, file;

	if (r == 0 && is_in_place(copier))
		r = move_up(copier);
	if (r < 0)
		return r;
	file = high(openat(copier->folder, copier->name,
	        O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOCTTY, st.st_mode & 0777));
	if (file < 0)
		return file;
	close(copier->file);
	copier->file = file;
	copier->size = 0;
	return 0;
}

/* Where it cannot be done, one file goes on: nothing is lost. */
static void rotate(struct streams_copier *copier)
{
	int r = begin_file(copier);

	if (r == 0)
		return;
	copier->has_failed = true;
	tell(copier, "no new file is begun any more beside", r);
}

/* How many of these bytes still belong into this file: whole lines, unless they are too long. */
static size_t share_of_file(const struct streams_copier *copier, const char *bytes, size_t size)
{
	uint64_t room = copier->rotate > copier->size ? copier->rotate - copier->size : 0;
	const char *end;

	if (copier->has_failed || size <= room)
		return size;
	end = memrchr(bytes, '\n', (size_t)room);
	if (end)
		return (size_t)(end - bytes) + 1;
	if (!copier->in_line)
		return copier->size > 0 ? 0 : (size_t)room;
	/* A line that has begun here ends here. */
	end = memchr(bytes, '\n', size < LONGEST_LINE ? size : LONGEST_LINE);
	return end ? (size_t)(end - bytes) + 1 : size < LONGEST_LINE ? size : (size_t)room;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_rotating(struct streams_copier *copier, const char *bytes, size_t size)
{
	while (size > 0) {
		size_t share = share_of_file(copier, bytes, size);
		int r = write_all(copier->file, bytes, share);

		if (r < 0)
			return r;
		copier->size += share;
		if (share > 0)
			copier->in_line = bytes[share - 1] != '\n';
		bytes += share;
		size -= share;
		if (size > 0)
			rotate(copier);
	}
	return 0;
}

/* ---- copying ---- */

/* Copies what is there now. How many bytes, 0 when nothing is, -EPIPE when nothing will come. */
static ssize_t copy_some(struct streams_copier *copier)
{
	ssize_t n = copier->pipe < 0 ? 0 : read(copier->pipe, copier->buffer, CHUNK);
	int r;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	r = write_rotating(copier, copier->buffer, (size_t)n);
	if (r == 0)
		return n;
	/* The next write of the command fails: it shall know. */
	tell(copier, "output is lost, the pipe is closed: cannot write", r);
	close(copier->pipe);
	copier->pipe = -EBADF;
	return -EPIPE;
}

/* Others may go on writing: what comes later is not waited for. */
static void copy_what_is_there(struct streams_copier *copier)
{
	int left = 0;

	if (copier->pipe >= 0 && ioctl(copier->pipe, FIONREAD, &left) < 0)
		left = 0;
	while (left > 0) {
		ssize_t n = copy_some(copier);

		if (n <= 0)
			return;
		left -= (int)n;
	}
}

/* True when the end was asked for. */
static bool do_what_was_asked(struct streams_copier *copier)
{
	uint64_t times;
	bool flushes, ends;

	if (read(copier->wake, &times, sizeof(times)) < 0)
		return false;
	pthread_mutex_lock(&copier->lock);
	flushes = copier->shall_flush;
	ends = copier->shall_end;
	pthread_mutex_unlock(&copier->lock);
	if (flushes && !ends)
		copy_what_is_there(copier);
	pthread_mutex_lock(&copier->lock);
	copier->shall_flush = false;
	pthread_cond_broadcast(&copier->changed);
	pthread_mutex_unlock(&copier->lock);
	return ends;
}

static void *copy_main(void *argument)
{
	struct streams_copier *copier = argument;
	struct pollfd fds[] = {
	        {.fd = copier->pipe, .events = POLLIN}, {.fd = copier->wake, .events = POLLIN}};
	bool ends = false;
	ssize_t n = 0;

	while (n >= 0 && !ends && copier->pipe >= 0) {
		if (poll(fds, ELEMENTS(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			ends = do_what_was_asked(copier);
		else
			n = copy_some(copier);
	}
	while (ends && copy_some(copier) > 0)
		;
	cleanup_close(&copier->pipe);
	cleanup_close(&copier->file);
	cleanup_close(&copier->folder);
	pthread_mutex_lock(&copier->lock);
	copier->has_ended = true;
	pthread_cond_broadcast(&copier->changed);
	pthread_mutex_unlock(&copier->lock);
	return NULL;
}

/* Its descriptors go to the thread: here they are open no more. */
static int start_apart(struct streams_copier *copier)
{
	const int own[] = {copier->pipe, copier->file, copier->folder};
	int keep[ELEMENTS(own) + 1], r = 0;
	size_t count = 0;

	for (size_t i = 0; i < ELEMENTS(own); i++)
		credentials_keep(keep, &count, ELEMENTS(keep), own[i]);
	credentials_keep(keep, &count, ELEMENTS(keep), copier->wake);
	r = apart_start(keep, count, copy_main, copier, &copier->thread);
	for (size_t i = 0; r == 0 && i < ELEMENTS(own); i++)
		close(own[i]);
	return r;
}

static int start_copier(struct streams_copier *copier, struct recorder *recorder, bool apart)
{
	int r;

	copier->recorder = recorder;
	copier->buffer = malloc(CHUNK);
	if (!copier->buffer)
		return -ENOMEM;
	copier->wake = high(eventfd(0, EFD_CLOEXEC));
	if (copier->wake < 0)
		return copier->wake;
	r = apart ? start_apart(copier) : -pthread_create(&copier->thread, NULL, copy_main, copier);
	copier->is_running = r == 0;
	return r;
}

int streams_keep(const struct streams *streams, int *list, size_t *count, size_t size)
{
	int r = 0;

	for (int i = 0; i < POLICY_STREAMS && r == 0; i++) {
		r = credentials_keep(list, count, size, streams->copiers[i].pipe);
		if (r == 0)
			r = credentials_keep(list, count, size, streams->copiers[i].file);
		if (r == 0)
			r = credentials_keep(list, count, size, streams->copiers[i].folder);
	}
	return r;
}

int streams_start(struct streams *streams, struct recorder *recorder, bool apart)
{
	for (int i = 0; i < POLICY_STREAMS; i++) {
		struct streams_copier *copier = &streams->copiers[i];
		int r = copier->pipe < 0 ? 0 : start_copier(copier, recorder, apart);

		if (r < 0)
			return r;
	}
	return 0;
}

void streams_given(struct streams *streams)
{
	for (int i = 0; i < POLICY_STREAMS; i++) {
		cleanup_close(&streams->child[i]);
		streams->child[i] = -EBADF;
	}
}

/* Under the lock. */
static void wake(struct streams_copier *copier)
{
	const uint64_t one = 1;

	while (write(copier->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void streams_flush(struct streams *streams)
{
	for (int i = 0; i < POLICY_STREAMS; i++) {
		struct streams_copier *copier = &streams->copiers[i];

		if (!copier->is_running)
			continue;
		pthread_mutex_lock(&copier->lock);
		copier->shall_flush = true;
		wake(copier);
		while (copier->shall_flush && !copier->has_ended)
			pthread_cond_wait(&copier->changed, &copier->lock);
		pthread_mutex_unlock(&copier->lock);
	}
}

/* A thread has closed what was its own. */
static void finish_copier(struct streams_copier *copier, bool waits)
{
	if (copier->is_running) {
		pthread_mutex_lock(&copier->lock);
		copier->shall_end = !waits;
		if (!waits)
			wake(copier);
		pthread_mutex_unlock(&copier->lock);
		pthread_join(copier->thread, NULL);
	} else {
		cleanup_close(&copier->pipe);
		cleanup_close(&copier->file);
		cleanup_close(&copier->folder);
	}
	copier->is_running = false;
	cleanup_close(&copier->wake);
	free(copier->buffer);
	free(copier->name);
	pthread_mutex_destroy(&copier->lock);
	pthread_cond_destroy(&copier->changed);
}

void streams_finish(struct streams *streams, bool waits)
{
	for (int i = 0; i < POLICY_STREAMS; i++)
		finish_copier(&streams->copiers[i], waits);
}
