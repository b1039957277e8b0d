/* libreeve: supervise system calls on Linux.
 *
 * Level 1, the notification primitives: thin, honest about errno, without state of their own. Level 2, at the end:
 * a policy, its plan, and commands that run under it.
 *
 * Conventions: a function returns 0 or a positive number on success and -errno on failure, unchanged from the
 * kernel; EINTR is retried. REEVE_GONE is an expected event and not a failure: the call that was asked about
 * is over (its task died, or a signal took it back). Outputs come last, are named ret_*, and are set only on
 * success. The library never logs, exits, aborts, changes signal handlers or keeps process-global state
 * (facts about the running kernel that cannot change are remembered). All descriptors that it returns are
 * close-on-exec and owned by the caller; descriptors passed in stay the caller's. Every function may be
 * called from many threads at once, also on the same listener.
 *
 * What is said of a kernel release is when Linux gained the feature; reeve_probe tries the running kernel.
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
#pragma GCC visibility push(default)

/* The request is over: its id is not valid (any more). Nobody waits for an answer, and nothing was done. */
#define REEVE_GONE 1

/* Only from reeve_receive: no task wears this listener's filter any more, and none ever will. */
#define REEVE_ENDED 2

/* What the running kernel gives to this process, with the release that brought it. */
struct reeve_features {
	bool user_notification; /* 5.0 */
	bool continue_response; /* 5.5 */
	bool inject;            /* ADDFD, 5.9 */
	bool inject_respond;    /* ADDFD with SEND, 5.14 */
	bool wait_killable;     /* 5.19 */
	bool synchronous_wake;  /* 6.6 */
	bool receive_ends;      /* RECV returns when the last target is gone, 6.11 */
	bool tsync_listener;    /* TSYNC_ESRCH, 5.7 */
	bool pidfd;             /* pidfd_open, 5.3 */
	bool pidfd_thread;      /* 6.9 */
	bool pidfd_getfd;       /* 5.6 */
	bool openat2;           /* 5.6 */
	bool process_vm;        /* process_vm_readv works between processes here */
	bool close_range;       /* 5.9 */
	int landlock_abi;       /* 0: none */
	bool listener_exists;   /* this process already wears a filter with a listener */
	uint16_t notif_size, notif_resp_size,
	        data_size; /* SECCOMP_GET_NOTIF_SIZES; 0 when the call is refused */
};

/* Finds out what works here, by trying each primitive. Starts one short-lived child that sends no signal and
 * that wait(2) without __WCLONE or __WALL does not see; the caller's own filters, privileges and descriptors
 * stay as they are. The landlock_abi is the highest one whose rights the kernel really accepts.
 *
 * Two things are taken from the release number: receive_ends always (trying it could block for ever), and,
 * when listener_exists is true (a second listener cannot be made to try them on), the five features from
 * continue_response to synchronous_wake.
 *
 * Takes less than 2 ms in a small process (the child is a copy of the caller's address space).
 * Returns 0. -EMFILE, -ENFILE, -ENOMEM or -EAGAIN when the child or a descriptor cannot be had. A missing
 * feature is not a failure. */
int reeve_probe(struct reeve_features *ret_features);

/* Flags of reeve_filter_install. */
#define REEVE_FILTER_WAIT_KILLABLE 1u /* where the kernel has it; -EINVAL where not */
#define REEVE_FILTER_ALL_THREADS 2u   /* TSYNC: the whole process, -ESRCH when a thread cannot follow */

/* Puts the filter `program` (5.0 with a listener) on the calling thread, and on its later children, for good.
 * The caller needs no_new_privs (prctl(PR_SET_NO_NEW_PRIVS)) or CAP_SYS_ADMIN in its user namespace.
 *
 * ret_listener: gets the listener of the filter's SECCOMP_RET_USER_NOTIF results, close-on-exec; NULL when
 * the filter has none. A notifying call without a listener, or after the listener's last copy was closed,
 * fails with ENOSYS. A caller that traps a call that it needs to hand the listener over waits for itself for
 * ever: let somebody else take it (reeve_listener_take).
 *
 * REEVE_FILTER_WAIT_KILLABLE (5.19, needs a listener): once received, a call is interrupted by fatal signals
 * only, so that nothing that was performed for it is performed twice; a call that blocks then does not feel
 * its other signals. REEVE_FILTER_ALL_THREADS: every thread of the process, with a listener since 5.7.
 *
 * Returns 0. -EACCES: neither no_new_privs nor CAP_SYS_ADMIN. -EBUSY: a filter with a listener is already
 * worn. -EINVAL: a bad program or a flag that the kernel lacks. -ESRCH: a thread could not follow, nothing
 * was installed. -ENOMEM: the filters together are too long. -EFAULT, -EMFILE, -ENOSYS as the kernel says. */
