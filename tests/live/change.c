/* What makes, removes, renames, links and changes: by every call, on every kind of object. */
#include <linux/fs.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "live.h"

static const char *const names[] = {"file", "dir", "full", "link", "dirlink", "dangling", "missing", "loop",
        "fifo", "file/", "dir/", "full/", "link/", "dirlink/", "dangling/", "missing/", "file/.", "dir/.",
        "dir/..", ".", "..", "", "file/x", "full/inner", "full/new", "dirlink/inner", "nodir/x", "closed/x",
        "theirs/open", "theirs/new", "shut/file", "sticky/theirs", "sticky/new", "loop/x", "full/../file",
        "dir//"};

static void clean(void)
{
	static const char *const made[] = {"missing", "full/new", "theirs/new", "sticky/new", "full/inner",
	        "full/x", "file", "link", "dirlink", "dangling", "loop", "fifo", "target", "dir/inner",
	        "dir/x", "new", "dir", "full"};

	for (size_t i = 0; i < COUNT(made); i++)
		if (unlink(made[i]) < 0 && (errno == EISDIR || errno == EPERM))
			rmdir(made[i]);
}

static void prepare(void)
{
	clean();
	put("file", "0123456789", 0644);
	mkdir("dir", 0755);
	mkdir("full", 0755);
	put("full/inner", "inner", 0644);
	symlink("file", "link");
	symlink("full", "dirlink");
	symlink("target", "dangling");
	symlink("loop", "loop");
	mkfifo("fifo", 0644);
	mkdir("closed", 0000);
}

static void say_on(const char *call, const char *name, long r, const char *path)
{
	char label[5000];

	snprintf(label, sizeof(label), "%s %s", call, name);
	say_path(label, r, path);
}

static void made(void)
{
	static char text[5000];

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *name = names[i];

		say_on("mkdir", name, syscall(SYS_mkdir, name, 01777), name);
		prepare();
		say_on("mkdirat", name, syscall(SYS_mkdirat, AT_FDCWD, name, 02750), name);
		prepare();
		say_on("mknod regular", name, syscall(SYS_mknod, name, S_IFREG | 04755, 0), name);
		prepare();
		say_on("mknod fifo", name, syscall(SYS_mknodat, AT_FDCWD, name, S_IFIFO | 0666, 0), name);
		prepare();
		say_on("mknod socket", name, syscall(SYS_mknod, name, S_IFSOCK | 0666, 0), name);
		prepare();
		say_on("mknod without kind", name, syscall(SYS_mknod, name, 0640, 0), name);
		prepare();
		say_on("mknod folder", name, syscall(SYS_mknod, name, S_IFDIR | 0755, 0), name);
		prepare();
		say_on("symlink", name, symlink("anywhere/at all", name), name);
		prepare();
	}
	say_path("symlink empty", symlink("", "new"), "new");
	for (size_t length = 4094; length <= 4096; length++) {
		memset(text, 't', length);
		text[length] = '\0';
		printf("%zu ", length);
		say_path("symlink long", symlink(text, "new"), "new");
		unlink("new");
	}
	for (size_t length = 255; length <= 256; length++) {
		memset(text, 'n', length);
		text[length] = '\0';
		say_on("mkdir", "long", mkdir(text, 0755), text);
		say_on("rmdir", "long", rmdir(text), text);
	}
	say("mkdir NULL", syscall(SYS_mkdir, NULL, 0755));
	say("symlink NULL", syscall(SYS_symlink, NULL, "new"));
	say("symlink to NULL", syscall(SYS_symlink, "x", NULL));
	say("mkdirat closed", mkdirat(777, "x", 0755));
	say("mkdirat file", mkdirat(open("file", O_RDONLY), "x", 0755));
	say("p", mkdir("full", 0777));
	say("p", mkdir("full/p", 0777));
	say("p", mkdir("full/p/q/", 0777));
	say("p", mkdir("full/p/q", 0777));
	say("p", rmdir("full/p/q"));
	say("p", rmdir("full/p/"));
}

