/* A process on our memory: what it has of its own and what not, and that a tree is ended whatever it was
 * doing to the memory when it was killed. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/folder.h"
#include "base/watched.h"
#include "kernel/beside.h"
#include "kernel/mates.h"
#include "kernel/process.h"

#define ROUNDS 2000
#define REACHED 40 /* exit codes of a round-runner */
#define NEVER 41
#define FAILED 42

/* Compilers leave out what is not looked at. */
static void use_heap(size_t size)
{
	void *volatile memory = malloc(size);

	free(memory);
}

/* ---- what is shared ---- */

struct meeting {
	_Atomic int word;
	int fd;
};

static _Noreturn void change_things(void *user)
{
	struct meeting *meeting = user;

	close(meeting->fd);
	signal(SIGUSR1, SIG_IGN);
	use_heap(100000);
	meeting->word = getppid();
	_exit(17);
}

static void shares_memory_alone(void **state)
{
	struct meeting meeting = {.fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
	struct sigaction action;
	int status;
	pid_t pid = beside_run(true, change_things, &meeting);

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 17);
	assert_int_equal(meeting.word, MEMORY_IS_WATCHED ? 0 : getpid());
	assert_int_equal(fcntl(meeting.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(sigaction(SIGUSR1, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
	close(meeting.fd);
}

static void copies_memory_if_wished(void **state)
{
	struct meeting meeting = {.fd = -EBADF};
	int status;
	pid_t pid = beside_run(false, change_things, &meeting);

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 17);
	assert_int_equal(meeting.word, 0);
}

/* ---- who shares ---- */

static bool lists(pid_t pid)
{
	pid_t all[MATES_MOST];
	size_t count = mates_list(all);

	for (size_t i = 0; i < count; i++)
		if (all[i] == pid)
			return true;
	return false;
}

static _Noreturn void look_for_mates(void *user)
{
	int *from_parent = user;
	char go;

	if (read(from_parent[0], &go, 1) != 1)
		_exit(FAILED);
	_exit(lists(getpid()) && lists(getppid()) ? REACHED : FAILED);
}

static int ends_with(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void knows_who_shares(void **state)
{
	int pipes[2];
	pid_t pid, other;

	if (MEMORY_IS_WATCHED)
		skip();
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = beside_run(true, look_for_mates, pipes);
	assert_true(lists(pid) && lists(getpid()) && !lists(1));
	other = fork();
	if (other == 0)
		_exit(lists(pid) || lists(getpid()) || lists(getppid()) ? FAILED : REACHED);
	assert_int_equal(ends_with(other), REACHED);
	assert_int_equal(write(pipes[1], "g", 1), 1);
	assert_int_equal(ends_with(pid), REACHED);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- left behind ---- */

struct legacy {
	pid_t maker;
	int report;
};

static _Noreturn void outlive_the_maker(void *user)
{
	const struct legacy *legacy = user;
	pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
	char result = 'y';

	while (getppid() == legacy->maker)
		usleep(1000);
	usleep(20000); /* all its threads are gone by then */
	if (pthread_rwlock_wrlock(&lock) != 0 || pthread_rwlock_unlock(&lock) != 0 ||
	        pthread_rwlock_rdlock(&lock) != 0 || pthread_rwlock_unlock(&lock) != 0)
		result = 'n';
	if (write(legacy->report, &result, 1) != 1)
		_exit(FAILED);
	_exit(REACHED);
}

static void lives_on_when_its_maker_ends(void **state)
{
	int report[2];
	char result = '?';
	pid_t pid;

	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		static struct legacy legacy;
		pid_t child;

		legacy = (struct legacy){getpid(), report[1]};
		child = beside_run(true, outlive_the_maker, &legacy);
		_exit(child > 0 ? REACHED : FAILED);
	}
	assert_int_equal(ends_with(pid), REACHED);
	close(report[1]);
	assert_int_equal(read(report[0], &result, 1), 1);
	assert_int_equal(result, 'y');
	close(report[0]);
}

static _Noreturn void fail_to_run(void *user)
{
	_exit(beside_run(true, change_things, user) == -EAGAIN ? REACHED : FAILED);
}

static void tells_that_it_failed(void **state)
{
	struct meeting meeting = {.fd = -EBADF};
	const struct rlimit none = {0, 0};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		/* Root is not held by this limit. */
		if (setgid(65534) < 0 || setuid(65534) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0)
			_exit(geteuid() == 0 ? FAILED : REACHED);
		fail_to_run(&meeting);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), REACHED);
}

/* ---- killed while it holds the heap ---- */

struct victim {
	_Atomic pid_t below; /* a process of the tree that is to be ended */
};

static _Noreturn void live_of_the_heap(void *user)
{
	struct victim *victim = user;
	pid_t pid = process_copy(SIGCHLD);

	if (pid == 0)
		for (;;)
			pause();
	victim->below = pid;
	/* Too large for what a thread keeps for itself. */
	for (size_t size = 2000;; size = size * 5 % 30011 + 2000)
		use_heap(size);
}

/* Made before: to make a thread allocates. */
struct prober {
	sem_t asked;
	_Atomic bool is_done;
};

static void *probe(void *user)
{
	struct prober *prober = user;

	for (;;) {
		sem_wait(&prober->asked);
		use_heap(5000);
		prober->is_done = true;
	}
	return NULL;
}

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}, NULL);
}

