#include "names/names.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/guards.h"
#include "kernel/credentials.h"
#include "names/inner.h"

#define MOST_LEARNED 4096
#define MOST_SECONDS 86400

static uint64_t milliseconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t names_milliseconds(void)
{
	return milliseconds_of(CLOCK_MONOTONIC);
}

/* An answer's time goes on while the machine sleeps. */
uint64_t names_seconds(void)
{
	return milliseconds_of(CLOCK_BOOTTIME) / 1000;
}

/* ---- who asks ---- */

static uint16_t port_of(const struct sockaddr *address)
{
	return ntohs(address->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
	                                            : ((const struct sockaddr_in *)address)->sin_port);
}

void names_know_asker(struct names *names, int fd, pid_t tid, const char *program)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	struct names_asker *asker;

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return;
	pthread_mutex_lock(&names->asker_lock);
	asker = &names->askers[names->next_asker++ % ASKERS];
	*asker = (struct names_asker){
	        .family = address.ss_family, .port = port_of((const struct sockaddr *)&address), .tid = tid};
	snprintf(asker->program, sizeof(asker->program), "%s", program);
	pthread_mutex_unlock(&names->asker_lock);
}

/* The latest with that port; an IPv6 socket also asks by IPv4. */
static bool find_asker(struct names *names, const struct sockaddr *client, struct names_asker *ret)
{
	uint16_t port = port_of(client);
	bool found = false;

	pthread_mutex_lock(&names->asker_lock);
	for (size_t i = 1; i <= ASKERS && !found; i++) {
		const struct names_asker *asker = &names->askers[(names->next_asker - i) % ASKERS];

		found = asker->tid > 0 && asker->port == port &&
		        (asker->family == client->sa_family || asker->family == AF_INET6);
		if (found)
			*ret = *asker;
	}
	pthread_mutex_unlock(&names->asker_lock);
	return found;
}

void names_record(struct names *names, const struct sockaddr *client, const struct names_refusal *refusal)
{
	struct names_asker asker = {.program = "a program"};
	struct record record = {.call = "resolve",
	        .operation = "resolve",
	        .object = refusal->object,
	        .allow = refusal->allow,
	        .verdict = POLICY_DENY,
	        .error = ENOENT,
	        .why = refusal->why,
	        .layer = RECORD_SUPERVISOR};

	find_asker(names, client, &asker);
	if (names->permissive) {
		record.is_lifted = true;
		record.answer = "permissive";
		record.error = 0;
	}
	record.tid = asker.tid;
	record.program = asker.program;
	recorder_write(names->recorder, &record);
}

/* ---- what is learned ---- */

/* A rule on addresses that opens it at the ports of a rule that names the host. */
static bool is_opened_by_address(const struct names *names, const char *name, const uint8_t ip[16])
{
	for (size_t i = 0; i < names->policy->address_count; i++) {
		const struct policy_address_rule *rule = &names->policy->addresses[i];
		struct address address = {.kind = ADDRESS_IP, .port = rule->port_low};
		struct host_verdict by_name;
		struct address_verdict verdict;

		if (rule->kind != POLICY_ADDRESS_HOST || !policy_grants(rule->verdict))
			continue;
		address.transport = rule->transports & POLICY_TCP ? POLICY_TCP : POLICY_UDP;
		host_decide(names->policy, name, address.port, address.transport, &by_name);
		if (!policy_grants(by_name.verdict))
			continue;
		memcpy(address.ip, ip, 16);
		address_decide(names->matcher, &address, POLICY_CONNECT, &verdict);
		if (policy_grants(verdict.verdict))
			return true;
	}
	return false;
}

static const char why_private[] =
        "it is an address of this machine or of a private network, which whoever runs the name must not "
        "open: only a rule on addresses can";

/* The port that some rule opens the name at. */
static uint16_t port_for(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->address_count; i++) {
		const struct policy_address_rule *rule = &policy->addresses[i];
		struct host_verdict verdict;

		if (rule->kind != POLICY_ADDRESS_HOST || !policy_grants(rule->verdict))
			continue;
		host_decide(policy, name, rule->port_low, rule->transports, &verdict);
		if (verdict.rule == rule)
			return rule->port_low;
	}
	return 0;
}

static void record_private(
        struct names *names, const struct sockaddr *client, const char *name, const uint8_t ip[16])
{
	struct address address = {.kind = ADDRESS_IP};
	char text[64 + LEARNED_NAME], number[64], allow[64];

