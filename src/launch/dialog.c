#include "launch/dialog.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"

#define MOST_INPUT (1 << 18)
#define DEAF_MS 300
#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void dialog_init(int peer, struct dialog *ret)
{
	*ret = (struct dialog){.peer = peer, .terminal = -EBADF};
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static void send_answer(const struct dialog *dialog, int64_t id, const char *verdict)
{
	char line[96];
	int n = snprintf(
	        line, sizeof(line), "{\"answer\": %lld, \"verdict\": \"%s\"}\n", (long long)id, verdict);

	send(dialog->peer, line, (size_t)n, MSG_NOSIGNAL);
}

/* ---- the terminal ---- */

static pid_t group_of(struct json_object *object)
{
	struct json_object *tid;

	return json_object_object_get_ex(object, "tid", &tid) ? getpgid(json_object_get_int(tid)) : -1;
}

static bool is_same(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
	       a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) == 0;
}

/* A foreground that belongs to neither, say to a shell that is being typed into, is not disturbed. */
static int take_terminal(struct dialog *dialog, struct json_object *object)
{
	AUTO_CLOSE int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	pid_t foreground = fd < 0 ? -1 : tcgetpgrp(fd), own = getpgrp();

	if (foreground <= 0 || tcgetattr(fd, &dialog->before) < 0)
		return -ENOTTY;
	dialog->foreground = 0;
	if (foreground != own) {
		if (foreground != group_of(object) || tcsetpgrp(fd, own) < 0)
			return -EBUSY;
		dialog->foreground = foreground;
	}
	/* Lines, and seen while they are typed; whatever the program has the terminal do. */
	dialog->asking = dialog->before;
	dialog->asking.c_lflag |= ICANON | ECHO | ECHOE | ISIG;
	dialog->asking.c_iflag |= ICRNL;
	dialog->asking.c_oflag |= OPOST | ONLCR;
	dialog->is_changed = !is_same(&dialog->asking, &dialog->before);
	if (dialog->is_changed && tcsetattr(fd, TCSANOW, &dialog->asking) == 0)
		tcgetattr(fd, &dialog->asking);
	/* What was typed for the program is no answer. */
	tcflush(fd, TCIFLUSH);
	dialog->length = 0;
	dialog->terminal = TAKE_FD(fd);
	return 0;
}

static void give_terminal_back(struct dialog *dialog)
{
	struct termios now;

	if (dialog->terminal < 0)
		return;
	/* Unless the program has changed it meanwhile. */
	if (dialog->is_changed && tcgetattr(dialog->terminal, &now) == 0 && is_same(&now, &dialog->asking))
		tcsetattr(dialog->terminal, TCSANOW, &dialog->before);
	if (dialog->foreground && tcgetpgrp(dialog->terminal) == getpgrp())
		tcsetpgrp(dialog->terminal, dialog->foreground);
	/* Who draws the whole screen draws it again. */
	if (!(dialog->before.c_lflag & ICANON)) {
		pid_t group = tcgetpgrp(dialog->terminal);

		if (group > 0 && group != getpgrp())
			kill(-group, SIGWINCH);
	}
	close(dialog->terminal);
	dialog->terminal = -EBADF;
}

/* ---- the words ---- */

static void tell_wish(FILE *out, struct json_object *object)
{
	struct json_object *access, *tid;
	const char *operation = text_of(object, "operation"), *second = text_of(object, "second");

	escape_for_terminal(out, text_of(object, "program") ? text_of(object, "program") : "?");
	if (json_object_object_get_ex(object, "tid", &tid))
		fprintf(out, "[%d]", json_object_get_int(tid));
	fprintf(out, " wants to %s", operation ? operation : "call");
	if (json_object_object_get_ex(object, "access", &access) &&
	        json_object_is_type(access, json_type_array))
		for (size_t i = 0; i < json_object_array_length(access); i++)
			fprintf(out, "%s%s", i ? ", " : " (",
			        json_object_get_string(json_object_array_get_idx(access, i)));
	if (access && json_object_is_type(access, json_type_array) && json_object_array_length(access))
		fputc(')', out);
	if (text_of(object, "object")) {
		fputc(' ', out);
		escape_for_terminal(out, text_of(object, "object"));
	} else {
		fprintf(out, ": %s", text_of(object, "call") ? text_of(object, "call") : "?");
	}
	if (second) {
		fputs(", ", out);
		escape_for_terminal(out, second);
	}
	if (text_of(object, "asked")) {
		fputs(" in the place of ", out);
		escape_for_terminal(out, text_of(object, "asked"));
	}
	fputc('\n', out);
}

