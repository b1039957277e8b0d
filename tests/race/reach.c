/* Roundabout ways to a denied file: descriptors that open nothing, working folders, other roots and
 * namespaces, and what /proc shows of the supervisor. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static const char *const denied[] = {"secret", "vault/key", "deep/a/b/key", "closed/key", ".env", "sub/.env",
        "g1/priv/key", "x/y/safe/pin"};

#define DENIED (sizeof(denied) / sizeof(denied[0]))

/* ---- descriptors ---- */

static void reopen_each_way(int fd)
{
	static const char *const forms[] = {"/proc/self/fd/%d", "/dev/fd/%d", "/proc/thread-self/fd/%d",
	        "//proc/./self/fd/%d", "/proc/self/root/proc/self/fd/%d",
	        "/proc/self/cwd/../../../../../../proc/self/fd/%d"};
	static const int flags[] = {O_RDONLY, O_RDWR, O_WRONLY, O_RDONLY | O_TRUNC, O_RDONLY | O_NONBLOCK};
	struct open_how how = {.flags = O_RDONLY};
	char path[100];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		for (size_t k = 0; k < 5; k++) {
			snprintf(path, sizeof(path), forms[i], fd);
			must_fail(open(path, flags[k]), path);
		}
	snprintf(path, sizeof(path), "/proc/self/task/%d/fd/%d", getpid(), fd);
	must_fail(open(path, O_RDONLY), path);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	must_fail(open(path, O_RDONLY), path);
	must_fail(truncate(path, 0), "truncate through /proc");
	must_fail(openat(fd, "", O_RDONLY), "openat with an empty path");
	must_fail(syscall(SYS_openat2, fd, "", &how, sizeof(how)), "openat2 with an empty path");
	must_fail(syscall(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH), "execveat");
}

static void change_each_way(int fd)
{
	struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 5}};
	char path[100];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	must_fail(syscall(SYS_fchmodat2, fd, "", 0777, AT_EMPTY_PATH), "fchmodat2 AT_EMPTY_PATH");
	must_fail(utimensat(fd, "", times, AT_EMPTY_PATH), "utimensat AT_EMPTY_PATH");
	must_fail(syscall(SYS_utimensat, fd, NULL, times, 0), "utimensat NULL");
	must_fail(syscall(SYS_utimensat, fd, NULL, times, AT_EMPTY_PATH), "utimensat NULL, AT_EMPTY_PATH");
	must_fail(fchownat(fd, "", getuid(), getgid(), AT_EMPTY_PATH), "fchownat AT_EMPTY_PATH");
	must_fail(syscall(SYS_fchownat, fd, NULL, getuid(), getgid(), AT_EMPTY_PATH), "fchownat NULL");
	must_fail(syscall(SYS_fchmodat2, fd, NULL, 0777, AT_EMPTY_PATH), "fchmodat2 NULL");
	must_fail(fchmod(fd, 0777), "fchmod");
	must_fail(fchown(fd, getuid(), getgid()), "fchown");
	must_fail(futimens(fd, times), "futimens");
	must_fail(chmod(path, 0777), "chmod through /proc");
	must_fail(chown(path, getuid(), getgid()), "chown through /proc");
	must_fail(utimensat(AT_FDCWD, path, times, 0), "utimensat through /proc");
	must_fail(syscall(SYS_setxattr, path, "user.a", "b", 1, 0), "setxattr through /proc");
	must_fail(syscall(SYS_removexattr, path, "user.a"), "removexattr through /proc");
	must_fail(syscall(465, fd, "", AT_EMPTY_PATH, "user.a", NULL, 0), "setxattrat"); /* 6.13 */
	must_fail(ftruncate(fd, 0), "ftruncate");
}

static void descriptors(void)
{
	int opened = 0, closed = 0;

	for (size_t i = 0; i < DENIED; i++) {
		int fd = open(denied[i], O_PATH);

		if (fd < 0) {
			closed++;
			continue;
		}
		opened++;
		reopen_each_way(fd);
		change_each_way(fd);
		close(fd);
	}
	tell("%d denied files could be named by O_PATH, %d not", opened, closed);
	/* That the ways lead somewhere at all. */
	{
		int fd = open("public", O_PATH);
		char path[40];

		snprintf(path, sizeof(path), "/dev/fd/%d", fd);
		if (!try_read(path, "public"))
			broken("an allowed file cannot be reopened: %s", strerror(errno));
	}
}

