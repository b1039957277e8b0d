#include "supervise/questions.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "policy/policy.h"
#include "record/describe.h"

#define VERSION 1
#define MOST_OPEN 64
#define MOST_LINE 4096     /* of an answer */
#define INTERVAL_MS 10     /* how often a waiting call is looked at */
#define LINGER_MS 2000     /* how long a question waits for a call that a signal took back */
#define READER_TICK_MS 250 /* while some linger */
#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* What is asked about, in copies: a policy may go before the answer comes. */
struct subject {
	char *object, *second, *call, *rule; /* rule: what refused it, "" for the lack of one */
	unsigned access, use;
};

struct question {
	struct question *next;
	struct subject subject;
	pid_t tid;
	unsigned id;
	bool is_waited_for, is_answered;
	uint64_t left; /* when its call went, in milliseconds */
	struct questions_answer answer;
	uint64_t deadline;
	struct record record; /* of the waiting call, for write_rule; valid while is_waited_for */
};

struct questions {
	int fd, kick;
	unsigned seconds, last_id;
	char *home;
	void (*write_rule)(void *user, const struct record *record);
	void *user;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool is_over; /* nobody is there any more */
	struct question *open;
	size_t open_count;
	ARRAY(struct subject) allowed; /* for the whole run */
	char line[MOST_LINE];
	size_t length;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- subjects ---- */

static void subject_done(struct subject *subject)
{
	free(subject->object);
	free(subject->second);
	free(subject->call);
	free(subject->rule);
}

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

static char *rule_of(const struct record *record)
{
	char *text = NULL;
	int n;

	if (record->file_rule)
		n = asprintf(&text, "%d %s", record->file_rule->verdict, record->file_rule->path);
	else if (record->address_rule)
		n = asprintf(&text, "%d %s", record->address_rule->verdict, record->address_rule->text);
	else if (record->call_rule)
		n = asprintf(&text, "%d %s", record->call_rule->verdict, record->call_rule->text);
	else
		return strdup("");
	return n < 0 ? NULL : text;
}

static int subject_init(const struct record *record, struct subject *ret)
{
	struct subject subject = {.object = copy(record->object),
	        .second = copy(record->second),
	        .call = copy(record->call),
	        .rule = rule_of(record),
	        .access = record->access,
	        .use = record->use};

	if (subject.object && subject.second && subject.call && subject.rule) {
		*ret = subject;
		return 0;
	}
	subject_done(&subject);
	return -ENOMEM;
}

static int subject_copy(const struct subject *from, struct subject *ret)
{
	struct subject subject = {.object = copy(from->object),
	        .second = copy(from->second),
	        .call = copy(from->call),
	        .rule = copy(from->rule),
	        .access = from->access,
	        .use = from->use};

	if (subject.object && subject.second && subject.call && subject.rule) {
		*ret = subject;
		return 0;
	}
	subject_done(&subject);
	return -ENOMEM;
}

static bool is_same(const struct subject *a, const struct subject *b)
{
	return a->access == b->access && a->use == b->use && strcmp(a->object, b->object) == 0 &&
	       strcmp(a->second, b->second) == 0 && strcmp(a->call, b->call) == 0 &&
	       strcmp(a->rule, b->rule) == 0;
}

/* A path stands for its tree, as in a rule; but what another rule refuses there was not asked about. */
static bool covers(const struct subject *allowed, const struct subject *asked)
{
	bool is_path = asked->object[0] == '/' && !asked->use;

	if (strcmp(allowed->rule, asked->rule) != 0 || allowed->use != asked->use ||
	        (asked->access & ~(allowed->access | POLICY_READ)))
		return false;
	if (!is_path)
		return strcmp(allowed->object, asked->object) == 0 && strcmp(allowed->call, asked->call) == 0;
	if (!path_is_within(asked->object, allowed->object) &&
	        !(allowed->second[0] && path_is_within(asked->object, allowed->second)))
		return false;
	return !asked->second[0] || path_is_within(asked->second, allowed->object) ||
	       (allowed->second[0] && path_is_within(asked->second, allowed->second));
}

static bool is_covered(const struct questions *questions, const struct subject *subject)
{
	for (size_t i = 0; i < questions->allowed.count; i++)
		if (covers(&questions->allowed.items[i], subject))
			return true;
	return false;
}

bool questions_allowed_before(struct questions *questions, const struct record *record)
{
	struct subject subject;
	bool allowed;

	if (subject_init(record, &subject) < 0)
		return false;
	pthread_mutex_lock(&questions->lock);
	allowed = is_covered(questions, &subject);
	pthread_mutex_unlock(&questions->lock);
	subject_done(&subject);
	return allowed;
}

/* ---- what is said; with the lock held ---- */

static void give_up_on_peer(struct questions *questions)
{
	questions->is_over = true;
	shutdown(questions->fd, SHUT_RDWR);
	pthread_cond_broadcast(&questions->answered);
}

/* Takes the object. A peer that does not read is none. */
static void send_object(struct questions *questions, struct json_object *object)
{
	AUTO_FREE char *line = NULL;
	int n = object && !questions->is_over
	                ? asprintf(&line, "%s\n", json_object_to_json_string_ext(object, JSON_FLAGS))
	                : -1;

	json_object_put(object);
	if (n < 0)
		line = NULL;
	if (n < 0 || send(questions->fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
		give_up_on_peer(questions);
}

static void send_question(
        struct questions *questions, const struct question *question, const struct record *record)
{
	struct json_object *object = describe_json(record, questions->home);

	if (object) {
		json_object_object_del(object, "schema");
		json_object_object_add(object, "reeve", json_object_new_int(VERSION));
		json_object_object_add(object, "ask", json_object_new_int64(question->id));
		json_object_object_add(object, "seconds", json_object_new_int64(questions->seconds));
	}
	send_object(questions, object);
}

static void send_withdrawal(struct questions *questions, const struct question *question, const char *why)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "reeve", json_object_new_int(VERSION));
	json_object_object_add(object, "withdrawn", json_object_new_int64(question->id));
	json_object_object_add(object, "why", json_object_new_string(why));
	send_object(questions, object);
}

/* Takes it out of the list and frees it; `why`: told to the peer, NULL when it knows. */
static void close_question(struct questions *questions, struct question *question, const char *why)
{
	struct question **link = &questions->open;

	while (*link != question)
		link = &(*link)->next;
	*link = question->next;
	questions->open_count--;
	if (why && !questions->is_over)
		send_withdrawal(questions, question, why);
	subject_done(&question->subject);
	free(question);
}

/* ---- answers ---- */

static void answer_all_covered(struct questions *questions)
{
	for (struct question *q = questions->open; q; q = q->next) {
		if (q->is_answered || !is_covered(questions, &q->subject))
			continue;
		q->is_answered = true;
		q->answer = (struct questions_answer){.word = "run", .is_allowed = true};
		send_withdrawal(questions, q, "answered");
	}
}

static void allow_for_run(struct questions *questions, struct question *question)
{
	struct subject subject;

	if (subject_copy(&question->subject, &subject) < 0)
		return;
	if (ARRAY_PUSH(&questions->allowed, subject) < 0)
		subject_done(&subject);
	else
		answer_all_covered(questions);
}

static int error_of(struct json_object *object)
{
	struct json_object *value;
	const char *nearest;
	int number;

	if (!json_object_object_get_ex(object, "errno", &value) ||
	        !json_object_is_type(value, json_type_string))
		return 0;
	number = policy_error_number(json_object_get_string(value), &nearest);
	return number > 0 ? number : 0;
}

/* Anything that is no clear yes is a no. */
static void take_answer(struct questions *questions, struct question *question, struct json_object *object)
{
	struct json_object *value;
	const char *verdict = "";
	bool writes;

	if (json_object_object_get_ex(object, "verdict", &value) &&
	        json_object_is_type(value, json_type_string))
		verdict = json_object_get_string(value);
	writes = strcmp(verdict, "write") == 0;
	question->is_answered = true;
	question->answer = (struct questions_answer){.word = "deny", .error = error_of(object)};
	if (strcmp(verdict, "once") == 0)
		question->answer = (struct questions_answer){.word = "once", .is_allowed = true};
	if (writes || strcmp(verdict, "run") == 0) {
		question->answer = (struct questions_answer){.word = "run", .is_allowed = true};
		allow_for_run(questions, question);
	}
	if (strcmp(verdict, "nobody") == 0)
		question->answer.word = "nobody";
	/* The call waits until the lock is free again: what its record refers to is there. */
	if (writes && question->is_waited_for && questions->write_rule)
		questions->write_rule(questions->user, &question->record);
}

static void take_line(struct questions *questions, const char *line)
{
	struct json_object *object = json_tokener_parse(line), *id;

	pthread_mutex_lock(&questions->lock);
	if (!json_object_is_type(object, json_type_object) ||
	        !json_object_object_get_ex(object, "answer", &id) ||
	        !json_object_is_type(id, json_type_int)) {
		/* Who speaks something else cannot be trusted to have understood. */
		give_up_on_peer(questions);
	} else {
		for (struct question *q = questions->open; q; q = q->next)
			if (q->id == json_object_get_int64(id) && !q->is_answered)
				take_answer(questions, q, object);
	}
	pthread_cond_broadcast(&questions->answered);
	pthread_mutex_unlock(&questions->lock);
	json_object_put(object);
}

/* False at the end. */
static bool read_answers(struct questions *questions)
{
	ssize_t n = recv(questions->fd, questions->line + questions->length,
	        sizeof(questions->line) - questions->length, MSG_DONTWAIT);
	char *end;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	questions->length += (size_t)n;
	while ((end = memchr(questions->line, '\n', questions->length))) {
		size_t used = (size_t)(end - questions->line) + 1;

		*end = '\0';
		take_line(questions, questions->line);
		memmove(questions->line, questions->line + used, questions->length - used);
		questions->length -= used;
	}
	return questions->length < sizeof(questions->line);
}

/* True while some are left that wait for their call to come again. */
static bool close_lingering(struct questions *questions)
{
	uint64_t now = now_ms();
	bool some = false;

	pthread_mutex_lock(&questions->lock);
	for (struct question *q = questions->open, *next; q; q = next) {
		next = q->next;
		if (q->is_waited_for)
			continue;
		if (now - q->left > LINGER_MS)
			close_question(questions, q, q->is_answered ? NULL : "gone");
		else
			some = true;
	}
	pthread_mutex_unlock(&questions->lock);
	return some;
}

static void *reader_main(void *argument)
{
	struct questions *questions = argument;
	struct pollfd fds[] = {
	        {.fd = questions->fd, .events = POLLIN}, {.fd = questions->kick, .events = POLLIN}};
	bool some = false, open = true;
	uint64_t kicks;

	while (open) {
		if (poll(fds, ELEMENTS(fds), some ? READER_TICK_MS : -1) < 0)
			continue;
		if (fds[1].revents && read(questions->kick, &kicks, sizeof(kicks)) < 0)
			break;
		if (fds[0].revents)
			open = read_answers(questions);
		some = close_lingering(questions);
	}
	pthread_mutex_lock(&questions->lock);
	give_up_on_peer(questions);
	pthread_mutex_unlock(&questions->lock);
	return NULL;
}

/* ---- asking ---- */

static struct question *find(struct questions *questions, pid_t tid, const struct subject *subject)
{
	for (struct question *q = questions->open; q; q = q->next)
		if (!q->is_waited_for && q->tid == tid && is_same(&q->subject, subject))
			return q;
	return NULL;
}

/* The question as it was asked before a signal came between, or a new one. NULL: for want of memory. Takes
 * the subject. */
static struct question *open_question(
        struct questions *questions, const struct record *record, struct subject *subject)
{
	struct question *question = find(questions, record->tid, subject);

