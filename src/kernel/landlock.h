/* Landlock: rulesets and domains. Rights are the kernel's LANDLOCK_ACCESS_FS_ bits, bundled up to ABI 7. */
#pragma once

#include <stdint.h>

#define LANDLOCK_RIGHT_EXECUTE (1ull << 0)
#define LANDLOCK_RIGHT_WRITE_FILE (1ull << 1)
#define LANDLOCK_RIGHT_READ_FILE (1ull << 2)
#define LANDLOCK_RIGHT_READ_DIR (1ull << 3)
#define LANDLOCK_RIGHT_REMOVE_DIR (1ull << 4)
#define LANDLOCK_RIGHT_REMOVE_FILE (1ull << 5)
#define LANDLOCK_RIGHTS_MAKE (0x7full << 6) /* MAKE_CHAR to MAKE_SYM */
#define LANDLOCK_RIGHT_MAKE_CHAR (1ull << 6)
#define LANDLOCK_RIGHT_MAKE_SOCK (1ull << 9)
#define LANDLOCK_RIGHT_MAKE_BLOCK (1ull << 11)
#define LANDLOCK_RIGHT_REFER (1ull << 13)     /* ABI 2 */
#define LANDLOCK_RIGHT_TRUNCATE (1ull << 14)  /* ABI 3 */
#define LANDLOCK_RIGHT_IOCTL_DEV (1ull << 15) /* ABI 5 */

/* The rights that make sense on something that is not a directory. */
#define LANDLOCK_RIGHTS_OF_FILES                                                                             \
	(LANDLOCK_RIGHT_EXECUTE | LANDLOCK_RIGHT_WRITE_FILE | LANDLOCK_RIGHT_READ_FILE |                     \
	        LANDLOCK_RIGHT_TRUNCATE | LANDLOCK_RIGHT_IOCTL_DEV)

/* Every file right that a kernel with this ABI knows. */
uint64_t landlock_rights(int abi);

/* TCP, ABI 4. */
#define LANDLOCK_RIGHT_BIND_TCP (1ull << 0)
#define LANDLOCK_RIGHT_CONNECT_TCP (1ull << 1)

/* ABI 6: no abstract socket, and no process, outside of the domain is reached. */
#define LANDLOCK_SCOPE_ABSTRACT (1ull << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ull << 1)

/* What a ruleset handles: what it does not grant is refused. */
struct landlock_handled {
	uint64_t files;
	uint64_t network;
	uint64_t scopes;
};

/* A new ruleset. The descriptor, or -errno. */
int landlock_ruleset_new(const struct landlock_handled *handled);

/* Grants `rights` of TCP on one port. 0 or -errno. */
int landlock_grant_port(int ruleset, uint16_t port, uint64_t rights);

/* Grants `rights` below (or on) what the O_PATH descriptor names. 0 or -errno. */
int landlock_grant(int ruleset, int path_fd, uint64_t rights);

/* Puts the calling thread into a new domain, nested in the one it has. Needs no_new_privs or CAP_SYS_ADMIN.
 */
int landlock_restrict_thread(int ruleset);
