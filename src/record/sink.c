#include "record/sink.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

void sink_init(struct sink *sink, int fd)
{
	struct stat st;

	*sink = (struct sink){.fd = fd};
	sink->is_file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	pthread_mutex_init(&sink->lock, NULL);
}

void sink_done(struct sink *sink)
{
	pthread_mutex_destroy(&sink->lock);
}

void sink_close(struct sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	sink->fd = -1;
	pthread_mutex_unlock(&sink->lock);
}

uint64_t sink_failed(struct sink *sink)
{
	uint64_t failed;

	pthread_mutex_lock(&sink->lock);
	failed = sink->failed;
	pthread_mutex_unlock(&sink->lock);
	return failed;
}

void sink_count_lost(struct sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	sink->failed++;
	pthread_mutex_unlock(&sink->lock);
}

bool sink_is_open(struct sink *sink)
{
	bool open;

	pthread_mutex_lock(&sink->lock);
	open = sink->fd >= 0;
	pthread_mutex_unlock(&sink->lock);
	return open;
}

/* 0 or -errno; *ret_written counts also what went out before an error. */
static int write_whole(int fd, const char *bytes, size_t size, size_t *ret_written)
{
	*ret_written = 0;
	while (*ret_written < size) {
		ssize_t n = write(fd, bytes + *ret_written, size - *ret_written);
		struct pollfd ready = {.fd = fd, .events = POLLOUT};

		if (n > 0)
			*ret_written += (size_t)n;
		else if (n == 0)
			return -EIO;
		else if (errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* A reader that has gone away is an error of this sink and must not end the supervisor. */
static int write_without_sigpipe(int fd, const char *bytes, size_t size, size_t *ret_written)
{
	const struct timespec now = {0};
	sigset_t pipe, before, pending;
	bool was_pending;
	int r;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) > 0;
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	r = write_whole(fd, bytes, size, ret_written);
	if (r == -EPIPE && !was_pending)
		while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int write_piece(struct sink *sink, const char *bytes, size_t size)
{
	size_t written = 0;
	int r;

	/* What was cut off must not run into the next piece. */
	if (sink->torn) {
		r = sink->is_file ? write_whole(sink->fd, "\n", 1, &written)
		                  : write_without_sigpipe(sink->fd, "\n", 1, &written);
		if (r < 0)
			return r;
		sink->torn = false;
	}
	r = sink->is_file ? write_whole(sink->fd, bytes, size, &written)
	                  : write_without_sigpipe(sink->fd, bytes, size, &written);
	sink->torn = r < 0 && written > 0;
	return r;
}

int sink_write(struct sink *sink, const char *bytes, size_t size, int *ret_error)
{
	int r = 0, result = 0;

	pthread_mutex_lock(&sink->lock);
	if (sink->fd >= 0)
		r = write_piece(sink, bytes, size);
	if (r < 0) {
		result = sink->failed++ == 0 ? 1 : 2;
		*ret_error = r;
	}
	pthread_mutex_unlock(&sink->lock);
	return result;
}
