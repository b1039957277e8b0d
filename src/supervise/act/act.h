/* What the families share: making ready to perform as the task, and the descriptors' names. */
#pragma once

#include "supervise/exchange.h"

/* Takes on the task's credentials where they may differ from ours. 0; REEVE_GONE; -errno: then refuse. */
int act_as_task(struct worker *worker, struct exchange *x);

/* Back to our own, with which the next task's memory is read: it may not be one that this one could look at.
 */
void act_as_self(struct worker *worker);

/* The task's umask, for calls that create. 0; REEVE_GONE; -errno. */
int act_with_umask(struct worker *worker, struct exchange *x);

/* Nothing with effects may be done for a request that is over. 0 or REEVE_GONE. */
int act_still_wanted(struct worker *worker, struct exchange *x);

/* Around what makes a folder or a link, or moves one: whether a name is one stays as it is for whoever holds it alone. */
void act_hold_sorts(struct worker *worker, bool alone);
void act_let_sorts_go(struct worker *worker);

/* Replies with -r as the error, or notes that nobody waits when r is REEVE_GONE. */
void act_fail(struct exchange *x, int r);

/* A refusal that the kernel would have given anyway, in other words: then nothing was refused. */
void act_natural_error(struct exchange *x, int error);

/* Replies with a system call's result: a value, or the errno behind -1. */
void act_result(struct exchange *x, long result);

/* Whether it is a symbolic link that stands there now. */
bool act_is_link(const struct resolved *at);

/* After a call that removes or renames what `at` is, and that the rules allow: where it failed since they grant
 * the file alone, and Landlock ties that to the folder, it is the lack of a rule that refused it. */
void act_kept_by_folder(struct exchange *x, const struct resolved *at);

/* The path by which the kernel reaches the object of one of our descriptors ("/proc/thread-self/fd/7"). */
#define ACT_FD_PATH_SIZE 40
const char *act_fd_path(int fd, char ret[ACT_FD_PATH_SIZE]);

/* Whether a deliverable signal is pending on the task: a call that blocks must then give way. */
bool act_signal_pending(struct exchange *x);

/* Replies with the error of a resolution that failed: as natively, but nothing below a hidden place tells
 * more than that it is not there. */
void act_resolution_failed(struct worker *worker, struct exchange *x, const struct call_path *path, int r);

/* Judges an object that resolution found. In a procfs the task's own folder is also known as /proc/self. True
 * when it is allowed. */
bool act_judge(struct worker *worker, struct exchange *x, const struct resolved *at, unsigned access);
