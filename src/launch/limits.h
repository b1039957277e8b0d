/* The limits of a run: a cgroup where the plan has one, limits that the command gets before its exec, and what is
 * looked at again and again, by the server or by a thread of the library. */
#pragma once

#include <stdbool.h>
#include <sys/resource.h>

#include "kernel/cgroup.h"
#include "plan/plan.h"
#include "record/record.h"

/* What the child puts on itself. */
struct limits_own {
	struct {
		int resource;
		struct rlimit limit;
	} list[4];
	unsigned count;
	struct rlimit files; /* last, since what comes before the exec needs its descriptors */
	int entry;           /* the cgroup's, or -EBADF */
	bool is_kept;        /* nothing may raise them */
};

/* Makes the plan's cgroup. 0, also when there is none to be made; or -errno. */
int limits_make_cgroup(const struct plan *plan, struct cgroup *ret);

/* What the child shall have, never more than `files` and what else was inherited. 0 or -errno. */
int limits_for_child(const struct plan *plan, const struct cgroup *cgroup, const struct rlimit *files,
        struct limits_own *ret);

/* In the child: only system calls. 0 or -errno. */
int limits_put_on(const struct limits_own *own);

struct limits {
	const struct plan *plan;
	struct recorder *recorder;
	struct cgroup *cgroup;
	pid_t root; /* below which all is counted: the calling process, unless it is set */
	/* Called when one strikes, before that is recorded; or NULL. */
	void (*strike)(void *user);
	void *user;
	int timer;       /* readable when limits_look shall be called; -EBADF when never */
	uint64_t begin;  /* milliseconds */
	bool has_struck; /* and all were killed */
	enum policy_limit_kind kind; /* that was reached last */
	uint64_t refused_tasks;
};

/* The clock starts. 0 or -errno. */
int limits_start(struct limits *limits, const struct plan *plan, struct recorder *recorder, struct cgroup *cgroup);

/* Looks at everything. True when a limit was reached that ends all (once); it has been recorded. */
bool limits_look(struct limits *limits);

/* The command has ended, as of waitpid: a last look at what may have ended it. True when a limit did; one that holds
 * for each process alone ends no other. */
bool limits_ended_command(struct limits *limits, int status);

/* Kills what is in the cgroup, at once. */
void limits_kill(const struct limits *limits);

/* The tree has ended. */
void limits_finish(struct limits *limits);