static void removed(void)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *name = names[i];

		say_on("unlink", name, unlink(name), name);
		prepare();
		say_on("rmdir", name, rmdir(name), name);
		prepare();
		say_on("unlinkat", name, syscall(SYS_unlinkat, AT_FDCWD, name, 0), name);
		prepare();
		say_on("unlinkat dir", name, syscall(SYS_unlinkat, AT_FDCWD, name, AT_REMOVEDIR), name);
		prepare();
	}
	say("unlinkat flags", syscall(SYS_unlinkat, AT_FDCWD, "file", 0x100));
	say("unlink NULL", syscall(SYS_unlink, NULL));
}

static void renamed(void)
{
	static const char *const froms[] = {"file", "dir", "full", "link", "dangling", "missing", "file/",
	        "dir/", "full/.", "..", ".", "", "fifo", "theirs/open", "dirlink", "dirlink/"};
	static const char *const tos[] = {"new", "file", "dir", "full", "link", "missing/", "new/", "dir/x",
	        "full/x", "full/inner", ".", "..", "", "nodir/x", "dirlink/x", "file/x", "dir/"};
	static const struct {
		const char *name;
		unsigned flags;
	} flags[] = {{"plain", 0}, {"noreplace", RENAME_NOREPLACE}, {"exchange", RENAME_EXCHANGE}};
	char label[128];

	for (size_t i = 0; i < COUNT(froms); i++)
		for (size_t k = 0; k < COUNT(tos); k++)
			for (size_t f = 0; f < COUNT(flags); f++) {
				long r = syscall(
				        SYS_renameat2, AT_FDCWD, froms[i], AT_FDCWD, tos[k], flags[f].flags);

				snprintf(label, sizeof(label), "rename %s %s to %s", flags[f].name, froms[i],
				        tos[k]);
				say_path(label, r, tos[k]);
				if (r < 0)
					continue;
				syscall(SYS_renameat2, AT_FDCWD, tos[k], AT_FDCWD, froms[i], flags[f].flags);
				prepare();
			}
	say("rename flags", syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "new", 0x80));
	say("rename both", syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "new", 3));
	say("rename", syscall(SYS_rename, "file", "new"));
	say("renameat", syscall(SYS_renameat, AT_FDCWD, "new", AT_FDCWD, "file"));
	say("rename NULL", syscall(SYS_rename, NULL, "new"));
	say("rename to NULL", syscall(SYS_rename, "file", NULL));
	say("into itself", rename("full", "full/y"));
	say("own parent", rename("full/inner", "full"));
}

static void linked(void)
{
	char path[64];
	int fd;

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *name = names[i];

		say_on("link from", name, syscall(SYS_link, name, "new"), "new");
		unlink("new");
		say_on("linkat from", name,
		        syscall(SYS_linkat, AT_FDCWD, name, AT_FDCWD, "new", AT_SYMLINK_FOLLOW), "new");
		unlink("new");
		say_on("linkat empty from", name,
		        syscall(SYS_linkat, AT_FDCWD, name, AT_FDCWD, "new", AT_EMPTY_PATH), "new");
		unlink("new");
		say_on("link to", name, syscall(SYS_link, "file", name), name);
		prepare();
	}
	fd = open("file", O_RDONLY);
	say_path("link a descriptor", syscall(SYS_linkat, fd, "", AT_FDCWD, "new", AT_EMPTY_PATH), "new");
	unlink("new");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	say_path("link its number", linkat(AT_FDCWD, path, AT_FDCWD, "new", AT_SYMLINK_FOLLOW), "new");
	unlink("new");
	say_path("link the magic link", linkat(AT_FDCWD, path, AT_FDCWD, "new", 0), "new");
	say("linkat flags", linkat(AT_FDCWD, "file", AT_FDCWD, "new", 0x80));
	say("link to another device", link("/proc/version", "new"));
	say("link NULL", syscall(SYS_link, NULL, "new"));
	close(fd);
}

