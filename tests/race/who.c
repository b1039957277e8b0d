/* Whose permissions count: those of the task that asks, thread by thread, whatever the supervisor could do.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"

#define NOBODY 65534u

static void need_root(void)
{
	if (getuid() != 0)
		skip("only root can give something up");
}

/* What only root reads: 0600 and root's. What another owns: 0600 and NOBODY's, which root reads by
 * capability. */
static void may_read(const char *path, bool expected, const char *how)
{
	int fd = open(path, O_RDONLY), error = errno;

	if (fd >= 0)
		close(fd);
	if (fd >= 0 && !expected)
		leaked("%s was opened %s", path, how);
	if (fd < 0 && expected)
		broken("%s could not be opened %s: %s", path, how, strerror(error));
	if (fd < 0 && error != EACCES)
		broken("%s: %s instead of EACCES, %s", path, strerror(error), how);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capset, &header, data) < 0)
		broken("capset: %s", strerror(errno));
}

static void in_child(void (*attempt)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		attempt();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		broken("a child ended with %d", status);
	if (WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
}

static void all_ids(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	        setresuid(NOBODY, NOBODY, NOBODY) < 0)
		broken("set ids: %s", strerror(errno));
	may_read("rootonly", false, "after setresuid");
	may_read("grouponly", false, "after setresgid");
	may_read("theirs", true, "by its owner");
	must_fail(open("../work-of-root/new", O_CREAT | O_WRONLY, 0644), "creation in root's folder");
	must_fail(chmod("rootonly", 0666), "chmod of root's file");
	must_fail(chown("theirs", 0, 0), "chown to root");
}

static void fs_ids(void)
{
	syscall(SYS_setfsuid, NOBODY);
	may_read("rootonly", false, "after setfsuid");
	may_read("grouponly", true, "with root's group");
	syscall(SYS_setfsgid, NOBODY);
	if (setgroups(0, NULL) < 0)
		tell("setgroups: %s", strerror(errno));
	may_read("grouponly", false, "after setfsgid");
	syscall(SYS_setfsuid, 0);
	may_read("rootonly", true, "by root again");
}

static void groups(void)
{
	gid_t groups[2] = {4242, 0};

	if (setgroups(1, groups) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	        setresuid(NOBODY, NOBODY, NOBODY) < 0)
		broken("set ids: %s", strerror(errno));
	may_read("group4242", true, "by a supplementary group");
	may_read("grouponly", false, "with another group");
}

static void capabilities(void)
{
	may_read("theirs", true, "by root");
	drop_capabilities();
	may_read("theirs", false, "without capabilities");
	may_read("rootonly", true, "by its owner without capabilities");
	must_fail(chown("rootonly", NOBODY, NOBODY), "chown without capabilities");
	must_fail(chmod("theirs", 0666), "chmod without capabilities");
}

static void run_self(const char *name)
{
	/* Root's programs get their capabilities anew, as far as these limits let them. */
	execl("/proc/self/exe", "attack", name, NULL);
	broken("exec: %s", strerror(errno));
}

static void bounds(void)
{
	for (int capability = 0; capability <= 40; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	run_self("who-limited");
}

static void secure_bits(void)
{
	if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0) < 0)
		broken("securebits: %s", strerror(errno));
	run_self("who-limited");
}

static void limited(void)
{
	may_read("theirs", false, "by a root that was limited before its exec");
	may_read("rootonly", true, "by its owner");
}

static void user_namespace(void)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return tell("no user namespace: %s", strerror(errno));
	may_read("theirs", false, "with a user namespace's capabilities");
	may_read("rootonly", true, "by its owner");
	must_fail(chmod("theirs", 0666), "chmod with a user namespace's capabilities");
}

static int in_cloned_namespace(void *argument)
{
	may_read("theirs", false, "with a cloned user namespace's capabilities");
	return 0;
}

static void cloned_namespace(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid = clone(in_cloned_namespace, stack + sizeof(stack), CLONE_NEWUSER | SIGCHLD, NULL);
	int status;

	if (pid > 0 && (waitpid(pid, &status, 0) < 0 || status != 0))
		_exit(ATTACK_LEAKED);
}

static void drop(void)
{
	static void (*const ways[])(void) = {
	        capabilities, bounds, secure_bits, all_ids, fs_ids, groups, user_namespace, cloned_namespace};

	need_root();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		in_child(ways[i]);
}

/* The limits alone, before any call that is watched for its ids. */
static void drop_bounds(void)
{
	need_root();
	in_child(bounds);
}

static void drop_bits(void)
{
	need_root();
	in_child(secure_bits);
}

/* ---- races between threads ---- */

static struct counts ids;

static void *change_ids(void *argument)
{
	while (attack_goes_on()) {
		syscall(SYS_setfsuid, NOBODY);
		may_read("rootonly", false, "after setfsuid, in a race");
		ids.refused++;
		syscall(SYS_setfsuid, 0);
		may_read("rootonly", true, "by root, in a race");
		ids.good++;
	}
	return NULL;
}

static void *stay_dropped(void *argument)
{
	syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY);
	while (attack_goes_on()) {
		may_read("rootonly", false, "by a thread that had dropped its ids");
		ids.refused++;
	}
	return NULL;
}

static void ids_race(void)
{
	pthread_t threads[4];

	need_root();
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, i ? change_ids : stay_dropped, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	window("opens as root and as nobody, from four threads", ids.good, ids.refused);
}

static void make_with_mask(mode_t mask, int number, struct counts *counts)
{
	char name[40];
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), "mask-%d", number);
	umask(mask);
	fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0666);
	if (fd < 0 || fstat(fd, &st) < 0)
		broken("%s: %s", name, strerror(errno));
	if ((st.st_mode & 0777) != (0666 & ~mask))
		leaked("mode %o under the mask %o", st.st_mode & 0777, mask);
	close(fd);
	if (unlink(name) < 0 || mkdir(name, 0777) < 0 || stat(name, &st) < 0 ||
	        (st.st_mode & 0777) != (0777 & ~mask))
		leaked("a folder's mode is wrong under the mask %o", mask);
	rmdir(name);
	if (mask == 077)
		counts->refused++;
	else
		counts->good++;
}

static void masks_race(void)
{
	struct counts counts = {0};
	pid_t pid = fork();
	int status;

	for (unsigned i = 0; attack_goes_on(); i++)
		make_with_mask((i & 1) == (pid == 0) ? 022 : 077, pid == 0, &counts);
	window("files made under two masks", counts.good, counts.refused);
	if (pid == 0)
		_exit(0);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		_exit(ATTACK_LEAKED);
}

const struct attack who_attacks[] = {
        {"who-drop", drop},
        {"who-bounds", drop_bounds},
        {"who-bits", drop_bits},
        {"who-limited", limited},
        {"who-race", ids_race},
        {"who-masks", masks_race},
        {0},
};