static void tell_reason(FILE *out, struct json_object *object)
{
	struct json_object *rule;

	fputs("       ", out);
	if (!json_object_object_get_ex(object, "rule", &rule) || !rule) {
		fputs("no rule allows it", out);
	} else {
		const char *verdict = text_of(rule, "verdict");
		bool asks = verdict && strcmp(verdict, "ask") == 0;

		fprintf(out, "%s ", verdict ? verdict : "");
		escape_for_terminal(out, text_of(rule, "text") ? text_of(rule, "text") : "");
		fputs(asks ? ": asked about each time" : " refuses it", out);
	}
	if (text_of(object, "allow_flag")) {
		fputs("; the rule would be ", out);
		escape_for_terminal(out, text_of(object, "allow_flag"));
	}
	fputc('\n', out);
}

static const char choices[] = "       allow [o]nce, for this [r]un, [w]rite the rule, or [d]eny? ";

static void show(const struct dialog *dialog, bool whole)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	if (whole) {
		fputs("\nreeve: ", out);
		tell_wish(out, dialog->first->object);
		tell_reason(out, dialog->first->object);
	}
	fputs(choices, out);
	if (fclose(out) == 0 && write(dialog->terminal, text, size) < 0)
		return; /* no answer comes then, and the time runs out */
}

static void say(const struct dialog *dialog, const char *text)
{
	if (dialog->terminal >= 0 && write(dialog->terminal, text, strlen(text)) < 0)
		return;
}

/* ---- one after the other ---- */

static void drop_first(struct dialog *dialog)
{
	struct dialog_question *question = dialog->first;

	dialog->first = question->next;
	json_object_put(question->object);
	free(question);
}

static void ask_next(struct dialog *dialog)
{
	while (dialog->first && dialog->terminal < 0) {
		if (take_terminal(dialog, dialog->first->object) == 0) {
			show(dialog, true);
			return;
		}
		send_answer(dialog, dialog->first->id, "nobody");
		drop_first(dialog);
	}
}

/* `verdict`: NULL when nobody waits for one. The terminal first: the program goes on with the answer. */
static void end_current(struct dialog *dialog, const char *verdict)
{
	give_terminal_back(dialog);
	if (verdict)
		send_answer(dialog, dialog->first->id, verdict);
	drop_first(dialog);
	ask_next(dialog);
}

static const char *verdict_of(const char *word)
{
	static const struct {
		const char *word, *verdict;
	} words[] = {{"o", "once"}, {"once", "once"}, {"r", "run"}, {"run", "run"}, {"w", "write"},
	        {"write", "write"}, {"d", "deny"}, {"deny", "deny"}, {"n", "deny"}, {"no", "deny"}};

	for (size_t i = 0; i < ELEMENTS(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].verdict;
	return NULL;
}

static void take_line(struct dialog *dialog)
{
	const char *word = dialog->line, *verdict;
	size_t n = dialog->length;

	while (n > 0 && isspace((unsigned char)word[n - 1]))
		n--;
	dialog->line[n] = '\0';
	dialog->length = 0;
	/* Terminals answer what programs print; nobody types that. It comes in one piece, and all of it goes.
	 */
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)word[i]) || (unsigned char)word[i] >= 0x80) {
			dialog->deaf_until = now_ms() + DEAF_MS;
			return;
		}
	while (*word == ' ')
		word++;
	verdict = verdict_of(word);
	if (!verdict)
		return show(dialog, false);
	end_current(dialog, verdict);
}

static void read_terminal(struct dialog *dialog)
{
	ssize_t n = read(
	        dialog->terminal, dialog->line + dialog->length, sizeof(dialog->line) - 1 - dialog->length);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* The end of the input, a hang-up, or somebody took the foreground. */
	if (n <= 0)
		return end_current(dialog, n == 0 ? "deny" : "nobody");
	if (dialog->deaf_until) {
		dialog->deaf_until = now_ms() + DEAF_MS;
		return;
	}
	dialog->length += (size_t)n;
	if (dialog->line[dialog->length - 1] == '\n')
		return take_line(dialog);
	if (dialog->length == sizeof(dialog->line) - 1)
		dialog->length = 0;
}

