/* Host names: sockets that turn to a name server are exchanged for ones that reach the resolver, and addresses that
 * it answered with are open. */
#pragma once

#include "supervise/act/socket.h"

/* Whether the exchange's address is one that only the resolver can stand for: a name server, which no rule opens. */
bool act_turns_to_names(
        struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind);

/* connect: the reply is made. */
void act_connect_to_names(struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind);

/* For a send: the socket to use instead of `fd`, which the exchange owns; or it is replied and -1 is returned. */
int act_exchange_for_names(
        struct worker *worker, struct exchange *x, int fd, const struct sockets_kind *kind);

/* As decide_address for a connection or a send, and allowed also when the socket is one of the resolver's network, or
 * when a name that a rule opens stands for the address. It may change x->call.address. */
bool act_judge_address(struct worker *worker, struct exchange *x, int fd, const struct address *address);