int reeve_filter_install(const struct sock_fprog *program, unsigned flags, int *ret_listener);

/* Sends copies of `count` descriptors over a connected UNIX socket of any type, in messages of up to 253
 * descriptors with one byte of data each. `socket` must block. The caller keeps its own copies. Returns 0;
 * after an error some may have been sent. Errors are those of sendmsg(2): -EPIPE when the peer is gone
 * (without SIGPIPE), -ETOOMANYREFS when too many are in flight, ... */
int reeve_fds_send(int socket, const int *fds, size_t count);

/* Receives exactly `count` descriptors that reeve_fds_send sent with the same count; all close-on-exec, owned
 * by the caller. On failure none of them stays open and the contents of ret_fds are undefined. Returns 0.
 * -ECONNRESET: the peer closed before all came. -EMSGSIZE: more came than were asked for, or the kernel cut
 * them off, which is also what the own limit on open files does. -EBADMSG: fewer came, or something else.
 * Other errors of recvmsg(2). */
int reeve_fds_receive(int socket, int *ret_fds, size_t count);

/* Takes descriptor `number`, the listener, out of the process `pid`, which need not help (5.6). Needs the
 * right to ptrace it. Returns 0; -ESRCH: no such process; -EBADF: it has no such descriptor; -EPERM, -ENOSYS,
 * -EMFILE. */
int reeve_listener_take(pid_t pid, int number, int *ret_listener);

/* Switches SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (6.6): target and supervisor hand the processor to each other
 * instead of waking up on two. A property of the listener, not of the descriptor. Good where one of the two
 * always waits for the other. Returns 0; -EINVAL or -ENOTTY: the kernel lacks it. */
int reeve_listener_wake_synchronously(int listener, bool on);

/* One trapped call that waits for its answer. */
struct reeve_request {
	uint64_t id;    /* the cookie for all that follows; valid until the answer, or the task's end */
	pid_t tid;      /* in the caller's pid namespace; 0 when the task is outside of it */
	uint32_t flags; /* 0 up to Linux 6.18 */
	struct seccomp_data data; /* number, architecture, argument registers: what the kernel will use */
};

/* Waits for the next call (5.0). Any number of threads may wait at once; each request goes to one of them. No
 * memory is allocated and no lock is taken; it is one system call on 6.11 and later. On older kernels RECV
 * would wait for ever once the last target is gone, so a poll(2) comes first there; and when several threads
 * wait, one that was woken for a request that another took may then stay: let one thread receive on such
 * kernels.
 *
 * Returns 0 with a request. REEVE_GONE: a request came and vanished again; ask again. REEVE_ENDED: no task
 * wears the filter any more. -E2BIG: the structures of this kernel are larger than this library foresees (512
 * bytes). -EBADF, -EINVAL, -ENOTTY: not a listener. */
int reeve_receive(int listener, struct reeve_request *ret_request);

/* Whether the call still waits (5.0): 0, or REEVE_GONE. Ask after reading the memory of its task, or anything
 * under /proc of its tid: only then is it sure that what was read was not another task with a recycled
 * number. */
int reeve_is_valid(int listener, uint64_t id);

/* Answers a call, which then returns `value` (5.0). Exactly one system call. Returns 0, or REEVE_GONE;
 * -EINPROGRESS: it has been answered already, or was never received. */
int reeve_respond_value(int listener, uint64_t id, int64_t value);

