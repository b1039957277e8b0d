/* reeve run: a command under a policy. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/asking.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/machine.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "kernel/credentials.h"
#include "launch/launch.h"
#include "names/machine.h"
#include "record/describe.h"
#include "record/record.h"

enum {
	OPTION_JSON = OPTION_OWN,
	OPTION_LOG,
	OPTION_SUMMARY,
	OPTION_SUMMARY_JSON,
	OPTION_BEST_EFFORT,
	OPTION_VERBOSE,
	OPTION_DNS,
	OPTION_PERMISSIVE,
	OPTION_ON_DENY,
	OPTION_ASK_SOCKET,
	OPTION_ASK_TIMEOUT,
};

static const struct option known[] = {
        OPTIONS_OF_POLICIES,
        {"json", required_argument, NULL, OPTION_JSON},
        {"log", required_argument, NULL, OPTION_LOG},
        {"summary", no_argument, NULL, OPTION_SUMMARY},
        {"summary-json", required_argument, NULL, OPTION_SUMMARY_JSON},
        {"dns", required_argument, NULL, OPTION_DNS},
        {"best-effort", no_argument, NULL, OPTION_BEST_EFFORT},
        {"verbose-denials", no_argument, NULL, OPTION_VERBOSE},
        {"on-deny", required_argument, NULL, OPTION_ON_DENY},
        {"ask-socket", required_argument, NULL, OPTION_ASK_SOCKET},
        {"ask-timeout", required_argument, NULL, OPTION_ASK_TIMEOUT},
        {"permissive", no_argument, NULL, OPTION_PERMISSIVE},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {0},
};

struct running {
	struct options options;
	struct plan_options plan_options;
	const char *json, *log, *summary_json, *dns;
	const char *on_deny, *ask_socket, *ask_timeout;
	int ask_fd;
	unsigned ask_seconds;
	bool summary, quiet, colour;
	bool done; /* help was asked for */

	FILE *text;   /* a copy of stderr, or the log */
	FILE *errors; /* a copy of stderr */
	int json_fd, summary_fd;
	struct recorder *recorder;
	const struct plan *plan; /* the one that is worn */
};

static void take_own(struct running *running, int c, const char *value)
{
	switch (c) {
	case OPTION_JSON:
		running->json = value;
		break;
	case OPTION_LOG:
		running->log = value;
		break;
	case OPTION_SUMMARY:
		running->summary = true;
		break;
	case OPTION_SUMMARY_JSON:
		running->summary_json = value;
		break;
	case OPTION_DNS:
		running->dns = optarg;
		break;
	case OPTION_BEST_EFFORT:
		running->plan_options.best_effort = true;
		break;
	case OPTION_VERBOSE:
		running->plan_options.verbose_denials = true;
		break;
	case OPTION_ON_DENY:
		running->on_deny = value;
		break;
	case OPTION_ASK_SOCKET:
		running->ask_socket = value;
		break;
	case OPTION_ASK_TIMEOUT:
		running->ask_timeout = value;
		break;
	case OPTION_PERMISSIVE:
		/* What a kernel layer refuses stays refused. */
		running->plan_options.permissive = running->plan_options.verbose_denials = true;
		break;
	case 'q':
		running->quiet = true;
		break;
	case 'h':
		cli_print_help(&cli_run);
		running->done = true;
		break;
	}
}

static int take_variable(void *user, int option, const char *value)
{
	take_own(user, option, value);
	return 0;
}

/* "reeve run --summary-json make": the command went into an option. */
static void complain_of_nothing(int argc, char **argv)
{
	const char *last = argv[argc - 1], *before = argc > 2 ? argv[argc - 2] : "";

	fputs("reeve run: no command", stderr);
	if (last[0] != '-' && before[0] == '-' && argc > 2) {
		fputs("; ", stderr);
		escape_for_terminal(stderr, last);
		fputs(" was taken as the value of ", stderr);
		escape_for_terminal(stderr, before);
	}
	fputs(". Type: reeve run [OPTIONS] -- COMMAND [ARGUMENTS]\n", stderr);
}

