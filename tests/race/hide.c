/* A hidden name answers as one that is not there: every call on both, and their errnos compared. Calls that
 * create cannot be told apart from a missing name entirely, since they would have to succeed; they say ENOENT
 * and never that something is there. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "attack.h"

static long call_open(const char *p)
{
	return open(p, O_RDONLY);
}
static long call_open_write(const char *p)
{
	return open(p, O_WRONLY);
}
static long call_open_truncate(const char *p)
{
	return open(p, O_RDONLY | O_TRUNC);
}
static long call_open_folder(const char *p)
{
	return open(p, O_RDONLY | O_DIRECTORY);
}
static long call_open_nofollow(const char *p)
{
	return open(p, O_RDONLY | O_NOFOLLOW);
}
static long call_stat(const char *p)
{
	struct stat s;
	return stat(p, &s);
}
static long call_lstat(const char *p)
{
	struct stat s;
	return lstat(p, &s);
}
static long call_raw_stat(const char *p)
{
	struct stat s;
	return syscall(SYS_newfstatat, AT_FDCWD, p, &s, 0);
}
static long call_statx(const char *p)
{
	struct statx s;
	return statx(AT_FDCWD, p, 0, STATX_ALL, &s);
}
static long call_access(const char *p)
{
	return access(p, F_OK);
}
static long call_access_read(const char *p)
{
	return access(p, R_OK);
}
static long call_faccessat2(const char *p)
{
	return faccessat(AT_FDCWD, p, R_OK, AT_EACCESS);
}
static long call_readlink(const char *p)
{
	char b[64];
	return readlink(p, b, sizeof(b));
}
static long call_statfs(const char *p)
{
	struct statfs s;
	return statfs(p, &s);
}
static long call_getxattr(const char *p)
{
	char b[64];
	return getxattr(p, "user.a", b, sizeof(b));
}
static long call_listxattr(const char *p)
{
	char b[64];
	return listxattr(p, b, sizeof(b));
}
static long call_chmod(const char *p)
{
	return chmod(p, 0777);
}
static long call_chown(const char *p)
{
	return chown(p, getuid(), getgid());
}
static long call_utime(const char *p)
{
	return utimensat(AT_FDCWD, p, NULL, 0);
}
static long call_setxattr(const char *p)
{
	return setxattr(p, "user.a", "b", 1, 0);
}
static long call_removexattr(const char *p)
{
	return removexattr(p, "user.a");
}
static long call_truncate(const char *p)
{
	return truncate(p, 0);
}
static long call_unlink(const char *p)
{
	return unlink(p);
}
static long call_rmdir(const char *p)
{
	return rmdir(p);
}
static long call_rename_from(const char *p)
{
	return rename(p, "to-here");
}
static long call_link_from(const char *p)
{
	return link(p, "to-here");
}
static long call_exchange(const char *p)
{
	return syscall(SYS_renameat2, AT_FDCWD, "public", AT_FDCWD, p, 2);
}
static long call_exec(const char *p)
{
	return execv(p, (char *[]){(char *)p, NULL});
}
static long call_inotify(const char *p)
{
	int fd = inotify_init1(0);
	long r = inotify_add_watch(fd, p, IN_ALL_EVENTS);
	int e = errno;
	close(fd);
	errno = e;
	return r;
}
static long call_handle(const char *p)
{
	struct {
		struct file_handle h;
		char b[128];
	} h = {.h.handle_bytes = 128};
	int m;
	return name_to_handle_at(AT_FDCWD, p, &h.h, &m, 0);
}
static long call_o_path(const char *p)
{
	return open(p, O_PATH);
}
static long call_openat2(const char *p)
{
	struct open_how h = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
	return syscall(SYS_openat2, AT_FDCWD, p, &h, sizeof(h));
}
static long call_chdir(const char *p)
{
	int here = open(".", O_RDONLY);
	long r = chdir(p);
	int e = errno;
	if (fchdir(here) < 0)
		broken("fchdir");
	close(here);
	errno = e;
	return r;
}

static const struct {
	const char *name;
	long (*call)(const char *path);
	bool known; /* tells the difference, and the manual says so */
} looks[] = {
        {"open", call_open},
        {"open for writing", call_open_write},
        {"O_TRUNC", call_open_truncate},
        {"O_DIRECTORY", call_open_folder},
        {"O_NOFOLLOW", call_open_nofollow},
        {"stat", call_stat},
        {"lstat", call_lstat},
        {"newfstatat", call_raw_stat},
        {"statx", call_statx},
        {"access", call_access},
        {"access for reading", call_access_read},
        {"faccessat2", call_faccessat2},
        {"readlink", call_readlink},
        {"statfs", call_statfs},
        {"getxattr", call_getxattr},
        {"listxattr", call_listxattr},
        {"chmod", call_chmod},
        {"chown", call_chown},
        {"utimensat", call_utime},
        {"setxattr", call_setxattr},
        {"removexattr", call_removexattr},
        {"truncate", call_truncate},
        {"unlink", call_unlink},
        {"rmdir", call_rmdir},
        {"rename from", call_rename_from},
        {"link from", call_link_from},
        {"exchange", call_exchange},
        {"execve", call_exec},
        {"inotify_add_watch", call_inotify},
        {"name_to_handle_at", call_handle},
        {"O_PATH", call_o_path},
        {"openat2", call_openat2},
        {"chdir", call_chdir, true},
};

