/* Processes held by descriptor, reapers, and what a parent may ask of its children. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A descriptor of the process `pid`, a child of ours. -errno. */
int process_open(pid_t pid);

/* Sends a signal by descriptor: never to somebody who has the number by now. 0 or -errno. */
int process_signal(int pidfd, int signal);

/* Sends a signal to one thread, by numbers that the caller knows to be right. */
void process_signal_thread(pid_t process, pid_t thread, int signal);

/* How large files may be that a task makes (RLIMIT_FSIZE). 0 or -errno. */
int process_file_limit(pid_t tid, uint64_t *ret);

/* A copy of the calling process with this thread alone: 0 in it, its number, or -errno. In the copy of a process with
 * threads only system calls may be made. With the signal 0 its end is told to nobody, and only a wait with __WALL or
 * __WCLONE sees it. */
pid_t process_copy(int end_signal);

/* Makes a child that runs `run`, which makes system calls only and ends by exec or _exit: its number or -errno. In a copy of the
 * memory, or in our own, which is quicker: then this returns only when the child has executed or ended, other threads
 * go on, and the child stands on 64 KiB of stack. */
pid_t process_run(bool in_our_memory, void (*run)(void *user), void *user);

/* No process of its user may look into the calling one; what it will run is looked into as ever. */
void process_hide_memory(void);

/* Orphans among our descendants become our children. 0 or -errno. */
int process_become_reaper(void);

/* The calling process is killed when the thread that forked it ends. 0 or -errno; -ESRCH: it already has. */
int process_die_with_parent(pid_t parent);

/* The beginning of a text in the folder of a process, which fits, with a NUL: its length, or -errno. */
ssize_t process_read(pid_t pid, const char *what, char *ret, size_t size);

/* The parent of a process, zombies included; -ESRCH when there is none to be seen. */
pid_t process_parent(pid_t pid);

/* What a task does, as the letter that /proc has for it: 'R' runs or lacks a processor, 'S' waits. NUL when that cannot
 * be seen. */
char process_state(pid_t tid);

/* Kills every process below the calling one, also those that are made meanwhile, and reaps what it can. */
void process_kill_descendants(void);

/* Kills every process below `root`, a child of ours that does nothing but reap what becomes its own, and returns when
 * none is left. No other process is hit, however fast numbers are used again. */
void process_kill_below(pid_t root);

/* Sends a signal to all that are below the calling process now. */
void process_signal_descendants(int signal);

/* How often the first thread of a stopped process has been scheduled away: unchanged, it has not run
 * meanwhile. Waits a few milliseconds for one that is just stopping to leave its processor. 0 or -errno. */
int process_switches(pid_t pid, unsigned long *ret);
