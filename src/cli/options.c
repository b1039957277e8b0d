#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/folder.h"
#include "cli/mistakes.h"
#include "cli/progress.h"
#include "cli/suggest.h"

int options_init(enum options_tmp tmp, struct options *ret)
{
	struct options options = {.tmp = tmp, .tmp_lock = -EBADF};
	const char *home = getenv("HOME");

	options.errors = stderr;
	options.tmp_top = strdup(options_tmp_top());
	if (!options.tmp_top)
		return -ENOMEM;
	options.cwd = getcwd(NULL, 0);
	if (!options.cwd) {
		int error = errno;

		options_done(&options);
		return -error;
	}
	/* A folder outside of our root has no name here. */
	if (options.cwd[0] != '/') {
		options_done(&options);
		return -ENOENT;
	}
	options.home = home && home[0] == '/' ? home : NULL;
	*ret = options;
	return 0;
}

void options_done(struct options *options)
{
	for (size_t i = 0; i < options->kept.count; i++)
		free(options->kept.items[i]);
	free(options->kept.items);
	free(options->items.items);
	for (size_t i = 0; i < options->folders.count; i++)
		cleanup_close(&options->folders.items[i].shared);
	free(options->folders.items);
	free(options->tmp_path);
	free(options->tmp_top);
	cleanup_close(&options->tmp_lock);
	free(options->cwd);
	*options = (struct options){.tmp_lock = -EBADF};
}

const char *options_keep(struct options *options, const char *text, size_t length)
{
	char *copy = strndup(text, length);

	if (copy && ARRAY_PUSH(&options->kept, copy) < 0) {
		free(copy);
		return NULL;
	}
	return copy;
}

void options_remove_folders(struct options *options)
{
	for (size_t i = 0; i < options->folders.count; i++)
		if (options->folders.items[i].made)
			folder_unmake(options->folders.items[i].path, options->folders.items[i].shared);
	if (options->tmp == OPTIONS_TMP_MADE && options->tmp_path)
		rmdir(options->tmp_path);
	if (options->tmp == OPTIONS_TMP_TAKEN && options->tmp_path)
		folder_put_back(options->tmp_path);
}

static const char *key_of(int option)
{
	switch (option) {
	case 'p':
		return "policy";
	case OPTION_USE:
		return "use";
	case OPTION_READ:
		return "read";
	case OPTION_WRITE:
		return "write";
	case OPTION_EXEC:
		return "exec";
	case OPTION_DENY:
		return "deny";
	case OPTION_HIDE:
		return "hide";
	case OPTION_CONNECT:
		return "connect";
	case OPTION_LISTEN:
		return "listen";
	case OPTION_DENY_CONNECT:
		return "deny-connect";
	case OPTION_DENY_LISTEN:
		return "deny-listen";
	case OPTION_ASK:
		return "ask";
	case OPTION_ASK_CONNECT:
		return "ask-connect";
	case OPTION_ASK_LISTEN:
		return "ask-listen";
	case OPTION_ASK_CALL:
		return "ask-call";
	case OPTION_LIMIT:
		return "limit";
	case OPTION_REDIRECT:
		return "redirect";
	case OPTION_REDIRECT_CONNECT:
		return "redirect-connect";
	case OPTION_ALLOW_CALL:
		return "allow-call";
	case OPTION_DENY_CALL:
		return "deny-call";
	case OPTION_KILL_CALL:
		return "kill-call";
	case OPTION_STDOUT:
		return "stdout";
	case OPTION_STDERR:
		return "stderr";
	case OPTION_ROTATE:
		return "rotate";
	case OPTION_KEEP:
		return "keep";
	case OPTION_NETWORK:
		return "network";
	default:
		return NULL;
	}
}

int options_take_key(struct options *options, const char *key, const char *value)
{
	const char *name = key_of('p');

	if (strcmp(name, key) == 0)
		return options_take(options, 'p', value);
	for (int option = OPTION_USE; option < OPTION_OWN; option++) {
		name = key_of(option);
		if (name && strcmp(name, key) == 0)
			return options_take(options, option, value);
	}
	return -EINVAL;
}

/* Alone these would leave a command without programs and libraries. */
static bool adds_to_a_profile(const char *name)
{
	return strcmp(name, "secrets") == 0 || strcmp(name, "loopback") == 0;
}

int options_take(struct options *options, int option, const char *value)
{
	struct options_item item = {.key = key_of(option), .value = value};
	int r;

	if (!item.key)
		return 0;
	/* "--read --write x", "--read -- make": its own value was forgotten. */
	if (strncmp(value, "--", 2) == 0) {
		fprintf(stderr, "reeve: --%s needs a value before ", item.key);
		escape_for_terminal(stderr, value);
		fputs("; a file of that name is ./", stderr);
		escape_for_terminal(stderr, value);
		fputc('\n', stderr);
		return -EINVAL;
	}
	options->has_base |= option == 'p' || (option == OPTION_USE && !adds_to_a_profile(value));
	options->has_grant |= option == OPTION_READ || option == OPTION_WRITE || option == OPTION_EXEC;
	r = ARRAY_PUSH(&options->items, item);
	return r < 0 ? r : 1;
}

