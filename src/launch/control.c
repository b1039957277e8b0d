#include "launch/control.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/peer.h"
#include "kernel/process.h"
#include "launch/runtime.h"
#include "plan/compare.h"
#include "plan/tell.h"
#include "record/describe.h"

#define MOST_PEERS 16
#define LONGEST_REQUEST (1 << 18)
#define PATIENCE_SECONDS 30 /* with a peer that does not speak, or does not listen */
#define STACK_SIZE (512 * 1024)
#define NOTE_SECONDS 1 /* for what the run says, until a peer is answered without */
#define MOST_STOP_SECONDS 3600
#define FOLLOW_MS 500
#define VERSION 1
#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct control {
	struct control_options options;
	int folder, socket;
	char id[RUNTIME_ID_SIZE], since[64];
	_Atomic bool command_ended;
	_Atomic int peers;
	_Atomic unsigned turned_away;
	pthread_mutex_t reloading;
};

struct conversation {
	struct control *control;
	int fd;
	pid_t peer;
	char *line;
	size_t length;
	bool is_over;
};

/* Detached, unless its number is wanted to join it. */
static int start_thread(void *(*function)(void *argument), void *argument, pthread_t *ret)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	if (!ret)
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	r = pthread_create(ret ? ret : &thread, &attributes, function, argument);
	pthread_attr_destroy(&attributes);
	return -r;
}

/* ---- notes ---- */

struct note {
	struct recorder *recorder;
	const char *kind;
	char text[96];
};

static void *note_main(void *argument)
{
	struct note *note = argument;

	recorder_note(note->recorder, note->kind, note->text);
	free(note);
	return NULL;
}

/* The note comes before what it is about, unless nobody reads what the run says: that holds up no peer. */
static void write_note(struct conversation *c, const char *kind, const char *what)
{
	struct note *note = calloc(1, sizeof(*note));
	struct timespec until;
	pthread_t thread;

	if (!note)
		return;
	note->recorder = c->control->options.launch->recorder;
	note->kind = kind;
	snprintf(note->text, sizeof(note->text), "process %d %s", c->peer, what);
	if (start_thread(note_main, note, &thread) < 0) {
		free(note);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += NOTE_SECONDS;
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0)
		pthread_detach(thread);
}

/* ---- what is said ---- */

/* Whether all of it went out. The socket gives up by itself on a peer that does not read. */
static bool send_text(struct conversation *c, const char *text, size_t size)
{
	while (size > 0 && !c->is_over) {
		ssize_t n = send(c->fd, text, size, MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			size -= (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			c->is_over = true;
		}
	}
	return !c->is_over;
}

/* Takes the object. */
static void send_object(struct conversation *c, struct json_object *object)
{
	const char *text = object ? json_object_to_json_string_ext(object, JSON_FLAGS) : NULL;

	if (!text)
		c->is_over = true;
	else if (send_text(c, text, strlen(text)))
		send_text(c, "\n", 1);
	json_object_put(object);
}

static struct json_object *reply(bool ok)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "reeve", json_object_new_int(VERSION));
	json_object_object_add(object, "ok", json_object_new_boolean(ok));
	return object;
}

static void refuse(struct conversation *c, const char *error)
{
	struct json_object *object = reply(false);

	json_object_object_add(object, "error", tell_bytes_json(error));
	send_object(c, object);
}

/* ---- status ---- */

static struct json_object *words(char *const *argv)
{
	struct json_object *list = json_object_new_array();

	for (; *argv; argv++)
		json_object_array_add(list, tell_bytes_json(*argv));
	return list;
}

