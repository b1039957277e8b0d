/* holding: limits, output files and a network of its own, held by the library in a process that has other
 * children, threads and descriptors, which are none of the library's. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <reeve/reeve.h>

enum { PATIENCE = 120, OTHERS = 12 };

static char folder[] = "/tmp/reeve-holding.XXXXXX";
static pid_t others[OTHERS];
static int theirs[2]; /* the others hold its other end, and end with it */
static atomic_int children_told;

__attribute__((format(printf, 1, 2))) static _Noreturn void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static void moment(void)
{
	const struct timespec time = {.tv_nsec = 5000000};

	nanosleep(&time, NULL);
}

/* ---- records ---- */

struct records {
	pthread_mutex_t lock;
	char text[1 << 16];
	size_t length;
};

static void take_record(void *user, const char *line, size_t length)
{
	struct records *records = user;

	pthread_mutex_lock(&records->lock);
	if (records->length + length + 2 < sizeof(records->text)) {
		memcpy(records->text + records->length, line, length);
		records->length += length;
		records->text[records->length++] = '\n';
	}
	pthread_mutex_unlock(&records->lock);
}

static bool has_record(struct records *records, const char *text)
{
	bool has;

	pthread_mutex_lock(&records->lock);
	records->text[records->length] = '\0';
	has = strstr(records->text, text);
	pthread_mutex_unlock(&records->lock);
	return has;
}

/* ---- a process with a life of its own ---- */

static void on_child(int signal)
{
	(void)signal;
	atomic_fetch_add(&children_told, 1);
}

/* Ends with us. One of them uses all the processor time that it can have. */
static pid_t start_other(bool is_busy)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("no child: %s", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(theirs[0]);
	while (is_busy)
		;
	for (;;)
		pause();
}

static void *idle(void *user)
{
	char byte;

	while (read(*(int *)user, &byte, 1) < 0 && errno == EINTR)
		;
	return NULL;
}

static void start_others(void)
{
	if (pipe2(theirs, O_CLOEXEC) < 0)
		fail("no pipe");
	for (int i = 0; i < OTHERS; i++)
		others[i] = start_other(i == 0);
	signal(SIGCHLD, on_child);
}

static void check_others(void)
{
	for (int i = 0; i < OTHERS; i++) {
		siginfo_t info = {0};

		if (waitid(P_PID, (id_t)others[i], &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		        info.si_pid != 0)
			fail("child %d of ours was ended or waited for", i);
	}
}

static void end_others(void)
{
	signal(SIGCHLD, SIG_DFL);
	for (int i = 0; i < OTHERS; i++) {
		kill(others[i], SIGKILL);
		if (waitpid(others[i], NULL, 0) != others[i])
			fail("child %d of ours is not ours to wait for", i);
	}
	/* Not with __WALL: nor with it is there anything left. */
	if (waitpid(-1, NULL, WNOHANG | __WALL) >= 0 || errno != ECHILD)
		fail("a process of the library stays");
}

static int count(const char *path)
{
	DIR *list = opendir(path);
	int entries = 0;

	while (list && readdir(list))
		entries++;
	if (list)
		closedir(list);
	return entries;
}

/* A thread that was joined may be seen for a moment. */
static void is_as_before(const char *path, int before, const char *after_what)
{
	const time_t end = time(NULL) + PATIENCE;

	while (count(path) > before) {
		if (time(NULL) > end)
			fail("%s: %d in %s instead of %d", after_what, count(path), path, before);
		moment();
	}
}

/* ---- runs ---- */

/* `rules`: keys and values, NULL at the end. */
static int make_plan(const char *const *rules, struct reeve_plan **ret, char **ret_error)
{
	struct reeve_policy *policy;
	int r = reeve_policy_new(&policy);

	if (r == 0)
		r = reeve_policy_add_rule(policy, "read", "/");
	if (r == 0)
		r = reeve_policy_add_rule(policy, "exec", "/");
	if (r == 0)
		r = reeve_policy_add_rule(policy, "write", folder);
	for (; r == 0 && *rules; rules += 2)
		r = reeve_policy_add_rule(policy, rules[0], rules[1]);
	if (r < 0)
		fail("a rule: %s", reeve_policy_errors(policy));
	r = reeve_plan_new(policy, 0, NULL, ret, ret_error);
	reeve_policy_free(policy);
	return r;
}

static struct reeve_plan *plan_of(const char *const *rules)
{
	struct reeve_plan *plan = NULL;
	char *error = NULL;
	int r = make_plan(rules, &plan, &error);

	if (r < 0)
		fail("no plan: %s: %s", strerror(-r), error ? error : "");
	return plan;
}

static struct reeve_run *start(
        const char *const *rules, const char *script, struct reeve_spawn_options *options)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct reeve_plan *plan = plan_of(rules);
	struct reeve_run *run = NULL;
	char *why = NULL;
	int r;

	options->size = sizeof(*options);
	options->directory = folder;
	options->ret_error = &why;
	r = reeve_spawn(plan, argv, options, &run);
	if (r < 0)
		fail("%s: %s: %s", script, strerror(-r), why ? why : "");
	if (why)
		fail("a reason without a failure: %s", why);
	reeve_plan_free(plan);
	return run;
}

