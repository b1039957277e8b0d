/* One notification on its way: listener -> decode -> decide -> act -> record -> answer. Each stage fills its
 * own part and reads the earlier ones. The reply starts as a refusal: a stage that fails leaves it so. */
#pragma once

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <reeve/reeve.h>

#include "kernel/credentials.h"
#include "plan/plan.h"
#include "policy/match.h"
#include "record/record.h"
#include "supervise/supervisor.h"
#include "supervise/unplugging.h"
#include "syscalls/table.h"
#include "target/resolve.h"
#include "target/task.h"

#define EXCHANGE_PATHS 2
#define TIMED_SLOTS 256
#define SHARED_KEPT 32 /* as many descriptors at the most */

struct call_path {
	int dirfd;
	size_t length;
	char text[PATH_MAX];
};

/* As it was written, and one byte more. */
struct call_address {
	socklen_t length; /* 0: none */
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		char bytes[sizeof(struct sockaddr_storage) + 1];
	} as;
};

/* What a UNIX socket's address names, which may fill it to its last byte: decode puts a NUL behind it. */
static inline const char *call_address_path(const struct call_address *address)
{
	return address->as.bytes + offsetof(struct sockaddr_un, sun_path);
}

/* A call as decode read it: each byte once. */
struct call {
	enum syscalls_operation operation;
	const char *name;
	size_t path_count;
	struct call_path paths[EXCHANGE_PATHS];
	uint64_t flags; /* of the flags argument, or of struct open_how */
	uint64_t mode;
	uint64_t resolve; /* of struct open_how */
	struct call_address address;
};

enum reply_kind {
	REPLY_ERROR, /* what an exchange starts as */
	REPLY_VALUE,
	REPLY_FD,
	REPLY_CONTINUE, /* the table's row says what bounds it */
	REPLY_RESTART,  /* a signal is pending: the kernel decides what the call returns */
	REPLY_GONE,     /* nobody waits for an answer any more */
};

struct reply {
	enum reply_kind kind;
	int error; /* positive */
	int64_t value;
	int fd; /* REPLY_FD: ours, closed by answer */
	bool cloexec;
	bool at_once; /* nobody can see that our copy lives a moment longer than the answer */
};

/* A descriptor that takes the place of one of the task's, before the call is answered. */
struct swap {
	int fd; /* ours, closed by answer; or negative */
	int number;
	bool cloexec;
	uint64_t before; /* sockets_number of what is there */
};

struct worker;

#define EXCHANGE_QUESTIONS 4

/* One thing that somebody allowed when it was asked about. */
struct permit {
	char *object; /* owned; NULL: the call itself */
	unsigned access;
	const char *word; /* "once", "run" */
};

struct exchange {
	struct reeve_request request;
	uint64_t received; /* when, CLOCK_MONOTONIC in nanoseconds */
	const struct plan *plan;         /* in force for this exchange, from its begin to its end */
	const struct syscalls_row *row;
	struct task task;
	struct call call;
	struct match_verdict verdict;
	const struct policy_syscall_rule *call_rule; /* on the call itself; NULL when none is recorded */
	unsigned access;    /* what was asked of the object */
	const char *why;    /* a refusal that no rule made */
	const char *object; /* path after resolution, or NULL; of two the one that was judged last */
	const char *first;  /* of two paths, or NULL */
	const char *second;
	const char *asked;  /* the address that was named, where a redirect led elsewhere; or NULL */
	const char *led_to; /* a socket file that a redirect led to, instead of the one in call.address; or NULL */
	const struct policy_address_rule *address_rule; /* that decided */
	unsigned use;   /* POLICY_CONNECT or POLICY_LISTEN, when an address was judged */
	/* A refusal that does not stand: the first one of the exchange, and who said so; NULL: none. */
	const char *lifted_by;
	const char *answer; /* of somebody who was asked and did not lift it, or NULL */
	size_t permit_count;
	struct permit permits[EXCHANGE_QUESTIONS];
	bool is_decoded;
	bool is_final; /* a refusal that nobody is asked about */
	struct match_verdict lifted;
	bool is_judged; /* some rule, or the lack of one, decided */
	struct reply reply;
	bool is_own_signal; /* the one that it gives way to: else some task of the process takes it */
	struct swap swap;
	void (*after)(struct worker *worker, struct exchange *x); /* what is left to do once it is answered */
	struct resolved resolved[EXCHANGE_PATHS];
	char text[RESOLVE_PATH_SIZE]; /* the fast way's path, or an address in words */
	char asked_text[RESOLVE_PATH_SIZE];
};

/* What all performing threads share. */
struct questions;

struct shared {
	_Atomic(const struct plan *) plan; /* changes; an exchange keeps the one that it began with */
	struct recorder *recorder;
	struct questions *questions; /* NULL: nobody can be asked */
	struct names *names; /* NULL: the plan has no host names, or nothing here can resolve them */
	struct unplugging unplugging;
	int listener;
	/* Called by the first worker, which has a listener then; and told how that worker began, which until then keeps
	 * what is needed for that. */
	int (*begin)(struct shared *shared);
	void (*begun)(struct shared *shared, int r);
	int needed[SUPERVISOR_NEEDED];
	const int *kept; /* descriptors that performing threads keep: the listener, sinks */
	size_t kept_count;
	void (*failed)(void *user, int error); /* serving is no longer possible */
	bool (*decide)(void *user, struct supervisor_call *call); /* before the policy does, or NULL */
	void *user;
	bool privileged;
	_Atomic bool credentials_differ;     /* some task may have other credentials than we */
	_Atomic bool domains_differ;         /* some task put a Landlock domain on itself */
	_Atomic bool roots_differ;           /* some task may have another root, or mounts */
	_Atomic pid_t helpers[TASK_HELPERS]; /* of the workers, by their index */
	/* Held where a name may come to be another folder's or a link's, and alone by who relies on that it does not. */
	pthread_rwlock_t sorts;
	_Atomic uint64_t timed[TIMED_SLOTS]; /* sockets whose timeout is ours for a moment */
};

/* One performing thread. */
struct worker {
	struct shared *shared;
	struct task_view view;
	struct credentials own, current; /* what it started with; what it wears now */
	mode_t umask;
	struct pool *pool;
	int index;
	bool begins; /* it is the first */
	pid_t tid;
	_Atomic uint32_t progress; /* odd while an exchange is under way */
	int place;                 /* in the pool; it may have lost it */
	bool waited_for;           /* the call was there before the worker came for it */
	unsigned crowded, same;    /* how many calls were such, or of the task that called before */
	struct exchange exchange;
	char helper_stack[16384] __attribute__((aligned(16)));
};

/* Writes the exchange's record. */
void exchange_record(struct worker *worker, struct exchange *x);

/* Asks about the refusal that the exchange holds, if anybody is asked about such, and waits. `still` is called again
 * and again; anything but 0 ends the waiting. True: it is allowed now, and to be judged again. */
bool exchange_ask(struct worker *worker, struct exchange *x, int (*still)(void *user), void *user);

/* Families: what an operation's calls do. Each fills the reply. */
typedef void act_family(struct worker *worker, struct exchange *x);

act_family act_open, act_create, act_remove, act_rename, act_link, act_metadata, act_truncate, act_stat,
        act_exec, act_connect, act_bind, act_listen, act_send, act_watched, act_refuse, act_schedule, act_socket;