static int read_options(struct running *running, int argc, char **argv)
{
	int c, r = environment_read("run", known, take_variable, running);

	opterr = 0;
	if (r < 0)
		return r;
	/* The first word that is no option ends them: what follows belongs to the command. */
	while (!running->done && (c = getopt_long(argc, argv, "+:p:qh", known, NULL)) >= 0) {
		r = options_take(&running->options, c, optarg);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (c == '?' || c == ':') {
			options_complain("run", c, argv, known);
			return -EINVAL;
		}
		take_own(running, c, optarg);
	}
	if (running->done)
		return 0;
	if (argv[optind])
		return environment_take_base("run", &running->options);
	complain_of_nothing(argc, argv);
	return -EINVAL;
}

/* ---- where records go ---- */

static int open_output(const char *path, int flags, int *ret)
{
	int fd = strcmp(path, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
	                                : open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, 0666);
	int r = fd < 0 ? -errno : 0;

	if (r < 0) {
		fputs("reeve run: cannot write ", stderr);
		escape_for_terminal(stderr, path);
		fprintf(stderr, ": %s\n", strerror(-r));
		return r;
	}
	*ret = fd;
	return 0;
}

static int open_stream(int fd, FILE **ret)
{
	AUTO_CLOSE int own = fd;
	FILE *stream;

	if (own < 0)
		return -errno;
	stream = fdopen(own, "w");
	if (!stream)
		return -errno;
	own = -EBADF;
	*ret = stream;
	return 0;
}

/* The command may close or redirect its own stderr: ours is a copy. */
static int open_outputs(struct running *running)
{
	int r = open_stream(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), &running->errors);
	int log;

	if (r == 0 && running->json)
		r = open_output(running->json, O_APPEND, &running->json_fd);
	if (r == 0 && running->summary_json)
		r = open_output(running->summary_json, O_TRUNC, &running->summary_fd);
	if (r == 0 && running->log) {
		r = open_output(running->log, O_APPEND, &log);
		if (r == 0)
			r = open_stream(log, &running->text);
	}
	return r;
}

static bool wants_colour(const struct running *running)
{
	const char *no_color = getenv("NO_COLOR");

	return !running->log && isatty(STDERR_FILENO) && !(no_color && no_color[0]);
}

static int make_recorder(struct running *running)
{
	struct record_options options;

	running->colour = wants_colour(running);
	options = (struct record_options){
	        .text = running->quiet ? NULL
	                : running->log ? running->text
	                               : running->errors,
	        .json = running->json_fd,
	        .summary = running->summary || running->summary_json,
	        .home = running->options.home,
	        .colour = running->colour,
	        .errors = running->errors,
	        .recent = true,
	        .wanted = running->plan_options.permissive && !running->quiet,
	};

	return recorder_new(&options, &running->recorder);
}

static void close_outputs(struct running *running)
{
	recorder_free(running->recorder);
	if (running->text)
		fclose(running->text);
	if (running->errors)
		fclose(running->errors);
	if (running->json_fd >= 0)
		close(running->json_fd);
	if (running->summary_fd >= 0)
		close(running->summary_fd);
}

/* ---- the run ---- */

/* What Landlock refuses the command alone tells, if it does. Signals and codes of our own say what they mean,
 * and whoever has seen a refusal told knows the rest. */
static void tell_how_to_see(const struct running *running, int code)
{
	struct recorder_totals totals;

	recorder_totals(running->recorder, &totals);
	if (code == 0 || code >= LAUNCH_EXIT_LIMIT || totals.refused || running->quiet || running->log ||
	        !running->plan->uses_landlock || running->plan_options.verbose_denials ||
	        !isatty(fileno(running->errors)))
		return;
	fprintf(running->errors,
	        "%sreeve: exit status %d; if something was refused, reeve run --verbose-denials ... says "
	        "what%s\n",
	        running->colour ? "\033[2m" : "", code, running->colour ? "\033[0m" : "");
	fflush(running->errors);
}

static void ended(void *user, int code, bool tree_lives)
{
	struct running *running = user;

	/* Unasked, nothing is said that the command alone would not have said. */
	if (tree_lives && (running->summary || running->json))
		recorder_note(running->recorder, "tree-lives",
		        "the command has ended, and others that it started live on under the policy");
	recorder_close_text(running->recorder);
	if (running->plan_options.permissive && !running->quiet)
		recorder_tell_wanted(running->recorder, running->log ? running->text : running->errors);
	recorder_write_summary(running->recorder,
	        !running->summary ? NULL
	        : running->log    ? running->text
	                          : running->errors,
	        running->summary_fd);
	tell_how_to_see(running, code);
}

