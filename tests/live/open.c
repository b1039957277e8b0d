/* Every way to open, on every kind of object. */
#include <linux/openat2.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <sys/file.h>
#include <sys/xattr.h>

#include "live.h"

#define TMPFILE 020200000

static long raw_open(const char *path, long flags, long mode)
{
	return syscall(SYS_open, path, flags, mode);
}

static long raw_at(long dirfd, const char *path, long flags, long mode)
{
	return syscall(SYS_openat, dirfd, path, flags, mode);
}

static long raw_at2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};

	return syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

static void make_objects(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	put("file", "0123456789", 0644);
	put("mute", "locked", 0000);
	put("readonly", "look", 0444);
	put("ends (deleted)", "really here", 0644);
	put("\xff\xfe\x01", "bytes", 0644);
	mkdir("dir", 0755);
	put("dir/inner", "inner", 0644);
	mkdir("closed", 0000);
	symlink("file", "link");
	symlink("dir", "dirlink");
	symlink("missing", "dangling");
	symlink("loop", "loop");
	symlink("/proc/self/status", "status");
	mkfifo("fifo", 0644);
	bind(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
}

/* ---- flags ---- */

static const char *const names[] = {"file", "link", "dir", "dirlink", "missing", "dangling", "loop", "socket",
        "readonly", "mute", "closed", "closed/x", "file/", "file/.", "dir/.", "dir/", "dirlink/", "missing/",
        "link/", "dir/..", "..", ".", "/..", "", "dir/inner", "file/inner", "dangling/", "dir/missing",
        "nodir/x", "dirlink/inner", "ends (deleted)", "\xff\xfe\x01", "theirs/open", "theirs/shut",
        "theirs/new", "shut/file", "sticky/theirs", "sticky/link", "./file", ".//./file", "dir/../file",
        "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/tty"};

static const struct {
	const char *name;
	long flags;
} flags[] = {
        {"RDONLY", O_RDONLY},
        {"WRONLY", O_WRONLY},
        {"RDWR", O_RDWR},
        {"3", 3},
        {"RDONLY|CREAT", O_RDONLY | O_CREAT},
        {"WRONLY|CREAT|EXCL", O_WRONLY | O_CREAT | O_EXCL},
        {"WRONLY|CREAT|TRUNC", O_WRONLY | O_CREAT | O_TRUNC},
        {"RDONLY|EXCL", O_RDONLY | O_EXCL},
        {"RDONLY|TRUNC", O_RDONLY | O_TRUNC},
        {"WRONLY|APPEND", O_WRONLY | O_APPEND},
        {"RDONLY|NONBLOCK", O_RDONLY | O_NONBLOCK},
        {"RDWR|DSYNC", O_RDWR | O_DSYNC},
        {"RDWR|SYNC", O_RDWR | O_SYNC},
        {"RDONLY|DIRECT", O_RDONLY | O_DIRECT},
        {"RDONLY|DIRECTORY", O_RDONLY | O_DIRECTORY},
        {"WRONLY|DIRECTORY", O_WRONLY | O_DIRECTORY},
        {"RDONLY|CREAT|DIRECTORY", O_RDONLY | O_CREAT | O_DIRECTORY},
        {"RDONLY|NOFOLLOW", O_RDONLY | O_NOFOLLOW},
        {"RDWR|CREAT|NOFOLLOW", O_RDWR | O_CREAT | O_NOFOLLOW},
        {"RDONLY|DIRECTORY|NOFOLLOW", O_RDONLY | O_DIRECTORY | O_NOFOLLOW},
        {"RDONLY|NOATIME", O_RDONLY | O_NOATIME},
        {"RDONLY|CLOEXEC", O_RDONLY | O_CLOEXEC},
        {"RDONLY|ASYNC", O_RDONLY | O_ASYNC},
        {"RDONLY|NOCTTY", O_RDONLY | O_NOCTTY},
        {"RDWR|TMPFILE", O_RDWR | TMPFILE},
        {"WRONLY|TMPFILE|EXCL", O_WRONLY | TMPFILE | O_EXCL},
        {"RDONLY|TMPFILE", O_RDONLY | TMPFILE},
        {"RDONLY|02000000000", O_RDONLY | 02000000000},
        {"RDONLY|040", O_RDONLY | 040},
        {"RDONLY|1<<40", 1L << 40},
        {"RDWR|CREAT|APPEND|NONBLOCK|SYNC|CLOEXEC",
                O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_SYNC | O_CLOEXEC},
};

/* As it was: what the last call changed must not reach the next one. */
static void restore(void)
{
	unlink("missing");
	unlink("dir/missing");
	unlink("theirs/new");
	put("file", "0123456789", 0644);
	chmod("readonly", 0644);
	put("readonly", "look", 0444);
	put("dir/inner", "inner", 0644);
	put("ends (deleted)", "really here", 0644);
	put("\xff\xfe\x01", "bytes", 0644);
}

static void all_flags(void)
{
	char label[160];

	for (size_t i = 0; i < COUNT(names); i++)
		for (size_t k = 0; k < COUNT(flags); k++) {
			if (strcmp(names[i], "/dev/tty") == 0 && (flags[k].flags & TMPFILE) == TMPFILE)
				continue;
			snprintf(label, sizeof(label), "open %s %s", names[i], flags[k].name);
			say_fd(label, k % 2 ? raw_open(names[i], flags[k].flags, 0640)
			                    : raw_at(AT_FDCWD, names[i], flags[k].flags, 0640));
			if (flags[k].flags & (O_CREAT | O_TRUNC))
				restore();
		}
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(label, sizeof(label), "creat %s", names[i]);
		say_fd(label, syscall(SYS_creat, names[i], 0604));
		restore();
	}
}

