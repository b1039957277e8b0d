/* What the filter does with calls on sockets. Inside the plan room. */
#pragma once

#include "plan/draft.h"
#include "plan/plan.h"

/* Drafts a call that makes sockets, names addresses or sets options of sockets. False when it is none of them. */
bool sockets_draft(struct plan *plan, const struct syscalls_row *row, struct draft *call);