static long make_open(const char *p)
{
	return open(p, O_CREAT | O_WRONLY, 0644);
}
static long make_open_exclusive(const char *p)
{
	return open(p, O_CREAT | O_EXCL | O_WRONLY, 0644);
}
static long make_creat(const char *p)
{
	return creat(p, 0644);
}
static long make_folder(const char *p)
{
	return mkdir(p, 0755);
}
static long make_node(const char *p)
{
	return mknod(p, S_IFREG | 0644, 0);
}
static long make_link(const char *p)
{
	return symlink("public", p);
}
static long make_hard_link(const char *p)
{
	return link("public", p);
}
static long make_renamed(const char *p)
{
	return rename("public", p);
}
static long make_not_replaced(const char *p)
{
	return syscall(SYS_renameat2, AT_FDCWD, "public", AT_FDCWD, p, 1);
}
static long make_folder_renamed(const char *p)
{
	mkdir("empty", 0755);
	return rename("empty", p);
}

static long make_socket(const char *p)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), error;
	long r;

	strncpy(address.sun_path, p, sizeof(address.sun_path) - 1);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	error = errno;
	close(fd);
	errno = error;
	return r;
}

static const struct {
	const char *name;
	long (*call)(const char *path);
	bool known;
} makes[] = {
        {"O_CREAT", make_open},
        {"O_EXCL", make_open_exclusive},
        {"creat", make_creat},
        {"mkdir", make_folder},
        {"mknod", make_node},
        {"symlink", make_link},
        {"link", make_hard_link},
        {"rename onto", make_renamed},
        {"rename onto, RENAME_NOREPLACE", make_not_replaced},
        {"rename of a folder onto", make_folder_renamed},
        {"bind of a socket", make_socket, true},
};

static const char *answer(long result)
{
	return result >= 0 ? "success" : strerrorname_np(errno);
}

static int differences;

static void differ(bool known, const char *call, const char *path, const char *one, const char *other)
{
	tell("%s%s of %s: %s, of what is missing: %s", known ? "known: " : "TELLS: ", call, path, one, other);
	differences += !known;
}

static void compare(const char *hidden, const char *missing)
{
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		const char *one = answer(looks[i].call(hidden)), *other = answer(looks[i].call(missing));

		if (strcmp(one, other) != 0)
			differ(looks[i].known, looks[i].name, hidden, one, other);
	}
}

static void make(const char *hidden)
{
	for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++) {
		const char *one = answer(makes[i].call(hidden));

		if (strcmp(one, "ENOENT") != 0)
			differ(makes[i].known, makes[i].name, hidden, one, "ENOENT");
	}
}

static void hide(void)
{
	static const char *const pairs[][2] = {{"ghost", "missing"}, {"ghost/key", "missing/key"},
	        {"ghost/none", "missing/none"}, {"ghost/", "missing/"}, {"ghost/.", "missing/."},
	        {"ghost/inner/../key", "missing/inner/../key"}, {"phantom", "missing"},
	        {"phantom/", "missing/"}, {"phantom/x", "missing/x"}, {"to-ghost", "to-missing"},
	        {"to-ghost/key", "to-missing/key"}, {"./ghost", "./missing"},
	        {"../work/phantom", "../work/missing"}, {"ghost/key/", "missing/key/"}};

	if (symlink("ghost", "to-ghost") < 0 || symlink("missing", "to-missing") < 0)
		broken("symlink: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		/* The links themselves are ours: only what follows them counts. */
		if (strcmp(pairs[i][0], "to-ghost") == 0) {
			char one[20], other[20];

			strcpy(one, answer(call_open(pairs[i][0])));
			strcpy(other, answer(call_open(pairs[i][1])));
			if (strcmp(one, other) != 0)
				differ(false, "open", pairs[i][0], one, other);
			continue;
		}
		compare(pairs[i][0], pairs[i][1]);
	}
	/* To go through a hidden folder and out again grants nothing, and tells that it is there. */
	if (call_stat("ghost/../public") == 0)
		differ(true, "stat", "ghost/../public", "success", "ENOENT");
	if (put_at_null("phantom")) {
		struct statx sx;
		struct stat st;
		char text[10];

		must_fail_with(syscall(SYS_newfstatat, AT_FDCWD, NULL, &st, 0), ENOENT, "stat of address 0");
		must_fail_with(syscall(SYS_statx, AT_FDCWD, NULL, 0, 0, &sx), ENOENT, "statx of address 0");
		must_fail_with(syscall(SYS_faccessat, AT_FDCWD, NULL, F_OK), ENOENT, "access of address 0");
		must_fail_with(syscall(SYS_readlinkat, AT_FDCWD, NULL, text, sizeof(text)), ENOENT,
		        "readlink of address 0");
	}
	make("ghost");
	make("phantom");
	make("ghost/key");
	if (differences)
		leaked("%d calls tell a hidden name from a missing one", differences);
}

const struct attack hide_attacks[] = {
        {"hide", hide},
        {0},
};