static void modes(void)
{
	static const mode_t masks[] = {0, 022, 077, 0777},
	                    asked[] = {0, 0644, 0777, 04755, 01777, 07777, 0170644};
	char label[64];

	for (size_t i = 0; i < COUNT(masks); i++)
		for (size_t k = 0; k < COUNT(asked); k++) {
			umask(masks[i]);
			snprintf(label, sizeof(label), "mode %o umask %o", asked[k], masks[i]);
			say_fd(label, raw_open("new", O_RDWR | O_CREAT | O_EXCL, asked[k]));
			unlink("new");
			snprintf(label, sizeof(label), "mode %o umask %o as temporary", asked[k], masks[i]);
			say_fd(label, raw_open(".", O_RDWR | TMPFILE, asked[k]));
		}
	umask(022);
	/* A folder with a set group, and one with default rights for what is made in it. */
	mkdir("setgid", 0755);
	chmod("setgid", 02775);
	say_fd("in a folder with a set group", raw_open("setgid/x", O_RDWR | O_CREAT, 02775));
	static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 7, 0, 1, 0, 0, 0, 4,
	        0, 4, 0, 255, 255, 255, 255, 16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 2, 0, 255, 255, 255,
	        255};

	mkdir("acl", 0755);
	say("default rights", setxattr("acl", "system.posix_acl_default", acl, sizeof(acl), 0));
	umask(077);
	say_fd("a file with default rights", raw_open("acl/x", O_RDWR | O_CREAT, 0666));
	say_path("a folder with default rights", mkdir("acl/d", 0777), "acl/d");
	umask(022);
}

/* ---- openat2 ---- */

