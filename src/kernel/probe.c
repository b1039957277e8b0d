#include "reeve/reeve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/fault.h"
#include "kernel/probe.h"
#include "kernel/release.h"
#include "kernel/sizes.h"
#include "kernel/uapi.h"

/* How long a child that should be making its next call may take. Only a broken kernel or filter needs it, and
 * a busy machine must not look like one. */
#define PATIENCE_MS 10000

/* The calls that the child makes: one is answered by an injected descriptor, after another was injected; one
 * goes on. */
enum { TRIES = 2 };

#define WEARER_STACK (64 * 1024)

static bool works(long r)
{
	return r >= 0;
}

/* The kernel looks at the flags first, then at the program: EFAULT says that it knows the flags. */
static bool has_filter_flags(const char *name, unsigned long flags)
{
	(void)name;
	return FAULTABLE(name, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL)) < 0 &&
	       errno == EFAULT;
}

/* Each ABI's ruleset, as the bytes that the kernel would be given: some kernels report an ABI and then refuse
 * its attributes. */
static int landlock_abi(void)
{
	static const struct {
		int abi;
		uint64_t attributes[3]; /* files, network, scopes */
		size_t size;
	} steps[] = {
	        {6, {(1 << 16) - 1, 3, 3}, 24},
	        {5, {(1 << 16) - 1, 3, 0}, 16},
	        {4, {(1 << 15) - 1, 3, 0}, 16},
	        {3, {(1 << 15) - 1, 0, 0}, 8},
	        {2, {(1 << 14) - 1, 0, 0}, 8},
	        {1, {(1 << 13) - 1, 0, 0}, 8},
	};
	long reported = FAULTABLE("landlock_version", syscall(SYS_landlock_create_ruleset, NULL, 0, 1));

	for (size_t i = 0; i < ELEMENTS(steps); i++) {
		AUTO_CLOSE int fd = -EBADF;

		if (steps[i].abi > reported)
			continue;
		fd = (int)FAULTABLE("landlock_create_ruleset",
		        syscall(SYS_landlock_create_ruleset, steps[i].attributes, steps[i].size, 0));
		if (fd >= 0)
			return i == 0 ? (int)reported : steps[i].abi;
	}
	return 0;
}

