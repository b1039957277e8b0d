/* Credentials of the calling thread alone: the kernel's own calls, since libc's change every thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CREDENTIALS_GROUPS 64

struct credentials {
	uid_t fsuid;
	gid_t fsgid;
	uint64_t effective; /* capabilities */
	size_t group_count;
	gid_t groups[CREDENTIALS_GROUPS];
};

/* Those of the calling thread. -EOVERFLOW: more than CREDENTIALS_GROUPS groups. */
int credentials_get(struct credentials *ret);

/* Whether the calling thread may do more to files than others: it is root, or has capabilities. What cannot be told is
 * taken for that. */
bool credentials_are_privileged(void);

/* Takes on `wanted` for file access: groups, fsgid, fsuid, and of the capabilities those that it has and that
 * the thread is permitted. The thread must be able to come back (root), which credentials_set with what
 * credentials_get gave does. 0, or -EPERM. */
int credentials_set(const struct credentials *wanted);

/* What others see of the calling thread at the end of a socket: its real and effective ids (not the saved ones, by
 * which it comes back), with the capabilities of `wanted`.
 * And back to those of `own`; then credentials_get tells what else has changed. 0, -EPERM. */
int credentials_show(const struct credentials *wanted);
int credentials_hide(const struct credentials *own);

/* For one look at a task that whoever we act as may not look at, and back again. False when nothing changed.
 */
bool credentials_begin_looking(uint64_t *ret_before);
void credentials_end_looking(uint64_t before);

/* A thread's own umask, working directory and root (unshare of CLONE_FS), and its own descriptor table
 * (CLONE_FILES): 0 or -errno. */
int credentials_own_fs(void);
int credentials_own_files(void);

/* Puts a descriptor into a sorted list of `*count`; negative ones are left out. 0, or -EMFILE when it is
 * full. */
int credentials_keep(int *list, size_t *count, size_t size, int fd);

/* No descriptors but these, which must be sorted: closes all others of the calling thread's table. */
int credentials_keep_descriptors(const int *keep, size_t count);

/* Uses all capabilities that the thread is permitted. 0 or -errno. */
int credentials_use_permitted(void);

/* Gives a capability up, for the calling thread and what it will run. 0 or -errno. */
int credentials_lose(int capability);

/* Gives all capabilities up, for the calling thread and what it will run. The thread has CAP_SETPCAP. 0 or
 * -errno. */
int credentials_lose_all(void);

/* PR_SET_NO_NEW_PRIVS for the calling thread. */
int credentials_no_new_privileges(void);
