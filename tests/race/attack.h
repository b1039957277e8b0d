/* What the attacks share. Each runs as the target of a policy, tries to reach a marked file that the policy
 * denies, and counts how often it reached the window that it is about: an attack that never reached it proves
 * nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define MARKER "KEEP-AWAY:" /* what every denied file begins with */

enum { ATTACK_HELD, ATTACK_LEAKED, ATTACK_BROKEN, ATTACK_NO_WINDOW, ATTACK_SKIPPED = 77 };

struct attack {
	const char *name;
	void (*run)(void);
};

extern const struct attack swap_attacks[], move_attacks[], reach_attacks[], door_attacks[], exec_attacks[],
        who_attacks[], signal_attacks[], hide_attacks[], network_attacks[];

/* Milliseconds that a race runs. */
extern unsigned attack_time;
extern char *attack_self;

/* True until the time is over; starts with the first call after attack_begin. */
void attack_begin(void);
bool attack_goes_on(void);

/* A marker was seen, or something else that must never happen: told, and the attack ends. */
_Noreturn void leaked(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Cannot be tried here, and why. */
_Noreturn void skip(const char *why);

/* The test itself is broken. */
_Noreturn void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Both states of a window: how often each was seen. */
void window(const char *name, unsigned long one, unsigned long other);

/* Something worth knowing that is no verdict. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads from the descriptor and closes it; a marker ends the attack. Negative descriptors are fine. True when
 * it was one. */
bool look(int fd, const char *how);

/* Opens and looks. */
bool try_read(const char *path, const char *how);

/* A call that has to fail: anything else is a leak. */
void must_fail(long result, const char *how);

/* As must_fail, with that very errno. */
void must_fail_with(long result, int error, const char *how);

/* Puts the path where a pointer is NULL; false where that may not be. */
bool put_at_null(const char *path);

/* Counts of one attack's attempts, added up from several threads. */
struct counts {
	_Atomic unsigned long good, refused, other;
};
