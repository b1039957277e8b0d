#include "names/message.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/host.h"

#define HEADER 12
#define ADDITIONAL 17 /* the longest that is written behind the answer */
#define POINTER 0xc000u
#define OPTION_ERROR 15 /* RFC 8914: why an answer is what it is */
#define ERROR_PROHIBITED 18

/* ---- names ---- */

static void lower(char *name)
{
	for (; *name; name++)
		*name = (char)tolower((unsigned char)*name);
}

/* ns_name_ntop gives "." for the root, and no final dot otherwise. */
static int text_of(const ns_msg *message, const uint8_t *at, char ret[MESSAGE_NAME])
{
	int n = ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), at, ret, MESSAGE_NAME);

	if (n < 0)
		return -EINVAL;
	lower(ret);
	if (strcmp(ret, ".") == 0)
		ret[0] = '\0';
	return n;
}

/* ---- a client's question ---- */

/* What the client says of itself beside the question: how much it takes. */
static void read_additional(ns_msg *message, struct message_question *ret)
{
	for (int i = 0; i < ns_msg_count(*message, ns_s_ar); i++) {
		ns_rr record;

		if (ns_parserr(message, ns_s_ar, i, &record) < 0)
			return;
		if (ns_rr_type(record) != ns_t_opt)
			continue;
		ret->has_edns = true;
		/* The field that is a class elsewhere. */
		ret->most = ns_rr_class(record);
		if (ret->most < MESSAGE_LEAST)
			ret->most = MESSAGE_LEAST;
		if (ret->most > MESSAGE_EDNS)
			ret->most = MESSAGE_EDNS;
	}
}

int message_read_question(const uint8_t *bytes, size_t size, struct message_question *ret)
{
	ns_msg message;
	ns_rr record;

	*ret = (struct message_question){.most = MESSAGE_LEAST};
	if (size < HEADER || size > NS_MAXMSG || bytes[2] & 0x80)
		return -EINVAL;
	ret->id = (uint16_t)(bytes[0] << 8 | bytes[1]);
	ret->wants_recursion = bytes[2] & 1;
	if (bytes[2] & 0x78)
		return ns_r_notimpl;
	if (ns_initparse(bytes, (int)size, &message) < 0 || ns_msg_count(message, ns_s_qd) != 1 ||
	        ns_parserr(&message, ns_s_qd, 0, &record) < 0 ||
	        text_of(&message, bytes + HEADER, ret->name) < 0)
		return ns_r_formerr;
	if (ns_rr_class(record) != ns_c_in)
		return ns_r_notimpl;
	ret->type = ns_rr_type(record);
	if (ns_name_unpack(bytes, bytes + size, bytes + HEADER, ret->wire, sizeof(ret->wire)) < 0)
		return ns_r_formerr;
	for (ret->wire_length = 0; ret->wire[ret->wire_length];
	        ret->wire_length += ret->wire[ret->wire_length] + 1u)
		;
	ret->wire_length++;
	read_additional(&message, ret);
	return 0;
}

/* ---- writing ---- */

struct writing {
	uint8_t *bytes;
	size_t length, most;
	bool is_full;
};

static void put(struct writing *w, const void *bytes, size_t n)
{
	if (w->is_full || n > w->most - w->length) {
		w->is_full = true;
		return;
	}
	memcpy(w->bytes + w->length, bytes, n);
	w->length += n;
}

static void put16(struct writing *w, unsigned value)
{
	const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};

	put(w, bytes, sizeof(bytes));
}

static void put32(struct writing *w, uint32_t value)
{
	put16(w, value >> 16);
	put16(w, value & 0xffff);
}

static void put_name(struct writing *w, const char *name)
{
	uint8_t wire[NS_MAXCDNAME];
	size_t n = 0;

	if (ns_name_pton(name, wire, sizeof(wire)) < 0) {
		w->is_full = true;
		return;
	}
	while (wire[n])
		n += wire[n] + 1u;
	put(w, wire, n + 1);
}

