/* The folder of sockets by which running supervisions are reached: one socket each, named by its ID. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define RUNTIME_ID_SIZE 16
#define RUNTIME_PLACES 4

/* Where such a folder may be, best first: absolute paths, owned by the caller. How many. */
size_t runtime_places(char *ret[RUNTIME_PLACES]);

/* Those of them that no target may reach: where sockets are or will be. */
size_t runtime_closed(char *ret[RUNTIME_PLACES]);

/* Opens the folder at `path`, making it when `make` is set. It must be
 * ours and no link; it is closed to everybody else. A descriptor or -errno; -EPERM: it is not ours. */
int runtime_open(const char *path, bool make);

/* A listening socket under a new ID. The descriptor or -errno. */
int runtime_publish(int folder, char ret_id[RUNTIME_ID_SIZE]);
void runtime_withdraw(int folder, const char *id);

/* A connection to the socket of that name. What nobody listens at any more is removed: -ECONNREFUSED. */
int runtime_connect(int folder, const char *id);

/* Whether a name in the folder can be an ID. */
bool runtime_is_id(const char *name);