/* ---- where paths begin ---- */

static void folders(void)
{
	int fd = open("closed", O_PATH | O_DIRECTORY), vault = open("vault", O_RDONLY | O_DIRECTORY),
	    here = open(".", O_PATH);

	if (fd >= 0) {
		must_fail(openat(fd, "key", O_RDONLY), "openat in a denied folder");
		must_fail(openat(fd, "./key", O_RDONLY), "openat in a denied folder");
		must_fail(openat(fd, ".", O_RDONLY), "openat of a denied folder");
		must_fail(openat(fd, "inner/../key", O_RDONLY), "openat in a denied folder");
		must_fail(openat(fd, "new", O_RDWR | O_CREAT, 0644), "openat O_CREAT in a denied folder");
		must_fail(openat(fd, ".", O_TMPFILE | O_RDWR, 0600), "O_TMPFILE in a denied folder");
		must_fail(mkdirat(fd, "new", 0755), "mkdirat in a denied folder");
	}
	if (vault >= 0)
		must_fail(openat(vault, "key", O_RDONLY), "openat key");
	if (chdir("closed") == 0) {
		must_fail(open("key", O_RDONLY), "open in the working folder");
		must_fail(open(".", O_RDONLY), "open of the working folder");
		must_fail(open("../closed/key", O_RDONLY), "open");
		must_fail(open("/proc/self/cwd/key", O_RDONLY), "open through /proc/self/cwd");
		must_fail(opendir(".") ? 0 : -1, "opendir");
	}
	if (fchdir(here) < 0)
		broken("fchdir");
	if (fd >= 0 && fchdir(fd) == 0)
		must_fail(open("key", O_RDONLY), "open after fchdir");
}

static void try_all_from(const char *prefix, const char *how)
{
	char path[300];

	for (size_t i = 0; i < DENIED; i++) {
		snprintf(path, sizeof(path), "%s%s", prefix, denied[i]);
		try_read(path, how);
		try_read(path + 1, how);
	}
}

