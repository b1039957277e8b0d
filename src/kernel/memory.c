#include "reeve/reeve.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/fault.h"

/* The smallest page of any architecture: its borders include those of all others. */
#define PAGE 4096u

/* The first piece of a string: most path names fit, and copying a whole page costs more than the call. */
#define FIRST_PIECE 256u

#define STRUCT_MAX 4096u

/* Opens /proc/TID/FILE; `refused` is the errno of the call that this stands in for, which is the better one
 * when there is no /proc. */
static int open_of(pid_t tid, const char *file, int flags, int refused)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, file);
	fd = FAULTABLE("open_mem", open(path, flags | O_CLOEXEC));
	if (fd >= 0)
		return fd;
	if (errno == EACCES)
		return -EPERM;
	if (errno == ENOENT)
		return kill(tid, 0) < 0 && errno == ESRCH ? -ESRCH : -refused;
	return -errno;
}

static bool may_be_served_by_proc(int error)
{
	return error == ENOSYS || error == EPERM;
}

/* What /proc/TID/mem says about memory that is not there is not what the kernel says to a call. */
static ssize_t result_of_mem(ssize_t r)
{
	if (r > 0)
		return r;
	if (r == 0 || errno == EIO || errno == EINVAL || errno == EOVERFLOW)
		return -EFAULT;
	return -errno;
}

static ssize_t read_by_proc(pid_t tid, uint64_t address, void *ret_bytes, size_t size, int refused)
{
	AUTO_CLOSE int fd = open_of(tid, "mem", O_RDONLY, refused);
	ssize_t r;

	if (fd < 0)
		return fd;
	if (address > INT64_MAX)
		return -EFAULT;
	do
		r = pread(fd, ret_bytes, size, (off_t)address);
	while (r < 0 && errno == EINTR);
	return result_of_mem(r);
}

/* How many bytes from `address` on the task itself may write: /proc/TID/mem would also write into read-only
 * memory, a program's code for one. */
static size_t writable_from(FILE *maps, uint64_t address, size_t size)
{
	AUTO_FREE char *line = NULL;
	size_t capacity = 0;
	uint64_t reached = address;

	while (reached - address < size && getline(&line, &capacity, maps) > 0) {
		uint64_t start, end;
		char mode[5];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, mode) != 3)
			break;
		if (end <= reached)
			continue;
		if (start > reached || mode[1] != 'w')
			break;
		reached = end;
	}
	return reached - address < size ? (size_t)(reached - address) : size;
}

static ssize_t write_by_proc(pid_t tid, uint64_t address, const void *bytes, size_t size, int refused)
{
	AUTO_CLOSE int maps_fd = open_of(tid, "maps", O_RDONLY, refused);
	AUTO_CLOSE int fd = open_of(tid, "mem", O_RDWR, refused);
	AUTO_FCLOSE FILE *maps = NULL;
	ssize_t r;

	if (fd < 0 || maps_fd < 0)
		return fd < 0 ? fd : maps_fd;
	maps = fdopen(maps_fd, "re");
	if (!maps)
		return -errno;
	maps_fd = -EBADF;
	size = writable_from(maps, address, size);
	if (size == 0 || address > INT64_MAX)
		return -EFAULT;
	do
		r = pwrite(fd, bytes, size, (off_t)address);
	while (r < 0 && errno == EINTR);
	return result_of_mem(r);
}

ssize_t reeve_memory_read(pid_t tid, uint64_t address, void *ret_bytes, size_t size)
{
	struct iovec here = {.iov_base = ret_bytes, .iov_len = size};
	struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
	ssize_t r;

	if (size == 0)
		return 0;
	if (tid <= 0)
		return -ESRCH;
	r = FAULTABLE("process_vm_readv", process_vm_readv(tid, &here, 1, &there, 1, 0));
	if (r > 0)
		return r;
	if (r == 0)
		return -EFAULT;
	if (may_be_served_by_proc(errno))
		return read_by_proc(tid, address, ret_bytes, size, errno);
	return -errno;
}

ssize_t reeve_memory_write(pid_t tid, uint64_t address, const void *bytes, size_t size)
{
	struct iovec here = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
	ssize_t r;

	if (size == 0)
		return 0;
	if (tid <= 0)
		return -ESRCH;
	r = FAULTABLE("process_vm_writev", process_vm_writev(tid, &here, 1, &there, 1, 0));
	if (r > 0)
		return r;
	if (r == 0)
		return -EFAULT;
	if (may_be_served_by_proc(errno))
		return write_by_proc(tid, address, bytes, size, errno);
	return -errno;
}

ssize_t reeve_memory_read_string(pid_t tid, uint64_t address, char *ret_text, size_t size)
{
	size_t length = 0;

	while (length < size) {
		size_t piece = PAGE - (address + length) % PAGE;
		const char *end;
		ssize_t r;

		if (length == 0 && piece > FIRST_PIECE)
			piece = FIRST_PIECE;
		if (piece > size - length)
			piece = size - length;
		r = reeve_memory_read(tid, address + length, ret_text + length, piece);
		if (r < 0)
			return r;
		end = memchr(ret_text + length, '\0', (size_t)r);
		if (end)
			return end - ret_text;
		length += (size_t)r;
	}
	return -ENAMETOOLONG;
}

int reeve_memory_read_struct(pid_t tid, uint64_t address, size_t size, void *ret_struct, size_t known)
{
	unsigned char bytes[STRUCT_MAX];
	ssize_t r;

	if (known > sizeof(bytes))
		return -EINVAL;
	if (size > sizeof(bytes))
		return -E2BIG;
	r = reeve_memory_read(tid, address, bytes, size);
	if (r < 0)
		return (int)r;
	if ((size_t)r < size)
		return -EFAULT;
	if (size < known)
		memset(bytes + size, 0, known - size);
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memcpy(ret_struct, bytes, known);
	return 0;
}
