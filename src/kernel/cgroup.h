/* A cgroup (version 2) of our own, for the processes of one tree. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* Where a cgroup can be made, without making one. */
struct cgroup_place {
	char path[PATH_MAX]; /* of the folder it would be in */
	bool has_memory, has_pids;
	bool enables_memory, enables_pids; /* it is there, and has to be switched on first */
	uint64_t most_pids;                /* what holds for us there already; 0: nothing */
};

/* Looks from our own cgroup upwards for the nearest folder that we may make cgroups in and that gives them the
 * wanted controllers, or else as many of them as there are. Never a place where a limit would end that we stand
 * under. 0 with NULL, or -ENOENT with what is in the way
 * in `*ret_why`. */
int cgroup_find(bool wants_memory, bool wants_pids, struct cgroup_place *ret, const char **ret_why);

struct cgroup {
	char path[PATH_MAX];
	int folder; /* locked as long as it is in use: what a killed reeve left is taken away by the next */
};

/* Makes one. Closed on exec. 0 or -errno. */
int cgroup_make(const struct cgroup_place *place, struct cgroup *ret);

/* Sets a file of it, as "memory.max". 0 or -errno. */
int cgroup_set(const struct cgroup *cgroup, const char *file, const char *value);
int cgroup_set_number(const struct cgroup *cgroup, const char *file, uint64_t value);

/* Reads the number behind `key` in a file of it ("cpu.stat", "usage_usec"). 0 or -errno. */
int cgroup_read(const struct cgroup *cgroup, const char *file, const char *key, uint64_t *ret);

/* A descriptor into which a process writes "0" to move itself, or -errno. */
int cgroup_open_entry(const struct cgroup *cgroup);

/* Kills all in it. 0 or -errno; -ENOENT before Linux 5.14. */
int cgroup_kill(const struct cgroup *cgroup);

/* Takes it away once it is empty, and closes it. Waits a little for processes that are just ending. */
void cgroup_remove(struct cgroup *cgroup);