static void take(struct reeve_run *run, const char *what, int expected, const char *limit)
{
	const char *name = NULL;
	int status = -1;

	if (reeve_run_wait(run, &status) < 0 || status != expected)
		fail("%s: status %x instead of %x", what, (unsigned)status, (unsigned)expected);
	if (reeve_run_limit(run, &name) != (limit != NULL) || (limit && strcmp(name, limit) != 0))
		fail("%s: the limit %s instead of %s", what, name ? name : "(none)",
		        limit ? limit : "(none)");
}

/* Runs a script under rules to its end; nothing stays. */
static void run(const char *const *rules, const char *script, int expected, const char *limit)
{
	const int threads = count("/proc/self/task"), descriptors = count("/proc/self/fd");
	struct records records = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct reeve_spawn_options options = {.record = take_record, .user = &records};
	struct reeve_run *run = start(rules, script, &options);
	char text[64];

	take(run, script, expected, limit);
	reeve_run_free(run);
	snprintf(text, sizeof(text), "\"limit\":\"%s\"", limit ? limit : "");
	if (has_record(&records, "\"note\":\"limit\"") != (limit != NULL) ||
	        (limit && !has_record(&records, text)))
		fail("%s: the records are %s", script, records.text);
	is_as_before("/proc/self/task", threads, script);
	is_as_before("/proc/self/fd", descriptors, script);
	check_others();
}

#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define KILLED SIGKILL
#define EXITED(code) ((code) << 8)

/* Whatever others do: OTHERS of them run, and one uses as much processor time as there is. */
static void own_tree_only(void)
{
	run(RULES("limit", "processes=8", "limit", "cpu-time=2s", "limit", "memory=2G", "limit",
	            "wall-time=10m"),
	        "sleep 1; sleep 1; sleep 1; exit 7", EXITED(7), NULL);
	run(RULES("limit", "processes=8"), "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; wait", KILLED,
	        "processes");
	/* None alone is too much. */
	run(RULES("limit", "memory=100M"),
	        "for i in 1 2 3; do (head -c 50000000 /dev/zero; sleep 1000) | tail & done; wait", KILLED,
	        "memory");
	run(RULES("limit", "cpu-time=300ms"), "(while :; do :; done) & while :; do :; done", KILLED,
	        "cpu-time");
	run(RULES("limit", "file-size=4K"), "head -c 10000 /dev/zero >big", EXITED(128 + SIGXFSZ), NULL);
	run(RULES("limit", "file-size=4K"), "exec head -c 10000 /dev/zero >big", SIGXFSZ, "file-size");
	/* What keeps the tree together is not the tree's to end. */
	run(RULES("limit", "wall-time=10m"), "kill -9 $PPID; exit 6", EXITED(6), NULL);
	run(RULES("limit", "open-files=20"), "exit $(ulimit -n)", EXITED(20), NULL);
}

static bool lives(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

static pid_t number_in(const char *name)
{
	char path[128], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file) || atoi(text) <= 0)
		fail("no number in %s", name);
	fclose(file);
	unlink(path);
	return atoi(text);
}

