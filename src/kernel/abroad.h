/* A thread's work in a process of its own, which shares memory and descriptors with all threads of the
 * calling one: it may do what the kernel allows to processes with one thread only, such as entering a user
 * namespace. */
#pragma once

/* Calls `run` there, and returns when it has returned and the threads that it started, which are of that
 * process, have ended. The calling thread, whose thread-local storage is in use there, sleeps meanwhile; it
 * must have all signals blocked. The process is killed with the calling thread, and its end is told to
 * nobody. Should somebody else end it, what it was doing to the memory is half done: then the calling process
 * is killed, as it is with any of its threads. 0, or -errno: `run` was not called. */
int abroad_run(void (*run)(void *user), void *user);