static void with_how(void)
{
	static const uint64_t resolve[] = {RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS,
	        RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_BENEATH | RESOLVE_IN_ROOT, 0x40, 1UL << 40};
	static const char *const where[] = {"file", "link", "dir/inner", "dirlink/inner", "../scratch/file",
	        "/file", "missing", "/dev/null", "/proc/self/comm", "dir/../file", "/proc/self/cwd/file", "",
	        "."};
	struct {
		struct open_how how;
		char tail[64];
	} large = {.how = {.flags = O_RDONLY}};
	char label[96];

	for (size_t i = 0; i < COUNT(where); i++)
		for (size_t k = 0; k < COUNT(resolve); k++) {
			snprintf(label, sizeof(label), "openat2 %s resolve %lx", where[i],
			        (unsigned long)resolve[k]);
			say_fd(label, raw_at2(AT_FDCWD, where[i], O_RDONLY, 0, resolve[k]));
		}
	for (size_t k = 0; k < COUNT(flags); k++) {
		snprintf(label, sizeof(label), "openat2 file %s", flags[k].name);
		say_fd(label, raw_at2(AT_FDCWD, "file", (uint64_t)flags[k].flags,
		                      flags[k].flags & O_CREAT ? 0600 : 0, 0));
		restore();
	}
	say_fd("openat2 mode without O_CREAT", raw_at2(AT_FDCWD, "file", O_RDONLY, 0600, 0));
	say_fd("openat2 too much mode", raw_at2(AT_FDCWD, "new2", O_RDWR | O_CREAT, 0200600, 0));
	say_fd("openat2 creates", raw_at2(AT_FDCWD, "new2", O_RDWR | O_CREAT, 04755, 0));
	say_fd("openat2 unknown flags", raw_at2(AT_FDCWD, "file", 1UL << 35, 0, 0));
	say_fd("openat2 size 0", syscall(SYS_openat2, AT_FDCWD, "file", &large, 0));
	say_fd("openat2 short", syscall(SYS_openat2, AT_FDCWD, "file", &large, 16));
	say_fd("openat2 exact", syscall(SYS_openat2, AT_FDCWD, "file", &large, 24));
	say_fd("openat2 zero tail", syscall(SYS_openat2, AT_FDCWD, "file", &large, sizeof(large)));
	say_fd("openat2 odd zero tail", syscall(SYS_openat2, AT_FDCWD, "file", &large, 29));
	large.tail[3] = 1;
	say_fd("openat2 other tail", syscall(SYS_openat2, AT_FDCWD, "file", &large, sizeof(large)));
	say_fd("openat2 huge", syscall(SYS_openat2, AT_FDCWD, "file", &large, 1 << 20));
	say_fd("openat2 no how", syscall(SYS_openat2, AT_FDCWD, "file", NULL, 24));
	say_fd("openat2 bad both", syscall(SYS_openat2, AT_FDCWD, NULL, &large, 3));
	say_fd("openat2 no path", syscall(SYS_openat2, AT_FDCWD, NULL, &large.how, 24));
}

/* ---- the path as such ---- */

static void paths(void)
{
	static char text[8192];
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(pages + 4096, 4096);
	say_fd("NULL", raw_open(NULL, O_RDONLY, 0));
	say_fd("unmapped", raw_open((char *)8, O_RDONLY, 0));
	say_fd("unmapped with high bits", raw_open((char *)(1UL << 50), O_RDONLY, 0));
	strcpy(pages + 4096 - 5, "file");
	say_fd("up to the border", raw_open(pages + 4096 - 5, O_RDONLY, 0));
	memcpy(pages + 4096 - 4, "file", 4);
	say_fd("over the border", raw_open(pages + 4096 - 4, O_RDONLY, 0));
	for (size_t length = 4094; length <= 4097; length++) {
		memset(text, '/', length);
		memcpy(text, "./", 2);
		memcpy(text + length - 4, "file", 4);
		text[length] = '\0';
		printf("%zu ", length);
		say_fd("bytes of path", raw_open(text, O_RDONLY, 0));
	}
	for (size_t length = 254; length <= 257; length++) {
		memset(text, 'n', length);
		text[length] = '\0';
		printf("%zu ", length);
		say_fd("bytes of a missing name", raw_open(text, O_RDONLY, 0));
		printf("%zu ", length);
		say_fd("bytes of a new name", raw_open(text, O_RDWR | O_CREAT, 0600));
		strcat(text, "/x");
		printf("%zu ", length);
		say_fd("bytes of a folder's name", raw_open(text, O_RDONLY, 0));
	}
	say_fd("a new name with a slash", raw_open("slash/", O_RDWR | O_CREAT, 0600));
	say_fd("a new name in a missing folder", raw_open("nodir/x", O_RDWR | O_CREAT, 0600));
	say_fd("two slashes", raw_open("//dev//null", O_RDONLY, 0));
}