/* Answers a call, which then fails (5.0): `error` is a positive errno (1 to 4095), as in EACCES. 512
 * (ERESTARTSYS) makes the kernel restart the call or return EINTR, if a signal is pending for the task.
 * Returns as reeve_respond_value; -EINVAL: `error` is out of range. */
int reeve_respond_error(int listener, uint64_t id, int error);

/* Lets the kernel perform the call as if there were no filter (5.5). The kernel reads all memory that the
 * registers point to again, and other threads may have changed it since: never a way to enforce a verdict on
 * more than the registers themselves. Returns as reeve_respond_value; -EINVAL: the kernel lacks it. */
int reeve_respond_continue(int listener, uint64_t id);

/* Flag of the reeve_inject functions: the task's new descriptor is close-on-exec. */
#define REEVE_INJECT_CLOEXEC 1u

/* Puts a copy of the caller's descriptor `fd` into the table of the task whose call waits, at the lowest free
 * number (5.9); *ret_number is that number there. The call goes on waiting. The caller keeps its own copy,
 * and should close it before it answers: what close(2) means in the task (end of file, locks, ETXTBSY) waits
 * for the last copy. Returns 0 or REEVE_GONE. -EMFILE: the task's limit on open files. -EBADF: `fd` is none,
 * or an O_PATH one. -EINPROGRESS: the call has been answered already. -EINVAL: unknown flags. */
int reeve_inject(int listener, uint64_t id, int fd, unsigned flags, int *ret_number);

/* The same at the given number, as dup2(2): what was open there is closed. -EBADF also when `number` is not
 * below the task's limit on open files. */
int reeve_inject_at(int listener, uint64_t id, int fd, int number, unsigned flags);

/* Injects and answers the call with the number, in one step (5.14). Where the kernel cannot (EINVAL), two
 * steps do the same: between them the task may be killed, or, without REEVE_FILTER_WAIT_KILLABLE,
 * interrupted, and then it keeps a descriptor that it does not know of, and REEVE_GONE is returned. With one
 * step, the task may run before the caller has closed its own copy of `fd`: prefer reeve_inject, close,
 * reeve_respond_value for descriptors that can write.
 * A signal handler that runs in the calling thread during the call may cost the answer (the task then sees 0,
 * and this call fails with -EINPROGRESS): block signals in a thread that answers this way. Returns and errors
 * as reeve_inject; after an error the call still waits for an answer. ret_number may be NULL. */
int reeve_inject_respond(int listener, uint64_t id, int fd, unsigned flags, int *ret_number);

/* Memory of a task (3.2). `address` is an address there; sizes are in bytes. All need the right to ptrace the
 * task, which a program that its user may execute but not read, or PR_SET_DUMPABLE 0, takes away from an
 * ordinary user: -EPERM. -ESRCH: no such task. Where process_vm_readv(2) is missing or forbidden (ENOSYS,
 * EPERM), /proc/TID/mem is tried, which also reads pages that the task itself may not read. Call
 * reeve_is_valid afterwards. */

/* Reads up to `size` bytes. Returns how many: fewer when the memory ends before; -EFAULT when the first byte
 * cannot be read already. ret_bytes may be overwritten also on failure. */
ssize_t reeve_memory_read(pid_t tid, uint64_t address, void *ret_bytes, size_t size);

/* Writes up to `size` bytes, never into memory that the task itself may not write. Returns how many: fewer
 * when the memory ends; -EFAULT when the first byte cannot be written already. Call reeve_is_valid
 * immediately *before*, with REEVE_FILTER_WAIT_KILLABLE on: otherwise the task may use the buffer for
 * something else by now. */
ssize_t reeve_memory_write(pid_t tid, uint64_t address, const void *bytes, size_t size);

/* Reads a string with its NUL into ret_text, which has room for `size` bytes; never reads over a page border
 * before it knows that the string goes on. A path name needs PATH_MAX (4096). Returns the length without the
 * NUL; -ENAMETOOLONG: no NUL within `size` bytes; -EFAULT: the memory ends before the NUL. */
ssize_t reeve_memory_read_string(pid_t tid, uint64_t address, char *ret_text, size_t size);

