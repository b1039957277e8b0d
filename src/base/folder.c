#include "base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/listing.h"

#define RANDOM_LETTERS 6
#define SPARE "spare." /* and the number of the user: no six letters */
/* Each level costs a descriptor. What is deeper is moved up, and its turn comes later. */
#define DEPTH 32

static int open_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A lock that comes too late is one on a folder that was removed: -EAGAIN. */
static int hold(const char *path, int how)
{
	AUTO_CLOSE int fd = open_folder(AT_FDCWD, path);
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? -EAGAIN : TAKE_FD(fd);
	if (flock(fd, how) < 0 || fstat(fd, &st) < 0)
		return -errno;
	return st.st_nlink ? TAKE_FD(fd) : -EAGAIN;
}

int folder_make(const char *top, const char *prefix, char **ret_path, int *ret_lock)
{
	int lock = -EAGAIN;

	while (lock == -EAGAIN) {
		AUTO_FREE char *path = NULL;

		if (asprintf(&path, "%s/%sXXXXXX", top, prefix) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		if (!mkdtemp(path))
			return -errno;
		lock = hold(path, LOCK_EX);
		if (lock >= 0) {
			*ret_path = TAKE_PTR(path);
			*ret_lock = lock;
		} else if (lock != -EAGAIN) {
			rmdir(path);
		}
	}
	return lock < 0 ? lock : 0;
}

static bool is_empty(int folder)
{
	struct listing listing;
	off_t start = lseek(folder, 0, SEEK_SET);

	listing_begin(folder, &listing);
	return start == 0 && !listing_next(&listing);
}

/* Others can make one of that name, too, and whoever had it last may have changed it. */
static bool is_as_made(int folder)
{
	struct stat st;

	return fstat(folder, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & ALLPERMS) == S_IRWXU &&
	       is_empty(folder);
}

/* The folder of that name as it was made, held; -EAGAIN: it is not there, or somebody has it. */
static int take_as_made(const char *path)
{
	AUTO_CLOSE int lock = hold(path, LOCK_EX | LOCK_NB);
	struct stat st;

	if (lock < 0 || is_as_made(lock))
		return TAKE_FD(lock);
	if (fstat(lock, &st) < 0 || st.st_uid != geteuid())
		return -EPERM;
	/* Who was killed could not put it back. */
	folder_remove(path);
	return -EAGAIN;
}

int folder_take(const char *top, const char *prefix, char **ret_path, int *ret_lock)
{
	AUTO_FREE char *path = NULL;
	int lock;

	if (asprintf(&path, "%s/%s" SPARE "%u", top, prefix, (unsigned)geteuid()) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	lock = take_as_made(path);
	if (lock == -EAGAIN && mkdir(path, S_IRWXU) == 0)
		lock = take_as_made(path);
	if (lock < 0)
		return folder_make(top, prefix, ret_path, ret_lock);
	*ret_path = TAKE_PTR(path);
	*ret_lock = lock;
	return 0;
}

static bool is_ours(const char *path)
{
	AUTO_FREE char *above = strndup(path, (size_t)(strrchr(path, '/') - path + 1));
	struct stat st;

	return above && stat(above, &st) == 0 && st.st_uid == geteuid();
}

int folder_share(const char *path, bool *ret_made)
{
	int fd;

	if (path[0] != '/')
		return -EINVAL;
	*ret_made = false;
	while ((fd = hold(path, LOCK_SH)) == -EAGAIN) {
		if (is_ours(path) && mkdir(path, S_IRWXU) == 0)
			*ret_made = true;
		else if (access(path, F_OK) < 0)
			break;
	}
	/* A link that leads nowhere is nothing. */
	return fd < 0 && access(path, F_OK) < 0 ? -errno : fd;
}

void folder_unmake(const char *path, int shared)
{
	if (flock(shared, LOCK_EX | LOCK_NB) == 0)
		rmdir(path);
}

/* ---- removing ---- */

struct removal {
	int top;
	dev_t device;
	unsigned long tries, moved;
};

static void move_up(struct removal *removal, int at, const char *name)
{
	char up[32];

	do
		snprintf(up, sizeof(up), "moved-%lu", removal->tries++);
	while (faccessat(removal->top, up, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	removal->moved += renameat(at, name, removal->top, up) == 0;
}

static void empty(struct removal *removal, int folder, unsigned depth);

static void remove_below(struct removal *removal, int at, const char *name, unsigned depth)
{
	struct stat st;
	int fd;

	if (unlinkat(at, name, 0) == 0 || fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	        !S_ISDIR(st.st_mode) || st.st_dev != removal->device || unlinkat(at, name, AT_REMOVEDIR) == 0)
		return;
	if ((st.st_mode & S_IRWXU) != S_IRWXU)
		fchmodat(at, name, S_IRWXU, AT_SYMLINK_NOFOLLOW);
	if (depth == DEPTH) {
		move_up(removal, at, name);
		return;
	}
	fd = open_folder(at, name);
	if (fd < 0)
		return;
	empty(removal, fd, depth + 1);
	unlinkat(at, name, AT_REMOVEDIR);
}

/* Closes `folder`. */
static void empty(struct removal *removal, int folder, unsigned depth)
{
	struct listing listing;
	const char *name;

	listing_begin(folder, &listing);
	while ((name = listing_next(&listing)))
		remove_below(removal, folder, name, depth);
	close(folder);
}

static void remove_open(int fd, const char *path)
{
	struct removal removal = {.top = fd};
	unsigned long before;
	struct stat st;
	int folder;

	if (fstat(fd, &st) < 0)
		return;
	removal.device = st.st_dev;
	do {
		before = removal.moved;
		folder = open_folder(fd, ".");
		if (folder >= 0)
			empty(&removal, folder, 0);
	} while (rmdir(path) < 0 && removal.moved > before);
}

void folder_remove(const char *path)
{
	AUTO_CLOSE int fd = -EBADF;

	if (rmdir(path) == 0)
		return;
	fchmodat(AT_FDCWD, path, S_IRWXU, AT_SYMLINK_NOFOLLOW);
	fd = open_folder(AT_FDCWD, path);
	if (fd >= 0)
		remove_open(fd, path);
}

/* What follows the prefix in the name of the one that stays; NULL: it is another. */
static const char *spare_part(const char *path)
{
	const char *name = strrchr(path, '/'), *spare = name ? strstr(name, SPARE) : NULL;

	return spare && strspn(spare + strlen(SPARE), "0123456789") == strlen(spare) - strlen(SPARE) ? spare
	                                                                                             : NULL;
}

void folder_put_back(const char *path)
{
	AUTO_CLOSE int fd = spare_part(path) ? open_folder(AT_FDCWD, path) : -EBADF;

	if (fd < 0 || !is_as_made(fd))
		folder_remove(path);
}

/* ---- leftovers ---- */

static bool has_pattern(const char *name, const char *prefix, size_t length)
{
	return strncmp(name, prefix, length) == 0 &&
	       strspn(name + length, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ==
	               RANDOM_LETTERS &&
	       name[length + RANDOM_LETTERS] == '\0';
}

static void remove_leftover(int top, const char *folder, const char *name)
{
	AUTO_CLOSE int fd = -EBADF;
	AUTO_FREE char *path = NULL;
	struct stat st;

	/* First who owns it: another's may be a FIFO or anything else. */
	if (fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
	        st.st_uid != geteuid())
		return;
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return;
	}
	fd = open_folder(top, name);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
		remove_open(fd, path);
}

void folder_remove_leftovers(const char *path)
{
	const char *slash = strrchr(path, '/'), *spare = spare_part(path);
	AUTO_FREE char *folder = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	size_t prefix, last = spare ? strlen(spare) : RANDOM_LETTERS;
	AUTO_CLOSEDIR DIR *entries = NULL;
	const struct dirent *entry;

	if (!folder || strlen(slash + 1) <= last)
		return;
	prefix = strlen(slash + 1) - last;
	entries = opendir(folder[0] ? folder : "/");
	while (entries && (entry = readdir(entries)))
		if (has_pattern(entry->d_name, slash + 1, prefix))
			remove_leftover(dirfd(entries), folder, entry->d_name);
}
