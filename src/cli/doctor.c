/* reeve doctor: what the kernel and this machine offer, and what a policy loses here. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/findings.h"
#include "cli/machine.h"
#include "cli/options.h"

#define OPTION_JSON OPTION_OWN
#define WIDTH 80

static const struct option known[] = {
        OPTIONS_OF_POLICIES,
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {0},
};

static const char help[] =
        "Usage: reeve doctor [OPTIONS]\n"
        "Tells what this kernel and this machine offer, what is lost without what is\n"
        "missing, and what to do. Tries each thing, also that the default policy runs.\n"
        "  -p, --policy FILE    what this policy loses here; also\n"
        "  --use PROFILE, --limit NAME=SIZE, --read, --write, --exec, --deny, --hide,\n"
        "  --ask PATH, --connect, --listen, --deny-connect, --deny-listen, --ask-connect,\n"
        "  --ask-listen ADDRESS, --redirect, --redirect-connect FROM=TO, --allow-call,\n"
        "  --deny-call, --kill-call, --ask-call CALL,\n"
        "  --stdout, --stderr FILE, --rotate SIZE, --keep N, --network own, as for run\n"
        "  --json               for programs\n"
        "Examples:\n"
        "  reeve doctor\n"
        "  reeve doctor -p policy.yaml\n"
        "  reeve doctor --json\n"
        "Exit code: 0 when all is here that reeve run needs by default (with a policy:\n"
        "that the policy needs), 1 when something is not, 2 for errors.\n";

struct doctor {
	struct options options;
	bool json;
	bool has_policy; /* one was asked about */
	bool done;       /* help was asked for */

	struct reeve_features features;
	struct surroundings around;
	struct findings findings;
	char *run_error;     /* why the default does not run; NULL when it does */
	char *policy_losses; /* lines; NULL when nothing is lost */
};

static int read_options(struct doctor *d, int argc, char **argv)
{
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":p:h", known, NULL)) >= 0) {
		r = options_take(&d->options, c, optarg);
		if (r < 0)
			return r;
		if (r > 0) {
			d->has_policy = true;
		} else if (c == OPTION_JSON) {
			d->json = true;
		} else if (c == 'h') {
			d->done = true;
			return cli_print_help(&cli_doctor) ? -EIO : 0;
		} else {
			options_complain("doctor", c, argv, known);
			return -EINVAL;
		}
	}
	if (argv[optind]) {
		cli_refuse_words(&cli_doctor, argv + optind);
		fputs("A policy is named by -p FILE or --use PROFILE.\n", stderr);
		return -EINVAL;
	}
	r = environment_take_base("doctor", &d->options);
	d->has_policy |= d->options.has_base;
	return r;
}

/* ---- trying ---- */

/* In a child: ourselves, running `true` under the default. */
static _Noreturn void exec_run(int output)
{
	static const char *const words[] = {"reeve", "run", "--", "true", NULL};

	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execv("/proc/self/exe", (char *const *)(uintptr_t)words);
	dprintf(STDERR_FILENO, "cannot start itself: %s", strerror(errno));
	_exit(125);
}

