/* open, openat, openat2, creat. The fast way: one openat2 that refuses every link, after the verdict on the
 * text; where it succeeds, the object is the one that the text names. Otherwise the object is resolved first,
 * judged by where it really is, and opened by that name in the same link-free way. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/guards.h"
#include "base/path.h"
#include "kernel/blocking.h"
#include "kernel/opening.h"
#include "kernel/process.h"
#include "supervise/act/act.h"
#include "supervise/decide.h"
#include "supervise/pool.h"

#define TEMPORARY 020000000u /* the bit of O_TMPFILE that is not O_DIRECTORY */
#define RACE_ATTEMPTS 16
#define BLOCKING_INTERVAL_MS 5

/* What open and openat understand; the kernel ignores the rest there, and refuses it in openat2. */
#define KNOWN_FLAGS                                                                                          \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC |      \
	        O_ASYNC | O_DIRECT | OPENING_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |  \
	        O_PATH | TEMPORARY)
#define PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)

/* One way to open: where, and with what. */
struct opening {
	int dirfd;
	const char *path;
	struct open_how how;    /* exactly what the target asked for */
	bool is_file_or_folder; /* known once it is open */
};

/* ---- what may block ---- */

enum { GIVE_UP_GONE = 5000, GIVE_UP_SIGNAL, GIVE_UP_READER };

struct waiting {
	struct worker *worker;
	struct exchange *x;
	int *reader; /* our end of a FIFO, until the helper stands there; *reader is negative then */
};

/* A writer came, and perhaps left: our own end has what it brought. */
static bool has_come(int reader)
{
	struct pollfd poll_fd = {.fd = reader, .events = POLLIN};

	return poll(&poll_fd, 1, 0) > 0;
}

/* Whether the process that opens in our place waits at the FIFO: it is seen from the other end then. */
static bool helper_stands_there(const struct waiting *waiting)
{
	pid_t helper = atomic_load(&waiting->worker->shared->helpers[waiting->worker->index]);
	char state;

	if (helper <= 0)
		return false;
	state = process_state(helper);
	return state == 'S' || state == '\0';
}

/* While our own end is open somebody may come to the other one, who must not be left alone: signals wait
 * until the helper took our place. It is either met or not, as the task itself would be. */
static int still_blocking(void *user)
{
	struct waiting *waiting = user;

	if (reeve_is_valid(waiting->worker->shared->listener, waiting->x->request.id) != 0)
		return GIVE_UP_GONE;
	if (waiting->reader && *waiting->reader >= 0) {
		if (has_come(*waiting->reader))
			return GIVE_UP_READER;
		if (!helper_stands_there(waiting))
			return 0;
		close(*waiting->reader);
		*waiting->reader = -EBADF;
	}
	return act_signal_pending(waiting->x) ? GIVE_UP_SIGNAL : 0;
}

/* Opens without O_NONBLOCK, while others go on being served. A descriptor, -errno or -GIVE_UP_*. */
static int open_blocking(struct worker *worker, struct exchange *x, const struct opening *o, int *reader)
{
	struct waiting waiting = {.worker = worker, .x = x, .reader = reader};
	struct open_how how = o->how;

	how.flags |= O_NOCTTY | O_CLOEXEC;
	how.resolve = OPENING_NO_LINKS;
	pool_will_block(worker);
	return blocking_open(o->dirfd, o->path, &how, worker->helper_stack, sizeof(worker->helper_stack),
	        BLOCKING_INTERVAL_MS, still_blocking, &waiting, &worker->shared->helpers[worker->index]);
}

/* ---- the controlling terminal ---- */

/* /dev/tty is whatever the opener's terminal is: it has to be the task's. */
static int open_terminal(struct worker *worker, struct exchange *x, struct open_how *how)
{
	dev_t theirs, ours;
	char name[32] = "/dev/tty";

	if (task_terminal(x->request.tid, &worker->view, &theirs) < 0 ||
	        task_terminal(getpid(), &worker->view, &ours) < 0 || theirs == 0)
		return -ENXIO;
	if (theirs != ours) {
		unsigned major_number = major(theirs);

		if (major_number < 136 || major_number > 143)
			return -ENXIO;
		snprintf(name, sizeof(name), "/dev/pts/%u", (major_number - 136) * 256 + minor(theirs));
	}
	return opening_openat2(
	        worker->view.root, name, how->flags | O_NOCTTY | O_CLOEXEC, 0, OPENING_NO_LINKS);
}

