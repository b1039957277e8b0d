/* Binding: rules name paths as text; objects are matched by where they really are. Each plain path gets the
 * spelling that resolution gives it on this machine, beside the one that was written. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "plan/places.h"
#include "plan/plan.h"

#define MOST_SPELLINGS 3 /* of one rule */

struct binding {
	ARRAY(struct match_entry) entries;
	struct places *places;
};

static int add(struct binding *binding, const struct policy_file_rule *rule, const char *path)
{
	struct match_entry entry = {.rule = rule};
	int r;

	/* Those of one rule stand together. */
	for (size_t i = binding->entries.count; i > 0 && binding->entries.items[i - 1].rule == rule; i--)
		if (!strcmp(binding->entries.items[i - 1].path, path))
			return 0;
	entry.path = strdup(path);
	if (!entry.path)
		return -ENOMEM;
	r = ARRAY_PUSH(&binding->entries, entry);
	if (r < 0)
		free((char *)entry.path);
	return r;
}

/* Where a link leads whose text names what is beside or below it ("usr/bin"), and all of it in place: without
 * looking at each name again. False where that is not so, or not seen. */
static bool follow_link(struct places *places, const char *path, char *ret, size_t size)
{
	char text[PATH_MAX], whole[2 * PATH_MAX], folder[PATH_MAX];
	const char *base = path_base(path);
	size_t length = (size_t)(base - path);
	ssize_t n;

	if (!*base || length >= sizeof(folder))
		return false;
	memcpy(folder, path, length);
	folder[length > 1 ? length - 1 : 1] = '\0';
	if (places_look(places, folder) != PLACE_THERE)
		return false;
	n = readlink(path, text, sizeof(text) - 1);
	if (n <= 0 || text[0] == '/')
		return false;
	text[n] = '\0';
	memcpy(whole, path, length);
	strcpy(whole + length, text);
	return path_clean(whole, ret, size) > 0 && places_look(places, ret) == PLACE_THERE;
}

/* The real path of the longest part of `path` that exists, and the rest as it is. `ret_place` is what is
 * known of the result. */
static int real_as_far_as_it_goes(
        struct places *places, const char *path, char *ret, size_t size, enum place *ret_place)
{
	char head[PATH_MAX];
	size_t length = strlen(path), cut = length;

	*ret_place = PLACE_ELSEWHERE;
	if (length >= sizeof(head) || length >= size)
		return -ENAMETOOLONG;
	*ret_place = places_look(places, path);
	if (*ret_place != PLACE_ELSEWHERE) {
		memcpy(ret, path, length + 1);
		return 0;
	}
	if (follow_link(places, path, ret, size)) {
		*ret_place = PLACE_THERE;
		return 0;
	}
	for (;;) {
		AUTO_FREE char *real = NULL;

		memcpy(head, path, cut);
		head[cut ? cut : 1] = '\0';
		if (cut == 0)
			head[0] = '/';
		real = realpath(head, NULL);
		if (real) {
			int n = snprintf(ret, size, "%s%s",
			        strcmp(real, "/") == 0 && cut < length ? "" : real, path + cut);

			if (cut == length)
				*ret_place = PLACE_THERE;
			return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
		}
		if (cut == 0)
			return -errno;
		do
			cut--;
		while (cut > 0 && path[cut] != '/');
	}
}

/* The path with its folder resolved, and the last name as written: the place of the link, if it is one. */
static int real_folder(struct places *places, const char *path, char *ret, size_t size)
{
	char folder[PATH_MAX];
	const char *base = path_base(path);
	enum place place;
	int r;

	if (*base == '\0' || (size_t)(base - path) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, (size_t)(base - path));
	folder[base - path > 1 ? base - path - 1 : 1] = '\0';
	r = real_as_far_as_it_goes(places, folder, ret, size, &place);
	if (r < 0)
		return r;
	if (strcmp(ret, "/") == 0)
		ret[0] = '\0';
	if (strlen(ret) + strlen(base) + 2 > size)
		return -ENAMETOOLONG;
	strcat(ret, "/");
	strcat(ret, base);
	return 0;
}

/* /proc/self is another folder for each task: it keeps its name, and the supervisor matches by that. */
bool plan_is_own_process(const char *path)
{
	return path_is_within(path, "/proc/self") || path_is_within(path, "/proc/thread-self");
}

/* A link that ended in our own folder of /proc (/dev/fd) means each task's own. False when it ended at an
 * object that only we have: a grant of that would be a surprise. */