/* What lost its parent and left its session is of the tree all the same, also after the command. */
static void orphans_end_too(const char *const *rules)
{
	struct records records = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct reeve_spawn_options options = {.record = take_record, .user = &records};
	struct reeve_run *run = start(rules,
	        "(setsid sh -c 'echo $$ >orphan; exec sleep 1000' &); until [ -s orphan ]; do :; done; exit "
	        "3",
	        &options);
	pid_t orphan;

	take(run, "orphans", EXITED(3), NULL);
	orphan = number_in("orphan");
	if (!lives(orphan))
		fail("the orphan ended with the command");
	reeve_run_free(run);
	if (lives(orphan))
		fail("the orphan outlived its limit");
	if (!has_record(&records, "\"limit\":\"wall-time\""))
		fail("no record of the limit: %s", records.text);
	check_others();
}

/* Nobody takes the record, and the tree ends all the same. */
static void unheard(void)
{
	struct records records = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct reeve_spawn_options options = {.record = take_record, .user = &records, .serve_self = true};
	struct reeve_run *run =
	        start(RULES("limit", "wall-time=200ms"), "echo $$ >command; exec sleep 1000", &options);
	const time_t end = time(NULL) + PATIENCE;

	while (lives(reeve_run_pid(run))) {
		if (time(NULL) > end)
			fail("a limit waits for somebody who takes its record");
		moment();
	}
	if (reeve_run_serve(run) < 0 || !has_record(&records, "\"limit\":\"wall-time\""))
		fail("no record: %s", records.text);
	take(run, "unheard", KILLED, "wall-time");
	reeve_run_free(run);
	number_in("command");
}

/* SIGCHLD ignored: the end is seen all the same, and the command has it ignored as well. */
static void ignoring(const char *key, const char *value)
{
	/* Not through a shell, some of which do not leave it ignored. */
	const char *const argv[] = {"grep", "-q", "^SigIgn:.*1....$", "/proc/self/status", NULL};
	struct sigaction none = {.sa_handler = on_child, .sa_flags = SA_NOCLDWAIT};
	struct reeve_spawn_options options = {0};
	struct reeve_plan *plan;
	struct reeve_run *run = NULL;

	signal(SIGCHLD, SIG_IGN);
	plan = plan_of(RULES(key, value));
	if (reeve_spawn(plan, argv, NULL, &run) < 0)
		fail("grep does not start");
	take(run, "SIGCHLD ignored", 0, NULL);
	reeve_run_free(run);
	reeve_plan_free(plan);
	run = start(RULES(key, value), "exit 7", &options);
	take(run, "SIGCHLD ignored, and a code", EXITED(7), NULL);
	reeve_run_free(run);
	sigaction(SIGCHLD, &none, NULL);
	run = start(RULES(key, value), "exit 7", &options);
	take(run, "children that are not waited for", EXITED(7), NULL);
	reeve_run_free(run);
	signal(SIGCHLD, on_child);
}

static pid_t parent_of(pid_t pid)
{
	char path[64], line[256];
	FILE *file;
	int parent = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	if (file)
		fclose(file);
	return parent;
}

/* Somebody kills what keeps the tree together: the command ends, and that is told. */
static void keeper_killed(void)
{
	struct records records = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct reeve_spawn_options options = {.record = take_record, .user = &records};
	struct reeve_run *run = start(RULES("limit", "wall-time=10m"), "exec sleep 1000", &options);
	pid_t keeper = parent_of(reeve_run_pid(run));

	if (parent_of(keeper) != getpid())
		fail("%d is no keeper", keeper);
	kill(keeper, SIGKILL);
	take(run, "without a keeper", KILLED, NULL);
	reeve_run_free(run);
	if (!has_record(&records, "keeps the command's tree together"))
		fail("not told: %s", records.text);
	check_others();
}

/* The process that makes unplugged sockets for a caller, or 0. */
static pid_t maker_of(pid_t caller)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		char path[64], name[32] = "";
		pid_t pid = (pid_t)atoi(entry->d_name);
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		file = pid > 0 && parent_of(pid) == caller ? fopen(path, "re") : NULL;
		if (file && fgets(name, sizeof(name), file) && strcmp(name, "reeve-unplugged\n") == 0)
			found = pid;
		if (file)
			fclose(file);
	}
	if (proc)
		closedir(proc);
	return found;
}

