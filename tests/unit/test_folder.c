/* Private folders: removed whatever is in them, and left over by nobody for long. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folder.h"

static char top[] = "/tmp/test-folder-XXXXXX";

static bool is_there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void make(char **ret_path, int *ret_lock)
{
	struct stat st;

	assert_int_equal(folder_make(top, "private-", ret_path, ret_lock), 0);
	assert_int_equal(stat(*ret_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void drop(char *path, int lock)
{
	folder_remove(path);
	assert_false(is_there(path));
	close(lock);
	free(path);
}

static void file_in(const char *folder, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void says_what_is_wrong(void **state)
{
	char *path = NULL;
	int lock = -EBADF;

	assert_int_equal(folder_make("/nonexistent", "private-", &path, &lock), -ENOENT);
	assert_null(path);
	assert_int_equal(lock, -EBADF);
}

static void removes_shut_folders(void **state)
{
	char *path, inner[512], outside[512];
	int lock;

	make(&path, &lock);
	snprintf(inner, sizeof(inner), "%s/shut", path);
	assert_int_equal(mkdir(inner, 0700), 0);
	file_in(inner, "file");
	assert_int_equal(chmod(inner, 0), 0);
	assert_int_equal(chmod(path, 0), 0);
	drop(path, lock);

	/* What a link names stays. */
	make(&path, &lock);
	snprintf(outside, sizeof(outside), "%s/outside", top);
	assert_int_equal(mkdir(outside, 0500), 0);
	snprintf(inner, sizeof(inner), "%s/link", path);
	assert_int_equal(symlink(outside, inner), 0);
	drop(path, lock);
	assert_true(is_there(outside));
}

/* A thousand levels, which no path can name, of two folders each. */
static void removes_deep_trees(void **state)
{
	char *path;
	int lock, at;

	make(&path, &lock);
	at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 1000; i++) {
		int next;

		assert_int_equal(mkdirat(at, "deeper", 0700), 0);
		assert_int_equal(mkdirat(at, "beside", 0700), 0);
		next = openat(at, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
	drop(path, lock);
}

static void removes_leftovers(void **state)
{
	char *path, *held, *left, other[512];
	int lock, held_lock, left_lock;

	make(&path, &lock);
	make(&held, &held_lock);
	make(&left, &left_lock);
	file_in(left, "file");
	close(left_lock);
	snprintf(other, sizeof(other), "%s/private-toolong", top);
	assert_int_equal(mkdir(other, 0700), 0);
	snprintf(other, sizeof(other), "%s/private-a.cdef", top);
	assert_int_equal(mkdir(other, 0700), 0);
	folder_remove_leftovers(path);
	assert_false(is_there(left));
	assert_true(is_there(held));
	assert_true(is_there(path));
	assert_true(is_there(other));
	free(left);
	drop(held, held_lock);
	drop(path, lock);
}

static void *makes_and_removes(void *argument)
{
	for (int i = 0; i < 100; i++) {
		char *path;
		int lock;

		make(&path, &lock);
		folder_remove_leftovers(path);
		file_in(path, "file");
		drop(path, lock);
	}
	return NULL;
}

/* A folder that was just made is no leftover. */
static void is_never_taken_away(void **state)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, makes_and_removes, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void take(char **ret_path, int *ret_lock)
{
	assert_int_equal(folder_take(top, "private-", ret_path, ret_lock), 0);
	assert_true(is_there(*ret_path));
}

static void put_back(char *path, int lock)
{
	folder_put_back(path);
	close(lock);
	free(path);
}

/* One folder stays, for one at a time, and nobody finds there what others left. */
static void takes_what_was_put_back(void **state)
{
	char *first, *second, spare[512], file[600];
	int lock, second_lock;

	take(&first, &lock);
	snprintf(spare, sizeof(spare), "%s", first);
	take(&second, &second_lock);
	assert_string_not_equal(first, second);
	file_in(second, "file");
	put_back(second, second_lock);
	put_back(first, lock);
	assert_true(is_there(spare));

	/* Whoever was killed puts nothing back. */
	take(&first, &lock);
	assert_string_equal(first, spare);
	file_in(first, "file");
	close(lock);
	free(first);
	take(&first, &lock);
	assert_string_equal(first, spare);
	snprintf(file, sizeof(file), "%s/file", spare);
	assert_false(is_there(file));

	file_in(first, "file");
	put_back(first, lock);
	assert_false(is_there(spare));
	take(&first, &lock);
	assert_string_equal(first, spare);
	assert_int_equal(chmod(first, 0777), 0);
	put_back(first, lock);
	assert_false(is_there(spare));
}

/* What others put in its place is left alone. */
static void takes_nothing_of_others(void **state)
{
	char *path, spare[512];
	int lock;

	take(&path, &lock);
	snprintf(spare, sizeof(spare), "%s", path);
	drop(path, lock);
	assert_int_equal(symlink(top, spare), 0);
	take(&path, &lock);
	assert_string_not_equal(path, spare);
	put_back(path, lock);
	assert_true(is_there(spare));
	assert_int_equal(unlink(spare), 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(mkdir(spare, 0700), 0);
	assert_int_equal(chown(spare, 65534, 65534), 0);
	take(&path, &lock);
	assert_string_not_equal(path, spare);
	put_back(path, lock);
	assert_true(is_there(spare));
	assert_int_equal(rmdir(spare), 0);
}

static void *takes_and_puts_back(void *argument)
{
	for (int i = 0; i < 200; i++) {
		char *path, file[600];
		int lock;

		take(&path, &lock);
		snprintf(file, sizeof(file), "%s/file", path);
		assert_false(is_there(file));
		if (i % 2)
			file_in(path, "file");
		put_back(path, lock);
	}
	return NULL;
}

static void is_taken_by_one_at_a_time(void **state)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, takes_and_puts_back, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void shares_what_it_makes(void **state)
{
	char path[512];
	bool made, made_again;
	int first, second;

	snprintf(path, sizeof(path), "%s/shared", top);
	first = folder_share(path, &made);
	assert_true(first >= 0 && made);
	second = folder_share(path, &made_again);
	assert_true(second >= 0 && !made_again);
	folder_unmake(path, first);
	assert_true(is_there(path));
	close(second);
	folder_unmake(path, first);
	assert_false(is_there(path));
	close(first);

	first = folder_share(path, &made);
	file_in(path, "file");
	folder_unmake(path, first);
	assert_true(is_there(path));
	close(first);
	assert_int_equal(folder_share("/nonexistent/in", &made), -ENOENT);
	snprintf(path, sizeof(path), "%s/shared/file", top);
	assert_int_equal(folder_share(path, &made), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/loop", top);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(folder_share(path, &made), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(says_what_is_wrong),
	        cmocka_unit_test(removes_shut_folders),
	        cmocka_unit_test(removes_deep_trees),
	        cmocka_unit_test(removes_leftovers),
	        cmocka_unit_test(is_never_taken_away),
	        cmocka_unit_test(takes_what_was_put_back),
	        cmocka_unit_test(takes_nothing_of_others),
	        cmocka_unit_test(is_taken_by_one_at_a_time),
	        cmocka_unit_test(shares_what_it_makes),
	};
	int failed;

	if (!mkdtemp(top))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	folder_remove(top);
	return failed;
}