int probe_alone(struct reeve_features *ret_features)
{
	struct reeve_features found = {0}, *features = &found;
	struct kernel_notif_sizes sizes;
	uint32_t action = SECCOMP_RET_USER_NOTIF;
	AUTO_CLOSE int pidfd = -EBADF;
	AUTO_CLOSE int thread = -EBADF;

	pidfd = (int)FAULTABLE("pidfd_open", syscall(SYS_pidfd_open, getpid(), 0));
	thread = (int)FAULTABLE("pidfd_open_thread", syscall(SYS_pidfd_open, gettid(), PIDFD_THREAD));
	/* Without a file, so that no policy that we may be under has a say: EINVAL is the structure's size.
	 */
	features->openat2 =
	        FAULTABLE("openat2", syscall(SYS_openat2, -1, NULL, NULL, 0)) < 0 && errno == EINVAL;
	features->pidfd = works(pidfd);
	features->pidfd_thread = works(thread);
	/* An empty range above all descriptors. */
	features->close_range = works(FAULTABLE("close_range", syscall(SYS_close_range, ~0u, ~0u, 0)));
	features->user_notification =
	        works(FAULTABLE("action_avail", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)));
	features->wait_killable = has_filter_flags(
	        "wait_killable", SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	features->tsync_listener = has_filter_flags(
	        "tsync_listener", SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
	                                  SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
	features->receive_ends = kernel_receive_ends();
	features->landlock_abi = landlock_abi();
	if (kernel_notif_sizes(&sizes) == 0) {
		features->notif_size = sizes.notif;
		features->notif_resp_size = sizes.resp;
		features->data_size = sizes.data;
	}
	*ret_features = found;
	return 0;
}

/* Puts a filter on that notifies for getppid. */
static int wear(int *ret_listener)
{
	struct sock_filter instructions[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ELEMENTS(instructions), .filter = instructions};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return reeve_filter_install(&program, 0, ret_listener);
}

/* The child: wears the filter, hands its listener over, and calls. It is a bare copy of a process that may
 * have threads, so it makes system calls only. It ends when the other end of its socket closes, whatever
 * becomes of the one that probes. */
static _Noreturn void child(int socket)
{
	int answer, listener = -EBADF;
	char end;

	/* Whoever probes may be killed before it took the listener: then nobody would ever answer. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	answer = wear(&listener);
	if (write(socket, &answer, sizeof(answer)) != sizeof(answer))
		_exit(1);
	if (answer == 0 && reeve_fds_send(socket, &listener, 1) == 0) {
		close(listener);
		for (int i = 0; i < TRIES; i++)
			syscall(SYS_getppid);
	}
	if (read(socket, &end, 1) < 0)
		_exit(1);
	_exit(0);
}

/* The child's next call, or -ETIMEDOUT. */
static int next_request(int listener, struct reeve_request *ret_request)
{
	struct pollfd poll_fd = {.fd = listener, .events = POLLIN};
	int r;

	do
		r = poll(&poll_fd, 1, PATIENCE_MS);
	while (r < 0 && errno == EINTR);
	if (r <= 0 || !(poll_fd.revents & POLLIN))
		return -ETIMEDOUT;
	r = reeve_receive(listener, ret_request);
	return r > 0 ? -ETIMEDOUT : r;
}

static void probe_listener(int listener, struct reeve_features *features)
{
	struct reeve_request request;
	/* Anything but the listener: whoever got that could not be left alone with a call any more. */
	AUTO_CLOSE int anything = eventfd(0, EFD_CLOEXEC);
	struct seccomp_notif_addfd inject = {.srcfd = (uint32_t)anything, .newfd_flags = O_CLOEXEC};

	features->synchronous_wake = reeve_listener_wake_synchronously(listener, true) == 0;
	if (next_request(listener, &request) < 0)
		return;
	inject.id = request.id;
	features->inject = works(FAULTABLE("addfd", ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &inject)));
	inject.flags = SECCOMP_ADDFD_FLAG_SEND;
	features->inject_respond =
	        works(FAULTABLE("addfd_send", ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &inject)));
	if (!features->inject_respond && reeve_respond_value(listener, request.id, 0) != 0)
		return;
	if (next_request(listener, &request) < 0)
		return;
	features->continue_response = reeve_respond_continue(listener, request.id) == 0;
}

/* What is not tried: because a filter with a listener is worn already, or because it takes long. */
static void assume_by_release(struct reeve_features *features)
{
	features->continue_response = kernel_is_at_least(5, 5);
	features->inject = kernel_is_at_least(5, 9);
	features->inject_respond = kernel_is_at_least(5, 14);
	features->synchronous_wake = kernel_is_at_least(6, 6);
}

/* What came of wearing the filter: -errno, or 0 with the listener. */
static void take_answer(int answer, int listener, struct reeve_features *features)
{
	features->listener_exists = answer == -EBUSY;
	if (features->listener_exists)
		assume_by_release(features);
	else if (answer < 0)
		features->user_notification = false;
	else
		probe_listener(listener, features);
}

static void probe_child(pid_t pid, int socket, int number_there, struct reeve_features *features)
{
	static const char known[] = "the child has this too";
	struct pollfd poll_fd = {.fd = socket, .events = POLLIN};
	AUTO_CLOSE int listener = -EBADF;
	AUTO_CLOSE int taken = -EBADF;
	char seen[sizeof(known)];
	struct iovec here = {.iov_base = seen, .iov_len = sizeof(seen)};
	struct iovec there = {.iov_base = (void *)(uintptr_t)known, .iov_len = sizeof(known)};
	int answer;

	if (poll(&poll_fd, 1, PATIENCE_MS) <= 0 || read(socket, &answer, sizeof(answer)) != sizeof(answer)) {
		features->user_notification = false;
		return;
	}
	if (answer == 0)
		answer = reeve_fds_receive(socket, &listener, 1);
	take_answer(answer, listener, features);
	features->pidfd_getfd = reeve_listener_take(pid, number_there, &taken) == 0;
	features->process_vm = FAULTABLE("process_vm_readv", process_vm_readv(pid, &here, 1, &there, 1, 0)) ==
	                       (ssize_t)sizeof(known);
}