static bool become_own_root(void)
{
	uid_t uid = getuid();
	char map[40];
	int fd;

	if (unshare(CLONE_NEWUSER) < 0)
		return false;
	fd = open("/proc/self/uid_map", O_WRONLY);
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (fd >= 0 && write(fd, map, strlen(map)) < 0)
		tell("uid_map: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return true;
}

static void another_root(const char *root, const char *how)
{
	pid_t pid = fork();
	int status, here = open(".", O_PATH), roots = open("/", O_PATH);

	if (pid == 0) {
		if (chroot(root) < 0)
			_exit(3);
		try_all_from("/", how);
		try_all_from("../", how);
		if (fchdir(here) == 0)
			try_all_from("./", how);
		must_fail(openat(here, "secret", O_RDONLY), how);
		if (chdir("/") == 0)
			try_all_from("/", how);
		if (fchdir(roots) == 0)
			try_all_from("./", how);
		try_all_from("/proc/self/cwd/", how);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 1)
		_exit(ATTACK_LEAKED);
	tell("%s: %s", how, WEXITSTATUS(status) == 3 ? "refused" : "done, and nothing leaked");
	close(here);
	close(roots);
}

static void roots(void)
{
	if (getuid() != 0 && !become_own_root())
		skip("no user namespace can be made here");
	another_root(".", "chroot to the granted folder");
	another_root("vault", "chroot to a denied file's folder");
	another_root("closed", "chroot into the denied folder");
	another_root("deep/a", "chroot between");
	if (getuid() == 0 && become_own_root())
		another_root("vault", "chroot in a user namespace");
}

static void mount_each_way(const char *how)
{
	int tree, fd;

	mkdir("point", 0755);
	must_fail(mount("vault", "point", NULL, MS_BIND, NULL), "bind mount");
	must_fail(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	must_fail(mount("none", "point", "tmpfs", 0, NULL), "mount of tmpfs");
	must_fail(mount("proc", "point", "proc", 0, NULL), "mount of proc");
	must_fail(mount("none", "point", "overlay", 0, "lowerdir=vault"), "overlay");
	must_fail(syscall(SYS_pivot_root, "vault", "vault"), "pivot_root");
	try_read("point/key", how);
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, "vault", 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
	if (tree >= 0) {
		tell("a detached copy of a tree could be made");
		look(openat(tree, "key", O_RDONLY), "open in a detached copy of a tree");
		must_fail(fchmodat(tree, "key", 0777, 0), "chmod in a detached copy of a tree");
		must_fail(linkat(tree, "key", tree, "copy", 0), "link in a detached copy of a tree");
		must_fail(syscall(SYS_move_mount, tree, "", AT_FDCWD, "point", 4), "move_mount");
		try_read("point/key", how);
		if (fchdir(tree) == 0) {
			try_read("key", "open below a detached copy of a tree");
			try_read("./key", "open below a detached copy of a tree");
			if (chroot(".") == 0)
				try_read("/key", "open in the root of a detached copy of a tree");
		}
	}
	fd = (int)syscall(SYS_fsopen, "tmpfs", 0);
	if (fd >= 0) {
		syscall(SYS_fsconfig, fd, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0);
		must_fail(syscall(SYS_fsmount, fd, 0, 0), "fsmount");
	}
}

static void mounts(void)
{
	int status;
	pid_t pid;

	if (getuid() == 0) {
		pid = fork();
		if (pid == 0) {
			mount_each_way("as root");
			if (unshare(CLONE_NEWNS) == 0)
				mount_each_way("in a mount namespace");
			_exit(0);
		}
		if (waitpid(pid, &status, 0) < 0 || status != 0)
			_exit(ATTACK_LEAKED);
	}
	if (!become_own_root())
		skip("no user namespace can be made here");
	mount_each_way("in a user namespace");
	if (unshare(CLONE_NEWNS) == 0) {
		mount_each_way("in a user and a mount namespace");
		try_all_from("./", "in a mount namespace");
	}
}

/* The same with clone, whose flags nobody needs to watch unless they matter. */
static int in_clone(void *argument)
{
	if (chroot("vault") == 0) {
		try_read("/key", "chroot in a cloned user namespace");
		try_read("key", "chroot in a cloned user namespace");
	}
	if (chdir("vault") == 0)
		try_read("key", "in a cloned namespace");
	mount_each_way("in a cloned namespace");
	return 0;
}

static void namespaces(void)
{
	static char stack[262144] __attribute__((aligned(16)));
	pid_t pid = clone(
	        in_clone, stack + sizeof(stack), CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, NULL);
	int status;

	if (pid < 0)
		skip("no user namespace can be made here");
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : ATTACK_NO_WINDOW);
}

static volatile bool over;

/* ---- what is simply not granted ---- */

static void try_outside(const char *how)
{
	static const char *const ways[] = {"../outside/key", "../outside/inner/../key", "out/key", "out-key",
	        "/proc/self/cwd/../outside/key", "/proc/self/root/proc/self/cwd/../outside/key",
	        "out-made/key", "key"};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		try_read(ways[i], how);
		must_fail(open(ways[i], O_WRONLY), how);
		must_fail(open(ways[i], O_RDONLY | O_TRUNC), how);
		must_fail(truncate(ways[i], 0), how);
	}
}

static void *swap_outside(void *argument)
{
	while (!over)
		syscall(SYS_renameat2, AT_FDCWD, "s1", AT_FDCWD, "s2", 2);
	return NULL;
}

static void race_outside(void)
{
	struct counts counts = {0};
	pthread_t thread;

	mkdir("s1", 0755);
	close(open("s1/key", O_CREAT | O_WRONLY, 0644));
	if (symlink("../outside", "s2") < 0)
		broken("symlink: %s", strerror(errno));
	pthread_create(&thread, NULL, swap_outside, NULL);
	while (attack_goes_on()) {
		if (try_read("s1/key", "a folder and a link to outside exchanged"))
			counts.good++;
		else
			counts.refused += errno == EACCES;
	}
	over = true;
	pthread_join(thread, NULL);
	window("a folder and a link to outside", counts.good, counts.refused);
}