/* ---- what the supervisor says ---- */

static void add(struct dialog *dialog, int64_t id, struct json_object *object)
{
	struct dialog_question *question = calloc(1, sizeof(*question)), **link = &dialog->first;

	if (!question) {
		send_answer(dialog, id, "nobody");
		return;
	}
	question->id = id;
	question->object = json_object_get(object);
	while (*link)
		link = &(*link)->next;
	*link = question;
	ask_next(dialog);
}

static void withdraw(struct dialog *dialog, int64_t id, const char *why)
{
	bool is_current = dialog->first && dialog->first->id == id;

	for (struct dialog_question **link = &dialog->first; !is_current && *link; link = &(*link)->next) {
		struct dialog_question *question = *link;

		if (question->id != id)
			continue;
		*link = question->next;
		json_object_put(question->object);
		free(question);
		return;
	}
	if (!is_current)
		return;
	why = why ? why : "gone";
	say(dialog, strcmp(why, "timeout") == 0    ? "\n       no answer: denied\n"
	            : strcmp(why, "answered") == 0 ? "\n       the last answer holds here, too\n"
	                                           : "\n       nobody waits for it any more\n");
	end_current(dialog, NULL);
}

static void take_object(struct dialog *dialog, struct json_object *object)
{
	struct json_object *id;

	if (json_object_object_get_ex(object, "ask", &id))
		add(dialog, json_object_get_int64(id), object);
	else if (json_object_object_get_ex(object, "withdrawn", &id))
		withdraw(dialog, json_object_get_int64(id),
		        text_of(object, "why") ? text_of(object, "why") : "");
}

static bool make_room(struct dialog *dialog)
{
	size_t size = dialog->input_size ? 2 * dialog->input_size : 4096;
	char *grown;

	if (dialog->input_length < dialog->input_size)
		return true;
	grown = size <= MOST_INPUT ? realloc(dialog->input, size) : NULL;
	if (!grown)
		return false;
	dialog->input = grown;
	dialog->input_size = size;
	return true;
}

static void read_peer(struct dialog *dialog)
{
	ssize_t n = make_room(dialog) ? recv(dialog->peer, dialog->input + dialog->input_length,
	                                        dialog->input_size - dialog->input_length, MSG_DONTWAIT)
	                              : 0;
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return dialog_done(dialog);
	dialog->input_length += (size_t)n;
	while ((end = memchr(dialog->input, '\n', dialog->input_length))) {
		size_t used = (size_t)(end - dialog->input) + 1;
		struct json_object *object;

		*end = '\0';
		object = json_tokener_parse(dialog->input);
		take_object(dialog, object);
		json_object_put(object);
		memmove(dialog->input, dialog->input + used, dialog->input_length - used);
		dialog->input_length -= used;
	}
}

int dialog_prepare(const struct dialog *dialog, struct pollfd polls[DIALOG_POLLS])
{
	polls[0] = (struct pollfd){.fd = dialog->peer, .events = POLLIN};
	polls[1] = (struct pollfd){.fd = dialog->terminal, .events = POLLIN};
	return dialog->deaf_until ? DEAF_MS / 4 : -1;
}

void dialog_act(struct dialog *dialog, const struct pollfd polls[DIALOG_POLLS])
{
	if (polls[0].revents)
		read_peer(dialog);
	if (polls[1].revents && dialog->terminal >= 0 && dialog->terminal == polls[1].fd)
		read_terminal(dialog);
	if (dialog->deaf_until && now_ms() >= dialog->deaf_until) {
		dialog->deaf_until = 0;
		dialog->length = 0;
		if (dialog->terminal >= 0) {
			tcflush(dialog->terminal, TCIFLUSH);
			say(dialog, "\n");
			show(dialog, false);
		}
	}
}

void dialog_done(struct dialog *dialog)
{
	give_terminal_back(dialog);
	while (dialog->first)
		drop_first(dialog);
	cleanup_close(&dialog->peer);
	dialog->peer = -EBADF;
	free(dialog->input);
	dialog->input = NULL;
	dialog->input_length = dialog->input_size = 0;
}