static bool is_terminal_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && major(st->st_rdev) == 5 && minor(st->st_rdev) == 0;
}

/* ---- opening ---- */

/* Gives back what the target did not ask for. */
static int without_nonblock(int fd, uint64_t flags)
{
	AUTO_CLOSE int held = fd;

	if (fcntl(fd, F_SETFL, (int)(flags & (O_APPEND | O_DIRECT | O_NOATIME))) < 0)
		return -errno;
	return TAKE_FD(held);
}

/* A FIFO that was opened for reading without waiting: natively the open returns when a writer comes. */
static int wait_for_writer(struct worker *worker, struct exchange *x, const struct opening *o, int reader)
{
	AUTO_CLOSE int held = reader;
	int fd;

	if (!has_come(reader)) {
		fd = open_blocking(worker, x, o, &held);
		if (fd != -GIVE_UP_READER)
			return fd;
	}
	return without_nonblock(TAKE_FD(held), o->how.flags);
}

/* Regular files, folders and most devices open at once. What might wait is opened without waiting first, so
 * that its kind can be seen; that this was so is taken back. */
static int open_now(struct worker *worker, struct exchange *x, struct opening *o)
{
	uint64_t flags = o->how.flags | O_NOCTTY | O_CLOEXEC;
	bool added =
	        !(flags & (O_NONBLOCK | O_DIRECTORY)) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	struct stat st;
	int fd = opening_openat2(o->dirfd, o->path, flags | (added ? O_NONBLOCK : 0), o->how.mode,
	        GUARDED(no_links) ? OPENING_NO_LINKS : 0);

	/* A FIFO without a reader, or a lease that has to be broken first. */
	if (added && (fd == -ENXIO || fd == -EWOULDBLOCK))
		return open_blocking(worker, x, o, NULL);
	o->is_file_or_folder = flags & O_DIRECTORY;
	if (fd < 0 || !added)
		return fd;
	/* What has a position is no FIFO and no terminal: the cheapest question that tells. */
	if (lseek(fd, 0, SEEK_CUR) >= 0) {
		o->is_file_or_folder = true;
		return without_nonblock(fd, o->how.flags);
	}
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -EIO;
	}
	if (S_ISFIFO(st.st_mode) && (flags & O_ACCMODE) == O_RDONLY)
		return wait_for_writer(worker, x, o, fd);
	if (is_terminal_device(&st)) {
		struct open_how how = o->how;

		close(fd);
		return open_terminal(worker, x, &how);
	}
	return without_nonblock(fd, o->how.flags);
}

static bool creates(uint64_t flags)
{
	return (flags & O_CREAT) || (flags & TEMPORARY);
}

static unsigned access_of(uint64_t flags)
{
	unsigned access = (flags & O_ACCMODE) == O_RDONLY ? POLICY_READ : POLICY_WRITE;

	if (flags & (O_TRUNC | TEMPORARY))
		access |= POLICY_WRITE;
	return access;
}

/* Our copy of a descriptor delays what closing the target's means: that the file can be executed, that its
 * lock is gone. Of a file that the target may only read nobody inside can tell; one that it makes, as lock
 * files are made, or may write is answered in two steps. */
static bool may_outlive_answer(const struct exchange *x, const struct opening *o)
{
	return o->is_file_or_folder && access_of(x->call.flags) == POLICY_READ && !creates(x->call.flags) &&
	       x->verdict.verdict == POLICY_ALLOW && !x->verdict.may_write;
}

static void finish(struct exchange *x, int fd, const struct opening *o)
{
	switch (fd) {
	case -GIVE_UP_GONE:
		x->reply.kind = REPLY_GONE;
		return;
	case -GIVE_UP_SIGNAL:
		x->reply.kind = REPLY_RESTART;
		return;
	default:
		break;
	}
	if (fd < 0) {
		act_fail(x, fd);
		return;
	}
	x->reply = (struct reply){.kind = REPLY_FD,
	        .fd = fd,
	        .cloexec = x->call.flags & O_CLOEXEC,
	        .at_once = may_outlive_answer(x, o)};
}