	if (question) {
		subject_done(subject);
	} else {
		question = calloc(1, sizeof(*question));
		if (!question) {
			subject_done(subject);
			return NULL;
		}
		question->subject = *subject;
		question->tid = record->tid;
		question->id = ++questions->last_id;
		question->deadline = now_ms() + UINT64_C(1000) * questions->seconds;
		question->next = questions->open;
		questions->open = question;
		questions->open_count++;
		send_question(questions, question, record);
	}
	question->is_waited_for = true;
	question->record = *record;
	return question;
}

static void wait_a_moment(struct questions *questions)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += INTERVAL_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&questions->answered, &questions->lock, &until);
}

/* With the lock held, which it lets go of while it waits. */
static void await(struct questions *questions, struct question *question, int (*still)(void *user),
        void *user, struct questions_answer *ret)
{
	uint64_t one = 1;

	for (;;) {
		if (question->is_answered) {
			*ret = question->answer;
			return close_question(questions, question, NULL);
		}
		if (questions->is_over) {
			*ret = (struct questions_answer){.word = "nobody"};
			return close_question(questions, question, NULL);
		}
		if (now_ms() >= question->deadline) {
			*ret = (struct questions_answer){.word = "timeout"};
			return close_question(questions, question, "timeout");
		}
		wait_a_moment(questions);
		pthread_mutex_unlock(&questions->lock);
		ret->gave_up = still(user);
		pthread_mutex_lock(&questions->lock);
		if (ret->gave_up) {
			question->is_waited_for = false;
			question->left = now_ms();
			if (write(questions->kick, &one, sizeof(one)) < 0)
				close_question(questions, question, "gone");
			return;
		}
	}
}