static const char *nearest_option(const char *typed, const struct option *known)
{
	const char *names[64];
	size_t count = 0;

	for (; known->name && count < ELEMENTS(names) - 1; known++)
		names[count++] = known->name;
	names[count] = NULL;
	return suggest_nearest(typed, names);
}

/* How many options begin so, and one of them. */
static unsigned count_beginning(const char *name, const struct option *known, const struct option **ret)
{
	unsigned count = 0;

	for (; known->name; known++) {
		if (strncmp(known->name, name, strlen(name)) != 0)
			continue;
		*ret = known;
		if (strlen(known->name) == strlen(name))
			return 1;
		count++;
	}
	return count;
}

static void complain_long(const char *typed, const struct option *known)
{
	const char *nearest, *meant, *value = strchr(typed, '=');
	const struct option *option = NULL;
	unsigned count;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(typed, "="), typed);
	count = count_beginning(name, known, &option);
	if (value && count == 1 && option->has_arg == no_argument) {
		fprintf(stderr, "--%s takes no value", option->name);
		return;
	}
	if (count > 1) {
		fprintf(stderr, "--%s can be", name);
		for (; known->name; known++)
			if (strncmp(known->name, name, strlen(name)) == 0)
				fprintf(stderr, " --%s%s", known->name, --count ? " or" : "");
		return;
	}
	fputs("there is no option --", stderr);
	escape_for_terminal(stderr, name);
	nearest = nearest_option(name, known);
	meant = nearest ? nearest : mistakes_option(name, known);
	if (meant)
		fprintf(stderr, "; did you mean --%s?", meant);
}

static void complain_letter(int letter, const struct option *known)
{
	char name[2] = {letter > ' ' && letter < 0x7f ? (char)letter : '?', '\0'};
	const char *meant = mistakes_option(name, known);

	fprintf(stderr, "there is no option -%s", name);
	if (meant)
		fprintf(stderr, "; did you mean --%s?", meant);
}

void options_complain(const char *subcommand, int c, char **argv, const struct option *known)
{
	const char *typed = argv[optind - 1];

	fprintf(stderr, "reeve %s: ", subcommand);
	if (c == ':') {
		escape_for_terminal(stderr, typed);
		fputs(" needs a value after it", stderr);
	} else if (strncmp(typed, "--", 2) == 0) {
		complain_long(typed + 2, known);
	} else {
		complain_letter(optopt, known);
	}
	fprintf(stderr, "\nType reeve help %s for all options.\n", subcommand);
}

/* ---- the policy ---- */

const char *options_tmp_top(void)
{
	const char *top = getenv("TMPDIR");

	return top && top[0] == '/' ? top : "/tmp";
}

static const char *private_tmp(struct options *options)
{
	int r = 0;

	if (options->tmp_path)
		return options->tmp_path;
	if (options->tmp == OPTIONS_TMP_MADE)
		r = folder_make(options->tmp_top, "reeve-run-", &options->tmp_path, &options->tmp_lock);
	else if (options->tmp == OPTIONS_TMP_TAKEN)
		r = folder_take(options->tmp_top, "reeve-run-", &options->tmp_path, &options->tmp_lock);
	else if (asprintf(&options->tmp_path, "%s/reeve-run-XXXXXX", options->tmp_top) < 0)
		options->tmp_path = NULL;
	if (r < 0)
		options->tmp_error = -r;
	return options->tmp_path;
}

static const char *look_up(void *user, const char *name)
{
	struct options *options = user;

	if (strcmp(name, "REEVE_TMP") == 0)
		return private_tmp(options);
	if (strcmp(name, "PWD") == 0)
		return options->cwd;
	if (strcmp(name, "HOME") == 0)
		return options->home;
	if (strcmp(name, "TMPDIR") == 0)
		return options->tmp_top;
	return getenv(name);
}

struct policy_context options_context(struct options *options)
{
	return (struct policy_context){
	        .home = options->home, .cwd = options->cwd, .lookup = look_up, .user = options};
}

static void tell_same(size_t *count, FILE *out)
{
	if (*count)
		fprintf(out, "(the same in %zu more place%s)\n", *count, *count == 1 ? "" : "s");
	*count = 0;
}

void options_tell_diagnostics(const struct policy_builder *builder, FILE *out)
{
	const struct policy_diagnostics *diagnostics = policy_builder_diagnostics(builder);
	size_t same = 0;

	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct policy_diagnostic *d = &diagnostics->items[i];
		char place[512];

		/* A home folder that is not known is wrong in a hundred places of the built-in profiles. */
		if (i > 0 && strcmp(d->message, diagnostics->items[i - 1].message) == 0) {
			same++;
			continue;
		}
		tell_same(&same, out);

		policy_place_text(&d->place, place, sizeof(place));
		if (place[0]) {
			escape_for_terminal(out, place);
			fputs(": ", out);
		}
		fprintf(out, "%s\n", d->message);
	}
	tell_same(&same, out);
}

