/* The supervisor's processes as a victim, and calls that are held while signals, deaths and storms go on. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"

static void on_signal(int signal)
{
}

static void handle(int signal, int flags)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

	sigaction(signal, &action, NULL);
}

/* ---- the supervisor as a victim ---- */

static void attack_task(pid_t pid)
{
	char bytes[64];
	struct iovec here = {.iov_base = bytes, .iov_len = sizeof(bytes)},
	             there = {.iov_base = (void *)0x400000, .iov_len = 64};
	struct rlimit limit = {.rlim_cur = 100000, .rlim_max = 100000}, own;
	int pidfd;

	if (prlimit(0, RLIMIT_CPU, NULL, &own) < 0 || prlimit(getpid(), RLIMIT_CPU, NULL, &own) < 0 ||
	        prlimit(0, RLIMIT_CPU, &own, NULL) < 0)
		broken("one's own limits: %s", strerror(errno));
	must_fail(prlimit(pid, RLIMIT_CPU, &limit, NULL), "prlimit");
	must_fail(ptrace(PTRACE_ATTACH, pid, 0, 0), "ptrace attach");
	must_fail(ptrace(PTRACE_SEIZE, pid, 0, 0), "ptrace seize");
	must_fail(process_vm_readv(pid, &here, 1, &there, 1, 0), "process_vm_readv");
	must_fail(process_vm_writev(pid, &here, 1, &there, 1, 0), "process_vm_writev");
	must_fail(kill(pid, SIGUSR1), "kill");
	must_fail(kill(pid, SIGKILL), "kill");
	must_fail(kill(pid, 0), "kill 0");
	must_fail(syscall(SYS_tkill, pid, SIGKILL), "tkill");
	must_fail(syscall(SYS_tgkill, pid, pid, SIGSTOP), "tgkill");
	must_fail(sigqueue(pid, SIGTERM, (union sigval){0}), "sigqueue");
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return;
	for (int fd = 0; fd < 24; fd++)
		must_fail(syscall(SYS_pidfd_getfd, pidfd, fd, 0), "pidfd_getfd");
	must_fail(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0), "pidfd_send_signal");
	close(pidfd);
}

/* The kernel signals the owner of a descriptor. */
static void by_owner(pid_t pid)
{
	int pipes[2];

	if (pipe2(pipes, O_NONBLOCK) < 0)
		return;
	fcntl(pipes[0], F_SETOWN, pid);
	fcntl(pipes[0], F_SETSIG, SIGKILL);
	fcntl(pipes[0], F_SETFL, O_ASYNC | O_NONBLOCK);
	if (write(pipes[1], "x", 1) != 1)
		broken("pipe");
	close(pipes[0]);
	close(pipes[1]);
}

/* By its name; what may not be looked at at all is the supervisor's own. */
static bool is_of_reeve(pid_t pid)
{
	char path[64], name[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return errno == EACCES;
	if (read(fd, name, sizeof(name) - 1) < 0)
		name[0] = '\0';
	close(fd);
	return strncmp(name, "reeve", 5) == 0;
}

static void victims(void)
{
	pid_t first = getppid();
	int tried = 1, reniced = 0, pinned = 0;
	cpu_set_t all;

	sched_getaffinity(0, sizeof(all), &all);
	attack_task(first);
	by_owner(first);
	/* The front's number is a few before; those of threads follow. */
	for (pid_t pid = first - 12; pid < first + 6; pid++) {
		if (pid <= 1 || kill(pid, 0) == 0 || errno == ESRCH || !is_of_reeve(pid))
			continue;
		attack_task(pid);
		by_owner(pid);
		must_fail(syscall(SYS_tgkill, first, pid, SIGKILL), "tgkill of a thread");
		reniced += setpriority(PRIO_PROCESS, (id_t)pid, getpriority(PRIO_PROCESS, 0)) == 0;
		pinned += sched_setaffinity(pid, sizeof(all), &all) == 0;
		tried++;
	}
	tell("%d tasks of the supervisor attacked; priorities set: %d, processors set: %d", tried, reniced,
	        pinned);
	/* It still serves. */
	if (!try_read("public", "public"))
		broken("the supervisor does not serve any more: %s", strerror(errno));
}

/* ---- processes that end while their calls are held ---- */

static void *open_for_ever(void *argument)
{
	for (;;) {
		try_read("public", "public");
		try_read("secret", "open by a process that ends");
		close(open("secret", O_RDWR | O_CREAT | O_TRUNC, 0644));
	}
	return NULL;
}

static void *end_soon(void *argument)
{
	for (unsigned n = (unsigned)(size_t)argument; n; n--)
		sched_yield();
	if ((size_t)argument & 1)
		execl("allowed-program", "x", NULL);
	_exit(0);
}

static void reuse(void)
{
	unsigned long made = 0, killed = 0;

	while (attack_goes_on()) {
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t thread;

			close(1);
			for (int i = 0; i < 3; i++)
				pthread_create(&thread, NULL, open_for_ever, NULL);
			end_soon((void *)(made % 40));
		}
		made++;
		if (made % 3 == 0) {
			for (unsigned n = made % 50; n; n--)
				sched_yield();
			killed += kill(pid, SIGKILL) == 0;
		}
		waitpid(pid, NULL, 0);
		if (!try_read("public", "public"))
			broken("the supervisor does not serve any more: %s", strerror(errno));
	}
	window("processes that ended themselves, and that were killed", made - killed, killed);
}

