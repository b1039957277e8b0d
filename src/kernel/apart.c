#include "kernel/apart.h"

#include <semaphore.h>
#include <signal.h>

#include "kernel/credentials.h"

struct apart {
	const int *keep;
	size_t count;
	void *(*run)(void *user);
	void *user;
	int result;
	sem_t is_ready;
};

static void *apart_main(void *argument)
{
	struct apart *apart = argument;
	void *(*run)(void *user) = apart->run;
	void *user = apart->user;
	int r = credentials_own_files();

	if (r == 0)
		r = credentials_keep_descriptors(apart->keep, apart->count);
	apart->result = r;
	sem_post(&apart->is_ready); /* the last that is seen of it here */
	return r < 0 ? NULL : run(user);
}

int apart_start(const int *keep, size_t count, void *(*run)(void *user), void *user, pthread_t *ret)
{
	struct apart apart = {.keep = keep, .count = count, .run = run, .user = user};
	sigset_t all, before;
	pthread_t thread;
	int r;

	sem_init(&apart.is_ready, 0, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&thread, NULL, apart_main, &apart);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0) {
		while (sem_wait(&apart.is_ready) < 0)
			;
		r = apart.result;
		if (r < 0)
			pthread_join(thread, NULL);
	}
	sem_destroy(&apart.is_ready);
	if (r == 0)
		*ret = thread;
	return r;
}