static const struct timespec then[2] = {{.tv_sec = 1000000, .tv_nsec = 5}, {.tv_sec = 2000000, .tv_nsec = 6}};

static void times(const char *name)
{
	static const struct timespec odd[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 3000000}};
	static const struct timespec wrong[2] = {{.tv_nsec = 1000000000}, {.tv_sec = 1}};
	static const struct timeval micro[2] = {{.tv_sec = 4000000}, {.tv_sec = 5000000, .tv_usec = 7}};
	static const struct timeval bad[2] = {{.tv_sec = 4000000, .tv_usec = -1}, {.tv_sec = 5000000}};
	static const struct utimbuf seconds = {6000000, 7000000};
	struct stat st;

	long r = syscall(SYS_utimensat, AT_FDCWD, name, then, 0);

	say_on("utimensat", name, r, name);
	say_on("utimensat wrong", name, syscall(SYS_utimensat, AT_FDCWD, name, wrong, 0), name);
	if (r == 0 && lstat(name, &st) == 0 && S_ISREG(st.st_mode))
		printf("times %ld.%ld %ld.%ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec,
		        st.st_mtim.tv_nsec);
	say_on("utimensat nofollow", name, syscall(SYS_utimensat, AT_FDCWD, name, odd, AT_SYMLINK_NOFOLLOW),
	        name);
	if (lstat(name, &st) == 0 && S_ISLNK(st.st_mode))
		printf("times of the link %ld\n", st.st_mtim.tv_sec);
	say_on("utimes", name, syscall(SYS_utimes, name, micro), name);
	say_on("utimes bad", name, syscall(SYS_utimes, name, bad), name);
	say_on("futimesat", name, syscall(SYS_futimesat, AT_FDCWD, name, micro), name);
	say_on("utime", name, syscall(SYS_utime, name, &seconds), name);
	say_on("utime now", name, syscall(SYS_utime, name, NULL), name);
}

static void attributes(const char *name)
{
	say_on("setxattr", name, setxattr(name, "user.reeve", "value", 5, 0), name);
	say_on("setxattr again", name, setxattr(name, "user.reeve", "other", 5, XATTR_CREATE), name);
	say_on("lsetxattr", name, lsetxattr(name, "user.reeve", "linked", 6, 0), name);
	say_on("removexattr", name, removexattr(name, "user.reeve"), name);
	say_on("lremovexattr", name, lremovexattr(name, "user.reeve"), name);
}

static void changed(const char *name)
{
	say_on("chmod", name, syscall(SYS_chmod, name, 0751), name);
	say_on("fchmodat", name, syscall(SYS_fchmodat, AT_FDCWD, name, 06750), name);
	say_on("fchmodat2", name, syscall(SYS_fchmodat2, AT_FDCWD, name, 0640, 0), name);
	say_on("fchmodat2 nofollow", name, syscall(SYS_fchmodat2, AT_FDCWD, name, 0641, AT_SYMLINK_NOFOLLOW),
	        name);
	prepare();
	say_on("chown", name, syscall(SYS_chown, name, 65534, 65534), name);
	say_on("lchown", name, syscall(SYS_lchown, name, -1, 65534), name);
	say_on("fchownat", name, syscall(SYS_fchownat, AT_FDCWD, name, 65534, -1, AT_SYMLINK_NOFOLLOW), name);
	say_on("chown none", name, syscall(SYS_chown, name, -1, -1), name);
	prepare();
	say_on("truncate", name, syscall(SYS_truncate, name, 4L), name);
	say_on("truncate more", name, syscall(SYS_truncate, name, 4000L), name);
	say_on("truncate less than none", name, syscall(SYS_truncate, name, -1L), name);
	prepare();
}

