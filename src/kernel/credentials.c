#include "kernel/credentials.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/fault.h"

static int capabilities(uint64_t *ret_effective, uint64_t *ret_permitted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
	*ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

static int set_effective(uint64_t effective)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].effective = (uint32_t)effective & data[0].permitted;
	data[1].effective = (uint32_t)(effective >> 32) & data[1].permitted;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int credentials_get(struct credentials *ret)
{
	uint64_t permitted = 0;
	int r = capabilities(&ret->effective, &permitted);
	int groups;

	if (r < 0)
		return r;
	/* An id that cannot be valid changes nothing and tells the present one. */
	ret->fsuid = (uid_t)syscall(SYS_setfsuid, (uid_t)-1);
	ret->fsgid = (gid_t)syscall(SYS_setfsgid, (gid_t)-1);
	groups = (int)syscall(SYS_getgroups, CREDENTIALS_GROUPS, ret->groups);
	if (groups < 0)
		return errno == EINVAL ? -EOVERFLOW : -errno;
	ret->group_count = (size_t)groups;
	return 0;
}

bool credentials_are_privileged(void)
{
	struct credentials credentials;

	return credentials_get(&credentials) < 0 || credentials.fsuid == 0 || credentials.effective != 0;
}

int credentials_set(const struct credentials *wanted)
{
	uint64_t effective = 0, permitted = 0;
	int r = capabilities(&effective, &permitted);

	if (r < 0)
		return r;
	/* All that is permitted first: changing ids needs it, also on the way back. */
	r = set_effective(permitted);
	if (r < 0)
		return r;
	if (syscall(SYS_setgroups, wanted->group_count, wanted->groups) < 0)
		return -errno;
	syscall(SYS_setfsgid, wanted->fsgid);
	syscall(SYS_setfsuid, wanted->fsuid);
	if ((uid_t)syscall(SYS_setfsuid, (uid_t)-1) != wanted->fsuid ||
	        (gid_t)syscall(SYS_setfsgid, (gid_t)-1) != wanted->fsgid)
		return -EPERM;
	return set_effective(wanted->effective);
}

int credentials_use_permitted(void)
{
	uint64_t effective = 0, permitted = 0;
	int r = capabilities(&effective, &permitted);

	return r < 0 ? r : set_effective(permitted);
}

int credentials_show(const struct credentials *wanted)
{
	uint64_t effective = 0, permitted = 0;
	int r = capabilities(&effective, &permitted);

	if (r == 0)
		r = set_effective(permitted);
	if (r == 0 && syscall(SYS_setresgid, wanted->fsgid, wanted->fsgid, -1) < 0)
		r = -errno;
	if (r == 0 && syscall(SYS_setresuid, wanted->fsuid, wanted->fsuid, -1) < 0)
		r = -errno;
	return r < 0 ? r : set_effective(wanted->effective);
}

int credentials_hide(const struct credentials *own)
{
	uint64_t effective = 0, permitted = 0;
	int r;

	if (syscall(SYS_setresuid, own->fsuid, own->fsuid, -1) < 0)
		return -errno;
	r = capabilities(&effective, &permitted);
	if (r == 0)
		r = set_effective(permitted);
	if (r == 0 && syscall(SYS_setresgid, own->fsgid, own->fsgid, -1) < 0)
		r = -errno;
	return r;
}

bool credentials_begin_looking(uint64_t *ret_before)
{
	uint64_t effective = 0, permitted = 0, wanted = 1ull << CAP_SYS_PTRACE;

	/* The folder of a task's descriptors is its owner's, whom a change of ids makes root. */
	wanted |= 1ull << CAP_DAC_READ_SEARCH;
	if (capabilities(&effective, &permitted) < 0 || !(permitted & ~effective & wanted))
		return false;
	*ret_before = effective;
	return set_effective(effective | wanted) == 0;
}

void credentials_end_looking(uint64_t before)
{
	/* Fewer capabilities are never refused. */
	set_effective(before);
}

int credentials_own_fs(void)
{
	return unshare(CLONE_FS) < 0 ? -errno : 0;
}

int credentials_own_files(void)
{
	return unshare(CLONE_FILES) < 0 ? -errno : 0;
}

static int close_between(unsigned first, unsigned last)
{
	if (first > last)
		return 0;
	if (FAULTABLE("close_range", syscall(SYS_close_range, first, last, 0)) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	if (last > (unsigned)sysconf(_SC_OPEN_MAX))
		last = (unsigned)sysconf(_SC_OPEN_MAX);
	for (unsigned fd = first; fd <= last; fd++)
		close((int)fd);
	return 0;
}

int credentials_keep(int *list, size_t *count, size_t size, int fd)
{
	size_t i = *count;

	if (fd < 0)
		return 0;
	if (i == size)
		return -EMFILE;
	for (; i > 0 && list[i - 1] > fd; i--)
		list[i] = list[i - 1];
	list[i] = fd;
	(*count)++;
	return 0;
}

int credentials_keep_descriptors(const int *keep, size_t count)
{
	unsigned next = 0;

	for (size_t i = 0; i < count; i++) {
		int r;

		if (keep[i] < (int)next)
			continue;
		r = keep[i] > (int)next ? close_between(next, (unsigned)keep[i] - 1) : 0;
		if (r < 0)
			return r;
		next = (unsigned)keep[i] + 1;
	}
	return close_between(next, ~0u);
}

int credentials_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int credentials_lose(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	struct __user_cap_data_struct *word = &data[CAP_TO_INDEX(capability)];
	const uint32_t bit = CAP_TO_MASK(capability);

	/* Without CAP_SETPCAP the set cannot be made smaller; then no_new_privs keeps the capability away. */
	if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EPERM)
		return -errno;
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	word->effective &= ~bit;
	word->permitted &= ~bit;
	word->inheritable &= ~bit;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int credentials_lose_all(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	/* First what an exec as the user 0 would give back: the last of them says so with EINVAL. */
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}
