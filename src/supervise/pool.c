#include "supervise/pool.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/credentials.h"
#include "kernel/process.h"
#include "kernel/release.h"
#include "supervise/serve.h"

#define MAX_WORKERS TASK_HELPERS
#define SPARE_SECONDS 3 /* a spare that is not needed ends after this */
#define TICK_NS 2000000 /* how often the watcher looks while there is work */
#define QUIET_TICKS 25  /* then it sleeps until there is work again */
#define MAX_PLACES 4    /* as many wait in RECV at the most; each request wakes all of them for a moment */
#define CROWDED_CALLS 8 /* calls that had to wait, more than did not, ask for another receiver */
#define SAME_CALLS 64   /* of one task, one after the other, ask for one less */
#define NOBODY (-1)

struct pool {
	struct shared *shared;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_watched;
	struct worker *workers[MAX_WORKERS]; /* NULL: free place */
	uint32_t progress[MAX_WORKERS];      /* of the last worker in each place */
	struct retired *retired;
	struct credentials own; /* what every worker starts with, whoever started it */
	int spares;
	int running;
	int serving; /* of those that run; the others only tidy up after themselves */
	_Atomic uint32_t ended;
	_Atomic int places[MAX_PLACES]; /* the worker that waits in RECV or serves in it, or NOBODY */
	_Atomic int wanted;             /* so many of them, from the first on, are in use */
	int most;                       /* are of any use here */
	_Atomic pid_t last_tid;         /* whose call was received last */
	_Atomic uint32_t watcher_sleeps;
};

/* A plan that is no longer in force, and the exchanges that may still look at it. */
struct retired {
	struct retired *next;
	struct plan *plan;
	bool is_busy[MAX_WORKERS];
	uint32_t progress[MAX_WORKERS];
};

static void *worker_main(void *argument);