static void outside(void)
{
	int fd, folder;

	if (symlink("../outside", "out") < 0 || symlink("../outside/key", "out-key") < 0)
		broken("symlink: %s", strerror(errno));
	try_outside("what no rule grants");
	must_fail(link("../outside/key", "key"), "link to what is not granted");
	must_fail(unlink("../outside/key"), "unlink of what is not granted");
	must_fail(rename("../outside/key", "key"), "rename of what is not granted");
	must_fail(rename("../outside", "out-made"), "rename of a folder that is not granted");
	must_fail(syscall(SYS_renameat2, AT_FDCWD, "../outside", AT_FDCWD, "out", 2),
	        "exchange with what is not granted");
	must_fail(open("../outside/new", O_CREAT | O_WRONLY, 0644), "creation where nothing is granted");
	must_fail(mkdir("../outside/new", 0755), "creation where nothing is granted");
	fd = open("../outside/key", O_PATH);
	if (fd >= 0) {
		reopen_each_way(fd);
		must_fail(linkat(fd, "", AT_FDCWD, "key", AT_EMPTY_PATH), "linkat AT_EMPTY_PATH");
	}
	folder = open("../outside", O_PATH | O_DIRECTORY);
	if (folder >= 0 && fchdir(folder) == 0) {
		must_fail(open("key", O_RDONLY), "open in a folder that is not granted");
		if (chdir("../work") < 0)
			broken("chdir: %s", strerror(errno));
	}
	race_outside();
}

/* ---- /proc and the supervisor ---- */

/* Processes of reeve: our ancestors, and every thread of them. */
static int reeve_tasks(pid_t *ret, int max)
{
	pid_t pid = getppid();
	int count = 0;

	while (pid > 1 && count < max) {
		char path[64], text[400], *after;
		FILE *file;
		struct dirent *entry;
		DIR *threads;
		int parent;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "r");
		if (!file || !fgets(text, sizeof(text), file)) {
			/* Refused even that: the number is known still. Its threads follow soon after. */
			for (int i = -6; i < 6 && count < max; i++)
				if (pid + i < getpid())
					ret[count++] = pid + i;
			return count;
		}
		fclose(file);
		if (!strstr(text, "(reeve"))
			return count;
		snprintf(path, sizeof(path), "/proc/%d/task", pid);
		threads = opendir(path);
		ret[count++] = pid;
		while (threads && (entry = readdir(threads)))
			if (atoi(entry->d_name) > 0 && count < max)
				ret[count++] = atoi(entry->d_name);
		if (threads)
			closedir(threads);
		after = strrchr(text, ')');
		if (!after || sscanf(after + 1, " %*c %d", &parent) != 1)
			return count;
		pid = parent;
	}
	return count;
}

static const char *const private[] = {"environ", "mem", "maps", "auxv", "stack", "syscall", "io", "pagemap",
        "fd/0", "fd/1", "fd/2", "fd/3", "fd/4", "fd/5", "fd/6", "fd/7", "fd/8", "fd/9", "fd/10", "fd/11",
        "fd/12", "root/etc/passwd", "cwd/.", "exe", "task/%d/mem", "task/%d/environ", "ns/mnt", "personality",
        "smaps", "numa_maps", "clear_refs", "mountinfo", "attr/current"};

/* Files that show nothing secret, or that every process may read of every other. With CAP_PERFMON, which root
 * has, Linux shows the environment and the layout of memory to all, whatever a Landlock domain says: known.
 */
static bool is_harmless(const char *name)
{
	static const char *const to_all[] = {"mountinfo", "attr/current", "stack"};
	static const char *const to_root[] = {"maps", "smaps", "numa_maps", "auxv", "environ", "pagemap"};

	for (size_t i = 0; i < sizeof(to_all) / sizeof(to_all[0]); i++)
		if (strcmp(name, to_all[i]) == 0)
			return true;
	for (size_t i = 0; getuid() == 0 && i < sizeof(to_root) / sizeof(to_root[0]); i++)
		if (strstr(name, to_root[i]))
			return true;
	return false;
}

static void try_task(const char *proc, pid_t pid)
{
	char path[200], link[100], name[64];

	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
		int n;

		snprintf(name, sizeof(name), private[i], pid);
		n = snprintf(path, sizeof(path), "%s/%d/%s", proc, pid, name);
		if (n >= (int)sizeof(path))
			continue;
		for (int k = 0; k < 3; k++) {
			static const int flags[] = {O_RDONLY, O_RDWR, O_RDONLY | O_NONBLOCK};
			char text[64];
			int fd = open(path, flags[k]);

			if (fd < 0)
				continue;
			/* Some are checked when they are read. */
			if (!is_harmless(name) && read(fd, text, sizeof(text)) > 0)
				leaked("%s of the supervisor was read", path);
			if (strcmp(private[i], "mem") == 0)
				leaked("%s of the supervisor was opened", path);
			close(fd);
		}
		unlink("to-proc");
		if (symlink(path, "to-proc") == 0 && !is_harmless(name)) {
			int fd = open("to-proc", O_RDONLY);

			if (fd >= 0 && read(fd, link, 1) > 0)
				leaked("%s of the supervisor was read through a link", path);
			close(fd);
		}
	}
}

