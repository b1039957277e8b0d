/* Looks without opening, by every call, on every kind of object. */
#include <sys/statfs.h>
#include <sys/xattr.h>

#include "live.h"

static const char *const names[] = {"file", "dir", "link", "dirlink", "dangling", "missing", "loop", "fifo",
        "mute", "file/", "dir/", "link/", "dirlink/", "dangling/", "missing/", "file/.", "dir/.", "..", ".",
        "", "file/x", "dir/inner", "dirlink/inner", "nodir/x", "closed/x", "theirs/open", "theirs/shut",
        "shut/file", "sticky/link", "/dev/null", "/dev/tty", "/proc/self/comm", "/proc/self/exe",
        "/proc/self/root", "/proc/thread-self/comm", "/proc/self/fd/0", "/proc/self/fd/777", "status",
        "ends (deleted)"};

static void prepare(void)
{
	put("file", "0123456789", 0644);
	put("mute", "locked", 0000);
	put("ends (deleted)", "here", 0640);
	mkdir("dir", 0755);
	put("dir/inner", "inner", 0644);
	symlink("file", "link");
	symlink("dir", "dirlink");
	symlink("target", "dangling");
	symlink("loop", "loop");
	symlink("/proc/self/status", "status");
	mkfifo("fifo", 0644);
	mkdir("closed", 0000);
	setxattr("file", "user.reeve", "value", 5, 0);
}

static void say_look(const char *call, const char *name, long r, const struct stat *st)
{
	printf("%s %s: %s", call, name, outcome(r));
	if (r == 0 && st)
		say_stat(st);
	putchar('\n');
}

static void stats(const char *name)
{
	struct stat st;
	struct statfs fs;
	struct {
		struct statx stx;
	} x;

	say_look("stat", name, syscall(SYS_stat, name, &st), &st);
	say_look("lstat", name, syscall(SYS_lstat, name, &st), &st);
	say_look("newfstatat", name, syscall(SYS_newfstatat, AT_FDCWD, name, &st, 0), &st);
	say_look("newfstatat nofollow", name,
	        syscall(SYS_newfstatat, AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW), &st);
	say_look("newfstatat empty", name, syscall(SYS_newfstatat, AT_FDCWD, name, &st, AT_EMPTY_PATH), &st);
	memset(&x, 0, sizeof(x));
	printf("statx %s: %s", name,
	        outcome(syscall(SYS_statx, AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x)));
	printf(" %o %u\n", x.stx.stx_mode, x.stx.stx_nlink);
	memset(&fs, 0, sizeof(fs));
	printf("statfs %s: %s", name, outcome(syscall(SYS_statfs, name, &fs)));
	printf(" %lx\n", (unsigned long)fs.f_type);
}

static void accesses(const char *name)
{
	static const int modes[] = {F_OK, R_OK, W_OK, X_OK, R_OK | W_OK | X_OK, 8};
	static const int flags[] = {0, AT_EACCESS, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, 0x4};

	printf("access %s:", name);
	for (size_t i = 0; i < COUNT(modes); i++) {
		printf(" %s", outcome(syscall(SYS_access, name, modes[i])));
		printf(" %s", outcome(syscall(SYS_faccessat, AT_FDCWD, name, modes[i])));
	}
	for (size_t i = 0; i < COUNT(flags); i++)
		printf(" %s", outcome(syscall(SYS_faccessat2, AT_FDCWD, name, R_OK, flags[i])));
	putchar('\n');
}