static void chains(void)
{
	char name[32], next[32];

	strcpy(next, "file");
	for (int i = 1; i <= 42; i++) {
		snprintf(name, sizeof(name), "chain%d", i);
		symlink(next, name);
		strcpy(next, name);
	}
	for (int i = 38; i <= 42; i++) {
		snprintf(name, sizeof(name), "chain%d", i);
		say_fd(name, raw_open(name, O_RDONLY, 0));
	}
	symlink("dangle1", "dangle2");
	symlink("dir/made", "dangle1");
	say_fd("create through two links", raw_open("dangle2", O_RDWR | O_CREAT, 0600));
	say_path("what was made", 0, "dir/made");
	say_fd("exclusively through a link", raw_open("dangle1", O_RDWR | O_CREAT | O_EXCL, 0600));
	symlink("nodir/x", "dangle3");
	say_fd("create through a link to nowhere", raw_open("dangle3", O_RDWR | O_CREAT, 0600));
	symlink("/proc/self/fd/0", "stdin");
	say_fd("a link to a magic link", raw_open("stdin", O_RDONLY, 0));
}

static void folders(void)
{
	int dir = open("dir", O_RDONLY | O_DIRECTORY), file = open("file", O_RDONLY), gone;
	int path = open("dir", O_PATH);

	say_fd("O_PATH: by it", raw_at(path, "inner", O_RDONLY, 0));
	say_fd("O_PATH: itself", path);
	say_fd("by descriptor", raw_at(dir, "inner", O_RDONLY, 0));
	say_fd("by descriptor, up", raw_at(dir, "../file", O_RDONLY, 0));
	say_fd("by descriptor, empty", raw_at(dir, "", O_RDONLY, 0));
	say_fd("by descriptor, dot", raw_at(dir, ".", O_RDONLY, 0));
	say_fd("by descriptor, new", raw_at(dir, "fresh", O_RDWR | O_CREAT | O_EXCL, 0600));
	say_fd("by descriptor, absolute", raw_at(dir, "/dev/null", O_RDONLY, 0));
	say_fd("by a file", raw_at(file, "inner", O_RDONLY, 0));
	say_fd("by a file, absolute", raw_at(file, "/dev/null", O_RDONLY, 0));
	say_fd("by a closed one", raw_at(777, "inner", O_RDONLY, 0));
	say_fd("by a closed one, absolute", raw_at(777, "/dev/null", O_RDONLY, 0));
	say_fd("by a closed one, empty", raw_at(777, "", O_RDONLY, 0));
	say_fd("by -5", raw_at(-5, "inner", O_RDONLY, 0));
	say_fd("by -1", raw_at(-1, "inner", O_RDONLY, 0));
	say_fd("by -1, absolute", raw_at(-1, "/dev/null", O_RDONLY, 0));
	say_fd("AT_FDCWD with high bits", raw_at(0x1ffffff9c, "file", O_RDONLY, 0));
	say_fd("a descriptor with high bits", raw_at((1L << 32) | dir, "inner", O_RDONLY, 0));
	mkdir("gone", 0755);
	gone = open("gone", O_RDONLY | O_DIRECTORY);
	rmdir("gone");
	say_fd("in a removed folder", raw_at(gone, "x", O_RDONLY, 0));
	say_fd("new in a removed folder", raw_at(gone, "x", O_RDWR | O_CREAT, 0600));
	say_fd("a removed folder itself", raw_at(gone, ".", O_RDONLY, 0));
	say_fd("up from a removed folder", raw_at(gone, "../file", O_RDONLY, 0));
	close(gone);
	close(dir);
	close(file);
}