/* ---- a storm of timer signals ---- */

static struct counts storm;

static void *open_in_storm(void *argument)
{
	while (attack_goes_on()) {
		int fd = open("public", O_RDONLY);

		if (fd >= 0) {
			storm.good++;
			close(fd);
		} else if (errno == EINTR) {
			storm.other++;
		} else {
			storm.refused++;
		}
	}
	return NULL;
}

static void run_storm(int flags, const char *name)
{
	struct itimerval timer = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000}, off = {0};
	pthread_t threads[8];

	storm = (struct counts){0};
	handle(SIGALRM, flags);
	attack_begin();
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, open_in_storm, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	setitimer(ITIMER_REAL, &off, NULL);
	tell("%s: %lu opens, %lu EINTR that no native open gives, %lu other errors", name, storm.good,
	        storm.other, storm.refused);
	if (storm.refused)
		broken("opens failed in the storm");
	window("opens in the storm: done, tried", storm.good, storm.good + storm.other);
}

static void storms(void)
{
	attack_time /= 2;
	run_storm(SA_RESTART, "signals with SA_RESTART");
	if (storm.other)
		leaked("EINTR in spite of SA_RESTART");
	run_storm(0, "signals without SA_RESTART");
}

/* ---- what a close means ---- */

static int status_of(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	return status;
}

static void pipelines(void)
{
	for (int i = 0; i < 100; i++)
		if (status_of("test \"$(echo a | cat | cat)\" = a") != 0)
			broken("pipeline %d went wrong", i);
	tell("100 pipelines");
}

static void copy_program(const char *from, const char *to)
{
	char bytes[4096];
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	ssize_t n;

	if (in < 0 || out < 0)
		broken("%s: %s", to, strerror(errno));
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)n) != n)
			broken("write");
	close(in);
	close(out);
}

static void *keep_busy(void *argument)
{
	while (attack_goes_on())
		close(open("public", O_RDONLY));
	return NULL;
}

static void text_busy(void)
{
	/* vfork: the child must not see them in registers */
	volatile unsigned long done = 0, busy = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, keep_busy, NULL);
	while (attack_goes_on()) {
		int status, fds[2];
		pid_t pid;

		copy_program("allowed-program", "../run/fresh");
		if (pipe2(fds, O_CLOEXEC) < 0)
			broken("pipe");
		/* Shares all until its exec: no copy of a descriptor of ours can be what is busy. */
		pid = vfork();
		if (pid == 0) {
			dup2(fds[1], 1);
			execl("../run/fresh", "fresh", NULL);
			_exit(errno == ETXTBSY ? 9 : 8);
		}
		close(fds[0]);
		close(fds[1]);
		waitpid(pid, &status, 0);
		busy += WIFEXITED(status) && WEXITSTATUS(status) == 9;
		done++;
	}
	pthread_join(thread, NULL);
	tell("%lu programs written and run, %lu were busy", done, busy);
	if (busy)
		leaked("ETXTBSY: somebody still holds what was closed");
	window("programs written: run, not busy", done, done - busy);
}

