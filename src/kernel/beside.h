/* A second process that may have our memory. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Makes a child that runs `run`, which never returns, while we go on. As after a fork it has its own copies of
 * descriptors, handlers of signals and all else, and of the memory, or ours: that saves copying it, and taking it apart
 * a second time.
 *
 * Should a child on our memory be killed, what it was doing to that is half done, and its locks stay taken: from this
 * call on the caller neither allocates nor uses streams of stdio. What `user` leads to must last as long as the child
 * does, also when the caller's process ends first. Where a sanitizer watches the memory the child has a copy.
 *
 * The child's number, or -errno. */
pid_t beside_run(bool on_our_memory, void (*run)(void *user), void *user);