static bool ends(pid_t pid)
{
	const time_t end = time(NULL) + PATIENCE;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	/* What has ended and was not waited for is no program any more. */
	while (readlink(path, (char[8]){0}, 8) >= 0) {
		if (time(NULL) > end)
			return false;
		moment();
	}
	return true;
}

/* In a process of its own: starts a command that writes to this descriptor, and waits to be killed. */
static _Noreturn void be_caller(const char *where, int fd, const char *key, const char *value)
{
	struct reeve_spawn_options options = {.output = fd};

	snprintf(folder, sizeof(folder), "%s", where);
	start(RULES(key, value, "deny", "/nonexistent"),
	        "bash -c 'exec 3<>/dev/udp/127.0.0.1/9' 2>&-; echo; exec sleep 1000", &options);
	close(fd);
	for (;;)
		pause();
}

/* Only where it has one thread with children. */
static pid_t child_of(pid_t pid, const char *name)
{
	char path[64], found[32] = "";
	int child = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	for (int tid = pid; tid < pid + 1000; tid++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, tid);
		file = fopen(path, "re");
		if (file && fscanf(file, "%d", &child) == 1)
			tid = pid + 1000;
		if (file)
			fclose(file);
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", child);
	file = fopen(path, "re");
	if (!file || !fgets(found, sizeof(found), file) || strncmp(found, name, strlen(name)) != 0)
		fail("%d, not %s, is the caller's child: %s", child, name, found);
	fclose(file);
	return child;
}

/* When the caller is killed, so are the process between and the command; and what shares the caller's memory
 * takes the caller with it. */
static void caller_killed(const char *key, const char *value, const char *victim)
{
	struct pollfd fd = {.events = POLLIN};
	char number[16], byte;
	int pipes[2], status;
	pid_t pid, maker;

	if (pipe(pipes) < 0 || fcntl(pipes[0], F_SETFD, FD_CLOEXEC) < 0)
		fail("no pipe");
	snprintf(number, sizeof(number), "%d", pipes[1]);
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "caller", folder, number, key, value, NULL);
		_exit(1);
	}
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		fail("the command does not start");
	maker = maker_of(pid);
	kill(victim ? child_of(pid, victim) : pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || status != SIGKILL)
		fail("the caller ends with %x", (unsigned)status);
	if (maker && !ends(maker))
		fail("the process for sockets outlives its caller");
	fd.fd = pipes[0];
	if (poll(&fd, 1, PATIENCE * 1000) != 1 || read(pipes[0], &byte, 1) != 0)
		fail("the command outlives its caller");
	close(pipes[0]);
}

/* ---- output ---- */

static void content_is(const char *name, const char *expected)
{
	char path[128], text[4096] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file != !expected)
		fail("%s %s", name, expected ? "is missing" : "was made");
	if (!file)
		return;
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	unlink(path);
	if (strcmp(text, expected) != 0)
		fail("%s has \"%s\" instead of \"%s\"", name, text, expected);
}

static void output(void)
{
	char out[128], err[128], text[16] = "";
	struct reeve_spawn_options options = {0};
	struct reeve_run *given;
	int pipes[2];

	snprintf(out, sizeof(out), "%s/out", folder);
	snprintf(err, sizeof(err), "%s/err", folder);
	run(RULES("stdout", out, "stderr", err), "echo one; echo two >&2", 0, NULL);
	content_is("out", "one\n");
	content_is("err", "two\n");
	run(RULES("stdout", out, "stderr", out, "rotate", "4K", "keep", "1"),
	        "echo one; echo two >&2; echo three", 0, NULL);
	content_is("out", "one\ntwo\nthree\n");
	run(RULES("stdout", out, "rotate", "4K", "keep", "1"),
	        "head -c 4000 /dev/zero | tr '\\0' x; echo; head -c 200 /dev/zero | tr '\\0' y; echo", 0,
	        NULL);
	snprintf(text, sizeof(text), "%s", "out.1");
	if (unlink(strcat(strcpy(err, folder), "/out.1")) < 0 || unlink(out) < 0)
		fail("it was not rotated");
	/* What the caller gives comes before the policy's. */
	if (pipe2(pipes, O_CLOEXEC) < 0)
		fail("no pipe");
	options.output = pipes[1];
	given = start(RULES("stdout", out, "rotate", "4K", "keep", "1"), "echo given", &options);
	close(pipes[1]);
	take(given, "given", 0, NULL);
	reeve_run_free(given);
	if (read(pipes[0], text, sizeof(text)) != 6 || strncmp(text, "given\n", 6) != 0)
		fail("the caller's descriptor was not used");
	close(pipes[0]);
	content_is("out", NULL);
}