static void removed_cwd(void)
{
	mkdir("gone", 0755);
	if (chdir("gone") < 0 || rmdir("../gone") < 0)
		printf("no removed folder\n");
	say_fd("here, removed", raw_open("x", O_RDONLY, 0));
	say_fd("here, removed, new", raw_open("x", O_RDWR | O_CREAT, 0600));
	say_fd("here, removed, itself", raw_open(".", O_RDONLY, 0));
	say_fd("here, removed, absolute", raw_open("/dev/null", O_RDONLY, 0));
	say_fd("here, removed, up", raw_open("../file", O_RDONLY, 0));
}

/* ---- what has no name ---- */

static void through_numbers(void)
{
	char path[64];
	int pipes[2], fd, memory;

	fd = open("file", O_RDWR | O_CREAT, 0600);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	say_fd("a file through its number", raw_open(path, O_RDONLY, 0));
	say_fd("without following", raw_open(path, O_RDONLY | O_NOFOLLOW, 0));
	say_fd("exclusively", raw_open(path, O_RDWR | O_CREAT | O_EXCL, 0));
	close(fd);
	fd = open("victim", O_RDWR | O_CREAT, 0600);
	write(fd, "still", 5);
	unlink("victim");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	say_fd("a removed file through its number", raw_open(path, O_RDONLY, 0));
	say_fd("to write", raw_open(path, O_WRONLY | O_APPEND, 0));
	say_fd("to write, creating", raw_open(path, O_WRONLY | O_CREAT, 0600));
	say_fd("to cut", raw_open(path, O_RDWR | O_TRUNC, 0));
	put("victim", "another", 0600);
	say_fd("its name is taken", raw_open(path, O_RDONLY, 0));
	put("victim (deleted)", "a third", 0600);
	say_fd("and its description", raw_open(path, O_RDONLY, 0));
	say_fd("a folder that it is none", raw_open(strcat(path, "/x"), O_RDONLY, 0));
	close(fd);
	memory = (int)syscall(SYS_memfd_create, "m", 0);
	write(memory, "memory", 6);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	say_fd("memory", raw_open(path, O_RDONLY, 0));
	say_fd("memory to write", raw_open(path, O_RDWR | O_APPEND | O_CLOEXEC, 0));
	snprintf(path, sizeof(path), "/dev/fd/%d", memory);
	say_fd("memory by /dev/fd", raw_open(path, O_RDONLY, 0));
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), memory);
	say_fd("memory by our number", raw_open(path, O_RDONLY, 0));
	close(memory);
	if (pipe(pipes) == 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", pipes[0]);
		say_fd("a pipe to read", raw_open(path, O_RDONLY | O_NONBLOCK, 0));
		say_fd("a pipe to read, waiting", raw_open(path, O_RDONLY, 0));
		say_fd("a pipe to write", raw_open(path, O_WRONLY, 0));
		say_fd("a pipe for both", raw_open(path, O_RDWR, 0));
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pipes) == 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", pipes[0]);
		say_fd("a socket", raw_open(path, O_RDWR, 0));
	}
	say_fd("a number that is not open", raw_open("/proc/self/fd/777", O_RDONLY, 0));
	fd = (int)raw_open(".", O_RDWR | TMPFILE, 0640);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	say_path("name for a temporary file", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW),
	        "named");
	close(fd);
	fd = (int)raw_open(".", O_RDWR | TMPFILE | O_EXCL, 0640);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	say_path("none for an exclusive one", linkat(AT_FDCWD, path, AT_FDCWD, "named2", AT_SYMLINK_FOLLOW),
	        "named2");
	close(fd);
}

