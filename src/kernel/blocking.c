#include "kernel/blocking.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct request {
	int dirfd;
	const char *path;
	const struct open_how *how;
	_Atomic int result;
	uint32_t alive; /* the kernel clears it, and wakes, when the helper ends */
};

#define PENDING (-100000)

/* The helper shares our thread's storage, so libc's errno is not its own: the kernel is called directly. */
static long raw_openat2(int dirfd, const char *path, const struct open_how *how, size_t size)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = (long)size;
	long result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(SYS_openat2), "D"((long)dirfd), "S"(path), "d"(how), "r"(r10)
	                 : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = SYS_openat2;
	register long x0 __asm__("x0") = dirfd;
	register long x1 __asm__("x1") = (long)path;
	register long x2 __asm__("x2") = (long)how;
	register long x3 __asm__("x3") = (long)size;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#endif
}

__attribute__((no_sanitize("address", "undefined", "thread"))) static int helper(void *argument)
{
	struct request *request = argument;

	request->result =
	        (int)raw_openat2(request->dirfd, request->path, request->how, sizeof(*request->how));
	return 0;
}

static void wait_for_end(struct request *request, int interval_ms)
{
	struct timespec interval = {.tv_sec = interval_ms / 1000, .tv_nsec = interval_ms % 1000 * 1000000L};
	uint32_t alive = __atomic_load_n(&request->alive, __ATOMIC_ACQUIRE);

	if (alive)
		syscall(SYS_futex, &request->alive, FUTEX_WAIT, alive, &interval, NULL, 0);
}

/* The numbers from the lowest free one on: what the helper opens is among them, whatever `tick` opens
 * meanwhile. */
struct numbers {
	struct pollfd at[16];
};

#define NUMBERS_COUNT (sizeof((struct numbers){0}.at) / sizeof(struct pollfd))

static void look_at(struct numbers *numbers)
{
	for (size_t i = 0; i < NUMBERS_COUNT; i++)
		numbers->at[i].revents = 0;
	poll(numbers->at, NUMBERS_COUNT, 0);
}

static int remember(struct numbers *ret, int any)
{
	int lowest = fcntl(any, F_DUPFD_CLOEXEC, 0);

	if (lowest < 0)
		return -errno;
	close(lowest);
	for (size_t i = 0; i < NUMBERS_COUNT; i++)
		ret->at[i] = (struct pollfd){.fd = lowest + (int)i};
	look_at(ret);
	return 0;
}

static bool is_fifo_end(int fd, uint64_t flags)
{
	struct stat st;
	int own = fcntl(fd, F_GETFL);

	return own >= 0 && (own & O_ACCMODE) == (int)(flags & O_ACCMODE) && fstat(fd, &st) == 0 &&
	       S_ISFIFO(st.st_mode);
}

/* A helper that is killed between its open and its report leaves a descriptor that nobody knows of. The end
 * of a FIFO is what it was sent for: whoever is at the other end has seen it come. -1 when there is none. */
static int take_what_is_left(const struct numbers *before, uint64_t flags)
{
	struct numbers after = *before;
	int found = -1;

	look_at(&after);
	for (size_t i = 0; i < NUMBERS_COUNT; i++) {
		if (!(before->at[i].revents & POLLNVAL) || (after.at[i].revents & POLLNVAL))
			continue;
		if (found < 0 && is_fifo_end(after.at[i].fd, flags))
			found = after.at[i].fd;
		else
			close(after.at[i].fd);
	}
	return found;
}

int blocking_open(int dirfd, const char *path, const struct open_how *how, void *stack, size_t stack_size,
        int interval_ms, int (*tick)(void *user), void *user, _Atomic pid_t *helper_pid)
{
	struct request request = {.dirfd = dirfd, .path = path, .how = how, .result = PENDING, .alive = 1};
	struct numbers before;
	int stop = tick(user), result;
	pid_t pid;

	/* Whoever is gone already must not be seen to come to the other end. */
	if (stop)
		return -stop;
	result = remember(&before, dirfd);
	if (result < 0)
		return result;
	*helper_pid = BLOCKING_STARTS;
	/* No exit signal: its end is nobody's business but ours. */
	pid = clone(helper, (char *)stack + stack_size,
	        CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_CHILD_CLEARTID, &request, NULL, NULL,
	        &request.alive);

	*helper_pid = pid < 0 ? 0 : pid;
	if (pid < 0)
		return -errno;
	while (__atomic_load_n(&request.alive, __ATOMIC_ACQUIRE)) {
		wait_for_end(&request, interval_ms);
		if (!__atomic_load_n(&request.alive, __ATOMIC_ACQUIRE))
			break;
		stop = tick(user);
		if (stop) {
			kill(pid, SIGKILL);
			break;
		}
	}
	while (waitpid(pid, NULL, __WCLONE | __WNOTHREAD) < 0 && errno == EINTR)
		;
	*helper_pid = 0;
	result = request.result;
	if (!stop)
		return result == PENDING ? -EIO : result;
	/* An open that was over before it was given up is one, as it is in the kernel. */
	if (result < 0)
		result = take_what_is_left(&before, how->flags);
	return result >= 0 ? result : -stop;
}