static void texts(const char *name)
{
	char text[256] = "";
	long n = syscall(SYS_readlink, name, text, sizeof(text) - 1);

	printf("readlink %s: %s", name, outcome(n));
	printf(" %s\n", n > 0 && !strstr(text, "pipe:") ? text : "");
	printf("readlinkat %s: %s", name, outcome(syscall(SYS_readlinkat, AT_FDCWD, name, text, 3)));
	printf(" %s\n", outcome(syscall(SYS_readlink, name, text, 0)));
	memset(text, 0, sizeof(text));
	printf("xattr %s: %s", name, outcome(getxattr(name, "user.reeve", text, 100)));
	printf(" %s", text);
	printf(" %s", outcome(lgetxattr(name, "user.reeve", text, 100)));
	printf(" %s", outcome(getxattr(name, "user.reeve", text, 2)));
	printf(" %s", outcome(getxattr(name, "user.reeve", NULL, 0)));
	printf(" %s", outcome(getxattr(name, "user.none", text, 100)));
	printf(" %s", outcome(listxattr(name, text, sizeof(text))));
	printf(" %s", outcome(llistxattr(name, text, sizeof(text))));
	printf(" %s\n", outcome(listxattr(name, NULL, 0)));
}

static void descriptors(void)
{
	char path[64], text[64] = "";
	struct statx stx;
	struct stat st;
	int fd = open("file", O_RDONLY), dir = open("dir", O_RDONLY | O_DIRECTORY), pipes[2];

	say_look("fstat", "", syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH), &st);
	say_look("fstat NULL", "", syscall(SYS_newfstatat, fd, NULL, &st, AT_EMPTY_PATH), &st);
	say_look("fstat NULL, nofollow", "",
	        syscall(SYS_newfstatat, fd, NULL, &st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW), &st);
	say_look("fstat NULL without flag", "", syscall(SYS_newfstatat, fd, NULL, &st, 0), &st);
	say_look("stat NULL here", "", syscall(SYS_newfstatat, AT_FDCWD, NULL, &st, AT_EMPTY_PATH), &st);
	say("statx NULL", syscall(SYS_statx, fd, NULL, AT_EMPTY_PATH, 0, &stx));
	say("access NULL", syscall(SYS_faccessat2, fd, NULL, R_OK, AT_EMPTY_PATH));
	say_look("fstat without flag", "", syscall(SYS_newfstatat, fd, "", &st, 0), &st);
	say_look("fstat 777", "", syscall(SYS_newfstatat, 777, "", &st, AT_EMPTY_PATH), &st);
	say_look("at folder", "inner", syscall(SYS_newfstatat, dir, "inner", &st, 0), &st);
	say_look("at file", "inner", syscall(SYS_newfstatat, fd, "inner", &st, 0), &st);
	say_look("high bits", "file", syscall(SYS_newfstatat, 0x1ffffff9c, "file", &st, 0), &st);
	say_look("bad flags", "file", syscall(SYS_newfstatat, AT_FDCWD, "file", &st, 0x4), &st);
	say_look("bad buffer", "file", syscall(SYS_newfstatat, AT_FDCWD, "file", (void *)8, 0), NULL);
	say_look("NULL", "", syscall(SYS_stat, NULL, &st), &st);
	say("access by descriptor", syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
	say("readlinkat of a file", syscall(SYS_readlinkat, fd, "", text, sizeof(text)));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	say_look("through its number", "", stat(path, &st), &st);
	unlink("file");
	say_look("removed, through its number", "", stat(path, &st), &st);
	say_look("removed, by descriptor", "", syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH), &st);
	if (pipe(pipes) == 0) {
		say_look("pipe", "", syscall(SYS_newfstatat, pipes[0], "", &st, AT_EMPTY_PATH), &st);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", pipes[0]);
		say_look("pipe through its number", "", stat(path, &st), &st);
	}
	memset(text, 0, sizeof(text));
	printf("self: %d\n", readlink("/proc/self", text, sizeof(text)) > 0 && atoi(text) == getpid());
	printf("getcwd: %d\n", getcwd(path, sizeof(path)) != NULL);
	memset(text, 0, sizeof(text));
	printf("cwd: %d %s\n", readlink("/proc/self/cwd", text, sizeof(text) - 1) > 0, strrchr(text, '/'));
}

int main(void)
{
	umask(022);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	prepare();
	for (size_t i = 0; i < COUNT(names); i++) {
		stats(names[i]);
		accesses(names[i]);
		texts(names[i]);
	}
	descriptors();
	return 0;
}
