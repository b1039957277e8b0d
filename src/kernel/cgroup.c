#include "kernel/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NAME "reeve-"

static int read_at(int folder, const char *file, char *ret, size_t size)
{
	AUTO_CLOSE int fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

static int write_at(int folder, const char *file, const char *value)
{
	AUTO_CLOSE int fd = openat(folder, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; (text = strstr(text, word)); text += n)
		if (text[n] == ' ' || text[n] == '\n' || text[n] == '\0')
			return true;
	return false;
}

/* ---- where we are ---- */

/* The path of our own cgroup, as "/user.slice/x.scope". */
static int own_path(char *ret, size_t size)
{
	AUTO_FCLOSE FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 16];

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		/* Above the root of our namespace: no name leads there. */
		if (strncmp(line + 3, "/..", 3) == 0)
			return -ENOENT;
		return snprintf(ret, size, "%s", line + 3) < (int)size ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

/* The mount whose root is an ancestor of `own`: its folder, and how much of `own` lies above its root. */
static int find_mount(const char *own, char *ret, size_t size, size_t *ret_above)
{
	AUTO_FCLOSE FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[2 * PATH_MAX + 256];

	while (file && fgets(line, sizeof(line), file)) {
		const char *type = strstr(line, " - ");
		char root[PATH_MAX], folder[PATH_MAX];
		size_t n;

		if (!type || strncmp(type, " - cgroup2 ", 11) != 0 ||
		        sscanf(line, "%*s %*s %*s %4095s %4095s", root, folder) != 2)
			continue;
		n = strcmp(root, "/") == 0 ? 0 : strlen(root);
		if (strncmp(own, root, n) != 0 || (own[n] != '/' && own[n] != '\0'))
			continue;
		*ret_above = n;
		return snprintf(ret, size, "%s", folder) < (int)size ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

/* ---- whether a folder will do ---- */

/* Only the root of the whole hierarchy has no type: processes may be in it beside other cgroups. */
static bool is_top(int folder)
{
	return faccessat(folder, "cgroup.type", F_OK, 0) < 0 && errno == ENOENT;
}

static bool is_domain(int folder)
{
	char type[64];

	return is_top(folder) ||
	       (read_at(folder, "cgroup.type", type, sizeof(type)) == 0 && strcmp(type, "domain\n") == 0);
}

static bool may_use(int folder)
{
	return is_domain(folder) && faccessat(folder, ".", W_OK, AT_EACCESS) == 0 &&
	       faccessat(folder, "cgroup.procs", W_OK, AT_EACCESS) == 0;
}

static void find_controllers(int folder, struct cgroup_place *place)
{
	char on[1024] = "", there[1024] = "";

	read_at(folder, "cgroup.subtree_control", on, sizeof(on));
	/* Elsewhere switching on would be refused, as long as anybody is in it. */
	if (is_top(folder) && faccessat(folder, "cgroup.subtree_control", W_OK, AT_EACCESS) == 0)
		read_at(folder, "cgroup.controllers", there, sizeof(there));
	place->enables_memory = !has_word(on, "memory") && has_word(there, "memory");
	place->enables_pids = !has_word(on, "pids") && has_word(there, "pids");
	place->has_memory = has_word(on, "memory") || place->enables_memory;
	place->has_pids = has_word(on, "pids") || place->enables_pids;
}

/* A place beside a cgroup is out of its limits. A number of processes can be taken along; others are shared
 * with whoever is in it. */
static bool may_leave(int folder, struct cgroup_place *place)
{
	static const char *const files[] = {
	        "memory.max", "memory.high", "memory.swap.max", "cpu.max", "cpuset.cpus", "io.max"};
	char text[1024];

	for (size_t i = 0; i < ELEMENTS(files); i++)
		if (read_at(folder, files[i], text, sizeof(text)) == 0 && text[0] != '\n' &&
		        text[0] != '\0' && strncmp(text, "max", 3) != 0)
			return false;
	if (read_at(folder, "pids.max", text, sizeof(text)) == 0 && strncmp(text, "max", 3) != 0) {
		uint64_t most = strtoull(text, NULL, 10);

		if (most > 0 && (place->most_pids == 0 || most < place->most_pids))
			place->most_pids = most;
	}
	return true;
}

static int suits(const struct cgroup_place *place, bool wants_memory, bool wants_pids)
{
	return 1 + (place->has_memory && wants_memory) + (place->has_pids && wants_pids);
}

int cgroup_find(bool wants_memory, bool wants_pids, struct cgroup_place *ret, const char **ret_why)
{
	const int perfect = 1 + wants_memory + wants_pids;
	struct cgroup_place place = {0};
	char own[PATH_MAX];
	size_t above, top;
	int best = 0;

	*ret_why = "no cgroup hierarchy of version 2 is mounted";
	if (own_path(own, sizeof(own)) < 0 || find_mount(own, place.path, sizeof(place.path), &above) < 0)
		return -ENOENT;
	top = strlen(place.path);
	if (snprintf(place.path + top, sizeof(place.path) - top, "%s", own + above) >=
	        (int)(sizeof(place.path) - top))
		return -ENOENT;
	*ret_why = "no cgroup near ours may be written by this user ('systemd-run --user --scope' gives one)";
	for (;;) {
		AUTO_CLOSE int folder = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		size_t length = strlen(place.path);

		if (folder >= 0 && may_use(folder)) {
			find_controllers(folder, &place);
			if (suits(&place, wants_memory, wants_pids) > best) {
				best = suits(&place, wants_memory, wants_pids);
				*ret = place;
			}
		}
		if (best == perfect || length <= top + (place.path[length - 1] == '/'))
			break;
		if (folder < 0 || !may_leave(folder, &place)) {
			if (best == 0)
				*ret_why = "our own cgroup has limits that one beside it would escape";
			break;
		}
		place.path[strrchr(place.path, '/') - place.path] = '\0';
	}
	if (best == 0)
		return -ENOENT;
	*ret_why = NULL;
	return 0;
}

/* ---- one of our own ---- */

/* What nobody holds any more: whoever made it was killed, and so must be what is left in it. */
static void sweep(int folder)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		AUTO_CLOSE int old = -EBADF;

		if (strncmp(entry->d_name, NAME, strlen(NAME)) != 0)
			continue;
		old = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (old < 0 || flock(old, LOCK_EX | LOCK_NB) < 0)
			continue;
		write_at(old, "cgroup.kill", "1");
		unlinkat(folder, entry->d_name, AT_REMOVEDIR);
	}
}

/* 0, 1 when somebody swept it before it was ours, or -errno. */
static int try_make(int parent, const char *name, int *ret)
{
	AUTO_CLOSE int folder = -EBADF;
	struct stat st;

	if (mkdirat(parent, name, 0755) < 0)
		return -errno;
	folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || flock(folder, LOCK_SH | LOCK_NB) < 0)
		return errno == ENOENT || errno == EWOULDBLOCK ? 1 : -errno;
	if (fstatat(parent, name, &st, 0) < 0)
		return 1;
	*ret = TAKE_FD(folder);
	return 0;
}

