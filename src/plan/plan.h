/* The plan: what a policy became on this machine. Every rule is enforced by the cheapest layer that can hold
 * it completely; what no kernel layer can express makes just those calls notify that could touch it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <reeve/reeve.h>

#include "kernel/cgroup.h"
#include "plan/filter.h"
#include "policy/address.h"
#include "policy/match.h"
#include "policy/policy.h"
#include "policy/redirect.h"
#include "syscalls/table.h"

enum plan_layer {
	PLAN_NOWHERE, /* dropped: nothing to enforce */
	PLAN_FILTER,
	PLAN_LANDLOCK,
	PLAN_SUPERVISOR,
};

/* What holds a limit. */
enum plan_holder {
	PLAN_UNLIMITED,
	PLAN_CGROUP,
	PLAN_RLIMIT,
	PLAN_WATCH, /* the supervisor looks again and again */
};

struct plan_options {
	bool best_effort;     /* what the kernel lacks is left out and told in `notes` */
	bool verbose_denials; /* decide in the supervisor, so that every refusal is recorded */
	bool permissive;      /* what is refused is recorded, and done all the same */
	bool asks;            /* somebody is asked about what would be refused */
	bool notify[SYSCALLS_OPERATIONS]; /* operations that notify though no rule asks for it */
	bool privileged;      /* the performer may do more than a task could: credentials are watched */
	/* The plan that a target wears already: what is made is to take its place in the supervisor. What
	 * notifies and what the kernel can do is as there. */
	const struct plan *worn;
	const char *const *closed; /* folders that are the target's under no policy; NULL-terminated, or NULL */
	unsigned lacks;       /* PLAN_LACKS_ bits: what is planned without */
};

enum {
	PLAN_LACKS_PORTS = 1,    /* Landlock does not know TCP (ABI 4) */
	PLAN_LACKS_SCOPES = 2,   /* nor abstract sockets (ABI 6) */
	PLAN_LACKS_LISTENER = 4, /* no supervisor can listen: what only it could hold of sockets is closed */
};

/* A rule in the plan, for explain. Exactly one of file, call and address is set. */
struct plan_line {
	const struct policy_file_rule *file;
	const struct match_entry *entry; /* of a grant: where it is first */
	const struct policy_syscall_rule *call;
	const struct policy_address_rule *address;
	enum plan_layer layer;
	bool backstop;   /* Landlock holds its outline, too */
	const char *why; /* why no cheaper layer holds it; NULL when the cheapest does */
	char *note;      /* anything else worth telling, owned; or NULL */
	uint64_t notifies; /* the operations that it makes notify: a bit each */
};

/* What Landlock grants: a place and POLICY_ access bits. */
struct plan_grant {
	char *path;
	unsigned access;
	bool sockets; /* performing threads may make sockets there, too */
};

/* How much of a sort of address is allowed. */
enum plan_reach {
	PLAN_REACH_NONE,
	PLAN_REACH_PORTS, /* of TCP, some ports whatever the address: Landlock holds it */
	PLAN_REACH_SOME,  /* each use has to be looked at */
	PLAN_REACH_ALL,   /* nothing is to be held */
};

/* Ports that Landlock grants. When they are too many to be named, it does not handle them. */
struct plan_ports {
	uint16_t *items; /* owned */
	size_t count;
	bool is_named;
};

/* What the rules on addresses became. */
struct plan_network {
	enum plan_reach tcp_connect, tcp_listen, udp_connect, udp_listen;
	enum plan_reach files, names; /* which socket files and abstract sockets may be connected to */
	bool names_within;            /* Landlock keeps connections to abstract sockets within the target */
	struct plan_ports connect_ports, listen_ports; /* all that may be allowed, of any address */
	/* What socket() makes. */
	bool makes_tcp, makes_udp, makes_unix, makes_unix_datagrams;
	bool unplugs_udp; /* in the place of those that it does not make: a supervisor is there anyway */
	bool refuses_listen;        /* the filter does: there is nothing that could listen */
	bool refuses_fast_open;     /* connections that are made without connect() */
	bool refuses_routes;        /* options that lead packets by way of others */
	bool refuses_protocols;     /* options that put another protocol in TCP's place */
	bool is_all_that_supervises; /* without it, no call would notify */
};

/* A symbolic link directly in "/" that no target can change ("/lib" -> "/usr/lib"). */
struct plan_link {
	char name[32], target[64];
	size_t name_length, target_length; /* with the leading "/" */
};

/* What the supervisor does with a call of one number when its verdict needs no look at arguments. */
enum plan_call_action {
	PLAN_CALL_NONE,        /* does not notify by number alone */
	PLAN_CALL_PATHS,       /* decided on its paths or its address, or performed for what it is */
	PLAN_CALL_CREDENTIALS, /* continues; from now on tasks may differ in credentials, root or domain */
	PLAN_CALL_TASK,        /* decided on the task that a number names */
	PLAN_CALL_RULE,        /* only because of rules on the call itself, which are recorded */
};

struct plan_call {
	enum plan_call_action action;
	bool ruled; /* rules on the call are recorded: the supervisor looks which one decides */
};

/* One place that stands for another. */
struct plan_redirect {
	char *from;     /* as it is reached on this machine: every component but the last resolved */
	const char *to; /* the rule's; resolved anew each time */
	const struct policy_file_rule *rule;
};

#define PLAN_MAX_CALLS 512
#define PLAN_MAX_LINKS 16