/* These make files in /tmp whatever TMPDIR says, and there is no /tmp for them. */
static int point_at_private_tmp(const char *path)
{
	static const char *const own[] = {"TMUX_TMPDIR", "SCREENDIR"}, *const others[] = {"TMP", "TEMP"};

	for (size_t i = 0; i < ELEMENTS(own); i++)
		if (setenv(own[i], path, 0) < 0)
			return -errno;
	for (size_t i = 0; i < ELEMENTS(others); i++)
		if (getenv(others[i]) && setenv(others[i], path, 1) < 0)
			return -errno;
	return setenv("TMPDIR", path, 1) < 0 ? -errno : 0;
}

static void finished(void *user)
{
	struct running *running = user;

	options_remove_folders(&running->options);
}

/* What cannot be kept stays: whether others share it is not known then. */
static void keep_folders(struct options *options, int *kept, size_t *count, size_t size)
{
	for (size_t i = 0; i < options->folders.count; i++)
		if (credentials_keep(kept, count, size, options->folders.items[i].shared) < 0)
			options->folders.items[i].made = false;
}

static void tell_notes(const struct running *running, const struct plan *plan)
{
	const char *notes = plan->notes ? plan->notes : "";

	while (*notes) {
		size_t n = strcspn(notes, "\n");
		AUTO_FREE char *line = strndup(notes, n);

		if (line && *line)
			recorder_note(running->recorder, "best-effort", line);
		notes += n + (notes[n] == '\n');
	}
}