/* What was written when the command ends is there; what others write later comes as long as they do. */
static void late_output(void)
{
	char out[128], path[128];
	struct reeve_spawn_options options = {0};
	struct reeve_run *late;

	snprintf(out, sizeof(out), "%s/out", folder);
	snprintf(path, sizeof(path), "%s/go", folder);
	if (mkfifo(path, 0600) < 0)
		fail("no FIFO");
	late = start(RULES("stdout", out, "rotate", "4K", "keep", "1"),
	        "echo one; (read x <go; echo two) & exit 0", &options);
	take(late, "late", 0, NULL);
	content_is("out", "one\n"); /* and it is unlinked: the rest goes to the file that has no name */
	close(open(path, O_WRONLY | O_CLOEXEC));
	reeve_run_free(late);
	unlink(path);
}

static void refused(const char *const *rules, int expected, const char *words)
{
	const int threads = count("/proc/self/task"), descriptors = count("/proc/self/fd");
	const char *const argv[] = {"/bin/true", NULL};
	struct reeve_plan *plan = plan_of(rules);
	struct reeve_run *run = NULL;
	char *why = NULL;
	struct reeve_spawn_options options = {.size = sizeof(options), .ret_error = &why};
	int r = reeve_spawn(plan, argv, &options, &run);

	if (r != expected || run || !why || !strstr(why, words))
		fail("%s instead of %s: %s", strerror(-r), words, why ? why : "(no words)");
	free(why);
	reeve_plan_free(plan);
	is_as_before("/proc/self/task", threads, words);
	is_as_before("/proc/self/fd", descriptors, words);
}

static void failures(void)
{
	const char *const argv[] = {"/bin/true", NULL};
	struct reeve_spawn_options options = {.size = offsetof(struct reeve_spawn_options, name_server)};
	struct reeve_plan *plan = plan_of(RULES("limit", "wall-time=10m"));
	struct reeve_run *old = NULL;
	const char *const nothing[] = {"/nonexistent", NULL};

	refused(RULES("stdout", "/nonexistent/out"), -ENOENT,
	        "--stdout /nonexistent/out: stdout cannot go to /nonexistent/out: No such file");
	refused(RULES("stdout", "/dev/null", "rotate", "4K"), -ENOTSUP, "only a regular file can be rotated");
	/* A caller from before the new options. */
	if (reeve_spawn(plan, nothing, &options, &old) != -ENOENT ||
	        reeve_spawn(plan, argv, &options, &old) != 0)
		fail("options without what came later");
	take(old, "old options", 0, NULL);
	reeve_run_free(old);
	reeve_plan_free(plan);
}

/* ---- a network ---- */

static ino_t network_of(const char *task)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", task);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static bool gives_networks_to_users(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* Nothing is started. */
static void no_network_to_give(void)
{
	struct reeve_plan *plan;
	char *error = NULL;

	if (make_plan(RULES("network", "own"), &plan, &error) != -ENOTSUP || !error ||
	        !strstr(error, "this machine gives none"))
		fail("a plan that this machine cannot hold: %s", error ? error : "(no words)");
	free(error);
}

static bool has_network(void)
{
	return geteuid() == 0 || gives_networks_to_users();
}

/* What is tried for a plan is none of the caller's children. */
static void plans_quietly(void)
{
	int before = atomic_load(&children_told);

	reeve_plan_free(plan_of(RULES("network", "own")));
	if (atomic_load(&children_told) != before)
		fail("the end of a child was told that is not ours");
}

