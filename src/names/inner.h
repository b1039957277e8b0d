/* The parts of the resolver; inside this room only. */
#pragma once

#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "names/learned.h"
#include "names/machine.h"
#include "names/message.h"
#include "names/names.h"

#define ASKERS 256

/* A name that the machine knows by itself. */
struct names_host {
	char name[LEARNED_NAME];
	uint8_t ip[16];
};

struct names_asker {
	int family;
	uint16_t port;
	pid_t tid;
	char program[32];
};

struct names {
	pthread_mutex_t policy_lock; /* held by the thread while it works */
	const struct policy *policy;
	const struct address_matcher *matcher;
	bool permissive;
	struct recorder *recorder;
	const char *resolvers;
	struct machine_server server; /* a length of 0: those of the file */
	struct island island;
	struct learned *learned;
	struct names_host *hosts;
	size_t host_count;

	pthread_mutex_t channel_lock;
	pthread_mutex_t asker_lock;
	struct names_asker askers[ASKERS];
	size_t next_asker;

	pthread_t thread;
	bool has_stopped;
	int wake; /* eventfd: the end */
	int kept[16];
	size_t kept_count;
	/* How the thread's start went: 1 until it is known. */
	pthread_mutex_t start_lock;
	pthread_cond_t started;
	int start;
};

/* Seconds of the clock of lifetimes, and milliseconds of that of time-outs. */
uint64_t names_seconds(void);
uint64_t names_milliseconds(void);

/* ---- names.c ---- */

/* Takes out of an answer what the name must not stand for, and opens the rest. */
void names_learn(struct names *names, const struct sockaddr *client, const char *name, struct message_answer *answer);

/* Records a name that was not answered. `client` is who asked. */
struct names_refusal {
	const char *object, *why, *allow; /* as in struct record */
};

void names_record(struct names *names, const struct sockaddr *client, const struct names_refusal *refusal);

/* ---- resolver.c: the thread ---- */

void *resolver_main(void *names);

/* ---- forward.c: questions to name servers ---- */

struct forward;

/* Calls `done` from forward_serve once for every question that was taken: with an answer, or NULL for none. */
int forward_new(struct names *names,
        void (*done)(void *user, void *ticket, const struct message_question *question,
                const struct message_answer *answer),
        void *user, struct forward **ret);
void forward_free(struct forward *forward); /* NULL is fine */

/* Takes a question; `ticket` is given back, and freed by free() if that never comes. `asked` is the address of the server
 * that the program asked: where that is one of the machine's, it comes first. 0; -ENOBUFS: too many. */
int forward_ask(
        struct forward *forward, const struct message_question *question, const uint8_t asked[16], void *ticket);

#define FORWARD_MOST 128

/* What it waits for: fills up to FORWARD_MOST, lowers `*timeout` (milliseconds, -1: none). How many. */
size_t forward_poll(const struct forward *forward, struct pollfd fds[FORWARD_MOST], int *timeout);

/* Goes on with what came. */
void forward_serve(struct forward *forward, const struct pollfd *fds, size_t count);