	memcpy(address.ip, ip, 16);
	address_text(&address, number, sizeof(number));
	number[strlen(number) - 2] = '\0'; /* without ":0" */
	snprintf(text, sizeof(text), "%s = %s", name, number);
	address.port = port_for(names->policy, name);
	names_record(names, client,
	        &(struct names_refusal){.object = text,
	                .why = why_private,
	                .allow = address_text(&address, allow, sizeof(allow))});
}

void names_learn(
        struct names *names, const struct sockaddr *client, const char *name, struct message_answer *answer)
{
	uint32_t seconds = answer->ttl < NAMES_LEAST_SECONDS ? NAMES_LEAST_SECONDS
	                   : answer->ttl > MOST_SECONDS      ? MOST_SECONDS
	                                                     : answer->ttl;
	uint64_t until = names_seconds() + seconds;
	struct machine_addresses own = {0};
	/* What is not known to be another's counts as our own. */
	bool knows_own = machine_addresses(&own) == 0;
	size_t kept = 0;

	for (size_t i = 0; i < answer->address_count; i++) {
		const uint8_t *ip = answer->addresses[i].ip;
		bool is_public =
		        !GUARDED(inside) || (machine_is_public(ip) && knows_own && !machine_has(&own, ip));
		bool opened = !is_public && is_opened_by_address(names, name, ip);
		bool is_good = is_public || opened || names->permissive;

		if (!is_public && !opened)
			record_private(names, client, name, ip);
		/* What cannot be remembered is not told either. */
		if (is_public && learned_add(names->learned, ip, name, until) < 0)
			is_good = false;
		if (is_good)
			answer->addresses[kept++] = answer->addresses[i];
	}
	machine_addresses_done(&own);
	answer->address_count = kept;
	if (answer->ttl > MOST_SECONDS)
		answer->ttl = MOST_SECONDS;
}

struct suiting {
	const struct policy *policy;
	const struct address *address;
};

static bool suits(void *user, const char *name)
{
	const struct suiting *suiting = user;
	struct host_verdict verdict;

	host_decide(suiting->policy, name, suiting->address->port, suiting->address->transport, &verdict);
	return policy_grants(verdict.verdict);
}

enum names_state names_decide(struct names *names, const struct policy *policy, const struct address *address,
        const struct policy_address_rule **ret_rule, char ret_name[256])
{
	struct suiting suiting = {policy, address};
	struct host_verdict verdict;
	enum learned_answer answer;

	if (address->kind != ADDRESS_IP)
		return NAMES_UNKNOWN;
	answer = learned_find(names->learned, address->ip, names_seconds(), suits, &suiting, ret_name);
	if (answer == LEARNED_UNKNOWN)
		return NAMES_UNKNOWN;
	host_decide(policy, ret_name, address->port, address->transport, &verdict);
	*ret_rule = verdict.rule;
	return answer == LEARNED_KNOWN ? NAMES_OPEN : NAMES_ENDED;
}

static bool is_named(void *user, const char *name)
{
	return host_is_named(user, name);
}

bool names_knows(struct names *names, const struct policy *policy, const struct address *address)
{
	char name[LEARNED_NAME];

	return address->kind == ADDRESS_IP && learned_find(names->learned, address->ip, names_seconds(),
	                                              is_named, (void *)policy, name) == LEARNED_KNOWN;
}

void names_use(struct names *names, const struct policy *policy, const struct address_matcher *matcher)
{
	pthread_mutex_lock(&names->policy_lock);
	names->policy = policy;
	names->matcher = matcher;
	pthread_mutex_unlock(&names->policy_lock);
}

/* ---- the island ---- */

void names_descriptors(const struct names *names, int ret[NAMES_DESCRIPTORS])
{
	ret[0] = names->island.channel;
	ret[1] = names->wake;
}

int names_socket(struct names *names, const struct island_socket *wish)
{
	int fd;

	pthread_mutex_lock(&names->channel_lock);
	fd = island_socket(names->island.channel, wish);
	pthread_mutex_unlock(&names->channel_lock);
	return fd;
}

bool names_has_socket(const struct names *names, int fd)
{
	uint64_t cookie;

	return island_cookie_of(fd, &cookie) == 0 && cookie == names->island.cookie;
}

