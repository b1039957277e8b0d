/* libreeve: supervise system calls on Linux.
 *
 * Level 1, the notification primitives: thin, honest about errno, without state of their own.
 *
 * Conventions: a function returns 0 or a positive number on success and -errno on failure, unchanged from the
 * kernel; EINTR is retried. REEVE_GONE is an expected event and not a failure: the call that was asked about is
 * over (its task died, or a signal took it back). Outputs come last, are named ret_*, and are set only on
 * success. The library never logs, exits, aborts, changes signal handlers or keeps process-global state. All
 * descriptors that it returns are close-on-exec and owned by the caller.
 */
#ifndef REEVE_REEVE_H
#define REEVE_REEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The target of a request is gone: its id is not valid (any more). */
#define REEVE_GONE 1

struct reeve_features {
	bool user_notification;   /* 5.0 */
	bool continue_response;   /* 5.5 */
	bool inject;              /* ADDFD, 5.9 */
	bool inject_respond;      /* ADDFD with SEND, 5.14 */
	bool wait_killable;       /* 5.19 */
	bool synchronous_wake;    /* 6.6 */
	bool receive_ends;        /* RECV returns when the last target is gone, 6.11 */
	bool tsync_listener;      /* TSYNC_ESRCH, 5.7 */
	bool pidfd;               /* pidfd_open, 5.3 */
	bool pidfd_thread;        /* 6.9 */
	bool pidfd_getfd;         /* 5.6 */
	bool openat2;             /* 5.6 */
	bool process_vm;          /* process_vm_readv works between processes here */
	bool close_range;         /* 5.9 */
	int landlock_abi;         /* 0: none */
	bool listener_exists;     /* this process already wears a filter with a listener */
	uint16_t notif_size, notif_resp_size, data_size; /* SECCOMP_GET_NOTIF_SIZES */
};

int reeve_probe(struct reeve_features *ret_features);

/* flags of reeve_filter_install */
#define REEVE_FILTER_WAIT_KILLABLE 1u /* where the kernel has it; -EINVAL where not */
#define REEVE_FILTER_ALL_THREADS 2u   /* TSYNC: the whole process, -ESRCH when a thread cannot follow */
int reeve_filter_install(const struct sock_fprog *program, unsigned flags, int *ret_listener);

int reeve_fds_send(int socket, const int *fds, size_t count);
int reeve_fds_receive(int socket, int *ret_fds, size_t count);

int reeve_listener_take(pid_t pid, int number, int *ret_listener);
int reeve_listener_wake_synchronously(int listener, bool on);

struct reeve_request {
	uint64_t id;
	pid_t tid; /* in the caller's pid namespace; 0 when the task is outside of it */
	uint32_t flags;
	struct seccomp_data data;
};

int reeve_receive(int listener, struct reeve_request *ret_request);
int reeve_is_valid(int listener, uint64_t id);
int reeve_respond_value(int listener, uint64_t id, int64_t value);
int reeve_respond_error(int listener, uint64_t id, int error);
int reeve_respond_continue(int listener, uint64_t id);

#define REEVE_INJECT_CLOEXEC 1u
int reeve_inject(int listener, uint64_t id, int fd, unsigned flags, int *ret_number);
int reeve_inject_at(int listener, uint64_t id, int fd, int number, unsigned flags);
int reeve_inject_respond(int listener, uint64_t id, int fd, unsigned flags, int *ret_number);

ssize_t reeve_memory_read(pid_t tid, uint64_t address, void *ret_bytes, size_t size);
ssize_t reeve_memory_write(pid_t tid, uint64_t address, const void *bytes, size_t size);
ssize_t reeve_memory_read_string(pid_t tid, uint64_t address, char *ret_text, size_t size);
int reeve_memory_read_struct(pid_t tid, uint64_t address, size_t size, void *ret_struct, size_t known);

int reeve_task_open(pid_t tid, int *ret_pidfd);
int reeve_task_fd(int pidfd, int number, int *ret_fd);

#ifdef __cplusplus
}
#endif
#endif