/* In a process of its own, which will not get any network once it has the plan. */
static int be_without(const char *where)
{
	const char *const argv[] = {"/bin/sh", "-c", "echo >ran", NULL};
	struct sock_filter instructions[] = {
	        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
	        {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_unshare},
	        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args)},
	        {BPF_JMP | BPF_JSET | BPF_K, 0, 1, CLONE_NEWUSER},
	        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSPC},
	        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
	};
	const struct sock_fprog program = {sizeof(instructions) / sizeof(*instructions), instructions};
	char *why = NULL;
	struct reeve_spawn_options options = {
	        .size = sizeof(options), .ret_error = &why, .directory = folder};
	struct reeve_run *run = NULL;
	struct reeve_plan *plan;
	int r;

	snprintf(folder, sizeof(folder), "%s", where);
	plan = plan_of(RULES("network", "own", "limit", "wall-time=10m"));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || reeve_filter_install(&program, 0, NULL) < 0)
		fail("no filter");
	r = reeve_spawn(plan, argv, &options, &run);
	if (r != -ENOSPC || run || !why || !strstr(why, "cannot enter a network of its own: No space"))
		fail("%s: %s", strerror(-r), why ? why : "(no words)");
	if (waitpid(-1, NULL, __WALL | WNOHANG) >= 0 || errno != ECHILD)
		fail("a process of the library stays");
	free(why);
	reeve_plan_free(plan);
	return 0;
}

/* Whatever made the plan, there may be none left by now: nothing has run then. */
static void none_left(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/proc/self/exe", "without", folder, NULL);
		_exit(1);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail("no network is left: %x", (unsigned)status);
	content_is("ran", NULL);
}

static int decide_here(void *user, const struct reeve_call *call, struct reeve_decision *ret_decision)
{
	if (getpid() != *(pid_t *)user)
		fail("a callback in another process");
	if (!call->paths[0] || !strstr(call->paths[0], "/forbidden"))
		return REEVE_ANSWER_POLICY;
	ret_decision->error = EDOM;
	return REEVE_ANSWER_DENY;
}

/* What goes between the threads that serve and those of the caller. */
static void callbacks_across(bool serve_self)
{
	pid_t self = getpid();
	struct reeve_spawn_options options = {.decide = decide_here, .user = &self, .serve_self = serve_self};
	struct reeve_run *across = start(RULES("network", "own", "deny", "/nonexistent"),
	        "cat /forbidden 2>&1 | grep -q 'Numerical argument out of domain'", &options);

	if (serve_self && reeve_run_serve(across) < 0)
		fail("not served");
	take(across, "callbacks", 0, NULL);
	reeve_run_free(across);
}

static void reload_across(void)
{
	struct reeve_spawn_options options = {0};
	struct reeve_run *across = start(RULES("network", "own", "deny", "/nonexistent"),
	        "echo >ready; until cat /etc/passwd 2>&1 | grep -q denied; do :; done", &options);
	const char *const rules[] = {"read", "/", "exec", "/", "write", folder, "network", "own", "deny",
	        "/nonexistent", "deny", "/etc/passwd", NULL};
	struct reeve_policy *policy;
	char *error = NULL;
	int r;

	if (reeve_policy_new(&policy) < 0)
		fail("no policy");
	for (size_t i = 0; rules[i]; i += 2)
		if (reeve_policy_add_rule(policy, rules[i], rules[i + 1]) < 0)
			fail("%s", reeve_policy_errors(policy));
	r = reeve_run_reload(across, policy, &error);
	if (r < 0)
		fail("no reload: %s: %s", strerror(-r), error ? error : "");
	take(across, "reloaded", 0, NULL);
	reeve_run_free(across);
	reeve_policy_free(policy);
	content_is("ready", "\n");
}

/* A process of that name below us, or -1. */
static pid_t named(const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t pid = -1;

	while (pid < 0 && proc && (entry = readdir(proc))) {
		char path[300], found[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(found, sizeof(found), file) && strncmp(found, name, strlen(name)) == 0 &&
		        parent_of((pid_t)atoi(entry->d_name)) == getpid())
			pid = (pid_t)atoi(entry->d_name);
		if (file)
			fclose(file);
	}
	closedir(proc);
	return pid;
}