static void proc(void)
{
	pid_t tasks[64];
	int count = reeve_tasks(tasks, 64), mine = 0;
	char path[100];

	for (int i = 0; i < count; i++) {
		try_task("/proc", tasks[i]);
		try_task("/proc/self/root/proc", tasks[i]);
		try_task("//proc/.", tasks[i]);
		snprintf(path, sizeof(path),
		        "../procfs-mounted-under-a-name-that-is-as-long-as-can-be-and-longer-than-that");
		try_task(path, tasks[i]);
		try_task("../p", tasks[i]);
	}
	/* "self" in another mount is the asking task's own. */
	for (int k = 0; k < 2; k++) {
		static const char *const places[] = {"../p/self/status",
		        "../procfs-mounted-under-a-name-that-is-as-long-as-can-be-and-longer-than-that/self/"
		        "status"};
		char text[400] = "";
		int fd = open(places[k], O_RDONLY);

		if (fd < 0)
			continue;
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(fd);
		if (strncmp(text, "Name:\tattack", 12) != 0)
			leaked("%s is another process's: %.20s", places[k], text);
		mine++;
	}
	tell("%d tasks of reeve tried, %d other mounts of /proc seen", count, mine);
	if (count < 2)
		broken("the supervisor's tasks were not found");
}

/* While a FIFO is waited for, the supervisor has a helper: what it shows is the supervisor's memory. */
static void *open_fifo(void *argument)
{
	while (!over) {
		int fd = open("fifo", O_WRONLY);

		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static const char *name_of(pid_t pid)
{
	static char text[400];
	char path[64];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return fd < 0 ? strerror(errno) : text;
}

static void try_helper(pid_t pid, struct counts *counts)
{
	static const char *const names[] = {"mem", "environ", "maps", "fd/3", "fd/5", "root/etc/passwd"};

	for (size_t i = 0; i < 6; i++) {
		char path[64], text[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		if (is_harmless(names[i]))
			continue;
		fd = open(path, O_RDONLY | O_NONBLOCK);
		if (fd < 0)
			continue;
		/* The first page is nobody's: to open it is enough. */
		if (i == 0 || i > 2 || read(fd, text, sizeof(text)) > 0)
			leaked("%s of a process of the supervisor was opened (its name: %s; this is %d)",
			        path, name_of(pid), getpid());
		close(fd);
	}
	counts->refused++;
}

static bool is_ours(pid_t pid, pid_t mine)
{
	char path[64], text[400];
	FILE *file;
	bool ours = false;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fgets(text, sizeof(text), file))
		ours = strstr(text, "(reeve") == NULL || pid == mine;
	fclose(file);
	return ours;
}

static void helpers(void)
{
	struct counts counts = {0};
	pthread_t threads[3];
	pid_t last = getpid();

	if (mkfifo("fifo", 0600) < 0)
		broken("mkfifo: %s", strerror(errno));
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, open_fifo, NULL);
	while (attack_goes_on()) {
		/* Its number is one of the next. */
		for (pid_t pid = last; pid < last + 40; pid++)
			if (pid > getpid() && !is_ours(pid, getpid()))
				try_helper(pid, &counts);
		/* Lets the waiting ones go on, so that new helpers come. */
		{
			int fd = open("fifo", O_RDONLY | O_NONBLOCK);
			char path[40];
			FILE *file = fopen("/proc/loadavg", "r");

			if (file && fscanf(file, "%*s %*s %*s %*s %d", &last) == 1)
				last -= 20;
			if (file)
				fclose(file);
			snprintf(path, sizeof(path), "%d", fd);
			counts.good += fd >= 0;
			close(fd);
		}
	}
	over = true;
	for (int i = 0; i < 3; i++) {
		int fd = open("fifo", O_RDWR | O_NONBLOCK);

		pthread_join(threads[i], NULL);
		close(fd);
	}
	window("FIFOs let go, processes tried", counts.good, counts.refused);
}

const struct attack reach_attacks[] = {
        {"descriptors", descriptors},
        {"folders", folders},
        {"roots", roots},
        {"mounts", mounts},
        {"namespaces", namespaces},
        {"outside", outside},
        {"outside-kernel", outside},
        {"proc", proc},
        {"proc-helper", helpers},
        {0},
};