static bool name_own_process(char *path)
{
	static const char self[] = "/proc/self";
	char own[32];
	size_t n;

	if (!path_is_within(path, "/proc"))
		return true;
	n = (size_t)snprintf(own, sizeof(own), "/proc/%d", getpid());
	if (strncmp(path, own, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return true;
	if (strlen(path) + sizeof(self) >= PATH_MAX)
		return false;
	memmove(path + sizeof(self) - 1, path + n, strlen(path + n) + 1);
	memcpy(path, self, sizeof(self) - 1);
	return true;
}

static int bind_plain(struct binding *binding, const struct policy_file_rule *rule)
{
	char spelling[PATH_MAX];
	enum place place;
	int r = 0;

	if (plan_is_own_process(rule->path))
		return add(binding, rule, rule->path);
	if (real_as_far_as_it_goes(binding->places, rule->path, spelling, sizeof(spelling), &place) == 0 &&
	        name_own_process(spelling)) {
		r = add(binding, rule, spelling);
		if (r == 0) {
			struct match_entry *entry = &binding->entries.items[binding->entries.count - 1];

			entry->is_missing = place == PLACE_MISSING;
			entry->is_there = place == PLACE_THERE;
		}
	}
	/* What is denied or hidden is so under its own name, too: the link there must not be removed. */
	if (r == 0 && rule->verdict != POLICY_ALLOW &&
	        real_folder(binding->places, rule->path, spelling, sizeof(spelling)) == 0)
		r = add(binding, rule, spelling);
	if (r == 0 && rule->verdict != POLICY_ALLOW)
		r = add(binding, rule, rule->path);
	return r;
}

static int bind_glob(struct binding *binding, const struct policy_file_rule *rule)
{
	char top[PATH_MAX], real[PATH_MAX];
	AUTO_FREE char *bound = NULL;
	enum place place;
	int r = add(binding, rule, rule->path);

	if (r < 0)
		return r;
	match_glob_top(rule->path, top, sizeof(top));
	if (strcmp(top, "/") == 0 ||
	        real_as_far_as_it_goes(binding->places, top, real, sizeof(real), &place) < 0 ||
	        !strcmp(top, real))
		return 0;
	/* The literal folder resolves elsewhere; what a folder's real name has of glob characters is escaped.
	 */
	if (match_is_glob(real))
		return -EINVAL;
	/* Escapes in the head may make it longer than `top`: count components instead of bytes. */
	{
		const char *tail = rule->path;
		size_t components = 0;

		for (const char *p = top; *p; p++)
			components += *p == '/';
		while (components > 0 && *tail) {
			tail++;
			tail += strcspn(tail, "/");
			components--;
		}
		if (asprintf(&bound, "%s%s", real, tail) < 0)
			return -ENOMEM;
	}
	return add(binding, rule, bound);
}

static int bind_redirect(struct plan *plan, struct places *places, const struct policy_file_rule *rule)
{
	struct plan_redirect *grown =
	        reallocarray(plan->redirects, plan->redirect_count + 1, sizeof(*plan->redirects));
	char from[PATH_MAX];
	int r;

	if (!grown)
		return -ENOMEM;
	plan->redirects = grown;
	r = real_folder(places, rule->path, from, sizeof(from));
	if (r < 0)
		return r;
	grown = &plan->redirects[plan->redirect_count];
	*grown = (struct plan_redirect){.from = strdup(from), .to = rule->to, .rule = rule};
	if (!grown->from)
		return -ENOMEM;
	plan->redirect_count++;
	return 0;
}

const struct plan_redirect *plan_redirected(const struct plan *plan, const char *path)
{
	const struct plan_redirect *found = NULL;

	for (size_t i = 0; i < plan->redirect_count; i++)
		if (path_is_within(path, plan->redirects[i].from) &&
		        (!found || strlen(found->from) < strlen(plan->redirects[i].from)))
			found = &plan->redirects[i];
	return found;
}

const struct plan_redirect *plan_redirect_below(const struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->redirect_count; i++)
		if (path_is_within(plan->redirects[i].from, path))
			return &plan->redirects[i];
	return NULL;
}

/* A socket file is bound as any other file; the other addresses mean the same everywhere. */
static int bind_address(struct plan *plan, struct places *places, const struct policy_address_rule *rule)
{
	const struct policy_file_rule file = {
	        .verdict = rule->verdict, .path = rule->path, .is_glob = rule->is_glob};
	struct binding binding = {.places = places};
	int r;

	if (rule->kind != POLICY_ADDRESS_UNIX) {
		plan->address_entries[plan->address_entry_count++] = (struct address_entry){rule, NULL};
		return 0;
	}
	r = rule->is_glob ? bind_glob(&binding, &file) : bind_plain(&binding, &file);
	for (size_t i = 0; i < binding.entries.count; i++)
		plan->address_entries[plan->address_entry_count++] =
		        (struct address_entry){rule, binding.entries.items[i].path};
	free(binding.entries.items);
	return r;
}

static int bind_address_redirect(
        struct plan *plan, struct places *places, const struct policy_address_redirect *redirect)
{
	const struct policy_file_rule file = {.verdict = POLICY_REDIRECT, .path = redirect->from.path};
	struct binding binding = {.places = places};
	int r;

	if (redirect->from.kind != POLICY_ADDRESS_UNIX) {
		plan->address_redirects[plan->address_redirect_count++] =
		        (struct redirect_entry){redirect, NULL};
		return 0;
	}
	r = bind_plain(&binding, &file);
	for (size_t i = 0; i < binding.entries.count; i++)
		plan->address_redirects[plan->address_redirect_count++] =
		        (struct redirect_entry){redirect, binding.entries.items[i].path};
	free(binding.entries.items);
	return r;
}

static int bind_address_redirects(struct plan *plan, struct places *places)
{
	size_t count = plan->policy->redirect_count;
	int r = 0;

	plan->address_redirects = calloc(MOST_SPELLINGS * count + 1, sizeof(*plan->address_redirects));
	if (!plan->address_redirects)
		return -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++)
		r = bind_address_redirect(plan, places, &plan->policy->redirects[i]);
	return r;
}

