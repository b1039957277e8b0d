#include "launch/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ID_LENGTH 4
#define ATTEMPTS 64
#define WAITING_PEERS 16

static void add_place(char *places[], size_t *count, const char *top, const char *below)
{
	char *path = NULL;

	if (!top || top[0] != '/' || asprintf(&path, "%s%s", top, below) < 0)
		return;
	for (size_t i = 0; i < *count; i++) {
		if (strcmp(places[i], path) != 0)
			continue;
		free(path);
		return;
	}
	places[(*count)++] = path;
}

size_t runtime_places(char *ret[RUNTIME_PLACES])
{
	char own[40];
	size_t count = 0;

	snprintf(own, sizeof(own), "/run/user/%u", geteuid());
	add_place(ret, &count, getenv("XDG_RUNTIME_DIR"), "/reeve");
	add_place(ret, &count, own, "/reeve");
	if (geteuid() == 0)
		add_place(ret, &count, "/run", "/reeve");
	/* Seldom granted to anybody, as a home folder is, or /tmp. */
	snprintf(own, sizeof(own), "/reeve-%u", geteuid());
	add_place(ret, &count, "/var/tmp", own);
	return count;
}

static bool has_parent(const char *path)
{
	AUTO_FREE char *parent = strndup(path, (size_t)(strrchr(path, '/') - path));

	return parent && access(parent, W_OK) == 0;
}

size_t runtime_closed(char *ret[RUNTIME_PLACES])
{
	char *places[RUNTIME_PLACES];
	size_t count = runtime_places(places), kept = 0;
	bool found = false;

	/* The one that a run uses is the first that it can make; in others there may be sockets of other
	 * runs. */
	for (size_t i = 0; i < count; i++) {
		bool usable = has_parent(places[i]) || i + 1 == count;

		if ((usable && !found) || access(places[i], F_OK) == 0)
			ret[kept++] = places[i];
		else
			free(places[i]);
		found = found || usable;
	}
	return kept;
}

int runtime_open(const char *path, bool make)
{
	AUTO_CLOSE int fd = -EBADF;
	struct stat st;

	if (make)
		mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	/* Ours alone, also after somebody under our name had opened it to others. */
	if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static void address_of(int folder, const char *name, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* The folder that was checked, and whatever the length of its path. */
	snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", folder, name);
}

static int make_id(char ret[RUNTIME_ID_SIZE])
{
	static const char letters[] = "bcdfghjkmnpqrstvwxz23456789";
	unsigned char bytes[ID_LENGTH];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < ID_LENGTH; i++)
		ret[i] = letters[bytes[i] % (i ? sizeof(letters) - 1 : 19)];
	ret[ID_LENGTH] = '\0';
	return 0;
}

bool runtime_is_id(const char *name)
{
	return strlen(name) < RUNTIME_ID_SIZE && name[0] && name[0] != '.';
}

/* Under its own name only when it listens: nobody takes it for one that was left behind. */
static int give_name(int folder, const char *first, char ret_id[RUNTIME_ID_SIZE])
{
	for (int i = 0; i < ATTEMPTS; i++) {
		int r = make_id(ret_id);

		if (r < 0)
			return r;
		if (renameat2(folder, first, folder, ret_id, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int runtime_publish(int folder, char ret_id[RUNTIME_ID_SIZE])
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	char first[32];
	int r;

	if (fd < 0)
		return -errno;
	snprintf(first, sizeof(first), ".new-%d", getpid());
	unlinkat(folder, first, 0); /* of somebody who had this number and was killed */
	address_of(folder, first, &address);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = listen(fd, WAITING_PEERS) < 0 ? -errno : give_name(folder, first, ret_id);
	if (r < 0) {
		unlinkat(folder, first, 0);
		return r;
	}
	return TAKE_FD(fd);
}

void runtime_withdraw(int folder, const char *id)
{
	unlinkat(folder, id, 0);
}

static int try_connection(int folder, const char *id)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;

	if (fd < 0)
		return -errno;
	address_of(folder, id, &address);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int runtime_connect(int folder, const char *id)
{
	int fd = try_connection(folder, id);
	struct stat st;

	if (fd != -ECONNREFUSED)
		return fd;
	/* No new one takes the name while it is there, and no two of us clean up at once. */
	if (flock(folder, LOCK_EX) < 0)
		return fd;
	fd = try_connection(folder, id);
	if (fd == -ECONNREFUSED && fstatat(folder, id, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
		unlinkat(folder, id, 0);
	flock(folder, LOCK_UN);
	return fd;
}
