#include "kernel/blocking.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
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

int blocking_open(int dirfd, const char *path, const struct open_how *how, void *stack, size_t stack_size,
        int interval_ms, int (*tick)(void *user), void *user, _Atomic pid_t *helper_pid)
{
	struct request request = {.dirfd = dirfd, .path = path, .how = how, .result = PENDING, .alive = 1};
	int stop = 0, result;
	pid_t pid;

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
	/* It may have opened in the very last moment. */
	if (result >= 0)
		close(result);
	return -stop;
}
