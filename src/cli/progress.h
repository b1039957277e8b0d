/* What takes long, told on a terminal: a line that stands on stderr after a second and goes again. Nothing is ever
 * written elsewhere. One at a time; for the command only. */
#pragma once

/* `what` as in "still reading the policy"; it must stay. Without a terminal, and after progress_silence, nothing
 * happens. */
void progress_begin(const char *what);

/* Takes the line away. To be called before anything else is written, and before a fork. May be called always. */
void progress_end(void);

void progress_silence(void);