/* All that comes, without the end of the last line. NULL when memory is short. */
static char *read_output(int fd)
{
	FILE *in = fdopen(fd, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t n = in ? getdelim(&text, &room, '\0', in) : -1;

	if (in)
		fclose(in);
	if (n <= 0) {
		free(text);
		return strdup("");
	}
	text[n - (text[n - 1] == '\n')] = '\0';
	return text;
}

/* Runs `true` under the default policy. `ret_error` is NULL when that works. 0, -ENOMEM. */
static int try_run(char **ret_error)
{
	AUTO_FREE char *output = NULL;
	int pipes[2], status = 0;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		exec_run(pipes[1]);
	close(pipes[1]);
	output = read_output(pipes[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!output)
		return -ENOMEM;
	*ret_error = NULL;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (pid > 0 && WIFEXITED(status) && output[0])
		*ret_error = strdup(strncmp(output, "reeve: ", 7) == 0 ? output + 7 : output);
	else if (asprintf(ret_error, "`reeve run -- true` ended with %s %d",
	                 WIFSIGNALED(status) ? "signal" : "status",
	                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)) < 0)
		*ret_error = NULL;
	return *ret_error ? 0 : -ENOMEM;
}

/* In a child: a filter may kill whoever tries. What a dead one has not told is missing. */
static int probe(struct reeve_features *ret)
{
	struct {
		int result;
		struct reeve_features features;
	} told = {0};
	AUTO_CLOSE int in = -EBADF;
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	in = pipes[0];
	pid = fork();
	if (pid == 0) {
		told.result = reeve_probe(&told.features);
		_exit(write(pipes[1], &told, sizeof(told)) != sizeof(told));
	}
	close(pipes[1]);
	if (pid < 0)
		return -errno;
	if (read(in, &told, sizeof(told)) != sizeof(told))
		memset(&told, 0, sizeof(told));
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	*ret = told.features;
	return told.result;
}

static int look(struct doctor *d)
{
	struct policy *policy = NULL;
	int r = probe(&d->features);

	if (r < 0) {
		fprintf(stderr, "reeve doctor: cannot find out what this kernel can do: %s\n", strerror(-r));
		return r;
	}
	surroundings_look(&d->around);
	findings_collect(&d->features, &d->around, options_tmp_top(), &d->findings);
	if (d->has_policy) {
		r = options_policy(&d->options, &policy);
		if (r == 0)
			r = machine_losses(policy, &d->features, &d->policy_losses);
		policy_unref(policy);
		return r;
	}
	return try_run(&d->run_error);
}

/* ---- for people ---- */

static void write_wrapped(const char *text, size_t column, int indent)
{
	bool first = true;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (!first && column + 1 + n > WIDTH) {
			printf("\n%*s", indent, "");
			column = (size_t)indent;
		} else if (!first) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)n, text);
		column += n;
		text += n + (text[n] == ' ');
		first = false;
	}
	putchar('\n');
}

static void write_labelled(const char *label, const char *text)
{
	printf("           %s: ", label);
	write_wrapped(text, 13 + strlen(label), 13);
}

static void write_finding(const struct finding *f)
{
	AUTO_FREE char *line = NULL;
	bool is_well = f->state == FINDING_WORKS;

	if (asprintf(&line, "%s%s%s%s%s%s", f->name, f->since ? " (" : "", f->since ? f->since : "",
	            f->since ? ")" : "", f->detail[0] ? ": " : "", f->detail) < 0)
		return;
	printf("  %-9s", finding_state_name(f->state));
	write_wrapped(line, 11, 13);
	if (!is_well && f->loses)
		write_labelled("lost", f->loses);
	if (!is_well && f->remedy)
		write_labelled("to do", f->remedy);
}

/* "inside docker, a chroot; ..." */
static void write_surroundings(const struct surroundings *s)
{
	struct {
		bool holds;
		const char *text;
	} words[] = {
	        {s->container[0], s->container},
	        {s->is_chroot, "a chroot"},
	        {s->in_user_namespace, "a user namespace"},
	        {s->in_pid_namespace, "a pid namespace"},
	        {s->seccomp_filters > 0, "seccomp filters"},
	        {s->no_new_privileges, "no_new_privs"},
	};
	bool first = true;

	printf("reeve %s, Linux %s %s, ", cli_version_number, s->release, s->machine);
	printf(geteuid() == 0 ? "root" : "user %u", geteuid());
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		if (!words[i].holds)
			continue;
		printf("%s%s", first ? "; inside: " : ", ", words[i].text);
		first = false;
	}
	putchar('\n');
}

static void write_lines(const char *lines)
{
	while (*lines) {
		size_t n = strcspn(lines, "\n");
		AUTO_FREE char *line = strndup(lines, n);

		if (line && *line) {
			fputs("  - ", stdout);
			write_wrapped(line, 4, 4);
		}
		lines += n + (lines[n] == '\n');
	}
}

static void write_verdict(const struct doctor *d)
{
	if (d->has_policy && d->policy_losses)
		puts("\nThis policy does not hold here as it is written:");
	else if (d->has_policy)
		puts("\nThis policy holds here as it is written.");
	else if (d->run_error)
		puts("\nreeve run does not work here:");
	else
		puts("\nreeve run works here: all is there that its default policy needs.");
	if (d->has_policy && d->policy_losses)
		write_lines(d->policy_losses);
	if (!d->has_policy && d->run_error)
		write_lines(d->run_error);
	if (!d->has_policy && access(OPTIONS_PROJECT_FILE, F_OK) == 0)
		puts("A " OPTIONS_PROJECT_FILE
		     " lies in this folder. It is used when it is named: reeve run -p . "
		     "-- COMMAND");
}

