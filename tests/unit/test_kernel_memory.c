/* Reading and writing the memory of another process; run again without process_vm_readv and
 * process_vm_writev. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reeve/reeve.h"

#define PAGE 4096u
#define PAGES 4u

/* The child has the same memory at the same addresses: PAGES of its own, then one that is not mapped, then
 * one that it may only read. */
static char *memory;
static pid_t pid;
static int pipe_fds[2];

static uint64_t at(size_t offset)
{
	return (uint64_t)(uintptr_t)memory + offset;
}

/* Starts a child that has a copy of what `memory` holds now. */
static void start(void)
{
	char byte;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pipe_fds[1]);
		_exit(read(pipe_fds[0], &byte, 1) == 0 && memory[0] == 'w' ? 0 : 1);
	}
	close(pipe_fds[0]);
	/* What is read below is the child's, not ours. */
	memset(memory, 0xee, (size_t)PAGES * PAGE);
}

static int end(void)
{
	int status;

	close(pipe_fds[1]);
	waitpid(pid, &status, 0);
	return status;
}

static int setup(void **state)
{
	const int protection = PROT_READ | PROT_WRITE;
	char *all = mmap(NULL, (PAGES + 2) * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		return -1;
	memory = all;
	if (munmap(all + (size_t)PAGES * PAGE, PAGE) < 0)
		return -1;
	return mprotect(all + (size_t)(PAGES + 1) * PAGE, PAGE, PROT_READ);
}

static int teardown(void **state)
{
	return munmap(memory, (PAGES + 2) * PAGE);
}

static void test_read(void **state)
{
	const size_t all = (size_t)PAGES * PAGE;
	char bytes[2 * PAGE];

	memset(memory, 'x', all);
	memory[PAGE] = 'y';
	start();
	assert_int_equal(reeve_memory_read(pid, at(0), bytes, 0), 0);
	assert_int_equal(reeve_memory_read(pid, at(PAGE - 2), bytes, 4), 4);
	assert_memory_equal(bytes, "xxyx", 4);
	/* A short read returns what is there. */
	assert_int_equal(reeve_memory_read(pid, at(all - 10), bytes, sizeof(bytes)), 10);
	assert_int_equal(reeve_memory_read(pid, at(all - PAGE - 1), bytes, sizeof(bytes)), PAGE + 1);
	assert_int_equal(reeve_memory_read(pid, at(all), bytes, 1), -EFAULT);
	assert_int_equal(reeve_memory_read(pid, 0, bytes, 1), -EFAULT);
	assert_int_equal(reeve_memory_read(pid, UINT64_MAX, bytes, 1), -EFAULT);
	assert_int_equal(reeve_memory_read(pid, UINT64_MAX - 10, bytes, 100), -EFAULT);
	assert_int_equal(reeve_memory_read(pid, UINT64_C(1) << 63, bytes, 8), -EFAULT);
	assert_int_equal(reeve_memory_read(pid, INT64_MAX, bytes, 8), -EFAULT);
	end();
	assert_int_equal(reeve_memory_read(pid, at(0), bytes, 1), -ESRCH);
	assert_int_equal(reeve_memory_read(0, at(0), bytes, 1), -ESRCH);
	assert_int_equal(reeve_memory_write(-1, at(0), bytes, 1), -ESRCH);
}

static void test_write(void **state)
{
	const size_t all = (size_t)PAGES * PAGE;
	char bytes[2 * PAGE];

	memset(memory, 'x', all);
	start();
	memset(bytes, 'w', sizeof(bytes));
	assert_int_equal(reeve_memory_write(pid, at(0), bytes, 0), 0);
	assert_int_equal(reeve_memory_write(pid, at(0), bytes, PAGE + 1), PAGE + 1);
	assert_int_equal(reeve_memory_write(pid, at(all - 3), bytes, 10), 3);
	assert_int_equal(reeve_memory_write(pid, at(all), bytes, 1), -EFAULT);
	/* What the task may not write stays as it is. */
	assert_int_equal(reeve_memory_write(pid, at(all + PAGE), bytes, 1), -EFAULT);
	assert_int_equal(reeve_memory_write(pid, UINT64_MAX, bytes, 1), -EFAULT);
	assert_int_equal(reeve_memory_read(pid, at(0), bytes, PAGE + 2), PAGE + 2);
	assert_memory_equal(bytes + PAGE - 1, "wwx", 3);
	assert_int_equal(end(), 0);
	assert_int_equal(reeve_memory_write(pid, at(0), bytes, 1), -ESRCH);
}

static void test_string(void **state)
{
	const size_t all = (size_t)PAGES * PAGE;
	char text[PATH_MAX], *wanted = malloc(all);

	memset(memory, 'a', all);
	strcpy(memory + PAGE - 3, "across"); /* over a page border */
	memory[2 * PAGE - 1] = '\0';         /* at the end of a page */
	strcpy(memory + all - 5, "last");    /* at the end of the mapped memory */
	memset(memory + 3 * PAGE, 'b', 300); /* longer than the first piece */
	memory[3 * PAGE + 300] = '\0';
	memcpy(wanted, memory, all);
	start();
	assert_int_equal(reeve_memory_read_string(pid, at(PAGE - 3), text, sizeof(text)), 6);
	assert_string_equal(text, "across");
	assert_int_equal(reeve_memory_read_string(pid, at(2 * PAGE - 1), text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(reeve_memory_read_string(pid, at(2 * PAGE - 4), text, sizeof(text)), 3);
	assert_int_equal(reeve_memory_read_string(pid, at(all - 5), text, sizeof(text)), 4);
	assert_string_equal(text, "last");
	assert_int_equal(reeve_memory_read_string(pid, at(3 * PAGE), text, sizeof(text)), 300);
	assert_string_equal(text, wanted + 3 * PAGE);
	/* The room is counted with the NUL. */
	assert_int_equal(reeve_memory_read_string(pid, at(PAGE - 3), text, 7), 6);
	assert_int_equal(reeve_memory_read_string(pid, at(PAGE - 3), text, 6), -ENAMETOOLONG);
	assert_int_equal(reeve_memory_read_string(pid, at(PAGE - 3), text, 0), -ENAMETOOLONG);
	assert_int_equal(reeve_memory_read_string(pid, at(2 * PAGE), text, sizeof(text)), -ENAMETOOLONG);
	assert_int_equal(reeve_memory_read_string(pid, at(all), text, sizeof(text)), -EFAULT);
	assert_int_equal(reeve_memory_read_string(pid, 0, text, sizeof(text)), -EFAULT);
	assert_int_equal(reeve_memory_read_string(pid, UINT64_MAX, text, sizeof(text)), -EFAULT);
	end();
	free(wanted);
}

static void test_string_without_end(void **state)
{
	const size_t all = (size_t)PAGES * PAGE;
	char text[PATH_MAX];

	memset(memory, 'a', all);
	start();
	assert_int_equal(reeve_memory_read_string(pid, at(all - 5), text, sizeof(text)), -EFAULT);
	assert_int_equal(reeve_memory_read_string(pid, at(all - 1000), text, sizeof(text)), -EFAULT);
	/* A string that is as long as its room never needs what follows. */
	assert_int_equal(reeve_memory_read_string(pid, at(all - 1000), text, 1000), -ENAMETOOLONG);
	end();
}

struct known {
	uint64_t a, b, c;
};

static void test_struct(void **state)
{
	const size_t all = (size_t)PAGES * PAGE;
	const struct known wanted = {1, 2, 3};
	struct known read = {9, 9, 9};

	memset(memory, 0, all);
	memcpy(memory, &wanted, sizeof(wanted));
	memcpy(memory + PAGE, &wanted, sizeof(wanted));
	memory[PAGE + sizeof(wanted) + 40] = 1;
	memcpy(memory + all - sizeof(wanted), &wanted, sizeof(wanted));
	start();
	assert_int_equal(reeve_memory_read_struct(pid, at(0), sizeof(read), &read, sizeof(read)), 0);
	assert_memory_equal(&read, &wanted, sizeof(read));
	/* Smaller: the rest is zero. Nothing at all: all is. */
	assert_int_equal(reeve_memory_read_struct(pid, at(0), 12, &read, sizeof(read)), 0);
	assert_true(read.a == 1 && read.b == 2 && read.c == 0);
	assert_int_equal(reeve_memory_read_struct(pid, at(0), 0, &read, sizeof(read)), 0);
	assert_true(read.a == 0 && read.b == 0 && read.c == 0);
	/* Larger: only with zeros. */
	assert_int_equal(reeve_memory_read_struct(pid, at(0), 4096, &read, sizeof(read)), 0);
	assert_memory_equal(&read, &wanted, sizeof(read));
	read.a = 9;
	assert_int_equal(reeve_memory_read_struct(pid, at(PAGE), 4096, &read, sizeof(read)), -E2BIG);
	assert_int_equal(
	        reeve_memory_read_struct(pid, at(PAGE), sizeof(read) + 41, &read, sizeof(read)), -E2BIG);
	assert_int_equal(reeve_memory_read_struct(pid, at(0), 4097, &read, sizeof(read)), -E2BIG);
	assert_int_equal(reeve_memory_read_struct(pid, at(0), SIZE_MAX, &read, sizeof(read)), -E2BIG);
	assert_int_equal(reeve_memory_read_struct(pid, at(0), 8, &read, 4097), -EINVAL);
	assert_int_equal(
	        reeve_memory_read_struct(pid, at(all - 24), sizeof(read) + 1, &read, sizeof(read)), -EFAULT);
	assert_int_equal(reeve_memory_read_struct(pid, at(all), 8, &read, sizeof(read)), -EFAULT);
	assert_int_equal(read.a, 9);
	assert_int_equal(reeve_memory_read_struct(pid, at(PAGE), sizeof(read) + 40, &read, sizeof(read)), 0);
	assert_int_equal(reeve_memory_read_struct(pid, at(all - 24), sizeof(read), &read, sizeof(read)), 0);
	assert_memory_equal(&read, &wanted, sizeof(read));
	end();
}

/* A process of another user, or one that is not dumpable, cannot be read by an ordinary user. */
static void test_not_permitted(void **state)
{
	int status;
	pid_t reader;

	if (geteuid() != 0) {
		print_message("skipped: needs another user's process, so root\n");
		skip();
	}
	memory[0] = 'w';
	start();
	reader = fork();
	if (reader == 0) {
		char byte;

		/* In a user namespace there may be no other. */
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(77);
		_exit(reeve_memory_read(pid, at(0), &byte, 1) == -EPERM ? 0 : 2);
	}
	waitpid(reader, &status, 0);
	assert_int_equal(end(), 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: no other user here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_read),
	        cmocka_unit_test(test_write),
	        cmocka_unit_test(test_string),
	        cmocka_unit_test(test_string_without_end),
	        cmocka_unit_test(test_struct),
	        cmocka_unit_test(test_not_permitted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
