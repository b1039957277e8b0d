/* Opens that wait: FIFOs in both orders, signals while they wait, and death. */
#include <pthread.h>
#include <sys/time.h>

#include "live.h"

/* Which number is free depends on whether the kernel takes it before or after waiting: always the same one.
 */
static long moved(int fd)
{
	int cloexec = fd < 0 ? 0 : fcntl(fd, F_GETFD);

	if (fd < 0)
		return fd;
	dup3(fd, 100, cloexec ? O_CLOEXEC : 0);
	close(fd);
	return 100;
}

static _Atomic int count;
static _Atomic pid_t peer;

static void on_alarm(int signal)
{
	(void)signal;
	count++;
}

static void handle(int flags)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};

	count = 0;
	sigaction(SIGALRM, &action, NULL);
}

static void every(long microseconds)
{
	struct itimerval timer = {{0, microseconds}, {0, microseconds}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Opens the other end; returns the descriptor as a pointer. */
static void *open_other(void *flags)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	peer = (pid_t)syscall(SYS_gettid);
	return (void *)(long)open("fifo", (int)(long)flags);
}

static long finish(pthread_t thread)
{
	void *result;

	pthread_join(thread, &result);
	return (long)result;
}

static void both_orders(void)
{
	static const int ends[][2] = {{O_RDONLY, O_WRONLY}, {O_WRONLY, O_RDONLY}, {O_RDONLY, O_RDWR},
	        {O_WRONLY, O_RDWR}, {O_RDONLY | O_CLOEXEC, O_WRONLY | O_NONBLOCK},
	        {O_WRONLY | O_CREAT, O_RDONLY | O_NONBLOCK}};
	char label[64], text[8];

	for (size_t i = 0; i < COUNT(ends); i++) {
		pthread_t thread;
		int here, there;
		ssize_t n;

		peer = 0;
		pthread_create(&thread, NULL, open_other, (void *)(long)ends[i][0]);
		while (peer == 0)
			sched_yield();
		until_asleep(peer);
		here = open("fifo", ends[i][1]);
		there = (int)finish(thread);
		if ((ends[i][0] & O_ACCMODE) == O_RDONLY) {
			write(here, "hello", 5);
			n = read(there, text, sizeof(text));
		} else {
			write(there, "hello", 5);
			n = read(here, text, sizeof(text));
		}
		printf("pair %zu: %zd bytes, fl=%o cloexec=%d\n", i, n, fcntl(there, F_GETFL),
		        fcntl(there, F_GETFD));
		snprintf(label, sizeof(label), "pair %zu", i);
		say_fd(label, moved(here));
		close(there);
	}
}

static void at_once(void)
{
	int both, out;

	say_fd("read without waiting", moved(open("fifo", O_RDONLY | O_NONBLOCK)));
	say_fd("write without waiting", moved(open("fifo", O_WRONLY | O_NONBLOCK)));
	say_fd("both", moved(open("fifo", O_RDWR)));
	say_fd("both without waiting", moved(open("fifo", O_RDWR | O_NONBLOCK)));
	say_fd("as a folder", moved(open("fifo", O_RDONLY | O_DIRECTORY)));
	say_fd("exclusively", moved(open("fifo", O_WRONLY | O_CREAT | O_EXCL, 0600)));
	both = open("fifo", O_RDWR);
	out = open("fifo", O_WRONLY);
	say_fd("read beside both", moved(open("fifo", O_RDONLY)));
	say_fd("cut beside both", moved(open("fifo", O_WRONLY | O_TRUNC)));
	close(out);
	close(both);
}

static void interrupted(void)
{
	handle(0);
	every(20000);
	say_fd("reading, interrupted", moved(open("fifo", O_RDONLY)));
	say_fd("writing, interrupted", moved(open("fifo", O_WRONLY)));
	every(0);
}

static void *open_after_two(void *flags)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while (count < 2)
		usleep(1000);
	/* On a crowded machine a call may take longer than there is between two signals. */
	every(0);
	return (void *)(long)open("fifo", (int)(long)flags);
}

static void restarted(void)
{
	pthread_t thread;

	handle(SA_RESTART);
	pthread_create(&thread, NULL, open_after_two, (void *)(long)O_WRONLY);
	every(20000);
	say_fd("reading, restarted", moved(open("fifo", O_RDONLY)));
	every(0);
	close((int)finish(thread));
	count = 0;
	pthread_create(&thread, NULL, open_after_two, (void *)(long)O_RDONLY);
	every(20000);
	say_fd("writing, restarted", moved(open("fifo", O_WRONLY)));
	every(0);
	close((int)finish(thread));
}

static void blocked_signal(void)
{
	pthread_t thread;
	sigset_t set, before;

	handle(0);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	raise(SIGALRM);
	peer = 0;
	pthread_create(&thread, NULL, open_other, (void *)(long)O_WRONLY);
	say_fd("a blocked signal does not interrupt", moved(open("fifo", O_RDONLY)));
	close((int)finish(thread));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	printf("handled %d\n", count);
}

