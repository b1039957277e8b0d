/* What the tests of launch run: says what it finds, counts signals, makes trees. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t counts[NSIG];

static void count(int signal)
{
	counts[signal]++;
}

/* Counts what comes; "?" on stdin asks for the counts, "." ends. */
static int counts_main(void)
{
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
	char byte;

	for (int i = 1; i < NSIG; i++)
		if (i != SIGTSTP && i != SIGTTIN && i != SIGTTOU && i != SIGCHLD)
			sigaction(i, &action, NULL);
	printf("ready\n");
	fflush(stdout);
	while (read(0, &byte, 1) == 1 && byte != '.') {
		if (byte != '?')
			continue;
		for (int i = 1; i < NSIG; i++)
			if (counts[i])
				printf("%d:%d ", i, (int)counts[i]);
		printf("end\n");
		fflush(stdout);
	}
	return 7;
}

static void say_status(void)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "Sig", 3) || !strncmp(line, "ShdPnd", 6) || !strncmp(line, "Umask", 5) ||
		        !strncmp(line, "Cpus_allowed:", 13) || !strncmp(line, "Uid", 3) ||
		        !strncmp(line, "Gid", 3) || !strncmp(line, "Groups", 6))
			if (strncmp(line, "SigQ", 4) != 0)
				fputs(line, stdout);
	if (file)
		fclose(file);
}

static void say_descriptors(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		char path[64], target[256];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		/* Pipes are other ones in each run. */
		if (!strncmp(target, "pipe:", 5))
			target[5] = '\0';
		if (!strncmp(target, "/dev/pts/", 9))
			target[9] = '\0';
		printf("fd %d %s %x %x\n", fd, target, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	}
}

/* All that a launcher could have changed, in text. Where stdout is closed: into the file "said". */
static int origin_main(char **argv)
{
	extern char **environ;
	struct rlimit limit;
	struct stat st;

	if (argv[2]) {
		/* The lowest free number would hide which were closed. */
		bool closed[3];
		int fd;

		for (int i = 0; i < 3; i++)
			closed[i] = fcntl(i, F_GETFD) < 0;
		fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, 100);
		stdout = fdopen(100, "w");
		close(fd);
		fprintf(stdout, "closed %d %d %d\n", closed[0], closed[1], closed[2]);
	} else {
		say_descriptors();
	}
	say_status();
	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		if (getrlimit(i, &limit) == 0)
			printf("limit %d %lx %lx\n", i, (long)limit.rlim_cur, (long)limit.rlim_max);
	printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
	printf("leader %d foreground %d tty %s\n", getsid(0) == getpgrp(), tcgetpgrp(0) == getpgrp(),
	        isatty(0) && ttyname(0) ? "named" : "none");
	printf("terminal %d\n", open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0);
	for (char **e = environ; *e; e++)
		if (!strstr("TMPDIR TMUX_TMPDIR SCREENDIR TMP TEMP", strndupa(*e, strcspn(*e, "="))))
			printf("%s\n", *e);
	for (char **a = argv; *a; a++)
		printf("[%s]\n", *a);
	printf("same folder %d\n", stat(getenv("PWD") ? getenv("PWD") : ".", &st) == 0);
	printf("end\n");
	fflush(stdout);
	return 0;
}

/* Opens `path` for ever, and says so should that ever succeed. */
static _Noreturn void storm_main(const char *path, const char *witness)
{
	printf("storm\n");
	fflush(stdout);
	for (;;) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		fd = creat(witness, 0600);
		if (fd < 0)
			_exit(1);
		_exit(0);
	}
}

/* Children, a session of their own, a stopped one. */
static _Noreturn void tree_main(void)
{
	for (int i = 0; i < 8; i++) {
		if (fork() != 0)
			continue;
		if (i & 1)
			setsid();
		if (i == 6)
			raise(SIGSTOP);
		if (fork() == 0)
			setsid();
		for (;;)
			pause();
	}
	printf("tree\n");
	fflush(stdout);
	for (;;)
		pause();
}

static _Noreturn void bomb_main(void)
{
	printf("bomb\n");
	fflush(stdout);
	/* The first one stays: its end would be that of the run, and the others would live on as they may. */
	while (fork() > 0)
		for (;;)
			pause();
	for (;;) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0);
	}
}

static int children_main(int n, const char *path)
{
	for (int i = 0; i < n; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			int fd = open(path, O_RDONLY | O_CLOEXEC);

			_exit(fd < 0);
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			return 1;
	}
	printf("half\n");
	fflush(stdout);
	return 0;
}

static bool makes_udp(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && close(fd) == 0;
}

/* Sockets of UDP: some, in a child too; then waits for a byte, and tries again. */
static int udp_main(void)
{
	char byte;
	int status;
	pid_t pid;

	for (int i = 0; i < 20; i++)
		if (!makes_udp())
			return 4;
	pid = fork();
	if (pid == 0)
		_exit(!makes_udp());
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return 5;
	printf("udp\n");
	fflush(stdout);
	if (read(0, &byte, 1) != 1)
		return 2;
	printf("again %s\n", makes_udp() ? "made" : strerrorname_np(errno));
	return 8;
}

/* WORD COUNT LENGTH: lines of that length, each with one write. */
static int lines_main(char **argv)
{
	char line[1 << 14];
	int count = atoi(argv[3]), length = atoi(argv[4]);

	for (int i = 0; i < count; i++) {
		int n = snprintf(line, sizeof(line), "%s %08d ", argv[2], i);

		memset(line + n, '.', (size_t)(length - n));
		line[length - 1] = '\n';
		if (write(1, line, (size_t)length) != length)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 0 || !strcmp(what, "origin"))
		return origin_main(argv);
	if (!strcmp(what, "counts"))
		return counts_main();
	if (!strcmp(what, "storm") && argc == 4)
		storm_main(argv[2], argv[3]);
	if (!strcmp(what, "lines") && argc == 5)
		return lines_main(argv);
	if (!strcmp(what, "udp"))
		return udp_main();
	if (!strcmp(what, "udp-once"))
		return !makes_udp();
	if (!strcmp(what, "tree"))
		tree_main();
	if (!strcmp(what, "bomb"))
		bomb_main();
	if (!strcmp(what, "children") && argc == 4) {
		char byte;
		int r = children_main(50, argv[3]);

		if (read(0, &byte, 1) != 1)
			return 2;
		r |= children_main(atoi(argv[2]), argv[3]);
		return read(0, &byte, 1) == 1 ? r : 2;
	}
	return 3;
}
