/* One notification, from receipt to answer. */
#pragma once

#include "supervise/exchange.h"

/* Receives one and answers it. 0, REEVE_GONE (none after all), REEVE_ENDED, or -errno. */
int serve_one(struct worker *worker);