static bool heap_is_held(struct prober *prober)
{
	prober->is_done = false;
	sem_post(&prober->asked);
	for (int i = 0; i < 200 && !prober->is_done; i++)
		sleep_us(i < 100 ? 50 : 2000);
	return !prober->is_done;
}

static int end_tree(const struct victim *victim, const char *folder)
{
	process_kill_descendants();
	folder_remove(folder);
	if (kill(victim->below, 0) == 0 || errno != ESRCH || access(folder, F_OK) == 0)
		return FAILED;
	return REACHED;
}

static int one_round(struct prober *prober, const char *folder, long us)
{
	struct victim victim = {0};
	pid_t pid = beside_run(true, live_of_the_heap, &victim);

	if (pid < 0)
		return FAILED;
	while (!victim.below)
		sleep_us(50);
	sleep_us(us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (heap_is_held(prober))
		return end_tree(&victim, folder);
	process_kill_descendants();
	return NEVER;
}

static _Noreturn void run_rounds(const char *folder)
{
	struct prober prober = {.is_done = false};
	pthread_t thread;
	int result = NEVER;

	mallopt(M_ARENA_MAX, 1); /* as the command does: one heap, one lock */
	sem_init(&prober.asked, 0, 0);
	process_become_reaper();
	if (pthread_create(&thread, NULL, probe, &prober) != 0)
		_exit(FAILED);
	for (long i = 0; i < ROUNDS && result == NEVER; i++)
		result = one_round(&prober, folder, 200 + i % 50 * 13);
	_exit(result);
}

static void fill(const char *folder)
{
	char path[256];

	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "%s/a-folder-with-a-name-%d", folder, i);
		assert_int_equal(mkdir(path, 0700), 0);
		snprintf(path, sizeof(path), "%s/a-folder-with-a-name-%d/below", folder, i);
		assert_int_equal(mkdir(path, 0), 0);
	}
}

static void ends_a_tree_without_the_heap(void **state)
{
	AUTO_FREE char *folder = NULL;
	AUTO_CLOSE int lock = -EBADF;
	int status;
	pid_t pid;

	if (MEMORY_IS_WATCHED)
		skip();
	assert_int_equal(folder_make("/tmp", "test-beside-", &folder, &lock), 0);
	fill(folder);
	process_become_reaper(); /* of what is left, should it fail */
	pid = fork();
	if (pid == 0) {
		alarm(20);
		run_rounds(folder);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	process_kill_descendants();
	folder_remove(folder);
	assert_true(WIFEXITED(status)); /* else it waited for the heap */
	assert_int_equal(WEXITSTATUS(status), REACHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(shares_memory_alone),
	        cmocka_unit_test(copies_memory_if_wished),
	        cmocka_unit_test(knows_who_shares),
	        cmocka_unit_test(lives_on_when_its_maker_ends),
	        cmocka_unit_test(tells_that_it_failed),
	        cmocka_unit_test(ends_a_tree_without_the_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