/* What performs may share its memory with other processes, and the kernel then lets it look into them as into
 * itself: not for a command. */
static void looks_into_nobody(void)
{
	struct reeve_spawn_options options = {0};
	struct reeve_run *across = start(RULES("network", "own", "deny", "/nonexistent"),
	        "until [ -e enough ]; do sleep 0.02; done", &options);
	pid_t abroad = named("reeve-abroad");
	char script[640], enough[128];
	int fd;

	if (abroad < 0 && geteuid() != 0)
		fail("no process shares our memory");
	snprintf(script, sizeof(script),
	        "for d in /proc/%d /proc/%d/task/* /proc/%d /proc/%d/task/*; do for w in mem environ; do\n"
	        "(exec 3<$d/$w) 2>&- && exit 9\n"
	        "done; done; (exec 3</proc/self/environ)",
	        getpid(), getpid(), abroad, abroad);
	run(RULES("deny", "/nonexistent"), script, 0, NULL);
	run(RULES("network", "own", "deny", "/nonexistent"), script, 0, NULL);
	snprintf(enough, sizeof(enough), "%s/enough", folder);
	fd = open(enough, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("%s: %s", enough, strerror(errno));
	close(fd);
	take(across, "who is not looked into", 0, NULL);
	reeve_run_free(across);
	unlink(enough);
}

enum { AT_ONCE = 6, IN_TURN = 8 };

static void *many_runs(void *user)
{
	for (int i = 0; i < IN_TURN; i++) {
		struct reeve_spawn_options options = {0};
		struct reeve_run *one = start(RULES("network", "own", "deny", "/nonexistent"),
		        "for i in 1 2 3 4 5 6 7 8; do cat /etc/passwd | grep -q root & done; wait; exit 5",
		        &options);

		take(one, "one of many", EXITED(5), NULL);
		reeve_run_free(one);
	}
	return user;
}

/* While the caller has other children, too. */
static void many_at_once(void)
{
	const int threads = count("/proc/self/task"), descriptors = count("/proc/self/fd");
	pthread_t them[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++)
		if (pthread_create(&them[i], NULL, many_runs, NULL) != 0)
			fail("no thread");
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			free(malloc(1000));
			_exit(0);
		}
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(them[i], NULL);
	is_as_before("/proc/self/task", threads, "many at once");
	is_as_before("/proc/self/fd", descriptors, "many at once");
	check_others();
}

static void network(void)
{
	ino_t before = network_of("self"), here = network_of("thread-self");

	run(RULES("network", "own"),
	        "test $(grep -c : /proc/self/net/dev) = 1 && ! ip link add a type veth 2>&-", EXITED(0),
	        NULL);
	/* With performing threads, which live there as well. */
	run(RULES("network", "own", "deny", "/nonexistent", "limit", "wall-time=10m", "connect",
	            "127.0.0.1:*"),
	        "test $(grep -c : /proc/self/net/dev) = 1", EXITED(0), NULL);
	run(RULES("network", "own", "deny", "/nonexistent", "limit", "wall-time=200ms"), "exec sleep 1000",
	        KILLED, "wall-time");
	if (gives_networks_to_users()) /* which the resolver has to live in */
		run(RULES("network", "own", "connect", "host.example:443"), "exit 3", EXITED(3), NULL);
	if (network_of("self") != before || network_of("thread-self") != here)
		fail("we are in another network");
	plans_quietly();
	callbacks_across(false);
	callbacks_across(true);
	reload_across();
	many_at_once();
	if (geteuid() != 0)
		none_left();
}

/* ---- sockets of UDP that no rule is about ---- */

#define UDP "exec 3<>/dev/udp/127.0.0.1/9 2>&-"

/* The command says a byte, and goes on when it gets one. */
static struct reeve_run *start_talking(const char *script, int ret_pipes[2])
{
	int in[2], out[2];
	struct reeve_spawn_options options = {0};
	struct reeve_run *run;
	char byte;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		fail("no pipe");
	options.input = in[0];
	options.output = out[1];
	run = start(RULES("read", "/"), script, &options);
	close(in[0]);
	close(out[1]);
	if (read(out[0], &byte, 1) != 1)
		fail("it does not start: %s", script);
	ret_pipes[0] = out[0];
	ret_pipes[1] = in[1];
	return run;
}

