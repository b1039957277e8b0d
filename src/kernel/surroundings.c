#include "kernel/surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/release.h"
#include "kernel/uapi.h"

/* ---- calls, each made so that it can do nothing ---- */

static long try_openat2(void)
{
	return syscall(SYS_openat2, -1, NULL, NULL, 0);
}

static long try_pidfd_open(void)
{
	return syscall(SYS_pidfd_open, -1, 0);
}

static long try_pidfd_send_signal(void)
{
	return syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0);
}

static long try_pidfd_getfd(void)
{
	return syscall(SYS_pidfd_getfd, -1, 0, 0);
}

static long try_process_vm_readv(void)
{
	return syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0);
}

static long try_ptrace(void)
{
	return syscall(SYS_ptrace, PTRACE_DETACH, -1, NULL, NULL);
}

static long try_seccomp(void)
{
	return syscall(SYS_seccomp, ~0u, 0, NULL);
}

static long try_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

static long try_close_range(void)
{
	return syscall(SYS_close_range, ~0u, ~0u, 0);
}

static long try_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0);
}

static long try_faccessat2(void)
{
	return syscall(SYS_faccessat2, -1, "", 0, ~0u);
}

static long try_statx(void)
{
	return syscall(SYS_statx, -1, NULL, ~0u, 0, NULL);
}

static long try_unshare(void)
{
	return syscall(SYS_unshare, 0);
}

static const struct {
	const char *name;
	unsigned major, minor;
	long (*make)(void);
	bool has_substitute; /* everybody who meets ENOSYS goes another way */
} attempts[] = {
        {"seccomp", 3, 17, try_seccomp},
        {"landlock_create_ruleset", 5, 13, try_landlock},
        {"openat2", 5, 6, try_openat2},
        {"pidfd_open", 5, 3, try_pidfd_open},
        {"pidfd_send_signal", 5, 1, try_pidfd_send_signal},
        {"pidfd_getfd", 5, 6, try_pidfd_getfd},
        {"process_vm_readv", 3, 2, try_process_vm_readv},
        {"ptrace", 1, 0, try_ptrace},
        {"close_range", 5, 9, try_close_range},
        {"clone3", 5, 3, try_clone3, true},
        {"faccessat2", 5, 8, try_faccessat2, true},
        {"statx", 4, 11, try_statx, true},
        {"unshare", 2, 6, try_unshare},
};

_Static_assert(ELEMENTS(attempts) <= SURROUNDINGS_CALLS, "a place for each");

/* A child without signals to its parent's handlers; -errno. */
static pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	/* Whoever is killed for a call here leaves no core file. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* In a child: makes the calls from `first` on and writes the errno of each. A filter may kill it. */
static _Noreturn void make_calls(size_t first, int pipe)
{
	for (size_t i = first; i < ELEMENTS(attempts); i++) {
		int error = attempts[i].make() < 0 ? errno : 0;

		if (write(pipe, &error, sizeof(error)) != sizeof(error))
			_exit(1);
	}
	_exit(0);
}

/* The errnos of the calls from `first` on, as far as one child comes. How many. */
static size_t run_child(size_t first, int *errors)
{
	AUTO_CLOSE int in = -EBADF;
	int pipes[2];
	size_t count = 0;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return 0;
	in = pipes[0];
	pid = start_child();
	if (pid == 0)
		make_calls(first, pipes[1]);
	close(pipes[1]);
	if (pid < 0)
		return 0;
	while (first + count < ELEMENTS(attempts) &&
	        read(in, &errors[first + count], sizeof(int)) == sizeof(int))
		count++;
	wait_for(pid);
	return count;
}

static enum surroundings_call_state state_of(size_t i, int error)
{
	if (error < 0)
		return SURROUNDINGS_DEADLY;
	if (error == ENOSYS && attempts[i].has_substitute)
		return SURROUNDINGS_OLD;
	if (error == ENOSYS)
		return kernel_is_at_least(attempts[i].major, attempts[i].minor) ? SURROUNDINGS_HIDDEN
		                                                                : SURROUNDINGS_OLD;
	return error == EPERM || error == EACCES ? SURROUNDINGS_REFUSED : SURROUNDINGS_THERE;
}

static void look_at_calls(struct surroundings *s)
{
	int errors[ELEMENTS(attempts)];

	for (size_t i = 0; i < ELEMENTS(attempts); i++)
		errors[i] = -1;
	for (size_t i = 0; i < ELEMENTS(attempts); i++)
		i += run_child(i, errors);
	for (size_t i = 0; i < ELEMENTS(attempts); i++) {
		s->calls[i] = (struct surroundings_call){
		        attempts[i].name, attempts[i].major, attempts[i].minor, state_of(i, errors[i])};
		if (attempts[i].make == try_landlock)
			s->landlock = errors[i] < 0 ? EPERM : errors[i];
	}
	s->call_count = ELEMENTS(attempts);
}

/* ---- namespaces ---- */

enum { BARE = 255 }; /* above every errno */