static bool is_profile(const char *name)
{
	for (const char *const *p = policy_profiles(); *p; p++)
		if (strcmp(*p, name) == 0)
			return true;
	return false;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What adding did not put into the diagnostics itself. */
static void tell_failure(FILE *out, const struct options_item *item, int r)
{
	progress_end();
	fprintf(out, "reeve: --%s ", item->key);
	escape_for_terminal(out, item->value);
	fprintf(out, ": %s\n", strerror(-r));
}

/* What may have been meant by a policy that was none. */
static void tell_advice(FILE *out, const struct options_item *item)
{
	if (item->error == 0)
		return;
	if (item->variable)
		fprintf(out, "reeve: that is what the variable %s says\n", item->variable);
	if (strcmp(item->key, "policy") != 0)
		return;
	if (strcmp(item->value, "-") == 0)
		fputs("reeve: standard input is -p /dev/stdin\n", out);
	else if (is_profile(item->value))
		fprintf(out, "reeve: the built-in profile of that name is: --use %s\n", item->value);
	else if (is_folder(item->value) && item->error == -ENOENT)
		fputs("reeve: -p FOLDER names the " OPTIONS_PROJECT_FILE " in it, and there is none\n", out);
	else if (mistakes_is_program(item->value))
		fputs("reeve: that is a program, not a policy; to run it: reeve run -- PROGRAM\n", out);
}

const char *options_policy_file(struct options *options, const char *path)
{
	AUTO_FREE char *inside = NULL;
	size_t n = strlen(path);

	if (!is_folder(path))
		return path;
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 1 && path[0] == '.')
		return OPTIONS_PROJECT_FILE;
	if (asprintf(&inside, "%.*s/" OPTIONS_PROJECT_FILE, (int)n, path) < 0) {
		inside = NULL;
		return NULL;
	}
	return options_keep(options, inside, strlen(inside));
}

static int add_policy(struct options *options, struct policy_builder *builder, struct options_item *item)
{
	item->file = options_policy_file(options, item->value);
	return item->file ? policy_add_file(builder, item->file) : -ENOMEM;
}

static int add_item(struct options *options, struct policy_builder *builder, struct options_item *item)
{
	size_t before = policy_builder_diagnostics(builder)->count;

	item->error = strcmp(item->key, "policy") == 0 ? add_policy(options, builder, item)
	                                               : policy_add_flag(builder, item->key, item->value);
	if (item->error < 0 && policy_builder_diagnostics(builder)->count == before)
		tell_failure(options->errors, item, item->error);
	return item->error;
}

/* Every item is tried, so that all that is wrong is told at once. */
static int add_items(struct options *options, struct policy_builder *builder)
{
	int result = 0;

	if (!options->has_base)
		result = policy_add_profile(builder, options->has_grant ? "base" : "workspace");
	for (size_t i = 0; i < options->items.count; i++) {
		int r = add_item(options, builder, &options->items.items[i]);

		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

/* Where one cannot be made the rule is as if nothing had been said: optional, or left to the supervisor. */
static int create_folders(struct options *options, const struct policy *policy)
{
	for (size_t i = 0; i < policy->file_count; i++) {
		struct options_folder folder = {.path = policy->files[i].path};
		int r;

		if (!policy->files[i].create)
			continue;
		folder.shared = folder_share(folder.path, &folder.made);
		if (folder.shared < 0)
			continue;
		r = ARRAY_PUSH(&options->folders, folder);
		if (r < 0) {
			close(folder.shared);
			return r;
		}
	}
	return 0;
}

int options_policy(struct options *options, struct policy **ret)
{
	struct policy_context context = options_context(options);
	struct policy_builder *builder = NULL;
	struct policy *policy = NULL;
	int r = policy_builder_new(&context, &builder);

	if (r < 0)
		return r;
	progress_begin("reading the policy");
	r = add_items(options, builder);
	progress_end();
	if (r == 0)
		r = policy_builder_finish(builder, &policy);
	if (r == 0 && options->tmp != OPTIONS_TMP_NAMED)
		r = create_folders(options, policy);
	if (r == 0)
		*ret = policy;
	else
		policy_unref(policy);
	options_tell_diagnostics(builder, options->errors);
	for (size_t i = 0; i < options->items.count; i++)
		tell_advice(options->errors, &options->items.items[i]);
	if (options->tmp_error)
		fprintf(options->errors, "reeve: cannot make a private folder in %s: %s; TMPDIR says where\n",
		        options->tmp_top, strerror(options->tmp_error));
	policy_builder_free(builder);
	return r;
}