/* The head of a record whose owner stands at `owner` in the message. */
static void put_record(struct writing *w, size_t owner, unsigned type, uint32_t ttl)
{
	put16(w, POINTER | (unsigned)owner);
	put16(w, type);
	put16(w, ns_c_in);
	put32(w, ttl);
}

/* A record that did not fit is taken back whole. True when there is room for more. */
static bool keep_record(struct writing *w, size_t before, unsigned *count)
{
	if (w->is_full)
		w->length = before;
	else
		++*count;
	return !w->is_full;
}

/* Returns how many records there are. */
static unsigned put_answer(struct writing *w, unsigned type, const struct message_answer *answer)
{
	size_t owner = HEADER;
	unsigned count = 0;

	for (size_t i = 0; i < answer->alias_count; i++) {
		size_t at, before = w->length;

		put_record(w, owner, ns_t_cname, answer->ttl);
		at = w->length;
		put16(w, 0);
		owner = w->length;
		put_name(w, answer->aliases[i]);
		if (!w->is_full) {
			w->bytes[at] = (uint8_t)((w->length - owner) >> 8);
			w->bytes[at + 1] = (uint8_t)(w->length - owner);
		}
		if (!keep_record(w, before, &count))
			return count;
	}
	for (size_t i = 0; i < answer->address_count; i++) {
		const uint8_t *ip = answer->addresses[i].ip;
		unsigned length = type == ns_t_a ? 4 : 16;
		size_t before = w->length;

		put_record(w, owner, type, answer->ttl);
		put16(w, length);
		put(w, ip + 16 - length, length);
		if (!keep_record(w, before, &count))
			return count;
	}
	return count;
}

static void put_additional(struct writing *w, bool forbidden)
{
	put(w, "", 1); /* the root */
	put16(w, ns_t_opt);
	put16(w, MESSAGE_EDNS);
	put32(w, 0);
	put16(w, forbidden ? 6 : 0);
	if (forbidden) {
		put16(w, OPTION_ERROR);
		put16(w, 2);
		put16(w, ERROR_PROHIBITED);
	}
}

static void set16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

size_t message_write_answer(const struct message_question *question, const struct message_answer *answer,
        int code, bool forbidden, size_t most, uint8_t ret[MESSAGE_SIZE])
{
	struct writing w = {.bytes = ret, .most = (most < MESSAGE_SIZE ? most : MESSAGE_SIZE) - ADDITIONAL};
	unsigned flags = 0x8080u | (question->wants_recursion ? 0x100u : 0) | ((unsigned)code & 0xf);
	unsigned records = 0;

	memset(ret, 0, HEADER);
	w.length = HEADER;
	set16(ret, question->id);
	if (question->wire_length > 0) {
		set16(ret + 4, 1);
		put(&w, question->wire, question->wire_length);
		put16(&w, question->type);
		put16(&w, ns_c_in);
	}
	/* Of what does not fit, the first records: some never ask by TCP. */
	if (answer)
		records = put_answer(&w, question->type, answer);
	if (w.is_full)
		flags |= 0x200u;
	w.is_full = false;
	w.most += ADDITIONAL;
	if (question->has_edns)
		put_additional(&w, forbidden);
	set16(ret + 6, records);
	set16(ret + 10, question->has_edns);
	set16(ret + 2, flags);
	return w.length;
}

int message_write_question(
        const char *name, uint16_t type, uint16_t id, bool edns, uint8_t ret[MESSAGE_LEAST])
{
	struct writing w = {.bytes = ret, .most = MESSAGE_LEAST};

	if (!host_is_name(name))
		return -EINVAL;
	memset(ret, 0, HEADER);
	w.length = HEADER;
	set16(ret, id);
	set16(ret + 2, 0x100);
	set16(ret + 4, 1);
	set16(ret + 10, edns);
	put_name(&w, name);
	put16(&w, type);
	put16(&w, ns_c_in);
	if (edns)
		put_additional(&w, false);
	return w.is_full ? -EINVAL : (int)w.length;
}

/* ---- a name server's answer ---- */

struct following {
	ns_msg message;
	char name[MESSAGE_NAME]; /* where the aliases have led */
	uint16_t type;
	struct message_answer *answer;
	bool has_ttl;
};

