/* Answer: sends the reply, exactly once. The only stage that sends. */
#pragma once

#include "supervise/exchange.h"

/* Sends. Descriptors of the reply are closed, before the target can run: nobody sees a second copy. */
void answer_send(struct worker *worker, struct exchange *x);