static void do_status(struct conversation *c, struct json_object *request)
{
	const struct control *control = c->control;
	const struct launch_options *launch = control->options.launch;
	struct json_object *object = reply(true);
	struct recorder_totals totals;

	recorder_totals(launch->recorder, &totals);
	json_object_object_add(object, "id", json_object_new_string(control->id));
	json_object_object_add(object, "pid", json_object_new_int64(control->options.pid));
	json_object_object_add(object, "supervisor", json_object_new_int64(getpid()));
	json_object_object_add(object, "since", json_object_new_string(control->since));
	json_object_object_add(object, "state",
	        json_object_new_string(atomic_load(&control->command_ended) ? "left" : "running"));
	json_object_object_add(object, "command", words(launch->argv));
	json_object_object_add(object, "policy", tell_bytes_json(launch->policy_text));
	json_object_object_add(
	        object, "supervised", json_object_new_boolean(control->options.supervisor != NULL));
	json_object_object_add(object, "notifications", json_object_new_int64((int64_t)totals.notifications));
	json_object_object_add(object, "allowed", json_object_new_int64((int64_t)totals.allowed));
	json_object_object_add(object, "refused", json_object_new_int64((int64_t)totals.refused));
	send_object(c, object);
}

/* ---- records ---- */

static bool truth_of(struct json_object *request, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(request, key, &value) && json_object_get_boolean(value);
}

static bool peer_has_left(const struct conversation *c)
{
	struct pollfd fd = {.fd = c->fd, .events = POLLIN | POLLRDHUP};

	return poll(&fd, 1, 0) > 0;
}

static void send_lost(struct conversation *c, uint64_t lost)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "lost", json_object_new_int64((int64_t)lost));
	send_object(c, object);
}

static void do_records(struct conversation *c, struct json_object *request)
{
	struct recorder *recorder = c->control->options.launch->recorder;
	bool follow = truth_of(request, "follow"), all = truth_of(request, "all");
	uint64_t position = 0, first = 0, end = recorder_end(recorder);

	if (all)
		recorder_want_allowed(recorder, true);
	send_object(c, reply(true));
	/* Anything that the peer says, and its end, ends it. */
	while (!c->is_over && !peer_has_left(c)) {
		AUTO_FREE char *line = NULL;
		uint64_t lost = 0;
		int r = recorder_next(recorder, &position, follow ? FOLLOW_MS : 0, &line, &lost);

		if (r < 0 || (!follow && (r > 0 || first >= end)))
			break;
		/* What was there before anybody listened is not lost by this one. */
		if (lost && first > 0)
			send_lost(c, lost);
		first = position;
		if (r == 0)
			send_text(c, line, strlen(line));
	}
	if (all)
		recorder_want_allowed(recorder, false);
	c->is_over = true;
}

/* ---- stop ---- */

