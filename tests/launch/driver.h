/* Starts a command natively or under reeve, on pipes or on a terminal of its own, and waits for what it says:
 * each wait has a deadline, none a fixed length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum how {
	NATIVE,
	QUIET,      /* kernel layers hold the policy: no notification */
	PERFORMING, /* opens and execs notify */
	STANDARD,   /* the default profile */
	HOWS,
};

struct run {
	pid_t pid;
	int terminal; /* the master's side; or pipes: */
	int input, output;
	char text[1 << 16];
	size_t length, seen; /* what has been expected so far ends at `seen` */
};

extern const char *helper; /* the program of tests/launch/command.c */
extern const char *reeve;
extern int failures;
extern enum how now;

void fail_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define CHECK(condition, ...)                                                                                \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_at(__FILE__, __LINE__, __VA_ARGS__);                                            \
	} while (0)

/* Arguments of a command under `now`, then `command`, NULL-terminated; static memory. */
const char **arguments_of(const char *const *command);

/* `prepare` runs in the child just before exec. */
void start(struct run *run, bool on_terminal, void (*prepare)(void), const char *const *command);
void start_words(struct run *run, bool on_terminal, const char *first, ...) __attribute__((sentinel));

/* Reads on until `text` is there. */
bool expect(struct run *run, const char *text);
void type(struct run *run, const char *text);
/* Reads on to the end of the output. False when the deadline came first. */
bool expect_end(struct run *run);

/* The status as of waitpid, or -1 at the deadline. With WUNTRACED or WCONTINUED in options also those
 * changes. */
int wait_for(const struct run *run, int options);
/* -1 or the exit code. Ends and frees the run. */
int finish_run(struct run *run);

/* True once nothing that has the word in its environment or arguments lives. */
bool nothing_left(const char *word);
/* Waits until the condition is true, looking again and again. */
bool becomes_true(bool (*condition)(const void *data), const void *data);
bool is_child_of(pid_t pid, pid_t parent);
/* A child of `pid`, or -1: it may be gone by now, and its number another's. */
pid_t child_of(pid_t pid);
/* Kills a child of `pid`, held by a descriptor and looked at again first. False when there is none. */
bool kill_child_of(pid_t pid);
char state_of(pid_t pid);
/* kill(2) for a process, or -GROUP, that was really found: -1 and 0 would be everybody, so these end the
 * test. */
void send_signal(pid_t pid, int signal);

void test_codes(void);
void test_signals(void);
void test_terminal(void);
void test_origin(void);
void test_leftovers(void);
void test_deaths(void);
void test_cost(void);
void test_limits(void);
void test_streams(void);
void test_network(void); /* ends the process with 77 where no network namespace is to be had */
void test_cgroup(void); /* ends the process with 77 where no cgroup is to be had */