/* Before anything with effects: the umask where something may be made, and that somebody still waits. */
static int ready(struct worker *worker, struct exchange *x)
{
	if (creates(x->call.flags))
		return act_with_umask(worker, x);
	if (x->call.flags & O_TRUNC)
		return act_still_wanted(worker, x);
	return 0;
}

/* ---- the slow way ---- */

static void describe_how(const struct exchange *x, struct open_how *ret)
{
	*ret = (struct open_how){.flags = x->call.flags, .mode = creates(x->call.flags) ? x->call.mode : 0};
}

/* An object that no link-free name of ours leads to: pipes, memfds, deleted files, other roots. */
static int reopen(struct worker *worker, struct exchange *x, const struct resolved *at)
{
	struct open_how how;
	char number[12];

	describe_how(x, &how);
	if (is_terminal_device(&at->stat))
		return open_terminal(worker, x, &how);
	/* A socket or a terminal of another root must not block either; FIFOs wait natively, too. */
	if (S_ISFIFO(at->stat.st_mode) && !(how.flags & O_NONBLOCK) && (how.flags & O_ACCMODE) != O_RDWR) {
		struct waiting waiting = {.worker = worker, .x = x};

		how.flags = (how.flags & ~(uint64_t)(O_NOFOLLOW | O_CREAT)) | O_CLOEXEC;
		how.mode = 0;
		task_number(number, (unsigned)at->object);
		pool_will_block(worker);
		return blocking_open(task_view_own_fds(&worker->view), number, &how, worker->helper_stack,
		        sizeof(worker->helper_stack), BLOCKING_INTERVAL_MS, still_blocking, &waiting,
		        &worker->shared->helpers[worker->index]);
	}
	task_number(number, (unsigned)at->object);
	return opening_openat(task_view_own_fds(&worker->view), number,
	        (int)(how.flags & ~(uint64_t)(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_NOCTTY | O_CLOEXEC, 0);
}

/* What the kernel says of an object that exists, before it opens it. 0 or -errno. */
static int check_existing(const struct exchange *x, const struct resolved *at)
{
	uint64_t flags = x->call.flags;

	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (S_ISLNK(at->stat.st_mode))
		return flags & O_DIRECTORY ? -ENOTDIR : -ELOOP;
	if (S_ISDIR(at->stat.st_mode) && (flags & O_CREAT))
		return -EISDIR;
	if (!S_ISDIR(at->stat.st_mode) && path_wants_directory(x->call.paths[0].text))
		return -ENOTDIR;
	return 0;
}

static int open_existing(struct worker *worker, struct exchange *x, struct resolved *at)
{
	struct opening o = {.dirfd = worker->view.root, .path = at->path};
	int r;

	if (!act_judge(worker, x, at, access_of(x->call.flags)))
		return 0;
	r = check_existing(x, at);
	if (r == 0)
		r = ready(worker, x);
	if (r != 0) {
		act_fail(x, r);
		return 0;
	}
	if (!at->has_path || at->is_deleted || at->in_proc || x->task.own_root) {
		finish(x, reopen(worker, x, at), &o);
		return 0;
	}
	describe_how(x, &o.how);
	/* O_CREAT stays: it shows nowhere, and the object may vanish meanwhile. */
	r = open_now(worker, x, &o);
	if (r == -ELOOP || r == -EXDEV)
		return -EAGAIN; /* swapped since it was resolved */
	finish(x, r, &o);
	return 0;
}

static int open_missing(struct worker *worker, struct exchange *x, struct resolved *at)
{
	struct opening o = {.dirfd = at->parent, .path = at->name};
	int r;

	if (!act_judge(worker, x, at, POLICY_WRITE))
		return 0;
	r = ready(worker, x);
	if (r != 0) {
		act_fail(x, r);
		return 0;
	}
	describe_how(x, &o.how);
	r = open_now(worker, x, &o);
	if (r == -ELOOP || r == -EXDEV)
		return -EAGAIN;
	finish(x, r, &o);
	return 0;
}

/* O_CREAT of "name/": the kernel refuses it as soon as it has the folder, whatever the name leads to. */
static void refuse_created_folder(struct worker *worker, struct exchange *x)
{
	const struct call_path *path = &x->call.paths[0];
	struct resolved *at = &x->resolved[0];
	int r = resolve_parent(&x->task, path->dirfd, path->text, at);

	if (r < 0)
		return act_resolution_failed(worker, x, path, r);
	x->object = at->path;
	act_natural_error(x, decide_is_hidden(x->plan, at->path) ? ENOENT : EISDIR);
	resolved_done(at);
}

static int open_resolved_once(struct worker *worker, struct exchange *x)
{
	const struct call_path *path = &x->call.paths[0];
	struct resolved *at = &x->resolved[0];
	bool exclusive = (x->call.flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	unsigned how = exclusive || (x->call.flags & O_NOFOLLOW) ? 0 : RESOLVE_FOLLOW;
	int r;

	if ((x->call.flags & O_CREAT) && path->length > 0 && path->text[path->length - 1] == '/') {
		refuse_created_folder(worker, x);
		return 0;
	}
	if (x->call.flags & O_CREAT)
		how |= RESOLVE_MISSING_OK;
	if (x->call.resolve & OPENING_NO_MAGIC)
		how |= RESOLVE_NO_JUMP;
	r = resolve_object(&x->task, path->dirfd, path->text, how, at);
	if (r < 0) {
		act_resolution_failed(worker, x, path, r);
		return 0;
	}
	x->object = at->path;
	r = at->object >= 0 ? open_existing(worker, x, at) : open_missing(worker, x, at);
	resolved_done(at);
	return r;
}

static void open_resolved(struct worker *worker, struct exchange *x)
{
	for (int i = 0; i < RACE_ATTEMPTS; i++)
		if (open_resolved_once(worker, x) != -EAGAIN)
			return;
	decide_refuse(x, EACCES, "what the path leads to changed faster than it could be looked at");
}

/* ---- the fast way ---- */

static bool is_in_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC;
}

/* 1 when it answered; 0 when only the slow way can tell. */
static int open_fast(struct worker *worker, struct exchange *x)
{
	const struct plan *plan = x->plan;
	const struct call_path *path = &x->call.paths[0];
	struct opening o = {.dirfd = worker->view.root, .path = x->text};
	unsigned access = access_of(x->call.flags) | (x->call.flags & O_CREAT ? POLICY_WRITE : 0);
	struct match_verdict verdict;
	int n = resolve_text(&x->task, path->dirfd, path->text, x->text, sizeof(x->text) - 3);
	int refused, fd = -EBADF;
	bool numbered;

	if (n < 0)
		return 0;
	n = plan_rewrite(plan, x->text, (size_t)n, sizeof(x->text) - 3);
	/* In a procfs a number may come to mean another process while it is opened. */
	if (n >= 0 && plan->redirect_count > 0 && plan_redirected(plan, x->text))
		return 0;
	numbered = n >= 0 && task_path_has_number(x->text);
	if (n < 0 || (numbered && path_is_within(x->text, "/proc")))
		return 0;
	/* What the text says is not yet what the object is: only an allow is final here. */
	matcher_decide(plan->matcher, x->text, access, &verdict);
	if (verdict.verdict != POLICY_ALLOW)
		return 0;
	refused = ready(worker, x);
	if (!refused) {
		describe_how(x, &o.how);
		/* The kernel tells "name/" and "name/." apart. */
		if (path_wants_directory(path->text))
			strcpy(x->text + n, path->text[path->length - 1] == '.' ? "/." : "/");
		fd = open_now(worker, x, &o);
		x->text[n] = '\0';
		if (fd == -ELOOP || fd == -EXDEV || fd == -ENOSYS)
			return 0;
		if (numbered && fd >= 0 && is_in_proc(fd)) {
			close(fd);
			return 0;
		}
	}
	x->verdict = verdict;
	x->is_judged = true;
	x->access = access;
	x->object = x->text;
	if (refused)
		act_fail(x, refused);
	else
		finish(x, fd, &o);
	return 1;
}

/* ---- openat2 with restrictions on the way ---- */

static void open_restricted(struct worker *worker, struct exchange *x)
{
	const struct call_path *path = &x->call.paths[0];
	struct resolved *at = &x->resolved[0];
	AUTO_CLOSE int start = -EBADF;
	char name[16] = "cwd";
	int r;

	if (x->task.own_root || (x->call.flags & (O_CREAT | TEMPORARY)))
		return decide_refuse(
		        x, ENOSYS, "openat2 with RESOLVE_ flags that creates cannot be performed yet");
	if (x->plan->redirect_count > 0)
		return decide_refuse(
		        x, ENOSYS, "openat2 with RESOLVE_ flags cannot be performed beside redirects yet");
	if (path->dirfd != AT_FDCWD)
		snprintf(name, sizeof(name), "fd/%d", path->dirfd);
	start = task_open(&x->task, name);
	if (start < 0)
		return act_fail(x, start == -ENOENT ? -EBADF : start);
	*at = (struct resolved){.object = -EBADF, .parent = -EBADF};
	at->object = opening_openat2(start, path->text, O_PATH | O_CLOEXEC | (x->call.flags & O_NOFOLLOW), 0,
	        x->call.resolve | OPENING_NO_MAGIC);
	if (at->object < 0)
		return act_resolution_failed(worker, x, path, at->object);
	r = task_view_path(&worker->view, at->object, at->path, sizeof(at->path));
	if (r < 0 || fstat(at->object, &at->stat) < 0 || at->path[0] != '/' ||
	        task_path_has_number(at->path)) {
		resolved_done(at);
		return decide_refuse(x, EACCES, "where this leads cannot be told");
	}
	at->has_path = true;
	x->object = at->path;
	if (open_existing(worker, x, at) < 0)
		decide_refuse(x, EAGAIN, "what the path leads to was swapped");
	resolved_done(at);
}

/* ---- */

/* The flags as the kernel would understand them. 0 or -errno. */
static int normalise(struct exchange *x)
{
	struct call *call = &x->call;

	if (strcmp(call->name, "openat2") == 0) {
		/* The kernel checks them before the path: an empty one tells which error comes first. */
		int r = opening_openat2(AT_FDCWD, "", call->flags, call->mode, call->resolve);

		return r == -ENOENT ? 0 : r;
	}
	if (strcmp(call->name, "creat") == 0)
		call->flags = O_CREAT | O_WRONLY | O_TRUNC;
	call->flags = (call->flags & KNOWN_FLAGS) | OPENING_LARGEFILE;
	if (call->flags & O_PATH)
		call->flags &= PATH_FLAGS;
	call->mode &= 07777;
	/* Some flags that make something contradict others: which ones, kernels differ in. */
	if ((call->flags & TEMPORARY) || ((call->flags & O_CREAT) && (call->flags & O_DIRECTORY))) {
		int r = opening_openat(AT_FDCWD, "", (int)call->flags, (mode_t)call->mode);

		return r == -ENOENT ? 0 : r;
	}
	return 0;
}

void act_open(struct worker *worker, struct exchange *x)
{
	int r = normalise(x);

	if (r < 0)
		return act_fail(x, r);
	/* A folder that is opened only to name what is in it (cp, mv, ln and install do) is opened for
	 * reading: whoever may read it gains nothing by the other kind. */
	if ((x->call.flags & O_PATH) && (x->call.flags & O_DIRECTORY))
		x->call.flags &= ~(uint64_t)O_PATH;
	if (x->call.flags & O_PATH)
		/* The kernel does not let a supervisor inject such a descriptor, and another kind would show.
		 */
		return decide_refuse(x, strcmp(x->call.name, "openat2") == 0 ? ENOSYS : EACCES,
		        "an O_PATH descriptor cannot be handed over while something is hidden");
	r = act_as_task(worker, x);
	if (r != 0)
		return act_fail(x, r);
	if (x->call.paths[0].length == 0)
		return act_fail(x, -ENOENT);
	/* A refusal of magic links alone is one that every resolution here can keep to. */
	if (x->call.resolve & ~(uint64_t)OPENING_NO_MAGIC)
		return open_restricted(worker, x);
	if (!open_fast(worker, x))
		open_resolved(worker, x);
}