/* Reads an extensible structure as the kernel does (openat2, clone3, ...): the task says that it has `size`
 * bytes, the caller understands `known` (at most 4096). What the task leaves out is zero in ret_struct; what
 * it has beyond must be zero, otherwise -E2BIG, as for a size over 4096. Each byte is read once. Returns 0;
 * -EFAULT: not all of it can be read; -EINVAL: `known` is too large. Whether a small size is an error is the
 * caller's to say. */
int reeve_memory_read_struct(pid_t tid, uint64_t address, size_t size, void *ret_struct, size_t known);

/* A pidfd of a task: of the thread itself since 6.9, of its process (whose descriptors and end may differ
 * from the thread's) before, and where PIDFD_THREAD is refused. Call reeve_is_valid afterwards. Returns 0;
 * -ESRCH: no such task; -EINVAL: not a positive number; -EMFILE, -ENFILE, -ENOMEM, -ENOSYS (before 5.3). */
int reeve_task_open(pid_t tid, int *ret_pidfd);

/* Takes a copy of descriptor `number` of the task (5.6); it shares the open file. Needs the right to ptrace
 * it. Returns 0; -EBADF: the task has no such descriptor; -ESRCH: it is gone; -EPERM, -EMFILE, -ENOSYS. */
int reeve_task_fd(int pidfd, int number, int *ret_fd);

/* The name of system call `nr` on an architecture (AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64: the `arch` and `nr`
 * of a request), as in "openat". NULL for numbers newer than Linux 6.18 and for other architectures; the x32
 * numbers are such. The text is static. */
const char *reeve_call_name(uint32_t audit_arch, int nr);

/* ---- Level 2: commands under a policy ----
 *
 * A policy is written (in files, texts, or rule by rule), planned for this machine, and worn by commands. Policies,
 * plans and runs are counted: each may be freed as soon as its owner needs it no more. Needs what `reeve run` needs:
 * Linux 6.2 for complete file rules; reeve_plan_new says what is missing. */

/* A policy that is being written; it belongs to one thread at a time. */
struct reeve_policy;

/* An empty one, which allows nothing. Relative paths start at the working directory of now, "~" and variables are
 * those of the environment of now. 0; -ENOMEM; -errno of the working directory. */
int reeve_policy_new(struct reeve_policy **ret_policy);

/* An empty one for reeve_run_reload: as `other` when that was made, with the same private folder. */
int reeve_policy_like(struct reeve_policy *other, struct reeve_policy **ret_policy);

/* Removes the private folder that ${REEVE_TMP} stood for, once no plan and no run needs it. NULL is fine. */
void reeve_policy_free(struct reeve_policy *policy);

/* Each adds what it reads, in any order: a policy file (YAML or JSON), a text that messages call `name`, a built-in
 * profile ("workspace", "base", ...). 0; -EINVAL: there were errors, and reeve_policy_errors tells them; -ENOENT: no
 * such profile, or file; -EBUSY: the policy was planned already; -ENOMEM, -errno of reading. */
int reeve_policy_add_file(struct reeve_policy *policy, const char *path);
int reeve_policy_add_text(struct reeve_policy *policy, const char *name, const char *text, size_t length);
int reeve_policy_add_profile(struct reeve_policy *policy, const char *name);

/* One rule, the twin of a flag of reeve(1) without its "--": ("read", "/usr"), ("deny", "~/.ssh"),
 * ("connect", "127.0.0.1:80"). Returns as the above; -EINVAL also for a key that there is not. */
int reeve_policy_add_rule(struct reeve_policy *policy, const char *key, const char *value);

/* What was wrong so far, a line for each error with its place, or "". Lives as long as the policy, until the next
 * call on it. */
const char *reeve_policy_errors(struct reeve_policy *policy);

/* What a policy became on this machine: immutable, may be used by many threads and runs at once. */
struct reeve_plan;

#define REEVE_PLAN_BEST_EFFORT 1u     /* what the kernel lacks is left out, not an error */
#define REEVE_PLAN_VERBOSE_DENIALS 2u /* every refusal of a file is decided, and recorded, by the supervisor */

