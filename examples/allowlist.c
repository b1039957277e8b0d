/* A program that allows itself a list of system calls, and dies at the first that is not in it.
 *
 *     $ ./allowlist; echo $?
 *     allowed: writing
 *     not allowed: fork
 *     Bad system call
 *     159
 *
 * Which calls a list needs, reporter.c finds out. Numbers mean nothing without their architecture: a 64-bit
 * program can also make 32-bit calls, with other numbers, and x86-64 has a second set of numbers, x32, from
 *0x40000000 on. Both are killed before any number is looked at.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <reeve/reeve.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

#define DIE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define ALLOW(call)                                                                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
        DIE,
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
        DIE,
        ALLOW(SYS_write),
        ALLOW(SYS_exit_group),
        ALLOW(SYS_getpid),
        /* What the C library does on the way to fork: with these, it is fork itself that is caught. */
        ALLOW(SYS_set_robust_list),
        ALLOW(SYS_rt_sigprocmask),
        DIE,
};

int main(void)
{
	struct sock_fprog program = {
	        .len = sizeof(instructions) / sizeof(instructions[0]),
	        .filter = instructions,
	};
	int r;

	/* Without a buffer, standard output is write and nothing else. */
	setvbuf(stdout, NULL, _IONBF, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	r = reeve_filter_install(&program, 0, NULL);
	if (r < 0) {
		fprintf(stderr, "allowlist: %s\n", strerror(-r));
		return 1;
	}
	printf("allowed: writing\n");
	printf("not allowed: fork\n");
	if (fork() == 0)
		_exit(0);
	printf("never seen\n");
	return 0;
}