struct redirect_entries plan_address_redirects(const struct plan *plan)
{
	return (struct redirect_entries){plan->address_redirects, plan->address_redirect_count};
}

static int bind_addresses(struct plan *plan, struct places *places)
{
	int r = bind_address_redirects(plan, places);

	plan->address_entries =
	        calloc(MOST_SPELLINGS * plan->policy->address_count + 1, sizeof(*plan->address_entries));
	if (r < 0 || !plan->address_entries)
		return r < 0 ? r : -ENOMEM;
	for (size_t i = 0; i < plan->policy->address_count && r == 0; i++)
		r = bind_address(plan, places, &plan->policy->addresses[i]);
	if (r < 0)
		return r;
	return address_matcher_new(plan->address_entries, plan->address_entry_count,
	        &(struct address_files){plan->entries, plan->entry_count, plan->matcher}, &plan->addresses);
}

static void find_links(struct plan *plan, struct places *places)
{
	static const char *const names[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct plan_link *link = &plan->links[plan->link_count];
		struct match_verdict verdict;
		enum place place = PLACE_THERE;
		char target[PATH_MAX];

		/* One that leads nowhere is of no use. */
		if (places_look(places, names[i]) != PLACE_ELSEWHERE ||
		        real_as_far_as_it_goes(places, names[i], target, sizeof(target), &place) < 0 ||
		        place != PLACE_THERE || strlen(target) >= sizeof(link->target))
			continue;
		strcpy(link->target, target);
		/* A link that a target may replace must be looked at each time. */
		matcher_decide(plan->matcher, names[i], POLICY_WRITE, &verdict);
		if (policy_grants(verdict.verdict))
			continue;
		strcpy(link->name, names[i]);
		link->name_length = strlen(names[i]);
		link->target_length = strlen(link->target);
		plan->link_count++;
	}
}

int plan_bind(struct plan *plan)
{
	struct places places = {0};
	struct binding binding = {.places = &places};
	size_t file_count = plan->policy->file_count;
	int r = 0;

	plan->first_entries = calloc(file_count + plan->closed_count + 1, sizeof(*plan->first_entries));
	if (!plan->first_entries)
		return -ENOMEM;
	for (size_t i = 0; i < file_count && r == 0; i++) {
		const struct policy_file_rule *rule = &plan->policy->files[i];

		plan->first_entries[i] = binding.entries.count;
		if (rule->verdict == POLICY_REDIRECT)
			r = bind_redirect(plan, &places, rule);
		else
			r = rule->is_glob ? bind_glob(&binding, rule) : bind_plain(&binding, rule);
	}
	for (size_t i = 0; i < plan->closed_count && r == 0; i++) {
		plan->first_entries[file_count + i] = binding.entries.count;
		r = bind_plain(&binding, &plan->closed[i]);
	}
	plan->entries = binding.entries.items;
	plan->entry_count = binding.entries.count;
	if (r == 0)
		r = matcher_new(plan->entries, plan->entry_count, &plan->matcher);
	if (r == 0)
		r = bind_addresses(plan, &places);
	if (r == 0)
		find_links(plan, &places);
	places_done(&places);
	return r;
}

int plan_rewrite(const struct plan *plan, char *path, size_t length, size_t size)
{
	for (size_t i = 0; i < plan->link_count; i++) {
		const struct plan_link *link = &plan->links[i];
		size_t rest = length - link->name_length;

		if (length < link->name_length || memcmp(path, link->name, link->name_length) != 0)
			continue;
		/* The link itself, in the last place, may be meant: O_NOFOLLOW. */
		if (path[link->name_length] != '/')
			continue;
		if (link->target_length + rest >= size)
			return -ENAMETOOLONG;
		memmove(path + link->target_length, path + link->name_length, rest + 1);
		memcpy(path, link->target, link->target_length);
		return (int)(link->target_length + rest);
	}
	return (int)length;
}
