/* opener FOLDER THREADS: what a policy is changed under. Threads open the files "both", "a" and "b" of a
 *folder, on and on; "both" must always open, and the others open or are denied. Meanwhile it answers what
 *standard input asks, a byte each, with a line: ?  the three files opened now, in their order: "+" it opens,
 *"-" denied, or the errno; as in "++-" p  the threads pause, and all of them do once the answer is there g
 *they go on At the end of the input it says how often "a" and "b" opened and were denied, and ends with 1 if
 *anything else came. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BOTH, ONLY_A, ONLY_B, FILES, THREADS_MAX = 64 };

static const char *const names[FILES] = {"both", "a", "b"};
static const char *folder;
static int folder_fd;
static _Atomic unsigned long opened[FILES], denied[FILES], wrong;

/* Threads work while it is held for reading. */
static pthread_rwlock_t work = PTHREAD_RWLOCK_INITIALIZER;
static _Atomic bool is_paused, is_over;

/* 0 or an errno; by a whole name and by one relative to a descriptor in turn. */
static int open_once(int file, bool is_relative)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", is_relative ? "." : folder, names[file]);
	fd = openat(is_relative ? folder_fd : AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void *open_on_and_on(void *argument)
{
	unsigned long round = (unsigned long)argument;

	while (!is_over) {
		/* Who waits for writing may starve otherwise. */
		while (is_paused && !is_over)
			usleep(1000);
		pthread_rwlock_rdlock(&work);
		for (int file = 0; file < FILES && !is_paused; file++) {
			int error = open_once(file, round++ & 1);

			if (error == 0) {
				opened[file]++;
			} else if (error == EACCES && file != BOTH) {
				denied[file]++;
			} else {
				if (wrong++ < 10)
					fprintf(stderr, "%s: %s\n", names[file], strerror(error));
			}
		}
		pthread_rwlock_unlock(&work);
	}
	return NULL;
}

static void answer(char question)
{
	if (question == 'p') {
		is_paused = true;
		pthread_rwlock_wrlock(&work);
		pthread_rwlock_unlock(&work);
	}
	if (question == 'g')
		is_paused = false;
	for (int file = 0; file < FILES && question == '?'; file++) {
		int error = open_once(file, false);

		if (error == 0 || error == EACCES)
			putchar(error ? '-' : '+');
		else
			printf("%d", error);
	}
	putchar('\n');
	fflush(stdout);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	int count = argc == 3 ? atoi(argv[2]) : 0;
	char question;

	if (count < 1 || count > THREADS_MAX)
		return 2;
	folder = argv[1];
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0) {
		perror(folder);
		return 2;
	}
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, open_on_and_on, (void *)(long)i) != 0)
			return 2;
	while (read(0, &question, 1) == 1)
		answer(question);
	is_over = true;
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("a %lu %lu b %lu %lu\n", opened[ONLY_A], denied[ONLY_A], opened[ONLY_B], denied[ONLY_B]);
	return wrong || !opened[BOTH];
}
