/* Tests of policies that anybody can write: a policy, a call, the verdict; `reeve check --test FILE` runs
 * them.
 *
 *	{files: [{read: /usr}, {deny: /usr/share}]}
 *	open:/usr/bin/true:r
 *	allow read /usr
 *
 * A blank line ends it; more pairs of call and verdict may follow before that. A policy of several lines is
 * indented. "#" begins a comment line. No file system is looked at: paths mean themselves.
 *
 * Calls: open:PATH:ACCESS with letters of "rwx", exec:PATH, connect:ADDRESS and listen:ADDRESS ("1.2.3.4:443",
 * "udp:[::1]:53", "*:80", "unix:/path", "unix:@name"), syscall:NAME, move:PATH (whether a folder may be moved
 * away without taking something out from under a rule), within:PATH (whether something inside may be refused).
 * Verdicts: "allow RULE", "deny ERRNO RULE", "hide RULE", "kill RULE", "default" for a system call that no rule
 * names, "free" or "refused RULE", "yes" or "no". RULE is "read TEXT" (write, exec, connect, listen) or "TEXT"
 * as written, "no rule" when none decided. A verdict may be cut short after any word. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "policy/policy.h"

/* Runs the file at `path` and writes what fails to `out`, as file:line. 0 also when some failed; the errno of
 * reading the file, -ENOMEM. */
int triplets_run(const char *path, const struct policy_context *context, FILE *out, size_t *ret_passed,
        size_t *ret_failed);