/* What the policy was made of, as it was typed. */
static char *policy_text_of(const struct options *options)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (!options->has_base)
		fprintf(out, "--use %s", options->has_grant ? "base" : "workspace");
	for (size_t i = 0; i < options->items.count; i++) {
		const struct options_item *item = &options->items.items[i];

		fprintf(out, "%s--%s ", i || !options->has_base ? " " : "", item->key);
		escape_for_shell(out, item->value);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* As the run's own flags, but other items; what they refer to is the same. */
static int take_items(struct options *options, const struct launch_reload *reload)
{
	options->items.items = NULL;
	options->items.count = options->items.capacity = 0;
	options->has_base = options->has_grant = false;
	options->cwd = (char *)reload->cwd;
	for (size_t i = 0; i < reload->count; i++) {
		int r = options_take_key(options, reload->items[i].key, reload->items[i].value);

		if (r < 0) {
			fprintf(options->errors, "there is no rule called %s", reload->items[i].key);
			return r;
		}
	}
	return 0;
}

static int reload(void *user, const struct launch_reload *reload, struct plan **ret)
{
	struct running *running = user;
	struct plan_options plan_options = running->plan_options;
	struct options options = running->options; /* what is in it stays the run's */
	struct policy *policy = NULL;
	int r = 0;

	options.errors = reload->errors;
	/* What was not made at the start is not made now: it could not be opened up anyway. */
	options.tmp = OPTIONS_TMP_NAMED;
	plan_options.worn = running->plan;
	if (reload->items)
		r = take_items(&options, reload);
	if (r == 0)
		r = options_policy(&options, &policy);
	if (r == 0)
		r = plan_new(policy, &plan_options, ret);
	policy_unref(policy);
	if (reload->items)
		free(options.items.items);
	if (!running->options.tmp_path)
		free(options.tmp_path);
	return r;
}

static void write_rule(void *user, const struct record *record)
{
	struct running *running = user;
	AUTO_FREE char *text = NULL, *rule = NULL;
	const char *file = NULL;
	size_t size = 0;
	FILE *out;

	if (hint_of(record) != HINT_RULE || !hint_has_policy(record)) {
		recorder_note(running->recorder, "rule", "no rule beside the others would allow this");
		return;
	}
	out = open_memstream(&rule, &size);
	if (!out)
		return;
	hint_policy(out, record, running->options.home);
	if (fclose(out) != 0)
		return;
	if (asking_write_rule(&running->options, record, &file) < 0)
		size = (size_t)asprintf(&text, "to allow this in later runs add to a policy: %s", rule);
	else
		size = (size_t)asprintf(&text, "added to %s: %s", file, rule);
	if ((ssize_t)size < 0)
		text = NULL;
	else
		recorder_note(running->recorder, "rule", text);
}

/* What the process holds goes with it: to free it piece by piece would only take time. And the heap and the
 * streams may be the supervisor's by now. */
static _Noreturn void launch_and_end(const struct launch_options *options)
{
	fflush(NULL);
	_exit(launch_run(options));
}

/* Returns only when the command was not started at all. */
static int launch(
        struct running *running, const struct plan *plan, const struct reeve_features *features, char **argv)
{
	int kept[16], r;
	size_t kept_count = 0;
	AUTO_FREE char *policy_text = policy_text_of(&running->options);
	struct launch_options options = {
	        .plan = plan,
	        .features = features,
	        .argv = argv,
	        .recorder = running->recorder,
	        .privileged = running->plan_options.privileged,
	        .private_tmp = running->options.tmp_path,
	        .name_server = running->dns,
	        .best_effort = running->plan_options.best_effort,
	        .ended = ended,
	        .finished = finished,
	        .reload = reload,
	        .ask_socket = running->ask_fd,
	        .ask_seconds = running->ask_seconds,
	        .home = running->options.home,
	        .write_rule = write_rule,
	        .policy_text = policy_text ? policy_text : "",
	        .user = running,
	};

	credentials_keep(kept, &kept_count, ELEMENTS(kept), running->options.tmp_lock);
	credentials_keep(kept, &kept_count, ELEMENTS(kept), running->json_fd);
	credentials_keep(kept, &kept_count, ELEMENTS(kept), running->summary_fd);
	credentials_keep(kept, &kept_count, ELEMENTS(kept), fileno(running->errors));
	if (running->text)
		credentials_keep(kept, &kept_count, ELEMENTS(kept), fileno(running->text));
	keep_folders(&running->options, kept, &kept_count, ELEMENTS(kept));
	options.kept = kept;
	options.kept_count = kept_count;
	r = options.private_tmp ? point_at_private_tmp(options.private_tmp) : 0;
	if (r < 0)
		return r;
	environment_hide();
	/* From here on the terminal is the command's. */
	progress_silence();
	running->plan = plan;
	tell_notes(running, plan);
	launch_and_end(&options);
}

/* Before anything is made: whoever is asked must be there. */
static int prepare_asking(struct running *running)
{
	bool asks = running->on_deny && strcmp(running->on_deny, "ask") == 0;

	if (running->on_deny && !asks && strcmp(running->on_deny, "deny") != 0) {
		fputs("reeve run: --on-deny expects ask or deny, found ", stderr);
		escape_for_terminal(stderr, running->on_deny);
		fputc('\n', stderr);
		return -EINVAL;
	}
	if (asks && running->plan_options.permissive) {
		fputs("reeve run: --permissive refuses nothing, so --on-deny=ask has nothing to ask\n",
		        stderr);
		return -EINVAL;
	}
	if (running->ask_timeout && asking_read_seconds(running->ask_timeout, &running->ask_seconds) < 0)
		return -EINVAL;
	if (running->ask_socket) {
		running->ask_fd = asking_connect(running->ask_socket);
		if (running->ask_fd < 0)
			return running->ask_fd;
	}
	/* What a kernel layer refuses nobody can allow. */
	running->plan_options.asks = asks;
	running->plan_options.verbose_denials |= asks;
	return 0;
}

/* Who is to be asked, or when, without anything to ask about. */
static int check_asking(const struct running *running, const struct plan *plan)
{
	if (plan->asks || !(running->ask_socket || running->ask_timeout))
		return 0;
	fprintf(stderr, "reeve run: --ask-%s goes with %s\n", running->ask_socket ? "socket" : "timeout",
	        running->plan_options.permissive
	                ? "rules that ask, and --permissive refuses nothing"
	                : "--on-deny=ask, or with rules that ask (--ask PATH, 'ask: [PATH]')");
	return -EINVAL;
}

/* Also where no rule names a host: what is wrong is told when it is said, and not in some later run. */
static int check_name_server(const struct running *running)
{
	struct machine_server server;

	if (!running->dns || machine_read_server(running->dns, &server) == 0)
		return 0;
	fprintf(stderr,
	        "reeve run: %s expects an address such as 192.0.2.1, 192.0.2.1:5353 or 2001:db8::1, found ",
	        running->dns == getenv("REEVE_DNS") ? "REEVE_DNS" : "--dns");
	escape_for_terminal(stderr, running->dns);
	fputc('\n', stderr);
	return -EINVAL;
}

static int run(struct running *running, char **argv)
{
	struct reeve_features features;
	struct policy *policy = NULL;
	struct plan *plan = NULL;
	int r = check_name_server(running);

	if (r == 0)
		r = prepare_asking(running);

	if (running->quiet)
		progress_silence();
	if (r == 0)
		r = open_outputs(running);
	if (r == 0)
		r = options_policy(&running->options, &policy);
	if (r == 0)
		r = machine_plan(policy, &running->plan_options, MACHINE_RUNS, &features, &plan);
	if (r == 0)
		r = check_asking(running, plan);
	if (r == 0)
		r = make_recorder(running);
	if (r == 0)
		r = launch(running, plan, &features, argv);
	options_remove_folders(&running->options);
	plan_free(plan);
	policy_unref(policy);
	return r;
}

static int main_of_run(int argc, char **argv)
{
	struct running running = {.ask_fd = -EBADF,
	        .ask_seconds = ASKING_SECONDS,
	        .json_fd = -EBADF,
	        .summary_fd = -EBADF,
	        .dns = getenv("REEVE_DNS")};
	int r = options_init(OPTIONS_TMP_TAKEN, &running.options);

	if (running.dns && !*running.dns)
		running.dns = NULL;
	if (r < 0) {
		fprintf(stderr, "reeve run: the working directory: %s\n", strerror(-r));
		return LAUNCH_EXIT_FAILED;
	}
	r = read_options(&running, argc, argv);
	if (r == 0 && !running.done)
		run(&running, argv + optind);
	close_outputs(&running);
	options_done(&running.options);
	return running.done ? 0 : LAUNCH_EXIT_FAILED;
}

static const char help[] =
        "Usage: reeve run [OPTIONS] [--] COMMAND [ARGUMENTS]\n"
        "  --read PATH, --write PATH, --exec PATH   grant a file or a whole tree\n"
        "  --deny, --hide, --ask PATH   take a part back, or ask; also '**/.env'\n"
        "  --connect ADDRESS, --listen ADDRESS   grant: '10.0.0.0/8:443', 'udp:*:53',\n"
        "  --deny-connect, --deny-listen, --ask-connect, --ask-listen   'unix:~/x.sock'\n"
        "  --redirect, --redirect-connect FROM=TO   another path, address in its place\n"
        "  --allow-call, --deny-call, --kill-call, --ask-call CALL   'bpf', '@mount'\n"
        "  -p, --policy FILE            rules from a file      (all of these may be\n"
        "  --use PROFILE                a built-in profile      given many times)\n"
        "  --limit NAME=VALUE           memory=2G, processes=200, cpu-time=60s, ...\n"
        "  --stdout FILE, --stderr FILE, --rotate SIZE, --keep N   output to files\n"
        "  --json FILE                  one JSON line for each decision (-: stdout)\n"
        "  --log FILE, -q, --quiet; --summary, --summary-json FILE   denials; counts\n"
        "  --dns ADDRESS[:PORT]; --network own   a name server; nothing but a loopback\n"
        "  --on-deny=ask; --permissive  ask (--ask-timeout, --ask-socket); refuse nothing\n"
        "  --verbose-denials, --best-effort   tell all; go on where a rule has no layer\n"
        "Without -p and --use the profile is workspace, or base when paths are granted;\n"
        "--use secrets and --use loopback add to it.\n"
        "Examples:\n"
        "  reeve run -- npm install\n"
        "  reeve run --read / --exec / --write build -- make\n"
        "  reeve run -p policy.yaml --json record.jsonl -- ./configure\n"
        "Exit code: the command's; 128+N for signal N; 127 not found, 126 cannot be run,\n"
        "125 reeve itself failed and nothing ran, 124 a limit ended it.\n";

const struct cli_command cli_run = {
        .name = "run",
        .summary = "run a command under a policy: reeve run [OPTIONS] -- COMMAND",
        .help = help,
        .options = known,
        .function = main_of_run,
        .operand = CLI_COMMAND,
};
