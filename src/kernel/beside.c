#include "kernel/beside.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/watched.h"
#include "kernel/mates.h"

#define STACK (1024 * 1024) /* the child's */
#define OWN (64 * 1024)

struct beginning {
	void (*run)(void *user);
	void *user;
	pid_t child;
	sem_t is_made;
};

static int run_beside(void *argument)
{
	const struct beginning *beginning = argument;

	beginning->run(beginning->user);
	_exit(1);
}

/* A thread that lends the child its stack and its thread-local storage. From then on nobody else writes to
 * them: no call here fails, which would set errno, as all signals are blocked; and at its end, which may come
 * before the child's, the kernel must not take its number out of there, by which locks know their holder. */
static void *lend(void *argument)
{
	struct beginning *beginning = argument, lasting = *beginning;
	char stack[STACK] __attribute__((aligned(16)));
	bool is_made;

	syscall(SYS_set_tid_address, NULL);
	beginning->child = mates_make(run_beside, stack + sizeof(stack), SIGCHLD, &lasting, NULL);
	is_made = beginning->child > 0;
	sem_post(&beginning->is_made);
	if (!is_made)
		return NULL;
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

static int start_lender(struct beginning *beginning)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t lender;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK + OWN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&lender, &attributes, lend, beginning);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

static pid_t run_on_our_memory(void (*run)(void *user), void *user)
{
	struct beginning beginning = {.run = run, .user = user};
	int r;

	sem_init(&beginning.is_made, 0, 0);
	r = start_lender(&beginning);
	while (r == 0 && sem_wait(&beginning.is_made) < 0)
		;
	sem_destroy(&beginning.is_made);
	return r < 0 ? r : beginning.child;
}

static pid_t run_on_a_copy(void (*run)(void *user), void *user)
{
	pid_t child = fork();

	if (child == 0) {
		run(user);
		_exit(1);
	}
	return child < 0 ? -errno : child;
}

pid_t beside_run(bool on_our_memory, void (*run)(void *user), void *user)
{
	return on_our_memory && !MEMORY_IS_WATCHED ? run_on_our_memory(run, user) : run_on_a_copy(run, user);
}
