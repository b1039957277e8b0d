/* The door of a running supervision: a UNIX socket by which its user looks at it, ends it and changes its
 * policy. docs/control.md has the protocol. Served by threads of the server process, beside the line of
 * notifications; where there is no runtime folder the command runs all the same, without. */
#pragma once

#include <time.h>

#include "launch/launch.h"
#include "supervise/supervisor.h"

struct control;

struct control_options {
	const struct launch_options *launch;
	struct supervisor *supervisor; /* NULL: nothing notifies */
	pid_t pid;                     /* of the command */
	struct timespec since;         /* CLOCK_REALTIME */
};

/* Opens the door. What is given is borrowed until the process ends. NULL when there can be none. */
struct control *control_start(const struct control_options *options);

/* The command has ended, and others of its tree live on. NULL is fine. */
void control_command_ended(struct control *control);

/* Takes the door away. The threads end with the process. NULL is fine. */
void control_stop(struct control *control);
