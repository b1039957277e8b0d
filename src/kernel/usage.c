#include "kernel/usage.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "kernel/process.h"

struct process {
	pid_t pid, parent;
	char state;
	bool is_below; /* the root */
	int end_signal;
	uint64_t threads, ticks, pages;
};

struct processes {
	ARRAY(struct process) list;
};

static bool read_process(pid_t pid, struct process *ret)
{
	uint64_t user, system, user_children, system_children;
	char text[1024];
	const char *after;
	int parent;

	if (process_read(pid, "stat", text, sizeof(text)) < 0)
		return false;
	after = strrchr(text, ')');
	if (!after || sscanf(after + 1,
	                      " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64 " %" SCNu64
	                      " %" SCNu64 " %*s %*s %" SCNu64 " %*s %*s %*s %" SCNu64
	                      " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d",
	                      &ret->state, &parent, &user, &system, &user_children, &system_children,
	                      &ret->threads, &ret->pages, &ret->end_signal) != 9)
		return false;
	ret->pid = pid;
	ret->parent = parent;
	ret->ticks = user + system + user_children + system_children;
	return true;
}

static int compare_pids(const void *left, const void *right)
{
	const struct process *a = left, *b = right;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

/* A process that works for us, and not the target's: what the kernel makes our child, because its parent has
 * ended, ends with a signal. */
static bool is_helper(const struct process *process)
{
	return process->parent == getpid() && process->end_signal == 0;
}

static bool is_below(const struct processes *all, pid_t root, const struct process *process)
{
	const struct process key = {.pid = process->parent}, *found;

	if (process->parent == root)
		return !is_helper(process);
	found = bsearch(&key, all->list.items, all->list.count, sizeof(key), compare_pids);
	return found && found->is_below;
}

/* Every process that there is: where the kernel does not list children. */
static int look_everywhere(struct processes *all, pid_t root)
{
	AUTO_CLOSEDIR DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool is_news = true;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		struct process process = {0};

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		        !read_process((pid_t)atoi(entry->d_name), &process))
			continue;
		if (ARRAY_PUSH(&all->list, process) < 0)
			return -ENOMEM;
	}
	if (all->list.count > 1)
		qsort(all->list.items, all->list.count, sizeof(*all->list.items), compare_pids);
	/* A parent's number may be the higher one: again until nothing is new. */
	while (is_news) {
		is_news = false;
		for (size_t i = 0; i < all->list.count; i++) {
			struct process *process = &all->list.items[i];

			if (!process->is_below && is_below(all, root, process))
				process->is_below = is_news = true;
		}
	}
	return 0;
}

static int add_children_of_thread(struct processes *all, pid_t pid, const char *thread)
{
	AUTO_FCLOSE FILE *list = NULL;
	char path[320];
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/children", pid, thread);
	list = fopen(path, "re");
	if (!list)
		return -errno;
	while (fscanf(list, "%d", &child) == 1) {
		struct process process = {.is_below = true};

		if (read_process(child, &process) && !is_helper(&process) &&
		        ARRAY_PUSH(&all->list, process) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_children(struct processes *all, pid_t pid)
{
	char path[64];
	AUTO_CLOSEDIR DIR *threads = NULL;
	struct dirent *entry;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	while (threads && r != -ENOMEM && (entry = readdir(threads)))
		if (isdigit((unsigned char)entry->d_name[0]))
			r = add_children_of_thread(all, pid, entry->d_name);
	/* Whoever ends meanwhile has none any more. */
	return r == -ENOMEM ? r : 0;
}

/* Much faster where there are many others. */
static int descend(struct processes *all, pid_t root)
{
	int r = add_children(all, root);

	for (size_t i = 0; r == 0 && i < all->list.count; i++)
		r = add_children(all, all->list.items[i].pid);
	return r;
}

static int find_all(struct processes *all, pid_t root)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	return access(path, R_OK) == 0 ? descend(all, root) : look_everywhere(all, root);
}

/* What children used that the root has waited for, in milliseconds. Another process than ours is one that
 * does nothing but wait: what it used itself is no matter. */
static uint64_t waited_for(pid_t root)
{
	struct process process;
	struct rusage usage;

	if (root != getpid())
		return read_process(root, &process) ? process.ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK)
		                                    : 0;
	if (getrusage(RUSAGE_CHILDREN, &usage) < 0)
		return 0;
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

int usage_measure(pid_t root, struct usage *ret)
{
	struct processes all = {0};
	struct usage usage = {.cpu = waited_for(root)};
	uint64_t ticks = 0;
	int r = find_all(&all, root);

	for (size_t i = 0; r == 0 && i < all.list.count; i++) {
		const struct process *process = &all.list.items[i];

		if (!process->is_below)
			continue;
		ticks += process->ticks;
		usage.resident += process->pages * (uint64_t)sysconf(_SC_PAGESIZE);
		if (process->state != 'Z')
			usage.tasks += process->threads;
	}
	free(all.list.items);
	usage.cpu += ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	if (r == 0)
		*ret = usage;
	return r;
}

/* "Pss_Anon:            1234 kB", in bytes. */
static uint64_t field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

int usage_memory(pid_t root, uint64_t *ret)
{
	struct processes all = {0};
	uint64_t sum = 0;
	int r = find_all(&all, root);

	for (size_t i = 0; r == 0 && i < all.list.count; i++) {
		char text[4096];

		if (all.list.items[i].is_below &&
		        process_read(all.list.items[i].pid, "smaps_rollup", text, sizeof(text)) >= 0)
			sum += field(text, "\nPss_Anon:") + field(text, "\nPss_Shmem:");
	}
	free(all.list.items);
	if (r == 0)
		*ret = sum;
	return r;
}

uint64_t usage_tasks_of(uid_t uid)
{
	AUTO_CLOSEDIR DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t tasks = 0;

	while (proc && (entry = readdir(proc))) {
		struct process process;
		struct stat st;

		if (isdigit((unsigned char)entry->d_name[0]) &&
		        fstatat(dirfd(proc), entry->d_name, &st, 0) == 0 && st.st_uid == uid &&
		        read_process((pid_t)atoi(entry->d_name), &process))
			tasks += process.threads;
	}
	return tasks;
}