/* A copy of this process whose end sends no signal. No handler of the caller runs in it. */
static pid_t start_child(const int *sockets)
{
	sigset_t all, before;
	pid_t pid;
	int saved;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = (pid_t)FAULTABLE("clone", syscall(SYS_clone, 0, 0, 0, 0, 0));
	if (pid == 0) {
		close(sockets[0]);
		child(sockets[1]);
	}
	saved = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -saved : pid;
}

int reeve_probe(struct reeve_features *ret_features)
{
	struct reeve_features features;
	AUTO_CLOSE int here = -EBADF;
	AUTO_CLOSE int there = -EBADF;
	int sockets[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	here = sockets[0];
	there = sockets[1];
	probe_alone(&features);
	pid = start_child(sockets);
	if (pid < 0)
		return pid;
	close(TAKE_FD(there));
	probe_child(pid, here, sockets[1], &features);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
		;
	*ret_features = features;
	return 0;
}

/* ---- the same on a thread of this process, for which no memory is copied ---- */

struct wearer {
	sem_t wears;
	int answer, listener;
};

static void *wearer_main(void *argument)
{
	struct wearer *wearer = argument;
	int listener = -EBADF, r = wear(&listener);

	/* What is injected goes into a table of its own, and with that away. In there the listener must not
	 * be: as long as anybody has it, a call that nobody answers does not end. */
	if (r == 0)
		r = unshare(CLONE_FILES) < 0 ? -errno : 0;
	wearer->listener = listener;
	wearer->answer = r;
	if (r == 0)
		close(listener);
	sem_post(&wearer->wears);
	for (int i = 0; i < TRIES && r == 0; i++)
		syscall(SYS_getppid);
	return NULL;
}

/* A thread that no signal of the caller's reaches. */
static int start_wearer(struct wearer *wearer, pthread_t *ret)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, WEARER_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, &attributes, wearer_main, wearer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

int probe_listening(struct reeve_features *features)
{
	struct wearer wearer = {.answer = -EBADF, .listener = -EBADF};
	pthread_t thread;
	int r;

	sem_init(&wearer.wears, 0, 0);
	r = start_wearer(&wearer, &thread);
	if (r < 0)
		return r;
	while (sem_wait(&wearer.wears) < 0 && errno == EINTR)
		;
	take_answer(wearer.answer, wearer.listener, features);
	/* Ends what the thread still waits for. */
	cleanup_close(&wearer.listener);
	pthread_join(thread, NULL);
	sem_destroy(&wearer.wears);
	return 0;
}

/* ---- the same without either ---- */

bool probe_expects(struct reeve_features *features)
{
	if (FAULTS_SET || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0 || !kernel_is_at_least(5, 14))
		return false;
	assume_by_release(features);
	return true;
}

/* The kernel looks at the flags and the descriptor first, then for the notification: ENOENT says that it
 * knows them. */
static bool is_known(const char *name, int listener, unsigned long request, void *argument)
{
	(void)name;
	return FAULTABLE(name, ioctl(listener, request, argument)) < 0 && errno == ENOENT;
}

int probe_offers(int listener, const struct reeve_features *features)
{
	/* Identifiers begin at random, and nobody has called yet. */
	struct seccomp_notif_addfd inject = {.srcfd = (uint32_t)listener, .newfd_flags = O_CLOEXEC};
	struct seccomp_notif_resp resume = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	if (features->inject && !is_known("offers_addfd", listener, SECCOMP_IOCTL_NOTIF_ADDFD, &inject))
		return -ENOTSUP;
	inject.flags = SECCOMP_ADDFD_FLAG_SEND;
	if (features->inject_respond &&
	        !is_known("offers_addfd_send", listener, SECCOMP_IOCTL_NOTIF_ADDFD, &inject))
		return -ENOTSUP;
	if (features->continue_response &&
	        !is_known("offers_continue", listener, SECCOMP_IOCTL_NOTIF_SEND, &resume))
		return -ENOTSUP;
	return 0;
}