/* The first line of a file of ours in /proc: whose it is. */
static void say_line(const char *label, const char *path)
{
	char text[65] = "";
	long fd = raw_open(path, O_RDONLY, 0);
	ssize_t n = fd < 0 ? -1 : read((int)fd, text, sizeof(text) - 1);

	if (n >= 0)
		text[strcspn(text, "\n")] = '\0';
	printf("%s: %s\n", label, n < 0 ? outcome(-1) : text);
	if (fd >= 0)
		close((int)fd);
}

static void ourselves(void)
{
	char path[96], text[256];
	pid_t child;

	say_line("comm", "/proc/self/comm");
	say_line("status", "/proc/self/status");
	say_line("thread comm", "/proc/thread-self/comm");
	say_line("odd way", "/proc/./self//status");
	say_line("root", "/proc/self/root/etc/passwd");
	say_line("own link", "status");
	say_line("cwd", "/proc/self/cwd/file");
	say_line("task", "/proc/self/task/../comm");
	snprintf(path, sizeof(path), "/proc/%d/comm", getpid());
	say_line("by number", path);
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", getpid());
	say_line("by thread number", path);
	say_fd("fd", raw_open("/proc/self/fd", O_RDONLY | O_DIRECTORY, 0));
	say_fd("exe", raw_open("/proc/self/exe", O_RDONLY | O_CLOEXEC, 0) < 0 ? -1 : 3);
	say_fd("self without following", raw_open("/proc/self", O_RDONLY | O_NOFOLLOW, 0));
	say_fd("missing of ours", raw_open("/proc/self/nothing", O_RDONLY, 0));
	say_fd("new in /proc", raw_open("/proc/self/new", O_RDWR | O_CREAT, 0600));
	long fd = raw_open("/proc/self/environ", O_RDONLY, 0);
	printf("environ: %d\n", fd >= 0 && read((int)fd, text, sizeof(text)) >= 0);
	close((int)fd);
	fd = raw_open("/proc/self/maps", O_RDONLY, 0);
	printf("maps: %d\n", fd >= 0 && read((int)fd, text, sizeof(text)) > 0);
	close((int)fd);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", child);
	say_line("a child", path);
	snprintf(path, sizeof(path), "/proc/%d/cwd/file", child);
	say_line("through a child", path);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	snprintf(path, sizeof(path), "/proc/%d/comm", child);
	say_line("an ended child", path);
	fd = raw_open("/proc/self/comm", O_WRONLY, 0);
	printf("write comm: %s\n", outcome(fd < 0 ? fd : write((int)fd, "renamed", 7)));
	close((int)fd);
	say_line("comm now", "/proc/self/comm");
}

static void devices(void)
{
	char path[32];
	int number = -1, unlock = 0;
	long master;

	say_fd("standard input", raw_open("/dev/stdin", O_RDONLY, 0));
	say_fd("standard input by number", raw_open("/dev/fd/0", O_RDONLY, 0));
	say_fd("standard input, written", raw_open("/dev/stdin", O_WRONLY, 0));
	master = raw_open("/dev/ptmx", O_RDWR | O_NOCTTY, 0);
	if (master < 0) {
		say("ptmx", master);
		return;
	}
	printf("ptmx: fl=%o\n", fcntl((int)master, F_GETFL));
	ioctl((int)master, 0x40045431, &unlock); /* TIOCSPTLCK */
	ioctl((int)master, 0x80045430, &number); /* TIOCGPTN */
	snprintf(path, sizeof(path), "/dev/pts/%d", number);
	number = (int)raw_open(path, O_RDWR | O_NOCTTY, 0);
	printf("pts: %s fl=%o\n", number < 0 ? outcome(-1) : "open", number < 0 ? 0 : fcntl(number, F_GETFL));
	close(number);
	/* We lead a session that has no terminal: this makes it ours. */
	number = (int)raw_open(path, O_RDWR, 0);
	printf("pts becomes ours: %s\n", number < 0 ? outcome(-1) : "open");
	close(number);
	number = (int)raw_open("/dev/tty", O_RDWR, 0);
	printf("our terminal: %s\n", number < 0 ? outcome(-1) : "open");
	signal(SIGHUP, SIG_IGN);
	close(number);
	close((int)master);
}