struct plan {
	struct policy *policy;
	struct matcher *matcher;
	struct match_entry *entries; /* bound spellings; their paths are owned here */
	size_t entry_count;
	size_t *first_entries; /* by the rules of the policy, and the closed ones behind them */
	struct policy_file_rule *closed; /* the rules about such folders; owned, with their paths */
	size_t closed_count;
	struct address_matcher *addresses;
	struct address_entry *address_entries; /* as `entries` */
	size_t address_entry_count;
	struct redirect_entry *address_redirects; /* likewise */
	size_t address_redirect_count;
	struct plan_network network;
	struct plan_line *lines;
	size_t line_count;
	struct plan_grant *grants;
	size_t grant_count;
	struct plan_link links[PLAN_MAX_LINKS];
	size_t link_count;
	struct plan_redirect *redirects;
	size_t redirect_count;

	bool uses_landlock;
	bool privileged; /* planned for root */
	bool supervises; /* some call notifies */
	bool performs;   /* the supervisor performs calls: a domain is on, and on its threads too */
	bool undoes_domains; /* what it performs would not obey a domain that the target puts on itself */
	bool hides;
	bool permissive;
	bool asks;     /* somebody is asked: about what rules say, and */
	bool asks_all; /* about all that would be refused */
	bool notifies[SYSCALLS_OPERATIONS];
	bool notifies_for_files[SYSCALLS_OPERATIONS]; /* without what addresses ask for */
	struct plan_call calls[PLAN_MAX_CALLS]; /* by native number */
	uint64_t landlock_handled;
	bool scopes_signals;
	unsigned lacks; /* PLAN_LACKS_ bits */
	struct filter_program filter;
	/* What the filter would do with a call if no rule on the call itself refused it: empty, or asked when such a
	 * refusal does not stand. */
	struct filter_program rest;

	bool own_network;    /* everything runs in a network namespace of its own */
	bool user_namespace; /* and in a user namespace, which that needs */
	bool has_limits;
	enum plan_holder limits[POLICY_LIMITS];
	bool uses_cgroup;
	struct cgroup_place cgroup;
	const char *no_cgroup; /* why a limit that a cgroup could hold is held by something else */
	bool keeps_limits;     /* from programs of root the capability to raise limits is taken */

	char *notes; /* lines about what this machine lacks, or NULL */
};

/* What a kernel with this Landlock lacks of addresses, for the plan's options. */
unsigned plan_lacks(int landlock_abi);

/* Plans a policy for this machine's file system. 0, -ENOMEM, -errno. The plan keeps a reference on the
 * policy. */
int plan_new(struct policy *policy, const struct plan_options *options, struct plan **ret);

/* Fits the plan to what the kernel can do. `error_text` receives what the policy demands and the kernel lacks
 * (-ENOTSUP, -EBUSY). A plan that supervises needs features of reeve_probe; for others probe_alone tells
 * enough. */
int plan_check_kernel(struct plan *plan, const struct reeve_features *features,
        const struct plan_options *options, char *error_text, size_t error_size);

void plan_free(struct plan *plan); /* NULL is fine */

/* The rule that decides on the call with these arguments, or NULL; `*ret_default` when it is one of the refusals that
 * are part of every policy, else NULL. */
const struct policy_syscall_rule *plan_call_rule(const struct plan *plan, int nr, const uint64_t args[6],
        const struct policy_default **ret_default);

/* What is left of a call whose rule refuses it, when that refusal does not stand: an action of the filter. 0 or
 * -errno. */
int plan_call_rest(const struct plan *plan, const struct seccomp_data *data, uint32_t *ret);

/* Whether performing threads live in a domain of their own, and what they start with them. */
bool plan_has_outer_domain(const struct plan *plan);

/* A ruleset of the plan's grants. `wide` is that of the performing threads, and adds what they need to look at tasks
 * (/proc); the target's is for a task that is in their domain already, where there is one. The descriptor or -errno. */
int plan_ruleset(const struct plan *plan, bool scope_signals, bool wide);

/* Rewrites the clean path in place where it starts with one of the plan's links. Its length, or
 * -ENAMETOOLONG. */
int plan_rewrite(const struct plan *plan, char *path, size_t length, size_t size);

/* The redirect whose place `path` is, or lies in; the innermost one. NULL: none. */
const struct plan_redirect *plan_redirected(const struct plan *plan, const char *path);

/* A redirect whose place lies below the folder `path`, which must stay where it is. NULL: none. */
const struct plan_redirect *plan_redirect_below(const struct plan *plan, const char *path);

/* The redirects of addresses, as they are bound. */
struct redirect_entries plan_address_redirects(const struct plan *plan);

/* Words for people. */
const char *plan_layer_name(enum plan_layer layer);

/* ---- the parts that plan_new is made of; inside this room only ---- */
int plan_bind(struct plan *plan);
uint64_t plan_operations_of(unsigned access); /* those that must notify for the supervisor to hold it */
int plan_choose_for_addresses(struct plan *plan, const struct plan_options *options);
struct plan_line *plan_add_line(struct plan *plan); /* NULL: memory is short */
int plan_add_grant(struct plan *plan, const char *path, unsigned access, bool sockets);
bool plan_is_own_process(const char *path); /* /proc/self, or below */
int plan_choose_layers(struct plan *plan, const struct plan_options *options);
int plan_build_filter(struct plan *plan, const struct plan_options *options);
