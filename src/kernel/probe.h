/* The part of reeve_probe that needs no child: all but what only a held notification can show. */
#pragma once

#include <reeve/reeve.h>

/* 0 or -errno. What needs a child is left false. */
int probe_alone(struct reeve_features *ret_features);

/* Adds what a held notification can show: user_notification, listener_exists and how one is answered. That the caller
 * may take a listener from another process and read its memory is not looked at: whoever starts a command finds that
 * out before it runs. On a thread, which wears the filter and is gone. 0 or -errno. */
int probe_listening(struct reeve_features *features);

/* The same without trying: a task that wears no filter has no listener, and how one is answered the release tells.
 * False where that does not say enough. What was told so, probe_offers looks for on the listener itself. */
bool probe_expects(struct reeve_features *features);

/* Whether a listener of ours offers what `features` tell: by answers to a notification that there is not, which change
 * nothing. 0, -ENOTSUP or another -errno. */
int probe_offers(int listener, const struct reeve_features *features);