static void finish_talking(struct reeve_run *run, const char *what, int pipes[2], int expected)
{
	if (write(pipes[1], "\n", 1) != 1)
		fail("%s: cannot go on", what);
	take(run, what, expected, NULL);
	reeve_run_free(run);
	close(pipes[0]);
	close(pipes[1]);
}

/* Our waits see nothing of the process, and it has nothing of ours; it ends with its run. */
static void unplugged(void)
{
	static const char script[] = "exec bash -c '" UDP " || exit 3; echo; read; " UDP "'";
	const int threads = count("/proc/self/task"), descriptors = count("/proc/self/fd"),
	          told = atomic_load(&children_told);
	struct reeve_run *first, *second;
	int pipes[2][2];
	pid_t makers[2];
	char path[64];

	first = start_talking(script, pipes[0]);
	makers[0] = maker_of(getpid());
	snprintf(path, sizeof(path), "/proc/%d/fd", makers[0]);
	if (!makers[0] || count(path) != 2 + 2)
		fail("process %d has %d descriptors", makers[0], count(path) - 2);
	if (waitpid(makers[0], NULL, WNOHANG) >= 0 || waitpid(-1, NULL, WNOHANG) != 0)
		fail("it is seen by who waits for children");
	finish_talking(first, "once", pipes[0], EXITED(0));
	if (!ends(makers[0]) || maker_of(getpid()))
		fail("it outlives its run");
	/* One is killed, which is nothing to the other. */
	first = start_talking(script, pipes[0]);
	makers[0] = maker_of(getpid());
	kill(makers[0], SIGKILL);
	if (!ends(makers[0]))
		fail("it cannot be killed");
	second = start_talking(script, pipes[1]);
	finish_talking(first, "killed", pipes[0], EXITED(1));
	finish_talking(second, "beside a killed one", pipes[1], EXITED(0));
	is_as_before("/proc/self/task", threads, script);
	is_as_before("/proc/self/fd", descriptors, script);
	/* Those of the three commands are. */
	if (atomic_load(&children_told) > told + 3)
		fail("its end is told");
	check_others();
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int pipes[2], told;

	if (argc == 2)
		return be_without(argv[1]);
	if (argc == 5)
		be_caller(argv[1], atoi(argv[2]), argv[3], argv[4]);
	/* As a program is that others have started: whatever its own parent did with it. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (!mkdtemp(folder) || pipe2(pipes, O_CLOEXEC) < 0 ||
	        pthread_create(&thread, NULL, idle, &pipes[0]) != 0)
		return 2;
	start_others();
	run(RULES("limit", "wall-time=10m"), "exit 0", 0, NULL);
	own_tree_only();
	orphans_end_too(RULES("limit", "wall-time=4s"));
	unheard();
	/* Where threads perform, they trace at times, of which the kernel tells the process. */
	told = atomic_load(&children_told);
	if (told != 0)
		fail("%d ends of children were told that are not ours", told);
	run(RULES("limit", "wall-time=10m", "deny", "/nonexistent"), "kill -9 $PPID; exit 6", EXITED(6),
	        NULL);
	orphans_end_too(RULES("limit", "wall-time=4s", "deny", "/nonexistent"));
	ignoring("limit", "wall-time=10m");
	ignoring("deny", "/nonexistent");
	ignoring("read", "/");
	keeper_killed();
	output();
	late_output();
	failures();
	caller_killed("limit", "wall-time=10m", NULL);
	if (has_network()) {
		network();
		looks_into_nobody();
		ignoring("network", "own");
		caller_killed("network", "own", NULL);
		if (geteuid() != 0)
			caller_killed("network", "own", "reeve-abroad");
	} else {
		no_network_to_give();
	}
	if (has_network())
		unplugged();
	check_others();
	end_others();
	close(pipes[1]);
	pthread_join(thread, NULL);
	unlink(strcat(strcpy((char[64]){0}, folder), "/big"));
	if (rmdir(folder) < 0)
		fail("%s is not empty", folder);
	return 0;
}