static volatile sig_atomic_t too_large;

static void count_too_large(int signal)
{
	too_large++;
}

static void limited(void)
{
	struct rlimit before, limit;

	prepare();
	fflush(stdout); /* which may be a file, too */
	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){.rlim_cur = 100, .rlim_max = before.rlim_max};
	signal(SIGXFSZ, count_too_large);
	setrlimit(RLIMIT_FSIZE, &limit);
	say_path("to the limit", truncate("file", 100), "file");
	say_path("beyond the limit", truncate("file", 101), "file");
	say("signals", too_large);
	signal(SIGXFSZ, SIG_IGN);
	say_path("beyond it, ignored", truncate("file", 1000), "file");
	say("of a folder", truncate("folder", 1000));
	say("of nothing", truncate("nothing", 1000));
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_DFL);
}

static void odd_arguments(void)
{
	static const char large[70000];
	char *volatile nowhere = (char *)8;
	int fd = open("file", O_RDONLY);

	say("times of a descriptor", syscall(SYS_utimensat, fd, NULL, then, 0));
	say("times of a descriptor, with flags", syscall(SYS_utimensat, fd, NULL, then, AT_EMPTY_PATH));
#ifdef SYS_futimesat
	say("old times of a descriptor", syscall(SYS_futimesat, fd, NULL, NULL));
	say("old times of nothing", syscall(SYS_futimesat, AT_FDCWD, NULL, NULL));
#endif
	say("times by an empty path", syscall(SYS_utimensat, fd, "", then, AT_EMPTY_PATH));
	say("times of nothing", syscall(SYS_utimensat, AT_FDCWD, NULL, then, 0));
	say("mode by an empty path", syscall(SYS_fchmodat2, fd, "", 0604, AT_EMPTY_PATH));
	say_path("owner by an empty path", syscall(SYS_fchownat, fd, "", -1, -1, AT_EMPTY_PATH), "file");
	say("bad times", syscall(SYS_utimensat, AT_FDCWD, "file", (void *)8, 0));
	say("bad flags", syscall(SYS_utimensat, AT_FDCWD, "file", then, 0x4));
	say("bad owner flags", syscall(SYS_fchownat, AT_FDCWD, "file", 0, 0, 0x4));
	say("bad mode flags", syscall(SYS_fchmodat2, AT_FDCWD, "file", 0644, 0x4));
	say("attribute without a name", setxattr("file", "", "x", 1, 0));
	say("attribute without a space", setxattr("file", "nospace.x", "x", 1, 0));
	say("attribute flags", setxattr("file", "user.x", "x", 1, 0x8));
	say("attribute too large", setxattr("file", "user.x", large, sizeof(large), 0));
	say("attribute from nowhere", setxattr("file", "user.x", nowhere, 4, 0));
	say("attribute with a bad name", setxattr("file", nowhere, "x", 1, 0));
	say("trusted", setxattr("file", "trusted.x", "x", 1, 0));
	say("chmod NULL", syscall(SYS_chmod, NULL, 0644));
	close(fd);
	/* suid bits and who may keep them. */
	chmod("file", 06755);
	say_path("set bits", truncate("file", 2), "file");
	chmod("file", 06755);
	say_path("set bits and owner", chown("file", (uid_t)-1, (gid_t)-1), "file");
	chmod("file", 06755);
	close(open("file", O_WRONLY | O_TRUNC));
	say_path("set bits, cut at open", 0, "file");
}

int main(void)
{
	umask(027);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	prepare();
	made();
	removed();
	renamed();
	prepare();
	linked();
	for (size_t i = 0; i < COUNT(names); i++) {
		if (strstr(names[i], "..") || strcmp(names[i], ".") == 0)
			continue;
		changed(names[i]);
		times(names[i]);
		attributes(names[i]);
		prepare();
	}
	odd_arguments();
	limited();
	return 0;
}
