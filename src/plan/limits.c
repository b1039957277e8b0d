/* What holds each limit on this machine. */
#include "plan/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plan/tell.h"

static const char *const held_by_cgroup[POLICY_LIMITS] = {
        [POLICY_LIMIT_MEMORY] =
                "memory.max of a cgroup: all processes together, without swap. When it strikes the "
                "kernel ends them all",
        [POLICY_LIMIT_PROCESSES] = "pids.max of a cgroup: processes and threads. One more fails with EAGAIN",
        [POLICY_LIMIT_CPU_TIME] =
                "cpu.stat of a cgroup tells the supervisor what all processes used together, "
                "also those that have ended; RLIMIT_CPU bounds each alone",
};

static const char *const held_without[POLICY_LIMITS] = {
        [POLICY_LIMIT_MEMORY] = "the supervisor adds up, many times a second, what all processes keep in "
                                "memory (their share, "
                                "files excluded); RLIMIT_DATA bounds at once what each has that is private "
                                "and can be written",
        [POLICY_LIMIT_PROCESSES] =
                "the supervisor counts processes and threads many times a second, and ends all when there "
                "are "
                "more. RLIMIT_NPROC, which counts everything of the user and nothing of root, stops bursts",
        [POLICY_LIMIT_CPU_TIME] =
                "the supervisor adds up, many times a second, what all processes used; what processes used "
                "that "
                "nobody waits for (SIGCHLD ignored) is missed. RLIMIT_CPU bounds each alone",
        [POLICY_LIMIT_WALL_TIME] = "a clock of the supervisor",
        [POLICY_LIMIT_OPEN_FILES] = "RLIMIT_NOFILE: each process alone. One more fails with EMFILE",
        [POLICY_LIMIT_FILE_SIZE] =
                ("RLIMIT_FSIZE: each file alone. Beyond it SIGXFSZ, or EFBIG where that is "
                 "ignored"),
};

static enum plan_holder without_cgroup(int kind)
{
	return kind == POLICY_LIMIT_OPEN_FILES || kind == POLICY_LIMIT_FILE_SIZE ? PLAN_RLIMIT : PLAN_WATCH;
}

void plan_choose_limits(struct plan *plan, const struct plan_options *options)
{
	const struct policy_limit *limits = plan->policy->limits;
	bool memory = limits[POLICY_LIMIT_MEMORY].is_set, pids = limits[POLICY_LIMIT_PROCESSES].is_set;
	bool found = false;

	if (memory || pids || limits[POLICY_LIMIT_CPU_TIME].is_set)
		found = cgroup_find(memory, pids, &plan->cgroup, &plan->no_cgroup) == 0;
	plan->keeps_limits = options->privileged;
	for (int i = 0; i < POLICY_LIMITS; i++) {
		bool can = found && (i == POLICY_LIMIT_CPU_TIME ||
		                            (i == POLICY_LIMIT_MEMORY && plan->cgroup.has_memory) ||
		                            (i == POLICY_LIMIT_PROCESSES && plan->cgroup.has_pids));

		if (!limits[i].is_set)
			continue;
		plan->limits[i] = can ? PLAN_CGROUP : without_cgroup(i);
		plan->uses_cgroup |= can;
		plan->has_limits = true;
	}
	if (found && !plan->no_cgroup)
		plan->no_cgroup = "the cgroup that can be had lacks the controller";
}

const char *plan_holder_word(enum plan_holder holder)
{
	static const char *const words[] = {"none", "cgroup", "rlimit", "supervisor"};

	return words[holder];
}

/* Owned by the caller; NULL when memory is short. */
static char *text_of(const struct plan *plan, int kind)
{
	bool needs_cgroup = kind <= POLICY_LIMIT_CPU_TIME && plan->limits[kind] != PLAN_CGROUP;
	bool is_rlimit = kind != POLICY_LIMIT_WALL_TIME &&
	                 (plan->limits[kind] != PLAN_CGROUP || kind == POLICY_LIMIT_CPU_TIME);
	char *text = NULL;

	if (asprintf(&text, "%s%s%s%s",
	            plan->limits[kind] == PLAN_CGROUP ? held_by_cgroup[kind] : held_without[kind],
	            needs_cgroup ? ". No cgroup holds it: " : "", needs_cgroup ? plan->no_cgroup : "",
	            is_rlimit && plan->keeps_limits
	                    ? ". Root's programs go without CAP_SYS_RESOURCE, which could raise it"
	                    : "") < 0)
		return NULL;
	return text;
}

int plan_tell_limits(const struct plan *plan, FILE *out,
        void (*write_text)(FILE *out, const char *text, size_t column, size_t indent))
{
	if (plan->has_limits)
		fputs("\nThe limits, and what holds each:\n", out);
	for (int i = 0; i < POLICY_LIMITS; i++) {
		const struct policy_limit *limit = &plan->policy->limits[i];
		AUTO_FREE char *text = NULL;

		if (!limit->is_set)
			continue;
		text = text_of(plan, i);
		if (!text)
			return -ENOMEM;
		fprintf(out, "  %s ", policy_limit_names[i]);
		if (!limit->place.flag) {
			fprintf(out, "%s at ", limit->text);
			tell_place(out, &limit->place);
		} else {
			fprintf(out, "%s, by ", limit->text);
			tell_place(out, &limit->place);
		}
		fputs(":\n      ", out);
		write_text(out, text, 6, 6);
	}
	return 0;
}

struct json_object *plan_limits_json(const struct plan *plan)
{
	struct json_object *list = json_object_new_array();

	for (int i = 0; list && i < POLICY_LIMITS; i++) {
		const struct policy_limit *limit = &plan->policy->limits[i];
		AUTO_FREE char *text = NULL;
		struct json_object *object;

		if (!limit->is_set)
			continue;
		text = text_of(plan, i);
		object = plan_limit_json(plan->policy, i);
		if (!object || !text) {
			json_object_put(object);
			continue;
		}
		json_object_object_add(
		        object, "layer", json_object_new_string(plan_holder_word(plan->limits[i])));
		json_object_object_add(object, "why", tell_bytes_json(text));
		json_object_array_add(list, object);
	}
	return list;
}

struct json_object *plan_limit_json(const struct policy *policy, int kind)
{
	const struct policy_limit *limit = &policy->limits[kind];
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	json_object_object_add(object, "limit", json_object_new_string(policy_limit_names[kind]));
	json_object_object_add(object, "value", json_object_new_int64((int64_t)limit->value));
	json_object_object_add(object, "text", tell_bytes_json(limit->text));
	json_object_object_add(object, "source", tell_bytes_json(limit->place.source));
	json_object_object_add(
	        object, "line", limit->place.line ? json_object_new_int((int)limit->place.line) : NULL);
	json_object_object_add(
	        object, "column", limit->place.column ? json_object_new_int((int)limit->place.column) : NULL);
	json_object_object_add(object, "flag", limit->place.flag ? tell_bytes_json(limit->place.flag) : NULL);
	return object;
}