int cgroup_make(const struct cgroup_place *place, struct cgroup *ret)
{
	AUTO_CLOSE int parent = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = parent < 0 ? -errno : 1;

	if (r > 0 && place->enables_memory)
		r = write_at(parent, "cgroup.subtree_control", "+memory") < 0 ? -ENOTSUP : 1;
	if (r > 0 && place->enables_pids)
		r = write_at(parent, "cgroup.subtree_control", "+pids") < 0 ? -ENOTSUP : 1;
	if (r > 0)
		sweep(parent);
	for (int i = 0; r > 0 && i < 100; i++) {
		char name[64];

		snprintf(name, sizeof(name), NAME "%d-%d", getpid(), i);
		if (snprintf(ret->path, sizeof(ret->path), "%s/%s", place->path, name) >=
		        (int)sizeof(ret->path))
			return -ENAMETOOLONG;
		r = try_make(parent, name, &ret->folder);
		/* Another container's process of that number. */
		if (r == -EEXIST)
			r = 1;
	}
	return r > 0 ? -EBUSY : r;
}

int cgroup_set(const struct cgroup *cgroup, const char *file, const char *value)
{
	return write_at(cgroup->folder, file, value);
}

int cgroup_set_number(const struct cgroup *cgroup, const char *file, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return cgroup_set(cgroup, file, text);
}

int cgroup_read(const struct cgroup *cgroup, const char *file, const char *key, uint64_t *ret)
{
	char text[4096];
	size_t n = strlen(key);
	int r = read_at(cgroup->folder, file, text, sizeof(text));

	if (r < 0)
		return r;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) != 0 || line[n] != ' ')
			continue;
		*ret = strtoull(line + n, NULL, 10);
		return 0;
	}
	return -ENOENT;
}

int cgroup_open_entry(const struct cgroup *cgroup)
{
	int fd = openat(cgroup->folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cgroup_kill(const struct cgroup *cgroup)
{
	return write_at(cgroup->folder, "cgroup.kill", "1");
}

void cgroup_remove(struct cgroup *cgroup)
{
	const struct timespec moment = {.tv_nsec = 2000000};

	if (cgroup->folder < 0)
		return;
	for (int i = 0; i < 500 && rmdir(cgroup->path) < 0 && errno == EBUSY; i++)
		nanosleep(&moment, NULL);
	close(cgroup->folder);
	cgroup->folder = -EBADF;
}