/* ---- start and end ---- */

struct reading {
	struct names *names;
	size_t capacity;
};

/* The machine's own word, also for addresses that are not public. It is taken before the target can change
 * it. */
static int take_host(void *user, const char *name, const uint8_t ip[16])
{
	struct reading *reading = user;
	struct names *names = reading->names;
	struct names_host *host;
	int r;

	if (strlen(name) >= LEARNED_NAME || !host_is_name(name) || !host_is_named(names->policy, name))
		return 0;
	if (names->host_count == reading->capacity) {
		r = array_grow((void **)&names->hosts, &reading->capacity, sizeof(*names->hosts));
		if (r < 0)
			return r;
	}
	host = &names->hosts[names->host_count++];
	strcpy(host->name, name);
	memcpy(host->ip, ip, 16);
	return learned_add(names->learned, ip, name, LEARNED_FOR_EVER);
}

static int start_thread(struct names *names)
{
	sigset_t all, before;
	int r;

	names->start = 1;
	/* Signals are for the threads of whoever uses us. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&names->thread, NULL, resolver_main, names);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r;
	pthread_mutex_lock(&names->start_lock);
	while (names->start > 0)
		pthread_cond_wait(&names->started, &names->start_lock);
	pthread_mutex_unlock(&names->start_lock);
	if (names->start < 0)
		pthread_join(names->thread, NULL);
	return names->start;
}

static void free_all(struct names *names)
{
	island_done(&names->island);
	cleanup_close(&names->wake);
	learned_free(names->learned);
	free(names->hosts);
	pthread_mutex_destroy(&names->policy_lock);
	pthread_mutex_destroy(&names->channel_lock);
	pthread_mutex_destroy(&names->asker_lock);
	pthread_mutex_destroy(&names->start_lock);
	pthread_cond_destroy(&names->started);
	free(names);
}

static int prepare(struct names *names, const struct names_options *options)
{
	struct reading reading = {.names = names};
	int r = learned_new(MOST_LEARNED, &names->learned);

	if (r == 0 && options->server && machine_read_server(options->server, &names->server) < 0)
		r = -EDESTADDRREQ;
	for (size_t i = 0; i < options->kept_count && r == 0; i++)
		r = credentials_keep(
		        names->kept, &names->kept_count, ELEMENTS(names->kept), options->kept[i]);
	if (r == 0)
		r = machine_hosts(options->hosts ? options->hosts : "/etc/hosts", take_host, &reading);
	if (r < 0)
		return r;
	names->wake = eventfd(0, EFD_CLOEXEC);
	if (names->wake < 0)
		return -errno;
	r = island_make(NAMES_PORT, &names->island);
	return r < 0 ? r : start_thread(names);
}

int names_start(const struct names_options *options, struct names **ret)
{
	struct names *names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return -ENOMEM;
	names->policy = options->policy;
	names->matcher = options->matcher;
	names->recorder = options->recorder;
	names->permissive = options->permissive;
	names->resolvers = options->resolvers ? options->resolvers : "/etc/resolv.conf";
	names->wake = -EBADF;
	names->island = (struct island){
	        .channel = -EBADF, .listeners = {-EBADF, -EBADF, -EBADF, -EBADF}, .process = -1};
	pthread_mutex_init(&names->policy_lock, NULL);
	pthread_mutex_init(&names->channel_lock, NULL);
	pthread_mutex_init(&names->asker_lock, NULL);
	pthread_mutex_init(&names->start_lock, NULL);
	pthread_cond_init(&names->started, NULL);
	r = prepare(names, options);
	if (r < 0) {
		free_all(names);
		return r;
	}
	/* The thread has copies of its own, under the same numbers. */
	for (size_t i = 0; i < ISLAND_LISTENERS; i++)
		cleanup_close(&names->island.listeners[i]);
	*ret = names;
	return 0;
}

void names_stop(struct names *names)
{
	const uint64_t one = 1;

	if (!names || names->has_stopped)
		return;
	if (write(names->wake, &one, sizeof(one)) == sizeof(one))
		pthread_join(names->thread, NULL);
	names->has_stopped = true;
}

void names_end(struct names *names)
{
	if (!names)
		return;
	names_stop(names);
	for (size_t i = 0; i < ISLAND_LISTENERS; i++)
		names->island.listeners[i] = -EBADF; /* closed long since, here */
	free_all(names);
}