void questions_ask(struct questions *questions, const struct record *record, int (*still)(void *user),
        void *user, struct questions_answer *ret)
{
	struct question *question = NULL;
	struct subject subject;

	*ret = (struct questions_answer){.word = "nobody"};
	if (subject_init(record, &subject) < 0)
		return;
	pthread_mutex_lock(&questions->lock);
	if (questions->is_over || questions->open_count >= MOST_OPEN) {
		subject_done(&subject);
		ret->word = questions->is_over ? "nobody" : "busy";
	} else {
		question = open_question(questions, record, &subject);
	}
	if (question)
		await(questions, question, still, user, ret);
	pthread_mutex_unlock(&questions->lock);
}

void questions_descriptors(const struct questions *questions, int ret[QUESTIONS_DESCRIPTORS])
{
	ret[0] = questions->fd;
	ret[1] = questions->kick;
}

static void questions_free(struct questions *questions)
{
	if (questions->kick >= 0)
		close(questions->kick);
	close(questions->fd);
	free(questions->home);
	free(questions);
}

int questions_open(const struct questions_options *options, struct questions **ret)
{
	struct questions *questions = calloc(1, sizeof(*questions));
	pthread_condattr_t attributes;
	pthread_t reader;
	sigset_t all, before;
	int r;

	if (!questions)
		return -ENOMEM;
	questions->fd = options->fd;
	questions->seconds = options->seconds;
	questions->write_rule = options->write_rule;
	questions->user = options->user;
	questions->home = options->home ? strdup(options->home) : NULL;
	questions->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (questions->kick < 0 || (options->home && !questions->home)) {
		questions_free(questions);
		return -ENOMEM;
	}
	pthread_mutex_init(&questions->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&questions->answered, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&reader, NULL, reader_main, questions);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0) {
		questions_free(questions);
		return r;
	}
	pthread_detach(reader);
	*ret = questions;
	return 0;
}