static void write_text(const struct doctor *d)
{
	const char *group = "";

	write_surroundings(&d->around);
	for (size_t i = 0; i < d->findings.count; i++) {
		const struct finding *f = &d->findings.items[i];

		if (strcmp(f->group, group) != 0)
			printf("\n%s:\n", f->group);
		group = f->group;
		write_finding(f);
	}
	write_verdict(d);
}

/* ---- for programs ---- */

static struct json_object *string_or_null(const char *text)
{
	return text && text[0] ? json_object_new_string(text) : NULL;
}

static struct json_object *finding_json(const struct finding *f)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "id", json_object_new_string(f->id));
	json_object_object_add(object, "name", json_object_new_string(f->name));
	json_object_object_add(object, "since", string_or_null(f->since));
	json_object_object_add(object, "state", json_object_new_string(finding_state_name(f->state)));
	json_object_object_add(object, "detail", string_or_null(f->detail));
	json_object_object_add(object, "loses", string_or_null(f->loses));
	json_object_object_add(object, "remedy", string_or_null(f->remedy));
	return object;
}

static struct json_object *surroundings_json(const struct surroundings *s)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "container", string_or_null(s->container));
	json_object_object_add(object, "chroot", json_object_new_boolean(s->is_chroot));
	json_object_object_add(object, "pid_namespace", json_object_new_boolean(s->in_pid_namespace));
	json_object_object_add(object, "user_namespace", json_object_new_boolean(s->in_user_namespace));
	json_object_object_add(object, "seccomp_filters",
	        s->seccomp_filters < 0 ? NULL : json_object_new_int(s->seccomp_filters));
	json_object_object_add(object, "no_new_privs", json_object_new_boolean(s->no_new_privileges));
	return object;
}

static void write_json(const struct doctor *d)
{
	struct json_object *whole = json_object_new_object(), *findings = json_object_new_array();
	const char *error = d->has_policy ? d->policy_losses : d->run_error;

	for (size_t i = 0; i < d->findings.count; i++)
		json_object_array_add(findings, finding_json(&d->findings.items[i]));
	json_object_object_add(whole, "schema", json_object_new_int(1));
	json_object_object_add(whole, "version", json_object_new_string(cli_version_number));
	json_object_object_add(whole, "kernel", json_object_new_string(d->around.release));
	json_object_object_add(whole, "machine", json_object_new_string(d->around.machine));
	json_object_object_add(whole, "landlock_abi", json_object_new_int(d->features.landlock_abi));
	json_object_object_add(whole, "inside", surroundings_json(&d->around));
	json_object_object_add(whole, "findings", findings);
	json_object_object_add(whole, "asked", json_object_new_string(d->has_policy ? "policy" : "default"));
	json_object_object_add(whole, "works", json_object_new_boolean(!error));
	json_object_object_add(whole, "error", string_or_null(error));
	puts(json_object_to_json_string_ext(
	        whole, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(whole);
}

static int examine(struct doctor *d)
{
	int r = look(d);

	options_remove_folders(&d->options);
	if (r < 0)
		return r;
	if (d->json)
		write_json(d);
	else
		write_text(d);
	if (fflush(stdout) == EOF)
		return -errno;
	return d->run_error || d->policy_losses;
}

static int main_of_doctor(int argc, char **argv)
{
	struct doctor d = {0};
	int r = options_init(OPTIONS_TMP_MADE, &d.options);

	if (r < 0) {
		fprintf(stderr, "reeve doctor: the working directory: %s\n", strerror(-r));
		return CLI_EXIT_WRONG;
	}
	r = read_options(&d, argc, argv);
	if (r == 0 && !d.done)
		r = examine(&d);
	free(d.run_error);
	free(d.policy_losses);
	options_done(&d.options);
	return r < 0 ? CLI_EXIT_WRONG : r;
}

const struct cli_command cli_doctor = {
        .name = "doctor",
        .summary = "what this machine offers, and what a policy loses here",
        .help = help,
        .options = known,
        .function = main_of_doctor,
};
