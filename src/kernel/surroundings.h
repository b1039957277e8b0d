/* What the machine around us allows and withholds: containers, namespaces, Yama, filters that hide calls. Found
 * out by doing where it can be done without a trace. Not on any path that is in a hurry. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum surroundings_call_state {
	SURROUNDINGS_THERE,
	SURROUNDINGS_OLD,    /* this kernel is older than the call, or nobody would miss it */
	SURROUNDINGS_HIDDEN, /* ENOSYS, though the kernel is new enough: left out of it, or a filter says so */
	SURROUNDINGS_REFUSED, /* EPERM or EACCES to a call that does nothing: a filter */
	SURROUNDINGS_DEADLY,  /* whoever makes it is killed */
};

struct surroundings_call {
	const char *name;
	unsigned major, minor; /* the release that brought it */
	enum surroundings_call_state state;
};

#define SURROUNDINGS_CALLS 16

struct surroundings {
	char release[65], machine[65];
	char container[64]; /* "docker", "podman", ...; "" when there is no sign of one */
	bool is_chroot;           /* what is "/" here is no mount */
	bool in_pid_namespace;    /* not the machine's first */
	bool in_user_namespace;
	bool has_proc;            /* /proc shows ourselves */
	int yama;                 /* ptrace_scope; -1: no Yama, or no way to see it */
	int seccomp_filters;      /* that we wear; -1: the kernel does not tell */
	bool no_new_privileges;

	/* 0 or the errno of making one (in a child). */
	int user_namespace;
	bool user_namespace_is_bare; /* it can be made, and gives no rights in it */
	int network_namespace;       /* by way of a user namespace where that is needed */
	bool network_needs_user;     /* it is needed */

	int landlock; /* 0; ENOSYS: not in this kernel; EOPNOTSUPP: switched off at boot; EPERM: a filter */

	struct surroundings_call calls[SURROUNDINGS_CALLS];
	size_t call_count;
};

/* Never fails: what cannot be found out is told as missing. Forks; not for programs with threads. */
void surroundings_look(struct surroundings *ret);