static void last_copy(void)
{
	unsigned long locks = 0;

	if (mkfifo("ended", 0600) < 0)
		broken("mkfifo: %s", strerror(errno));
	while (attack_goes_on()) {
		/* The second of two is opened for reading: what is locked need not be written. */
		int a = open("lock", locks & 1 ? O_RDONLY : O_CREAT | O_RDWR, 0600);
		int b = open("lock", O_RDWR), reader, writer;
		char byte;

		if (a < 0 || b < 0 || flock(a, LOCK_EX) < 0)
			broken("lock: %s", strerror(errno));
		close(a);
		if (flock(b, LOCK_EX | LOCK_NB) < 0)
			leaked("a lock outlives the close of its only descriptor");
		close(b);
		reader = open("ended", O_RDONLY | O_NONBLOCK);
		writer = open("ended", O_WRONLY | O_NONBLOCK);
		if (reader < 0 || writer < 0)
			broken("fifo: %s", strerror(errno));
		close(writer);
		if (read(reader, &byte, 1) != 0)
			leaked("a FIFO does not end with its only writer: %s", strerror(errno));
		close(reader);
		locks++;
	}
	tell("%lu locks and FIFOs ended with their descriptors", locks);
}

/* ---- a call that blocks feels its signals ---- */

static void *write_later(void *argument)
{
	int fd;

	for (int i = 0; i < 100; i++)
		sched_yield();
	fd = open("wait", O_WRONLY);
	if (fd >= 0 && write(fd, "x", 1) != 1)
		broken("fifo");
	close(fd);
	return NULL;
}

static void blocking(void)
{
	unsigned long interrupted = 0, opened = 0;
	/* Long enough for a crowded machine to get one open through between two signals. */
	struct itimerval timer = {.it_interval.tv_usec = 50000, .it_value.tv_usec = 50000}, off = {0};

	if (mkfifo("wait", 0600) < 0)
		broken("mkfifo: %s", strerror(errno));
	while (attack_goes_on()) {
		pthread_t thread;
		char byte;
		int fd;

		handle(SIGALRM, 0);
		setitimer(ITIMER_REAL, &timer, NULL);
		fd = open("wait", O_RDONLY);
		if (fd >= 0 || errno != EINTR)
			broken("a FIFO nobody writes to: %s", fd >= 0 ? "opened" : strerror(errno));
		interrupted++;
		handle(SIGALRM, SA_RESTART);
		pthread_create(&thread, NULL, write_later, NULL);
		fd = open("wait", O_RDONLY);
		setitimer(ITIMER_REAL, &off, NULL);
		if (fd < 0 || read(fd, &byte, 1) != 1)
			broken("a FIFO with a writer, under SA_RESTART: %s", strerror(errno));
		close(fd);
		pthread_join(thread, NULL);
		opened++;
	}
	window("opens of a FIFO interrupted, opened", interrupted, opened);
}

/* Opens that wait for somebody hold up nobody else, however many they are. */
static void *wait_for_reader(void *argument)
{
	int fd = open(argument, O_WRONLY);

	if (fd >= 0)
		close(fd);
	return NULL;
}

static void crowd(void)
{
	enum { WAITING = 100 };
	static char names[WAITING][16];
	pthread_t threads[WAITING];

	for (int i = 0; i < WAITING; i++) {
		snprintf(names[i], sizeof(names[i]), "crowd-%d", i);
		if (mkfifo(names[i], 0600) < 0)
			broken("mkfifo: %s", strerror(errno));
		pthread_create(&threads[i], NULL, wait_for_reader, names[i]);
	}
	alarm(100); /* its default ends us, and the test */
	while (attack_goes_on())
		if (!try_read("public", "public"))
			broken("open beside %d that wait: %s", WAITING, strerror(errno));
	for (int i = 0; i < WAITING; i++) {
		int fd = open(names[i], O_RDONLY);

		if (fd < 0)
			broken("%s: %s", names[i], strerror(errno));
		close(fd);
		pthread_join(threads[i], NULL);
	}
}

const struct attack signal_attacks[] = {
        {"victims", victims},
        {"reuse", reuse},
        {"storm", storms},
        {"pipelines", pipelines},
        {"text-busy", text_busy},
        {"last-copy", last_copy},
        {"blocking", blocking},
        {"crowd", crowd},
        {0},
};