/* ---- limits and rights ---- */

static void no_descriptors(void)
{
	struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};

	setrlimit(RLIMIT_NOFILE, &limit);
	say_fd("no descriptor left", raw_open("file", O_RDONLY, 0));
	say("none left, new file", raw_open("late", O_RDWR | O_CREAT, 0600));
}

static void file_size(void)
{
	struct rlimit limit = {.rlim_cur = 4, .rlim_max = 4};
	int fd;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	fd = (int)raw_open("small", O_RDWR | O_CREAT, 0600);
	say("first bytes", write(fd, "123456", 6));
	say("beyond", write(fd, "7", 1));
	say_fd("small", fd);
}

static void busy(void)
{
	static char buffer[1 << 16];
	int from = open("/bin/true", O_RDONLY), to, failed = 0, status;
	ssize_t n;

	for (int i = 0; i < 200; i++) {
		to = open("prog", O_WRONLY | O_CREAT | O_TRUNC, 0755);
		lseek(from, 0, SEEK_SET);
		while ((n = read(from, buffer, sizeof(buffer))) > 0)
			write(to, buffer, (size_t)n);
		close(to);
		pid_t pid = vfork();

		if (pid == 0) {
			execl("./prog", "prog", NULL);
			_exit(99);
		}
		waitpid(pid, &status, 0);
		failed += status != 0;
	}
	printf("written, closed, run: %d of 200 failed\n", failed);
	put("sleeper", "", 0755);
	to = open("sleeper", O_WRONLY | O_TRUNC);
	close(from);
	from = open("/bin/cat", O_RDONLY);
	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		write(to, buffer, (size_t)n);
	close(to);
	int pipes[2], back[2];
	char byte;

	if (pipe(pipes) < 0 || pipe(back) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipes[0], 0);
		dup2(back[1], 1);
		close(pipes[1]);
		execl("./sleeper", "cat", NULL);
		_exit(99);
	}
	write(pipes[1], "x", 1);
	read(back[0], &byte, 1);
	say_fd("write to what runs", raw_open("sleeper", O_WRONLY, 0));
	say_fd("read what runs", raw_open("sleeper", O_RDONLY, 0) < 0 ? -1 : 777);
	close(pipes[1]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(pipes[0]);
	close(back[0]);
	close(back[1]);
	close(from);
}

static void locks(void)
{
	int failed = 0;

	for (int i = 0; i < 200; i++) {
		int fd = open("file", O_RDWR), other;

		flock(fd, LOCK_EX);
		close(fd);
		other = open("file", O_RDWR);
		failed += flock(other, LOCK_EX | LOCK_NB) < 0;
		close(other);
	}
	printf("locked after close: %d of 200 failed\n", failed);
	failed = 0;
	for (int i = 0; i < 100; i++) {
		int fd = open("readonly", O_RDONLY);
		long r = fcntl(fd, F_SETLEASE, F_RDLCK);

		close(fd);
		fd = open("readonly", O_RDONLY);
		if (r == 0)
			failed += fcntl(fd, F_SETLEASE, getuid() == 0 ? F_WRLCK : F_RDLCK) < 0;
		close(fd);
	}
	printf("leases after close: %d of 100 failed\n", failed);
}

int main(void)
{
	umask(022);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	make_objects();
	all_flags();
	modes();
	/* The rest changes folders and runs what it wrote, which redirects do not follow. */
	if (getenv("LIVE_ONLY_OPENS"))
		return 0;
	with_how();
	paths();
	chains();
	folders();
	apart("removed folder", removed_cwd);
	through_numbers();
	ourselves();
	apart("descriptors", no_descriptors);
	apart("size", file_size);
	busy();
	locks();
	devices();
	return 0;
}