static void ignored_signal(void)
{
	pthread_t thread;

	signal(SIGALRM, SIG_IGN);
	every(5000);
	peer = 0;
	pthread_create(&thread, NULL, open_other, (void *)(long)O_RDONLY);
	say_fd("an ignored signal does not interrupt", moved(open("fifo", O_WRONLY)));
	every(0);
	close((int)finish(thread));
}

static bool somebody_is_there(void)
{
	char byte;
	int in = open("fifo", O_RDONLY | O_NONBLOCK), out = -1;
	bool writer = read(in, &byte, 1) < 0 && errno == EAGAIN;

	close(in);
	out = open("fifo", O_WRONLY | O_NONBLOCK);
	if (out >= 0)
		close(out);
	return writer || out >= 0;
}

static void killed(int flags, const char *label)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		open("fifo", flags);
		_exit(1);
	}
	until_asleep(pid);
	usleep(20000); /* so that it is the waiting that is given up, not the call */
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("%s: ends with %d\n", label, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
	/* Nobody may stand at the other end, or not for longer than it takes to see that this one is gone. */
	for (int i = 0; i < 60000 && somebody_is_there(); i++)
		usleep(1000);
	say("writing afterwards", open("fifo", O_WRONLY | O_NONBLOCK));
}

/* A writer comes in the moment in which the reader is killed: nothing may stay open in its place. */
static void killed_and_met(void)
{
	int left = 0;

	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();
		int fd;

		if (pid == 0) {
			open("fifo", O_RDONLY);
			_exit(1);
		}
		until_asleep(pid);
		kill(pid, SIGKILL);
		/* It is looked every few milliseconds whether somebody still waits. */
		usleep((useconds_t)(i * 200));
		close(open("fifo", O_WRONLY | O_NONBLOCK));
		waitpid(pid, NULL, 0);
		for (int j = 0; j < 60000 && (fd = open("fifo", O_WRONLY | O_NONBLOCK)) >= 0; j++) {
			close(fd);
			usleep(1000);
		}
		left += fd >= 0;
		if (fd >= 0)
			close(fd);
	}
	printf("readers that outlived their process: %d\n", left);
}

static void *meet(void *flags)
{
	static unsigned seed = 7;
	char byte = 'x';
	long done = 0;
	sigset_t all;
	int fd;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	usleep((useconds_t)(rand_r(&seed) % 6000));
	fd = open("fifo", (int)(long)flags);
	if (fd >= 0)
		done = (long)flags == O_WRONLY ? write(fd, &byte, 1) : read(fd, &byte, 1);
	close(fd);
	return (void *)done;
}

/* Signals that come and go while somebody comes to the other end: who has seen us there is not left alone. */
static void met_between_signals(int here, int there, const char *label)
{
	int met = 0;

	signal(SIGPIPE, SIG_IGN);
	handle(SA_RESTART);
	every(2000);
	for (int i = 0; i < 150; i++) {
		pthread_t thread;
		char byte = 'y';
		long done;
		int fd;

		pthread_create(&thread, NULL, meet, (void *)(long)there);
		fd = open("fifo", here);
		done = here == O_WRONLY ? write(fd, &byte, 1) : read(fd, &byte, 1);
		close(fd);
		met += finish(thread) == 1 && done == 1;
	}
	every(0);
	printf("%s between signals: met %d times\n", label, met);
}

static void read_between_signals(void)
{
	met_between_signals(O_RDONLY, O_WRONLY, "reading");
}

static void written_between_signals(void)
{
	met_between_signals(O_WRONLY, O_RDONLY, "writing");
}

static void stopped(void)
{
	int status, fd;
	pid_t pid = fork();

	if (pid == 0)
		_exit(open("fifo", O_RDONLY) >= 0 ? 0 : errno < 255 ? errno : 255);
	until_asleep(pid);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	printf("stopped: %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) : -status);
	kill(pid, SIGCONT);
	do
		fd = open("fifo", O_WRONLY | O_NONBLOCK);
	while (fd < 0 && errno == ENXIO && waitpid(pid, &status, WNOHANG) == 0);
	if (fd >= 0)
		waitpid(pid, &status, 0);
	printf("went on: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	close(fd);
}

int main(void)
{
	umask(022);
	mkfifo("fifo", 0644);
	at_once();
	both_orders();
	apart("interrupted", interrupted);
	apart("restarted", restarted);
	apart("blocked", blocked_signal);
	apart("ignored", ignored_signal);
	apart("read between signals", read_between_signals);
	apart("written between signals", written_between_signals);
	fflush(stdout);
	killed(O_RDONLY, "killed reading");
	killed_and_met();
	fflush(stdout);
	killed(O_WRONLY, "killed writing");
	fflush(stdout);
	stopped();
	return 0;
}