/* In a child: 0, an errno, or BARE. */
static _Noreturn void make_user_namespace(void)
{
	if (syscall(SYS_unshare, CLONE_NEWUSER) < 0)
		_exit(errno);
	/* Some systems let anybody make one and give no rights in it. */
	_exit(syscall(SYS_unshare, CLONE_NEWUTS) < 0 ? BARE : 0);
}

static _Noreturn void make_network_namespace(int flags)
{
	_exit(syscall(SYS_unshare, CLONE_NEWNET | flags) < 0 ? errno : 0);
}

/* What the child ended with; killed by a filter counts as refused. */
static int outcome_of(pid_t pid)
{
	int status = pid < 0 ? -1 : wait_for(pid);

	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

static int try_network_namespace(int flags)
{
	pid_t pid = start_child();

	if (pid == 0)
		make_network_namespace(flags);
	return outcome_of(pid);
}

static void look_at_namespaces(struct surroundings *s)
{
	pid_t pid = start_child();

	if (pid == 0)
		make_user_namespace();
	s->user_namespace = outcome_of(pid);
	if (s->user_namespace == BARE) {
		s->user_namespace = 0;
		s->user_namespace_is_bare = true;
	}
	s->network_namespace = try_network_namespace(0);
	if (s->network_namespace == EPERM) {
		s->network_needs_user = true;
		s->network_namespace = try_network_namespace(CLONE_NEWUSER);
	}
}

/* ---- what files tell ---- */

/* The first bytes of a small file as text. False when it cannot be read. */
static bool read_small(const char *path, char *ret, size_t size)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t length = 0;

	while (fd >= 0 && length < size - 1) {
		ssize_t n = read(fd, ret + length, size - 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	ret[length] = '\0';
	return fd >= 0;
}

/* The number behind a key of /proc/self/status, or -1. */
static int status_number(const char *status, const char *key)
{
	const char *line = strstr(status, key);

	return line ? (int)strtol(line + strlen(key), NULL, 10) : -1;
}

static bool is_first_namespace(const char *name, const char *first)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return true;
	target[n] = '\0';
	return strcmp(target, first) == 0;
}

/* In a chroot no mount has the name "/". */
static bool root_is_mount(void)
{
	AUTO_FCLOSE FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	bool found = !file;

	while (!found && getline(&line, &room, file) >= 0) {
		char folder[8];

		found = sscanf(line, "%*s %*s %*s %*s %7s", folder) == 1 && strcmp(folder, "/") == 0;
	}
	free(line);
	return found;
}

static const char *container_of_cgroup(void)
{
	static const char *const names[] = {"docker", "kubepods", "libpod", "lxc", "garden", "machine.slice"};
	static const char *const told[] = {
	        "docker", "kubernetes", "podman", "lxc", "garden", "systemd-nspawn"};
	char text[4096];

	if (!read_small("/proc/1/cgroup", text, sizeof(text)))
		return NULL;
	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (strstr(text, names[i]))
			return told[i];
	return NULL;
}

static const char *find_container(const struct surroundings *s)
{
	char version[512];

	if (access("/.dockerenv", F_OK) == 0)
		return "docker";
	if (access("/run/.containerenv", F_OK) == 0)
		return "podman";
	if (getenv("KUBERNETES_SERVICE_HOST"))
		return "kubernetes";
	if (read_small("/proc/version", version, sizeof(version)) && strstr(version, "gVisor"))
		return "gVisor";
	if (strcasestr(s->release, "microsoft"))
		return "WSL";
	return container_of_cgroup();
}

static void name_container(struct surroundings *s)
{
	const char *found = find_container(s);

	if (found)
		snprintf(s->container, sizeof(s->container), "%s", found);
	/* What others wrote there is one word. */
	else if (read_small("/run/systemd/container", s->container, sizeof(s->container)))
		s->container[strspn(s->container, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] = '\0';
}

static void look_at_files(struct surroundings *s)
{
	char text[8192];

	s->yama = -1;
	s->seccomp_filters = -1;
	if (read_small("/proc/self/status", text, sizeof(text))) {
		s->has_proc = true;
		s->seccomp_filters = status_number(text, "\nSeccomp_filters:");
		s->no_new_privileges = status_number(text, "\nNoNewPrivs:") == 1;
	}
	if (read_small("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)))
		s->yama = (int)strtol(text, NULL, 10);
	s->in_pid_namespace = !is_first_namespace("pid", "pid:[4026531836]");
	s->in_user_namespace = !is_first_namespace("user", "user:[4026531837]");
	s->is_chroot = !root_is_mount();
	name_container(s);
}

void surroundings_look(struct surroundings *ret)
{
	struct surroundings found = {0};
	struct utsname name;

	if (uname(&name) == 0) {
		snprintf(found.release, sizeof(found.release), "%s", name.release);
		snprintf(found.machine, sizeof(found.machine), "%s", name.machine);
	}
	look_at_files(&found);
	look_at_calls(&found);
	look_at_namespaces(&found);
	*ret = found;
}
