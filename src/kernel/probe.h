/* The part of reeve_probe that needs no child: all but what only a held notification can show. */
#pragma once

#include <reeve/reeve.h>

/* 0 or -errno. What needs a child is left false. */
int probe_alone(struct reeve_features *ret_features);

/* Adds what a held notification can show: user_notification, listener_exists and how one is answered. That the caller
 * may take a listener from another process and read its memory is not looked at: whoever starts a command finds that
 * out before it runs. On a thread, which wears the filter and is gone. 0 or -errno. */
int probe_listening(struct reeve_features *features);
