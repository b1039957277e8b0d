/* Threads that differ in folder, umask, credentials, root: each is served as what it is. */
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>

#include "live.h"

static long raw_open(const char *path, long flags, long mode)
{
	return syscall(SYS_open, path, flags, mode);
}

/* One after the other, so that the lines have an order; `main` stays what it is. */
static void in_thread(void *(*part)(void *), void *argument)
{
	pthread_t thread;

	pthread_create(&thread, NULL, part, argument);
	pthread_join(thread, NULL);
}

static void *elsewhere(void *folder)
{
	unshare(CLONE_FS);
	if (folder && chdir(folder) < 0)
		printf("no %s\n", (char *)folder);
	umask(folder ? 027 : 0);
	say_fd("thread reads", raw_open("name", O_RDONLY, 0));
	say_fd("thread makes", raw_open("made", O_RDWR | O_CREAT, 0666));
	say_path("thread makes a folder", mkdir("made.d", 0777), "made.d");
	say_path("thread makes a link", symlink("name", "made.l"), "made.l");
	return NULL;
}

static void look_around(const char *who)
{
	static const char *const paths[] = {
	        "root600", "root640", "user600", "one/name", "shut/file", "sticky/theirs"};
	char label[96];

	for (size_t i = 0; i < COUNT(paths); i++) {
		snprintf(label, sizeof(label), "%s reads %s", who, paths[i]);
		say_fd(label, raw_open(paths[i], O_RDONLY, 0));
		snprintf(label, sizeof(label), "%s writes %s", who, paths[i]);
		say_fd(label, raw_open(paths[i], O_WRONLY, 0));
	}
	snprintf(label, sizeof(label), "%s creates", who);
	say_fd(label, raw_open("sticky/new", O_RDWR | O_CREAT | O_EXCL, 0666));
	say_path("changes its mode", chmod("sticky/new", 02755), "sticky/new");
	say_path("changes another's mode", chmod("user600", 0600), "user600");
	say_path("changes its owner", chown("sticky/new", 1234, 4321), "sticky/new");
	say("removes it", unlink("sticky/new"));
	say("removes another's", unlink("sticky/theirs"));
	say("removes at the top", unlink("user600"));
	if (access("sticky/theirs", F_OK) < 0)
		put("sticky/theirs", "", 0644);
	if (access("user600", F_OK) < 0 && geteuid() == 0) {
		put("user600", "of the user", 0600);
		chown("user600", 65534, 65534);
	}
	say_path("folder", mkdir("sticky/d", 0777), "sticky/d");
	say("folder away", rmdir("sticky/d"));
}

static void *as_user(void *unused)
{
	syscall(SYS_setgroups, 0, NULL);
	syscall(SYS_setresgid, 65534, 65534, 65534);
	syscall(SYS_setresuid, 65534, 65534, 65534);
	look_around("user");
	return unused;
}

static void *in_group(void *unused)
{
	gid_t groups[] = {7777};

	syscall(SYS_setgroups, 1, groups);
	syscall(SYS_setresgid, 65534, 65534, 65534);
	syscall(SYS_setresuid, 65534, 65534, 65534);
	look_around("member");
	return unused;
}

static void *effective_only(void *unused)
{
	syscall(SYS_setgroups, 0, NULL);
	syscall(SYS_setresgid, -1, 65534, -1);
	syscall(SYS_setresuid, -1, 65534, -1);
	look_around("effective");
	syscall(SYS_setresuid, -1, 0, -1);
	syscall(SYS_setresgid, -1, 0, -1);
	look_around("back");
	return unused;
}

static void *file_system_only(void *unused)
{
	syscall(SYS_setfsuid, 65534);
	syscall(SYS_setfsgid, 65534);
	look_around("fsuid");
	return unused;
}

static void drop(unsigned number)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	data[number / 32].effective &= ~(1u << number % 32);
	say("capset", syscall(SYS_capset, &header, data));
}

static void *powerless(void *unused)
{
	drop(1 /* CAP_DAC_OVERRIDE */);
	look_around("without override");
	drop(2 /* CAP_DAC_READ_SEARCH */);
	look_around("without search");
	drop(3 /* CAP_FOWNER */);
	drop(4 /* CAP_FSETID */);
	look_around("without owner");
	drop(0 /* CAP_CHOWN */);
	say_path("chown", chown("root600", 1, 1), "root600");
	return unused;
}

static void *rooted(void *folder)
{
	unshare(CLONE_FS);
	say("chroot", chroot(folder));
	say("chdir", chdir("/"));
	say_fd("its top", raw_open("/", O_RDONLY | O_DIRECTORY, 0));
	say_fd("name", raw_open("/name", O_RDONLY, 0));
	say_fd("through a link", raw_open("/absolute", O_RDONLY, 0));
	say_fd("up", raw_open("/../../name", O_RDONLY, 0));
	say_fd("relative up", raw_open("../name", O_RDONLY, 0));
	say_fd("outside", raw_open("/etc/passwd", O_RDONLY, 0));
	say_fd("makes", raw_open("/new", O_RDWR | O_CREAT | O_EXCL, 0640));
	say_fd("makes again", raw_open("/new", O_RDWR | O_CREAT | O_EXCL, 0640));
	say_fd("opens", raw_open("new", O_RDWR | O_CREAT | O_TRUNC, 0640));
	say_fd("through a link to nowhere", raw_open("/nowhere", O_RDWR | O_CREAT, 0640));
	say_path("which made", 0, "/target");
	say_path("folder", mkdir("/folder", 0755), "/folder");
	say_path("rename", rename("/folder", "/moved"), "/moved");
	say_path("mode", chmod("/moved", 0700), "/moved");
	say_path("mode through a link", chmod("/absolute", 0604), "/name");
	say("rmdir", rmdir("/moved"));
	say("unlink", unlink("/new"));
	say_fd("proc", raw_open("/proc/self/comm", O_RDONLY, 0));
	return NULL;
}

static void whole_process_rooted(void)
{
	int top = open("/", O_RDONLY | O_DIRECTORY);

	rooted((void *)(uintptr_t) "two");
	say_fd("outside by descriptor", syscall(SYS_openat, top, "etc/hostname", O_RDONLY, 0) < 0 ? -1 : 0);
}

static void prepare(void)
{
	mkdir("one", 0755);
	mkdir("two", 0755);
	put("one/name", "first", 0644);
	put("two/name", "second", 0644);
	put("name", "top", 0644);
	symlink("/name", "two/absolute");
	symlink("/target", "two/nowhere");
	put("root600", "of root", 0600);
	put("root640", "of root", 0640);
	chown("root640", 0, 7777);
	put("user600", "of the user", 0600);
	chown("user600", 65534, 65534);
}

int main(void)
{
	umask(022);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	prepare();
	in_thread(elsewhere, (void *)(uintptr_t) "one");
	in_thread(elsewhere, (void *)(uintptr_t) "two");
	say_fd("main still here", raw_open("name", O_RDONLY, 0));
	say_fd("main's own umask", raw_open("mine", O_RDWR | O_CREAT, 0666));
	if (geteuid() != 0)
		return 0;
	look_around("root");
	in_thread(as_user, NULL);
	in_thread(in_group, NULL);
	in_thread(effective_only, NULL);
	in_thread(file_system_only, NULL);
	in_thread(powerless, NULL);
	look_around("root again");
	in_thread(rooted, (void *)(uintptr_t) "two");
	say_fd("main's own root", raw_open("/etc/passwd", O_RDONLY, 0) < 0 ? -1 : 999);
	apart("whole process", whole_process_rooted);
	return 0;
}
