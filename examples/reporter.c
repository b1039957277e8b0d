/* Finds the calls that a program needs: names each that the list lacks, once, and prints the filter that has
 * all.
 *
 *     $ ./reporter read write close -- ls /
 *     reporter: missing: 59 execve
 *     reporter: missing: 12 brk
 *     ...
 *
 * The filter goes to standard output, after the program has ended, as C; the report goes to standard error.
 * Every call that is not in the list is let through: this is a tool to learn with, and keeps nobody from
 * anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <sched.h>
#include <stdio.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <reeve/reeve.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define NATIVE_NAME "AUDIT_ARCH_X86_64"
#else
#define NATIVE AUDIT_ARCH_AARCH64
#define NATIVE_NAME "AUDIT_ARCH_AARCH64"
#endif

#define HIGHEST 1024

static bool listed[HIGHEST];

/* Lets listed calls pass, notifies for all others; kills other architectures and x32. execve always notifies,
 * so that the child waits there until somebody has its listener. */
static int install(int *ret_listener)
{
	static struct sock_filter code[2 * HIGHEST + 7] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {.len = 6, .filter = code};

	for (unsigned nr = 0; nr < HIGHEST; nr++) {
		if (!listed[nr] || nr == SYS_execve)
			continue;
		code[program.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
		code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return reeve_filter_install(&program, REEVE_FILTER_WAIT_KILLABLE, ret_listener);
}

/* Everything notifies from here on, so the child can hand nothing over: its listener is taken from it. It
 * says before which number that will have, the lowest that is free. */
static int start(char **command, pid_t *ret_pid, int *ret_listener)
{
	int ends[2], number, r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return -errno;
	if (pid == 0) {
		close(ends[0]);
		number = dup(ends[1]);
		close(number);
		if (write(ends[1], &number, sizeof(number)) != sizeof(number))
			_exit(125);
		if (install(&number) < 0)
			_exit(125);
		execvp(command[0], command);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], &number, sizeof(number)) != sizeof(number))
		return -EIO;
	close(ends[0]);
	/* Until the filter is on, there is no such descriptor; should the child end instead, no such process.
	 */
	while ((r = reeve_listener_take(pid, number, ret_listener)) == -EBADF)
		sched_yield();
	*ret_pid = pid;
	return r;
}

static void print_filter(void)
{
	printf("static const struct sock_filter filter[] = {\n"
	       "\tBPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),\n"
	       "\tBPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, " NATIVE_NAME ", 1, 0),\n"
	       "\tBPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),\n"
	       "\tBPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),\n"
	       "\tBPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),\n"
	       "\tBPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),\n");
	for (int nr = 0; nr < HIGHEST; nr++)
		if (listed[nr])
			printf("\tBPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, %d, 0, 1), /* %s */\n"
			       "\tBPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),\n",
			        nr, reeve_call_name(NATIVE, nr) ? reeve_call_name(NATIVE, nr) : "unknown");
	printf("\tBPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),\n};\n");
}

int main(int argc, char **argv)
{
	struct reeve_request request;
	int arg, listener, status, r;
	pid_t pid = -1;

	for (arg = 1; arg < argc && strcmp(argv[arg], "--") != 0; arg++)
		for (int nr = 0; nr < HIGHEST; nr++)
			if (reeve_call_name(NATIVE, nr) && !strcmp(reeve_call_name(NATIVE, nr), argv[arg]))
				listed[nr] = true;
	if (arg + 1 >= argc || (r = start(argv + arg + 1, &pid, &listener)) < 0)
		return 125;
	while ((r = reeve_receive(listener, &request)) == 0 || r == REEVE_GONE) {
		const char *name = r == 0 ? reeve_call_name(NATIVE, request.data.nr) : NULL;

		if (r == 0 && request.data.nr < HIGHEST && !listed[request.data.nr]) {
			listed[request.data.nr] = true;
			fprintf(stderr, "reporter: missing: %d %s\n", request.data.nr,
			        name ? name : "unknown");
		}
		if (r == 0)
			reeve_respond_continue(listener, request.id);
	}
	waitpid(pid, &status, 0);
	print_filter();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
