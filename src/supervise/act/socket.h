/* What connect, bind, listen and send share: our copy of the task's socket, what an address means for it, and
 * waiting as the task itself would. */
#pragma once

#include "kernel/sockets.h"
#include "policy/address.h"
#include "supervise/exchange.h"

/* Takes the copy; the caller closes it before the exchange is answered. The descriptor, or it is replied and
 * -1 is returned. */
int act_fetch(struct exchange *x, int number);

/* What kind of socket it is. False when it is replied, as for what is none. */
bool act_kind_of(struct exchange *x, int fd, struct sockets_kind *ret);

/* Whether the task has other ids than we. */
bool act_differs(const struct worker *worker);

/* The other end of a UNIX connection sees who made it: between these two that is the task's user. 0 or -errno. */
int act_show(struct worker *worker);
void act_hide(struct worker *worker);

enum meaning {
	MEANS_NOTHING, /* the kernel refuses or ignores it, or it takes an association back: it goes unjudged */
	MEANS_ADDRESS, /* of IP, or an abstract name */
	MEANS_PATH,    /* of a socket file, as written; it still has to be resolved */
	MEANS_UNKNOWN,
};

/* What the kernel understands by the exchange's address, on that socket, for a call. An unspecified address to
 * connect to is replaced by the loopback address that it means, and an address without a family becomes one that
 * means the same, or nothing, to sockets of either family. */
enum meaning act_meaning(struct exchange *x, int fd, const struct sockets_kind *kind, struct address *ret);

/* What redirects lead to takes the place of the exchange's address, before anything looks at that. True when there is
 * none or it is done; false when it is replied. */
bool act_redirect(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind);

/* Judges where the exchange's address leads to. True when it is allowed: `ret` is then what to give to the
 * kernel. For a socket file that is the very object that was judged, and x->resolved[0] holds it until
 * resolved_done. */
struct destination {
	struct call_address address;
	bool has_object;
};

bool act_judge_destination(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind,
        struct destination *ret);

/* After a connection to an abstract name that no rule speaks of: where our own domain kept it in, the socket is one
 * outside, and it is the lack of a rule that refused it. */
void act_kept_within(struct exchange *x);

/* Names a netlink socket after the task's process, where it has no name yet. 0, REEVE_GONE, -errno. */
int act_name_netlink(struct exchange *x, int fd);

/* ---- waiting ---- */

/* One try, which blocks for a moment at most; `waits`: it may. Its result, or -errno. */
typedef ssize_t act_try(void *user, bool waits);

struct waiting_call {
	struct worker *worker;
	struct exchange *x;
	int fd;
	act_try *try;
	void *user;
	bool connects; /* no flag keeps a try from blocking */
	bool is_far;   /* even the first try takes its time */
	/* poll tells when to look again: it goes on by itself, as a TCP connection does, or waits for room. */
	bool polls;
};

/* Tries until it is done, time is up as the socket's own timeout says, a signal is pending or the task is gone.
 * The last result, or -EINTR; WAITING_REPLIED when nothing but the reply, which is made, can say it. */
#define WAITING_REPLIED (-5000)
ssize_t act_wait(struct waiting_call *call);