/* Most of one is room for the longest names, and never touched. */
static struct worker *new_worker(void)
{
	void *fresh =
	        mmap(NULL, sizeof(struct worker), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return fresh == MAP_FAILED ? NULL : fresh;
}

static void free_worker(struct worker *worker)
{
	munmap(worker, sizeof(*worker));
}

static int start_worker(struct pool *pool, bool begins)
{
	pthread_attr_t attributes;
	struct worker *worker;
	pthread_t thread;
	int index = 0, r;

	while (index < MAX_WORKERS && pool->workers[index])
		index++;
	if (index == MAX_WORKERS)
		return -EAGAIN;
	worker = new_worker();
	if (!worker)
		return -ENOMEM;
	worker->shared = pool->shared;
	worker->pool = pool;
	worker->index = index;
	worker->begins = begins;
	worker->progress = pool->progress[index];
	worker->view = (struct task_view){.proc = -EBADF, .own_fds = -EBADF, .root = -EBADF};
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	pool->workers[index] = worker;
	pool->running++;
	pool->serving++;
	r = pthread_create(&thread, &attributes, worker_main, worker);
	pthread_attr_destroy(&attributes);
	if (r == 0)
		return index;
	pool->workers[index] = NULL;
	pool->running--;
	pool->serving--;
	free_worker(worker);
	return -r;
}

static bool has_free_place(struct pool *pool)
{
	for (int i = 0; i < atomic_load(&pool->wanted); i++)
		if (atomic_load(&pool->places[i]) == NOBODY)
			return true;
	return false;
}

/* With the lock held. */
static bool take_free_place(struct pool *pool, struct worker *worker)
{
	for (int i = 0; i < atomic_load(&pool->wanted); i++) {
		int nobody = NOBODY;

		if (atomic_compare_exchange_strong(&pool->places[i], &nobody, worker->index)) {
			worker->place = i;
			return true;
		}
	}
	return false;
}

static bool has_place(struct pool *pool, const struct worker *worker)
{
	return atomic_load(&pool->places[worker->place]) == worker->index;
}

/* Somebody has to wait for notifications, as long as any may come: wakes a spare, or starts one. With the
 * lock held. */
static void replace_receiver(struct pool *pool)
{
	if (pool->ended || !has_free_place(pool))
		return;
	if (pool->spares > 0)
		pthread_cond_signal(&pool->changed);
	else
		start_worker(pool, false); /* if not even that goes, whoever ends first takes the place */
}

static void give_up_place(struct pool *pool, int place, int index)
{
	int mine = index;

	if (atomic_compare_exchange_strong(&pool->places[place], &mine, NOBODY)) {
		pthread_mutex_lock(&pool->lock);
		replace_receiver(pool);
		pthread_mutex_unlock(&pool->lock);
	}
}

void pool_will_block(struct worker *worker)
{
	give_up_place(worker->pool, worker->place, worker->index);
}

/* True when the worker is the one to receive; false when it is to end. */
static bool take_place(struct pool *pool, struct worker *worker)
{
	struct timespec until;
	bool mine = false;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SPARE_SECONDS;
	pthread_mutex_lock(&pool->lock);
	while (!pool->ended) {
		mine = take_free_place(pool, worker);
		if (mine) {
			replace_receiver(pool); /* of two places that came free at once */
			break;
		}
		pool->spares++;
		if (pthread_cond_timedwait(&pool->changed, &pool->lock, &until) == ETIMEDOUT) {
			pool->spares--;
			mine = !pool->ended && take_free_place(pool, worker);
			break;
		}
		pool->spares--;
	}
	pthread_mutex_unlock(&pool->lock);
	return mine;
}

static void wake_watcher(struct pool *pool)
{
	if (!atomic_load_explicit(&pool->watcher_sleeps, memory_order_relaxed))
		return;
	atomic_store(&pool->watcher_sleeps, 0);
	syscall(SYS_futex, &pool->watcher_sleeps, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void end_all(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->ended, 1);
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	syscall(SYS_futex, &pool->ended, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	atomic_store(&pool->watcher_sleeps, 0);
	syscall(SYS_futex, &pool->watcher_sleeps, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- how many receive ----
 *
 * One receiver is best while one task calls: each request wakes all that wait in RECV, on the same processor.
 * Where calls of other tasks are there already when an answer is out, another receiver takes some of them. */

static void want_more(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->wanted < pool->most) {
		pool->wanted++;
		replace_receiver(pool);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* Whoever has the last place goes on waiting, and leaves with the next call that it serves. */
static void want_less(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->wanted > 1) {
		pool->wanted--;
		atomic_store(&pool->places[pool->wanted], NOBODY);
	}
	pthread_mutex_unlock(&pool->lock);
}

static void fit_to_load(struct pool *pool, struct worker *worker)
{
	pid_t tid = worker->exchange.request.tid;
	bool is_same = atomic_load_explicit(&pool->last_tid, memory_order_relaxed) == tid;

	if (pool->most == 1)
		return;
	if (!is_same)
		atomic_store_explicit(&pool->last_tid, tid, memory_order_relaxed);
	worker->same = is_same ? worker->same + 1 : 0;
	/* A task that calls again at once is no reason: it has one call at a time. */
	if (!is_same && worker->waited_for)
		worker->crowded++;
	else if (worker->crowded > 0)
		worker->crowded--;
	if (worker->crowded >= CROWDED_CALLS) {
		worker->crowded = 0;
		want_more(pool);
	}
	if (worker->same >= SAME_CALLS) {
		worker->same = 0;
		want_less(pool);
	}
}

static void serve_while_receiver(struct pool *pool, struct worker *worker)
{
	while (has_place(pool, worker)) {
		int r = serve_one(worker);

		if (r == REEVE_ENDED) {
			end_all(pool);
			return;
		}
		if (r < 0) {
			end_all(pool);
			if (pool->shared->failed)
				pool->shared->failed(pool->shared->user, -r);
			return;
		}
		wake_watcher(pool);
		if (r == 0)
			fit_to_load(pool, worker);
	}
}

/* All others are closed: what the command inherited is its own. */
static int keep_descriptors(const struct worker *worker)
{
	const struct shared *shared = worker->shared;
	int kept[SHARED_KEPT + SUPERVISOR_NEEDED];
	size_t count = shared->kept_count;
	int r = 0;

	memcpy(kept, shared->kept, count * sizeof(*kept));
	for (size_t i = 0; i < SUPERVISOR_NEEDED && worker->begins && r == 0; i++)
		r = credentials_keep(kept, &count, ELEMENTS(kept), shared->needed[i]);
	return r < 0 ? r : credentials_keep_descriptors(kept, count);
}

/* A thread's own umask, credentials and descriptor table: what it opens is in no other thread's way, and ends
 * with it. The listener keeps its number. */
static int prepare_worker(struct worker *worker)
{
	int listener = worker->shared->listener, r;

	worker->tid = (pid_t)syscall(SYS_gettid);
	r = credentials_own_fs();
	if (r == 0)
		r = credentials_own_files();
	if (r == 0)
		r = keep_descriptors(worker);
	if (r == 0)
		r = task_view_init(&worker->view);
	worker->view.helpers = worker->shared->helpers;
	/* Whoever started this thread may just have been performing as somebody else. */
	worker->own = worker->pool->own;
	if (r == 0)
		r = credentials_get(&worker->current);
	if (r == 0 &&
	        (worker->current.fsuid != worker->own.fsuid || worker->current.fsgid != worker->own.fsgid ||
	                worker->current.effective != worker->own.effective ||
	                worker->current.group_count != worker->own.group_count))
		r = credentials_set(&worker->own);
	worker->current = worker->own;
	worker->umask = umask(022);
	umask(worker->umask);
	return listener < 0 ? -EBADF : r;
}

/* The first sees to it that there is something to serve. */
static int begin_worker(struct worker *worker)
{
	struct shared *shared = worker->shared;
	int r = worker->begins ? shared->begin(shared) : 0;

	if (r == 0)
		r = prepare_worker(worker);
	if (!worker->begins)
		return r;
	shared->begun(shared, r);
	/* Closed in this thread's own table. */
	for (size_t i = 0; i < SUPERVISOR_NEEDED && r == 0; i++)
		cleanup_close(&shared->needed[i]);
	return r;
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct pool *pool = worker->pool;
	int index = worker->index;
	int r = begin_worker(worker);

	if (r == 0)
		while (take_place(pool, worker))
			serve_while_receiver(pool, worker);
	pthread_mutex_lock(&pool->lock);
	if (r == 0)
		replace_receiver(pool);
	pool->serving--;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	/* Somebody may wait for that, and need not for what follows. */
	pthread_mutex_lock(&pool->lock);
	task_view_done(&worker->view);
	pool->progress[index] = worker->progress;
	pool->workers[index] = NULL;
	free_worker(worker);
	pool->running--;
	if (r == 0)
		replace_receiver(pool); /* where all places for threads were taken */
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* ---- the watcher: sees a receiver that is stuck in a call nobody knew would block ---- */

struct sight {
	int worker;
	uint32_t progress;
	pid_t tid;
};

static struct sight look(struct pool *pool, int place)
{
	struct sight sight = {.worker = atomic_load(&pool->places[place])};

	if (sight.worker < 0)
		return sight;
	pthread_mutex_lock(&pool->lock);
	if (pool->workers[sight.worker]) {
		sight.progress = atomic_load(&pool->workers[sight.worker]->progress);
		sight.tid = pool->workers[sight.worker]->tid;
	}
	pthread_mutex_unlock(&pool->lock);
	return sight;
}

/* True while nothing moves in this place and nothing is under way. */
static bool watch_place(struct pool *pool, int place, struct sight *last)
{
	struct sight sight = look(pool, place);
	bool same = sight.worker == last->worker && sight.progress == last->progress;
	bool serves = sight.progress & 1;

	/* One that merely lost its processor does not wait for anything. */
	if (same && serves && sight.worker >= 0 && process_state(sight.tid) != 'R')
		give_up_place(pool, place, sight.worker);
	*last = sight;
	/* One that has a call in its hands and lacks a processor may yet wait: it is not left alone with it.
	 */
	return same && !serves;
}

static void sleep_until_work(struct pool *pool)
{
	atomic_store(&pool->watcher_sleeps, 1);
	while (atomic_load(&pool->watcher_sleeps) && !pool->ended)
		syscall(SYS_futex, &pool->watcher_sleeps, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
}

/* True when all is over, at once. */
static bool wait_a_tick(struct pool *pool)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};

	syscall(SYS_futex, &pool->ended, FUTEX_WAIT_PRIVATE, 0, &tick, NULL, 0);
	return atomic_load(&pool->ended);
}

static void watch(struct pool *pool)
{
	struct sight last[MAX_PLACES];
	int quiet = 0;

	for (int i = 0; i < MAX_PLACES; i++)
		last[i] = (struct sight){.worker = NOBODY};
	for (;;) {
		bool all_quiet = true;

		if (wait_a_tick(pool))
			return;
		for (int i = 0; i < MAX_PLACES; i++)
			all_quiet &= watch_place(pool, i, &last[i]);
		quiet = all_quiet ? quiet + 1 : 0;
		if (quiet > QUIET_TICKS) {
			quiet = 0;
			sleep_until_work(pool);
		}
	}
}

void pool_watch(struct pool *pool)
{
	watch(pool);
	pthread_mutex_lock(&pool->lock);
	pool->is_watched = false;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

static void *watcher_main(void *argument)
{
	pool_watch(argument);
	return NULL;
}

static int start_watcher(struct pool *pool)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attributes, watcher_main, pool);
	pthread_attr_destroy(&attributes);
	return -r;
}

/* More than there are processors: who answers with a descriptor sleeps until its task has taken it. One
 * processor is best left to one receiver. Before 6.11 RECV does not end with the last task: one that waits
 * there beside another might never return. */
static int most_receivers(void)
{
	cpu_set_t cpus;
	bool one = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) == 1;

	return one || !kernel_receive_ends() ? 1 : MAX_PLACES;
}

int pool_start(struct shared *shared, bool is_watched, struct pool **ret)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	sigset_t all, before;
	int r;

	if (!pool)
		return -ENOMEM;
	pool->shared = shared;
	for (int i = 0; i < MAX_PLACES; i++)
		pool->places[i] = NOBODY;
	pool->wanted = 1;
	pool->most = most_receivers();
	pool->is_watched = true;
	r = credentials_get(&pool->own);
	if (r < 0) {
		free(pool);
		return r;
	}
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	/* Signals are for the threads of whoever uses us. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = is_watched ? 0 : start_watcher(pool);
	if (r == 0) {
		pthread_mutex_lock(&pool->lock);
		r = start_worker(pool, true);
		pthread_mutex_unlock(&pool->lock);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r; /* the caller gives up, and its process with it: nothing was let through */
	*ret = pool;
	return 0;
}

/* ---- plans that others took the place of ---- */

static uint32_t progress_of(const struct pool *pool, int place)
{
	return pool->workers[place] ? atomic_load(&pool->workers[place]->progress) : pool->progress[place];
}

static bool is_in_use(const struct pool *pool, const struct retired *retired)
{
	for (int i = 0; i < MAX_WORKERS; i++)
		if (retired->is_busy[i] && progress_of(pool, i) == retired->progress[i])
			return true;
	return false;
}

/* With the lock held. */
static void free_retired(struct pool *pool)
{
	struct retired **link = &pool->retired;

	while (*link) {
		struct retired *retired = *link;

		if (is_in_use(pool, retired)) {
			link = &retired->next;
			continue;
		}
		*link = retired->next;
		plan_free(retired->plan);
		free(retired);
	}
}

/* A worker makes its progress odd before it loads the plan, and even when it is done with it. So one that is
 * seen even, or to have moved on, cannot have loaded the old one: the swap came first. */
int pool_swap_plan(struct pool *pool, const struct plan *plan, struct plan *old)
{
	struct retired *retired = old ? calloc(1, sizeof(*retired)) : NULL;

	if (old && !retired)
		return -ENOMEM;
	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->shared->plan, plan);
	if (retired) {
		retired->plan = old;
		for (int i = 0; i < MAX_WORKERS; i++) {
			retired->progress[i] = progress_of(pool, i);
			retired->is_busy[i] = retired->progress[i] & 1;
		}
		retired->next = pool->retired;
		pool->retired = retired;
	}
	free_retired(pool);
	pthread_mutex_unlock(&pool->lock);
	return 0;
}

void pool_settle(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->serving > 0)
		pthread_cond_wait(&pool->changed, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

void pool_finish(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->running > 0)
		pthread_cond_wait(&pool->changed, &pool->lock);
	/* From here on the watcher starts nobody. */
	atomic_store(&pool->ended, 1);
	pthread_mutex_unlock(&pool->lock);
	end_all(pool);
	pthread_mutex_lock(&pool->lock);
	while (pool->is_watched)
		pthread_cond_wait(&pool->changed, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	free_retired(pool); /* nobody is left to use any */
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->changed);
	free(pool);
}
