/* A command without any capability mounts file systems in namespaces of its own.
 *
 *     $ ./mount sh -c 'mount -t tmpfs none /mnt && df /mnt'
 *
 * It can be started by anybody. A helper enters a new user namespace and a new mount namespace and keeps the
 * capabilities it has there; the command, its child, gives them all up and wears a filter. The helper is the
 * supervisor: it performs each mount() itself, of the kinds in the list below only.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <reeve/reeve.h>

static const char *const allowed_types[] = {"tmpfs", "ramfs"};

/* Anything else, bind and remount above all, would be another kind of mount. */
#define ALLOWED_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_RELATIME | MS_SILENT)

static int command(int socket, char **argv)
{
	struct sock_filter instructions[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	        /* mount(8) tries the newer call first. */
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsopen, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 6, .filter = instructions};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	int listener;

	/* no_new_privs keeps exec from giving the capabilities back to user 0. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, none) < 0 ||
	        reeve_filter_install(&program, REEVE_FILTER_WAIT_KILLABLE, &listener) < 0 ||
	        reeve_fds_send(socket, &listener, 1) < 0)
		return 125;
	execvp(argv[0], argv);
	return 127;
}

/* A descriptor of the directory, from the task's own root or working directory; -1 and errno. */
static int open_target(pid_t tid, const char *path)
{
	bool rooted = path[0] == '/';
	struct open_how how = {.flags = O_PATH, .resolve = rooted ? RESOLVE_IN_ROOT : RESOLVE_NO_MAGICLINKS};
	char from[64];
	int base, fd;

	snprintf(from, sizeof(from), "/proc/%d/%s", tid, rooted ? "root" : "cwd");
	base = open(from, O_PATH | O_CLOEXEC);
	fd = (int)syscall(SYS_openat2, base, path, &how, sizeof(how));
	close(base);
	return fd;
}

static bool is_allowed(const char *type, uint64_t flags)
{
	for (size_t i = 0; i < sizeof(allowed_types) / sizeof(allowed_types[0]); i++)
		if (!strcmp(type, allowed_types[i]))
			return !(flags & ~(uint64_t)ALLOWED_FLAGS);
	return false;
}

/* The errno that the command gets, or 0. */
static int perform(int listener, const struct reeve_request *request)
{
	const __u64 *args = request->data.args;
	uint64_t flags = (args[3] & MS_MGC_MSK) == MS_MGC_VAL ? args[3] & ~(uint64_t)MS_MGC_MSK : args[3];
	char target[PATH_MAX], type[64], data[256] = "", path[64];
	int fd, error = 0;

	if (reeve_memory_read_string(request->tid, args[1], target, sizeof(target)) < 0 ||
	        (args[4] && reeve_memory_read_string(request->tid, args[4], data, sizeof(data)) < 0))
		return EFAULT;
	/* A bind mount has no type. */
	if (reeve_memory_read_string(request->tid, args[2], type, sizeof(type)) < 0 ||
	        !is_allowed(type, flags))
		return EPERM;
	fd = open_target(request->tid, target);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || (reeve_is_valid(listener, request->id) == 0 &&
	                      mount("none", path, type, flags | MS_NOSUID | MS_NODEV, data) < 0))
		error = errno;
	fprintf(stderr, "mount: %s on %s: %s\n", type, target, error ? strerror(error) : "mounted");
	close(fd);
	return error;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0;
}

static int helper(char **argv)
{
	struct reeve_request request;
	int sockets[2], listener, status, r;
	char users[32], groups[32];
	pid_t pid;

	snprintf(users, sizeof(users), "0 %u 1", getuid());
	snprintf(groups, sizeof(groups), "0 %u 1", getgid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || !write_file("/proc/self/setgroups", "deny") ||
	        !write_file("/proc/self/uid_map", users) || !write_file("/proc/self/gid_map", groups) ||
	        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return perror("mount: namespaces"), 125;
	if ((pid = fork()) == 0)
		_exit(command(sockets[1], argv));
	close(sockets[1]);
	if (reeve_fds_receive(sockets[0], &listener, 1) < 0)
		return 125;
	while ((r = reeve_receive(listener, &request)) == 0 || r == REEVE_GONE)
		if (r == 0 && (r = perform(listener, &request)) > 0)
			reeve_respond_error(listener, request.id, r);
		else if (r == 0)
			reeve_respond_value(listener, request.id, 0);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 2 || fork() == 0)
		_exit(argc < 2 ? 125 : helper(argv + 1));
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