/* Plans a policy, which takes no more rules from then on. `operations`, NULL or a list of names that ends in NULL,
 * says which operations shall come to the callback of a run though the policy does not need it: "open", "create",
 * "remove", "rename", "link", "metadata", "truncate", "stat", "exec". 0; -EINVAL: the policy has errors, unknown flags
 * or operation; -ENOTSUP: the policy demands what the kernel lacks; -EBUSY: a plan with a supervisor was asked for
 * and another one listens to this process already; -ENOMEM, -errno. For -ENOTSUP and -EBUSY *ret_error is a text of
 * why that the caller frees; ret_error may be NULL. */
int reeve_plan_new(struct reeve_policy *policy, unsigned flags, const char *const *operations,
        struct reeve_plan **ret_plan, char **ret_error);
void reeve_plan_free(struct reeve_plan *plan); /* NULL is fine */

/* The plan in words, or as JSON (as `reeve explain --json` prints it); the caller frees it. 0 or -ENOMEM. */
int reeve_plan_explain(const struct reeve_plan *plan, bool json, char **ret_text);

/* One question: "open:PATH:rw", "exec:PATH", "connect:ADDRESS", "syscall:NAME". Returns 1: allowed; 0: refused, or asked
 * about; in both cases with the answer, as text or JSON, which the caller frees, unless ret_text is NULL. -EINVAL: no such
 * question; -ENOMEM, -errno. */
int reeve_plan_ask(const struct reeve_plan *plan, const char *question, bool json, char **ret_text);

/* A call that waits for its answer, as a callback sees it. Texts and arrays live until the callback returns. */
struct reeve_call {
	pid_t task;               /* the thread that makes it */
	const char *name;         /* "openat" */
	const char *operation;    /* "open" */
	const uint64_t *arguments; /* six registers; what they point to must not be looked at: it can change */
	const char *paths[2];     /* as the task wrote them, read once; NULL: it has none, or one */
	uint64_t flags;           /* of its flags argument, or of struct open_how */
};

enum reeve_answer {
	REEVE_ANSWER_POLICY, /* the policy decides */
	REEVE_ANSWER_DENY,   /* the task gets `error` */
	REEVE_ANSWER_VALUE,  /* the call is not made, and the task gets `value` */
	REEVE_ANSWER_PATH,   /* the policy decides about `path` in the place of the first path, and the call is made on it */
};

struct reeve_decision {
	int error;     /* positive; EACCES if the callback leaves it alone */
	int64_t value; /* 0 if it is left alone */
	char *path;    /* room for 4096 bytes, with the first path in it */
	const char *why; /* for the record of a denial; it must stay valid; may be left NULL */
};

/* How a command is started. Set to zero first; `size` is sizeof(struct reeve_spawn_options). */
struct reeve_spawn_options {
	size_t size;
	char *const *environment; /* ends in NULL; NULL: the caller's. TMPDIR is set where the policy has ${REEVE_TMP} */
	const char *directory;    /* where it starts; NULL: the caller's */
	/* What it has as 0, 1, 2, if that is above 0; 0: the caller's own, or the file that the policy's streams name. So
	 * what is given here comes before the policy, whose file is not even opened then. Borrowed */
	int input, output, error;
	/* Callbacks are called one at a time, on a thread of the library that is like any other of the process; with
	 * `serve_self` on the one that calls reeve_run_serve. Calls that wait for one of them wait for all before it. */
	bool serve_self;
	/* Called for each call that the policy or the plan's `operations` bring to the supervisor, before anything is
	 * decided; it returns an enum reeve_answer. NULL: none. What rules ask about is refused where it leaves that
	 * to the policy. */
	int (*decide)(void *user, const struct reeve_call *call, struct reeve_decision *ret_decision);
	/* Called with each record, before the task can see the answer: one line of JSON without its line end, see
	 * docs/records.md. NULL: no records. */
	void (*record)(void *user, const char *line, size_t length);
	void *user;
	/* Asked for host names of the policy, as "192.0.2.1" or "[2001:db8::1]:53"; NULL: those of /etc/resolv.conf.
	 * Borrowed until reeve_spawn returns. */
	const char *name_server;
	/* Where reeve_spawn puts a text of why it failed, which the caller frees; NULL, or left alone: the errno says it. */
	char **ret_error;
};

