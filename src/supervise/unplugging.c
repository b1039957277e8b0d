#include "supervise/unplugging.h"

#include <netinet/in.h>

#include "kernel/apart.h"

void unplugging_init(struct unplugging *unplugging, bool never)
{
	*unplugging = (struct unplugging){.state = never ? UNPLUGGING_NONE : UNPLUGGING_UNTRIED};
	pthread_mutex_init(&unplugging->lock, NULL);
	pthread_cond_init(&unplugging->changed, NULL);
}

void unplugging_done(struct unplugging *unplugging)
{
	pthread_mutex_lock(&unplugging->lock);
	unplugging->is_over = true;
	pthread_cond_broadcast(&unplugging->changed);
	pthread_mutex_unlock(&unplugging->lock);
	if (unplugging->has_thread)
		pthread_join(unplugging->thread, NULL);
	pthread_mutex_destroy(&unplugging->lock);
	pthread_cond_destroy(&unplugging->changed);
}

bool unplugging_is_ready(const struct unplugging *unplugging)
{
	return atomic_load(&unplugging->state) != UNPLUGGING_UNTRIED;
}

/* A thread of its own: the process is its child and nobody else's, lives as long as it does, and has none of
 * the descriptors that it has not. */
static void *keep(void *user)
{
	struct unplugging *unplugging = user;
	struct unplugged process;
	int r = unplugged_make(&process);

	pthread_mutex_lock(&unplugging->lock);
	if (r == 0)
		unplugging->process = process;
	atomic_store(&unplugging->state, r == 0 ? UNPLUGGING_READY : UNPLUGGING_NONE);
	pthread_cond_broadcast(&unplugging->changed);
	while (r == 0 && !unplugging->is_over)
		pthread_cond_wait(&unplugging->changed, &unplugging->lock);
	pthread_mutex_unlock(&unplugging->lock);
	if (r == 0)
		unplugged_done(&process);
	return NULL;
}

/* With the lock held. */
static void prepare(struct unplugging *unplugging)
{
	if (!unplugging->has_thread) {
		if (apart_start(NULL, 0, keep, unplugging, &unplugging->thread) < 0)
			atomic_store(&unplugging->state, UNPLUGGING_NONE);
		else
			unplugging->has_thread = true;
	}
	while (atomic_load(&unplugging->state) == UNPLUGGING_UNTRIED)
		pthread_cond_wait(&unplugging->changed, &unplugging->lock);
}

/* With the lock held. */
static int ask(struct unplugging *unplugging, const struct island_socket *wish, int *ret)
{
	int r;

	if (atomic_load(&unplugging->state) == UNPLUGGING_UNTRIED)
		prepare(unplugging);
	if (atomic_load(&unplugging->state) == UNPLUGGING_NONE)
		return UNPLUGGING_NOT_HERE;
	if (unplugging->is_lost)
		return UNPLUGGING_LOST;
	r = unplugged_socket(&unplugging->process, wish, ret);
	/* Answers that nobody waited for would be taken for others. Its sockets stay what they are. */
	unplugging->is_lost = r < 0;
	return r < 0 ? UNPLUGGING_LOST : -r;
}

int unplugging_socket(struct unplugging *unplugging, const struct island_socket *wish, int *ret)
{
	int r;

	pthread_mutex_lock(&unplugging->lock);
	r = ask(unplugging, wish, ret);
	pthread_mutex_unlock(&unplugging->lock);
	return r;
}

bool unplugging_has(const struct unplugging *unplugging, int fd, const struct sockets_kind *kind)
{
	uint64_t cookie;

	return (kind->domain == AF_INET || kind->domain == AF_INET6) && kind->type == SOCK_DGRAM &&
	       kind->protocol == IPPROTO_UDP && atomic_load(&unplugging->state) == UNPLUGGING_READY &&
	       island_cookie_of(fd, &cookie) == 0 && cookie == unplugging->process.cookie;
}