static void take_ttl(struct following *f, uint32_t ttl)
{
	/* The highest bit makes it none at all (RFC 2181). */
	if (ttl > INT32_MAX)
		ttl = 0;
	if (!f->has_ttl || ttl < f->answer->ttl)
		f->answer->ttl = ttl;
	f->has_ttl = true;
}

static void take_address(struct following *f, const ns_rr *record)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	size_t length = f->type == ns_t_a ? 4 : 16;
	struct message_address *address;

	if (ns_rr_rdlen(*record) != length || f->answer->address_count == MESSAGE_ADDRESSES)
		return;
	address = &f->answer->addresses[f->answer->address_count++];
	memcpy(address->ip, mapped, sizeof(mapped));
	memcpy(address->ip + 16 - length, ns_rr_rdata(*record), length);
	take_ttl(f, ns_rr_ttl(*record));
}

/* One record. 1: it is an alias of the name, and was followed; 0; -EBADMSG. */
static int take_record(struct following *f, int i, bool aliases)
{
	struct message_answer *answer = f->answer;
	char owner[MESSAGE_NAME];
	ns_rr record;

	if (ns_parserr(&f->message, ns_s_an, i, &record) < 0)
		return -EBADMSG;
	if (ns_rr_class(record) != ns_c_in || ns_rr_type(record) != (aliases ? ns_t_cname : f->type))
		return 0;
	if (snprintf(owner, sizeof(owner), "%s", ns_rr_name(record)) >= (int)sizeof(owner))
		return -EBADMSG;
	lower(owner);
	if (strcmp(owner, f->name) != 0)
		return 0;
	if (!aliases) {
		take_address(f, &record);
		return 0;
	}
	if (answer->alias_count == MESSAGE_ALIASES ||
	        text_of(&f->message, ns_rr_rdata(record), f->name) < 0 || !host_is_name(f->name))
		return -EBADMSG;
	strcpy(answer->aliases[answer->alias_count++], f->name);
	take_ttl(f, ns_rr_ttl(record));
	return 1;
}

static int follow(struct following *f)
{
	int count = ns_msg_count(f->message, ns_s_an), followed;

	/* Records may stand in any order. Each round follows an alias, and there may be only so many. */
	do {
		followed = 0;
		for (int i = 0; i < count && followed == 0; i++)
			followed = take_record(f, i, true);
	} while (followed > 0);
	if (followed < 0)
		return followed;
	for (int i = 0; i < count; i++) {
		int r = take_record(f, i, false);

		if (r < 0)
			return r;
	}
	return 0;
}

int message_read_answer(const uint8_t *bytes, size_t size, const char *name, uint16_t type, uint16_t id,
        struct message_answer *ret)
{
	struct following f = {.type = type, .answer = ret};
	ns_rr question;

	*ret = (struct message_answer){0};
	if (size < HEADER || size > NS_MAXMSG || (bytes[0] << 8 | bytes[1]) != id ||
	        (bytes[2] & 0xf8) != 0x80)
		return -EINVAL;
	ret->is_truncated = bytes[2] & 2;
	ret->code = bytes[3] & 0xf;
	/* One that is cut off may not even be whole. Which question it answers must still be seen. */
	if (ns_initparse(bytes, (int)size, &f.message) < 0)
		return ret->is_truncated && size > HEADER ? 0 : -EINVAL;
	/* A server that does not understand the question need not repeat it. */
	if (ns_msg_count(f.message, ns_s_qd) == 0 && (ret->code == ns_r_formerr || ret->code == ns_r_notimpl))
		return 0;
	if (ns_msg_count(f.message, ns_s_qd) != 1 || ns_parserr(&f.message, ns_s_qd, 0, &question) < 0 ||
	        text_of(&f.message, bytes + HEADER, f.name) < 0 || strcmp(f.name, name) != 0 ||
	        ns_rr_type(question) != type || ns_rr_class(question) != ns_c_in)
		return -EINVAL;
	if (ret->is_truncated || (ret->code != ns_r_noerror && ret->code != ns_r_nxdomain))
		return 0;
	return follow(&f);
}