/* A command, and all that it starts. */
struct reeve_run;

/* Starts a command under the plan; argv[0] is looked up in PATH when it has no slash. It is a child of a thread that
 * this call makes, and is killed when that thread or the caller's process ends. Performing threads are made too, with
 * all signals blocked; nothing else of the process changes.
 *
 * With limits, and where the caller ignores SIGCHLD, the command is not a child of the caller but of a small process of
 * the library's, a copy of the caller that only waits: so the command's tree, orphans included, is told apart from other
 * children of the caller, which are neither counted nor killed. Nor does that process appear to waits of the caller (but
 * those with __WALL or __WCLONE).
 * A limit that is reached ends the whole tree; see reeve_run_limit.
 *
 * With a network of its own that takes a user namespace, which processes with threads cannot enter, all that serves the
 * command are threads of another process, which shares the caller's memory and descriptors, and appears to as few
 * waits: whoever kills it kills the caller. Callbacks are called in the caller's process as ever.
 *
 * Streams that rotate and host names have threads of their own, and host names a small process. All that is made has
 * ended when reeve_run_free returns.
 *
 * 0; -ENOENT: there is no such command, or no folder for a stream's file; -EACCES: it cannot be run, or a stream's file
 * not be written; -ENOTSUP: a rule of the policy cannot be held in this process, or a file cannot be rotated;
 * -EDESTADDRREQ: `name_server` is no address; -EPERM, -ENOSPC, -EUSERS: the machine gives out no network namespace;
 * -EBUSY, -EINVAL, -ENOMEM, -errno. `ret_error` of the options has the reason in words. */
int reeve_spawn(struct reeve_plan *plan, const char *const *argv, const struct reeve_spawn_options *options,
        struct reeve_run **ret_run);

/* Calls the callbacks, on the thread that calls this, until the command and all that it has started have ended. Only
 * for runs that were started with `serve_self`, whose calls wait until it is called (reeve_spawn does it for the start,
 * and reeve_run_free for the rest). 0; -EINVAL: it was not started so. */
int reeve_run_serve(struct reeve_run *run);

/* The command's process id. It stays the command's until reeve_run_wait has returned. */
pid_t reeve_run_pid(const struct reeve_run *run);

/* Sends a signal to the command alone. 0; -ESRCH: it has ended; -EINVAL. */
int reeve_run_signal(struct reeve_run *run, int signal);

/* Waits for the end of the command: *ret_status is as waitpid(2) gives it. What it has written until then is in the
 * files of the policy's streams. What it has started may live on, under the limits. May be called again. With
 * `serve_self`, call reeve_run_serve first: a record may have to be taken before the end can be told. 0 or -errno. */
int reeve_run_wait(struct reeve_run *run, int *ret_status);

/* Whether a limit of the policy ended the command, or what it left behind: 1 with its name as in policies
 * ("wall-time"), a static text; 0: none did (so far). Final for the command once reeve_run_wait has returned. A process
 * limit that a cgroup holds, and open-files, only refuse, and end nothing. */
int reeve_run_limit(struct reeve_run *run, const char **ret_name);

/* From the next call on another policy holds, planned with the flags and operations of the first. It may differ only
 * in what the supervisor holds. 0; -ENOTSUP: the filter or the Landlock rules would be others, and *ret_error, a text
 * that the caller frees, says which rules ask for that (ret_error may be NULL); -EINVAL: the policy has errors;
 * -ESRCH: the command's start failed; -ENOMEM, -errno. After an error nothing has changed. */
int reeve_run_reload(struct reeve_run *run, struct reeve_policy *policy, char **ret_error);

/* Counts so far as one JSON object, as `reeve run --summary-json` writes it; the caller frees it. 0 or -ENOMEM. */
int reeve_run_summary(struct reeve_run *run, char **ret_json);

/* Waits until the command and all that it has started have ended, then frees. To end them first, signal them. Where
 * the plan has neither a supervisor nor limits, and SIGCHLD is not ignored, the command alone is waited for, and whoever
 * still writes to a stream that rotates. NULL is fine. */
void reeve_run_free(struct reeve_run *run);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