static void pause_ms(long milliseconds)
{
	struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

/* This thread ends with the process, which ends with the last of the tree. */
static void do_stop(struct conversation *c, struct json_object *request)
{
	struct json_object *value;
	double seconds = 10;

	if (json_object_object_get_ex(request, "seconds", &value))
		seconds = json_object_get_double(value);
	if (!(seconds >= 0 && seconds <= MOST_STOP_SECONDS))
		return refuse(c, "\"seconds\" expects a number from 0 to 3600");
	write_note(c, "stop", "asked that all of this run ends");
	/* First: with the last of the tree this process ends. */
	send_object(c, reply(true));
	process_signal_descendants(SIGTERM);
	process_signal_descendants(SIGCONT);
	pause_ms((long)(seconds * 1000));
	for (;;) {
		process_signal_descendants(SIGKILL);
		pause_ms(5);
	}
}

/* ---- reload ---- */

static int take_item(struct json_object *item, struct launch_reload_item *ret)
{
	struct json_object *key, *value;

	if (!json_object_object_get_ex(item, "key", &key) ||
	        !json_object_object_get_ex(item, "value", &value) ||
	        !json_object_is_type(key, json_type_string) || !json_object_is_type(value, json_type_string))
		return -EINVAL;
	ret->key = json_object_get_string(key);
	ret->value = json_object_get_string(value);
	return 0;
}

/* The texts stay the request's. */
static int take_items(struct json_object *request, struct launch_reload *ret)
{
	struct json_object *list, *cwd;
	size_t count;

	if (!json_object_object_get_ex(request, "policy", &list))
		return 0;
	if (!json_object_is_type(list, json_type_array) || !json_object_object_get_ex(request, "cwd", &cwd) ||
	        !json_object_is_type(cwd, json_type_string) || json_object_get_string(cwd)[0] != '/')
		return -EINVAL;
	count = json_object_array_length(list);
	ret->items = calloc(count + 1, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int r = take_item(json_object_array_get_idx(list, i), &ret->items[i]);

		if (r < 0)
			return r;
	}
	ret->count = count;
	ret->cwd = json_object_get_string(cwd);
	return 0;
}

static struct json_object *lines_of(const char *text)
{
	struct json_object *list = json_object_new_array();

	while (*text) {
		size_t n = strcspn(text, "\n");
		AUTO_FREE char *line = strndup(text, n);

		if (line && *line)
			json_object_array_add(list, tell_bytes_json(line));
		text += n + (text[n] == '\n');
	}
	return list;
}

static void swap_plan(struct conversation *c, struct plan *plan)
{
	const struct launch_options *launch = c->control->options.launch;
	AUTO_FREE char *restart = NULL;
	struct json_object *object;
	int r = plan_compare(launch->plan, plan, &restart);

	if (r == 0 && c->control->options.supervisor)
		r = supervisor_reload(c->control->options.supervisor, plan);
	else
		plan_free(plan);
	if (r == 0) {
		write_note(c, "reload", "changed the policy");
		return send_object(c, reply(true));
	}
	object = reply(false);
	json_object_object_add(object, "error",
	        json_object_new_string(r > 0 ? "what the kernel holds of this run cannot change: it needs a "
	                                       "restart"
	                                     : strerror(-r)));
	if (r > 0)
		json_object_object_add(object, "restart", lines_of(restart));
	send_object(c, object);
}

static void do_reload(struct conversation *c, struct json_object *request)
{
	const struct launch_options *launch = c->control->options.launch;
	struct launch_reload reload = {0};
	AUTO_FREE char *text = NULL;
	struct plan *plan = NULL;
	size_t size = 0;
	int r = take_items(request, &reload);

	if (r < 0) {
		free(reload.items);
		return refuse(c, "\"policy\" expects a list of {\"key\", \"value\"}, and \"cwd\" beside it");
	}
	reload.errors = open_memstream(&text, &size);
	pthread_mutex_lock(&c->control->reloading);
	r = reload.errors && launch->reload ? launch->reload(launch->user, &reload, &plan) : -ENOSYS;
	if (reload.errors)
		fclose(reload.errors);
	if (r < 0)
		refuse(c, text && *text ? text : strerror(-r));
	else
		swap_plan(c, plan);
	pthread_mutex_unlock(&c->control->reloading);
	free(reload.items);
}

/* ---- conversations ---- */

static void answer(struct conversation *c, struct json_object *request)
{
	static const struct {
		const char *name;
		void (*function)(struct conversation *c, struct json_object *request);
	} deeds[] = {
	        {"status", do_status}, {"records", do_records}, {"stop", do_stop}, {"reload", do_reload}};
	struct json_object *version, *deed;

	if (!json_object_object_get_ex(request, "reeve", &version) || json_object_get_int(version) != VERSION)
		return refuse(c, "this supervisor speaks version 1: {\"reeve\": 1, \"do\": ...}");
	if (!json_object_object_get_ex(request, "do", &deed) || !json_object_is_type(deed, json_type_string))
		return refuse(c, "\"do\" is missing");
	for (size_t i = 0; i < ELEMENTS(deeds); i++)
		if (strcmp(json_object_get_string(deed), deeds[i].name) == 0)
			return deeds[i].function(c, request);
	refuse(c, "\"do\" expects status, records, stop or reload");
}

static void take_line(struct conversation *c)
{
	struct json_object *request = json_tokener_parse(c->line);

	if (json_object_is_type(request, json_type_object))
		answer(c, request);
	else
		refuse(c, "a request is one line with one JSON object");
	json_object_put(request);
}

static void converse(struct conversation *c)
{
	while (!c->is_over) {
		char *end = memchr(c->line, '\n', c->length);
		ssize_t n;

		if (end) {
			size_t used = (size_t)(end - c->line) + 1;

			*end = '\0';
			take_line(c);
			memmove(c->line, c->line + used, c->length - used);
			c->length -= used;
			continue;
		}
		if (c->length == LONGEST_REQUEST)
			return refuse(c, "the request is too long");
		n = recv(c->fd, c->line + c->length, LONGEST_REQUEST - c->length, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		c->length += (size_t)n;
	}
}

/* Nobody of a supervised tree, this one or another: what it would ask for is what it is held from. */
static bool may_speak(struct control *control, int fd, pid_t *ret_pid)
{
	struct peer peer;
	unsigned before;
	char text[128];

	if (peer_look(fd, &peer) < 0)
		return false;
	*ret_pid = peer.pid;
	if (peer.uid != 0 && peer.uid != geteuid())
		return false;
	if (!peer_is_confined(&peer))
		return true;
	before = atomic_fetch_add(&control->turned_away, 1);
	/* Told the first time and then ever more rarely: nobody can fill the records with it. */
	if ((before & (before + 1)) == 0) {
		snprintf(text, sizeof(text),
		        "process %d of a supervised tree was turned away from the control socket (%u so far)",
		        peer.pid, before + 1);
		recorder_note(control->options.launch->recorder, "turned-away", text);
	}
	return false;
}

static void *conversation_main(void *argument)
{
	struct conversation *c = argument;

	if (may_speak(c->control, c->fd, &c->peer)) {
		c->line = malloc(LONGEST_REQUEST);
		if (c->line)
			converse(c);
	}
	atomic_fetch_sub(&c->control->peers, 1);
	close(c->fd);
	free(c->line);
	free(c);
	return NULL;
}

static void welcome(struct control *control, int fd)
{
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	struct conversation *c = calloc(1, sizeof(*c));

	if (c && atomic_fetch_add(&control->peers, 1) < MOST_PEERS) {
		*c = (struct conversation){.control = control, .fd = fd};
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		if (start_thread(conversation_main, c, NULL) == 0)
			return;
	}
	if (c)
		atomic_fetch_sub(&control->peers, 1);
	free(c);
	close(fd);
}

static void *control_main(void *argument)
{
	struct control *control = argument;

	for (;;) {
		int fd = accept4(control->socket, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			welcome(control, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_ms(100);
		else if (errno != EINTR && errno != ECONNABORTED)
			return NULL;
	}
}

/* Where our own standard descriptors were closed, a peer must not come to be one of them. */
static void hold_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static int open_folder(void)
{
	char *places[RUNTIME_PLACES];
	size_t count = runtime_places(places);
	int fd = -ENOENT;

	for (size_t i = 0; i < count; i++) {
		if (fd < 0)
			fd = runtime_open(places[i], true);
		free(places[i]);
	}
	return fd;
}

static void control_free(struct control *control)
{
	if (control->socket >= 0)
		close(control->socket);
	if (control->folder >= 0)
		close(control->folder);
	pthread_mutex_destroy(&control->reloading);
	free(control);
}

struct control *control_start(const struct control_options *options)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control)
		return NULL;
	hold_standard_descriptors();
	control->options = *options;
	control->socket = -EBADF;
	pthread_mutex_init(&control->reloading, NULL);
	describe_time(&options->since, control->since, sizeof(control->since));
	control->folder = open_folder();
	if (control->folder >= 0)
		control->socket = runtime_publish(control->folder, control->id);
	if (control->socket >= 0 && start_thread(control_main, control, NULL) == 0)
		return control;
	if (control->socket >= 0)
		runtime_withdraw(control->folder, control->id);
	control_free(control);
	return NULL;
}

void control_command_ended(struct control *control)
{
	if (control)
		atomic_store(&control->command_ended, true);
}

void control_stop(struct control *control)
{
	if (control)
		runtime_withdraw(control->folder, control->id);
}
