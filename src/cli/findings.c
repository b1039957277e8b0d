#include "cli/findings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/cgroup.h"
#include "kernel/release.h"

static const char newer[] = "a newer kernel";

const char *finding_state_name(enum finding_state state)
{
	static const char *const names[] = {"works", "missing", "limited", "unsure"};

	return names[state];
}

static struct finding *add(struct findings *findings, const struct finding *finding)
{
	static struct finding
	        lost; /* more than there is room for: a mistake of ours that costs only a line */

	if (findings->count == FINDINGS_MAX)
		return &lost;
	findings->items[findings->count] = *finding;
	return &findings->items[findings->count++];
}

static enum finding_state works(bool it_does)
{
	return it_does ? FINDING_WORKS : FINDING_MISSING;
}

/* ---- notifications ---- */

static void add_notifications(struct findings *to, const struct reeve_features *f)
{
	const struct finding rows[] = {
	        {NULL, "user-notification", "user notification", "5.0", works(f->user_notification), "",
	                "all that only the supervisor can hold: denials inside a grant, patterns, hidden "
	                "paths, "
	                "addresses, records",
	                "a newer kernel; in a container, a seccomp profile that allows the call seccomp"},
	        {NULL, "continue", "letting a call go on", "5.5", works(f->continue_response), "",
	                "calls that are only recorded", newer},
	        {NULL, "inject", "descriptors given to the target (ADDFD)", "5.9", works(f->inject), "",
	                "opens by the supervisor, and so all that only it can hold", newer},
	        {NULL, "inject-respond", "the same in one step (ADDFD SEND)", "5.14",
	                works(f->inject_respond), "", "a little speed", newer},
	        {NULL, "wait-killable", "calls that signals do not take back (WAIT_KILLABLE_RECV)", "5.19",
	                works(f->wait_killable), "",
	                "a signal at the wrong moment makes a call that was performed come again", newer},
	        {NULL, "synchronous-wake", "synchronous wake-up", "6.6", works(f->synchronous_wake), "",
	                "speed: a notification costs several times more", newer},
	        {NULL, "receive-ends", "receiving ends with the last target", "6.11", works(f->receive_ends),
	                "", "a little speed: one more call for each notification", newer},
	        {NULL, "tsync-listener", "a filter on all threads, with a listener", "5.7",
	                works(f->tsync_listener), "", "programs on libreeve that filter themselves", newer},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		add(to, &rows[i])->group = "Notifications";
	if (f->wait_killable) {
		bool fixed = kernel_is_at_least(6, 18);

		add(to, &(struct finding){"Notifications", "fast-reply", "fast answers are not lost", "6.18",
		                fixed ? FINDING_WORKS : FINDING_UNSURE, "",
		                "an answer that comes very fast may be lost on kernels without the fix; the "
		                "call "
		                "is then performed twice",
		                "a kernel of 6.18 or later, or an older one with the fix of its "
		                "distribution"});
	}
}

static void add_listener(struct findings *to, const struct reeve_features *f)
{
	if (f->listener_exists)
		add(to, &(struct finding){"Notifications", "existing-listener", "room for a supervisor", NULL,
		                FINDING_LIMITED,
		                "another one listens already, and the kernel allows one; some of the above "
		                "is taken from the release",
		                "all that only the supervisor can hold; policies of whole trees run here",
		                "run it outside of the other supervisor (reeve itself, a container's "
		                "agent)"});
	else
		add(to, &(struct finding){"Notifications", "existing-listener", "room for a supervisor", NULL,
		                FINDING_WORKS, "", NULL, NULL});
}

/* ---- Landlock ---- */

static const char *landlock_remedy(const struct reeve_features *f, const struct surroundings *s)
{
	if (s->landlock == EOPNOTSUPP && f->listener_exists)
		return "run it outside of the other supervisor, which keeps Landlock to itself";
	if (s->landlock == EOPNOTSUPP)
		return "switch it on at boot: add landlock to lsm= on the kernel's command line";
	if (s->landlock == EPERM)
		return "a seccomp profile of the container that allows the landlock calls";
	if (s->landlock == ENOSYS && kernel_is_at_least(5, 13))
		return "a kernel with CONFIG_SECURITY_LANDLOCK, or a container that does not hide it";
	return newer;
}

static void add_landlock(struct findings *to, const struct reeve_features *f, const struct surroundings *s)
{
	static const struct {
		const char *id, *name, *since, *loses;
	} levels[] = {
	        {"landlock-1", "trees of files (ABI 1)", "5.13",
	                "everything: no file rule can be held, nothing runs"},
	        {"landlock-2", "renames between folders (ABI 2)", "5.19",
	                "renames and links from one folder into another: they fail with EXDEV"},
	        {"landlock-3", "truncation (ABI 3)", "6.2",
	                "files that may only be read can be emptied; so reeve run needs --best-effort"},
	        {"landlock-4", "TCP ports (ABI 4)", "6.7",
	                "speed: rules on TCP ports go to the supervisor instead of costing nothing"},
	        {"landlock-5", "ioctls of devices (ABI 5)", "6.10",
	                "ioctls of devices that may be opened are not bounded"},
	        {"landlock-6", "abstract sockets and signals (ABI 6)", "6.12",
	                "processes outside can be signalled; abstract sockets go to the supervisor"},
	        {"landlock-7", "audit (ABI 7)", "6.15", "the kernel's audit log lacks what Landlock refuses"},
	};
	const char *remedy = landlock_remedy(f, s);

	for (size_t i = 0; i < ELEMENTS(levels); i++) {
		/* Where one is missing, so are those above: the way to them is told once. */
		add(to, &(struct finding){"Landlock", levels[i].id, levels[i].name, levels[i].since,
		                works(f->landlock_abi > (int)i), "", levels[i].loses,
		                f->landlock_abi == (int)i ? remedy : NULL});
	}
}

/* ---- looking at tasks ---- */

static void add_looks(struct findings *to, const struct reeve_features *f, const struct surroundings *s)
{
	const struct finding rows[] = {
	        {NULL, "openat2", "openat2", "5.6", works(f->openat2), "",
	                "opens by the supervisor: what it should open is refused", newer},
	        {NULL, "pidfd", "pidfds of processes", "5.3", works(f->pidfd), "",
	                "the command's life can't be watched: nothing runs", newer},
	        {NULL, "pidfd-thread", "pidfds of threads", "6.9", works(f->pidfd_thread), "",
	                "programs whose threads have descriptor tables of their own", newer},
	        {NULL, "pidfd-getfd", "taking a descriptor of the target (pidfd_getfd)", "5.6",
	                works(f->pidfd_getfd), "",
	                "rules on network addresses, and calls on descriptors: they are refused", newer},
	        {NULL, "process-vm", "reading the target's memory (process_vm_readv)", "3.2",
	                works(f->process_vm), "",
	                "speed: /proc/TID/mem is read instead, where that is allowed",
	                "in a container, a seccomp profile that allows process_vm_readv"},
	        {NULL, "close-range", "close_range", "5.9", works(f->close_range), "",
	                "a little speed at the start", newer},
	        {NULL, "proc", "/proc", NULL, works(s->has_proc), "",
	                "all that only the supervisor can hold: it looks at tasks there",
	                "mount -t proc proc /proc"},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		add(to, &rows[i])->group = "Looking at the target";
}

static void add_yama(struct findings *to, const struct reeve_features *f, const struct surroundings *s)
{
	static const char *const levels[] = {"0: every process of the same user",
	        "1: descendants, and reeve is the parent of what it runs", "2: administrators only",
	        "3: nobody, until the next boot"};
	struct finding *yama = add(to,
	        &(struct finding){"Looking at the target", "yama", "Yama's ptrace_scope", NULL, FINDING_WORKS,
	                "no Yama here", "all that only the supervisor can hold, for ordinary users",
	                "sysctl kernel.yama.ptrace_scope=1 (as root)"});

	if (s->yama >= 0 && s->yama < (int)ELEMENTS(levels))
		snprintf(yama->detail, sizeof(yama->detail), "%s", levels[s->yama]);
	if (s->yama >= 2 && !f->process_vm)
		yama->state = FINDING_MISSING;
	else if (s->yama >= 2)
		yama->state = FINDING_LIMITED;
}

/* ---- the machine ---- */

static const char *why_no_namespace(const struct surroundings *s, int error)
{
	if (error == ENOSPC)
		return "sysctl user.max_user_namespaces is 0, or used up";
	if (s->user_namespace_is_bare)
		return "made, and without rights in it: AppArmor "
		       "(kernel.apparmor_restrict_unprivileged_userns)";
	if (s->is_chroot && error == EPERM)
		return "not from inside a chroot";
	if (s->seccomp_filters > 0 && error == EPERM)
		return "a filter refuses it";
	return strerror(error);
}

static void add_namespaces(struct findings *to, const struct surroundings *s)
{
	struct finding *user = add(
	        to, &(struct finding){"The machine", "user-namespace", "user namespaces", "3.8",
	                    works(s->user_namespace == 0 && !s->user_namespace_is_bare), "",
	                    "for ordinary users: a network namespace of their own, and what stands on one",
	                    "sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, or the "
	                    "container's "
	                    "seccomp profile"});
	struct finding *network =
	        add(to, &(struct finding){"The machine", "network-namespace", "network namespaces", "3.8",
	                        works(s->network_namespace == 0), "",
	                        "`network: own`, host names in `connect`, and sockets of UDP without a rule",
	                        "user namespaces (above), or root"});

	if (user->state == FINDING_MISSING)
		snprintf(user->detail, sizeof(user->detail), "%s", why_no_namespace(s, s->user_namespace));
	if (network->state == FINDING_MISSING)
		snprintf(network->detail, sizeof(network->detail), "%s",
		        why_no_namespace(s, s->network_namespace));
	else
		snprintf(network->detail, sizeof(network->detail), "%s",
		        s->network_needs_user ? "by way of a user namespace" : "as root");
}

static void add_cgroup(struct findings *to)
{
	struct cgroup_place place = {0};
	const char *why = "";
	bool found = cgroup_find(true, true, &place, &why) == 0;
	struct finding *finding =
	        add(to, &(struct finding){"The machine", "cgroup", "cgroups (version 2) of our own", "4.5",
	                        !found                               ? FINDING_MISSING
	                        : place.has_memory && place.has_pids ? FINDING_WORKS
	                                                             : FINDING_LIMITED,
	                        "",
	                        "limits on memory and processes hold for each process, or the user, and not "
	                        "for the whole "
	                        "tree",
	                        "as a user of systemd: systemd-run --user --scope reeve run ...; else a "
	                        "cgroup that this user "
	                        "may write, with memory and pids in its cgroup.subtree_control"});

	if (!found)
		snprintf(finding->detail, sizeof(finding->detail), "%s", why);
	else if (finding->state == FINDING_LIMITED)
		snprintf(finding->detail, sizeof(finding->detail), "without %s%s%s",
		        place.has_memory ? "" : "memory", place.has_memory || place.has_pids ? "" : " and ",
		        place.has_pids ? "" : "pids");
}

static void add_tmp(struct findings *to, const char *tmp)
{
	AUTO_FREE char *path = NULL;
	struct finding *finding =
	        add(to, &(struct finding){"The machine", "tmp", "a place for private temporary folders", NULL,
	                        FINDING_WORKS, "",
	                        "profiles that give the command a temporary folder of its own: they do "
	                        "not start",
	                        "a folder that may be written: TMPDIR=FOLDER reeve run ..."});

	snprintf(finding->detail, sizeof(finding->detail), "%s", tmp);
	if (asprintf(&path, "%s/reeve-doctor-XXXXXX", tmp) < 0)
		path = NULL;
	if (path && mkdtemp(path)) {
		rmdir(path);
		return;
	}
	finding->state = FINDING_MISSING;
	snprintf(finding->detail, sizeof(finding->detail), "%.100s: %s", tmp, strerror(errno));
}

/* Only those that are withheld: a line for each that works would tell nothing. */
static void add_calls(struct findings *to, const struct surroundings *s)
{
	static const char *const words[] = {
	        [SURROUNDINGS_HIDDEN] = "ENOSYS, though the kernel is new enough",
	        [SURROUNDINGS_REFUSED] = "refused",
	        [SURROUNDINGS_DEADLY] = "whoever makes it is killed",
	};
	size_t before = to->count;

	for (size_t i = 0; i < s->call_count; i++) {
		const struct surroundings_call *call = &s->calls[i];
		struct finding *finding;

		if (call->state == SURROUNDINGS_THERE || call->state == SURROUNDINGS_OLD ||
		        (strcmp(call->name, "landlock_create_ruleset") == 0 && s->landlock != EPERM))
			continue;
		finding = add(to, &(struct finding){"Calls that are withheld", "withheld", call->name, NULL,
		                          FINDING_MISSING, "",
		                          "what is told of that call above, and programs "
		                          "that make it",
		                          "a seccomp profile of the container that allows it"});
		snprintf(finding->detail, sizeof(finding->detail), "%s", words[call->state]);
	}
	if (to->count == before)
		add(to, &(struct finding){"Calls that are withheld", "withheld",
		                s->seccomp_filters > 0 ? "none that is needed, by the filters that are worn"
		                                       : "none",
		                NULL, FINDING_WORKS, "", NULL, NULL});
}

void findings_collect(const struct reeve_features *features, const struct surroundings *around,
        const char *tmp, struct findings *ret)
{
	ret->count = 0;
	add_notifications(ret, features);
	add_listener(ret, features);
	add_landlock(ret, features, around);
	add_looks(ret, features, around);
	add_yama(ret, features, around);
	add_namespaces(ret, around);
	add_cgroup(ret);
	add_tmp(ret, tmp);
	add_calls(ret, around);
}
