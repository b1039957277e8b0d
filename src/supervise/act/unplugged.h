/* What the families know of unplugged sockets: of their addresses the network decides, which has none but its own
 * loopback. */
#pragma once

#include "kernel/sockets.h"
#include "supervise/exchange.h"

bool act_is_unplugged(const struct worker *worker, int fd, const struct sockets_kind *kind);

/* Whether no rule denies the exchange's address, for POLICY_CONNECT or POLICY_LISTEN. False when it is replied. */
bool act_may_unplugged(struct exchange *x, int fd, const struct sockets_kind *kind, unsigned use);

/* Replies with the error -r of a call that names an address. What cannot be reached was refused by the policy. */
void act_unplugged_failed(struct exchange *x, int fd, const struct sockets_kind *kind, int r);
