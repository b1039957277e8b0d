/* Messages of the domain name system, read and written. Pure: bytes in, bytes out. Everything that is read comes
 * from somebody who may wish us ill; everything that is written is made anew, so that nothing passes through but
 * what is named here.
 *
 * Names are text: lower case, no final dot, and bytes that are not of host names escaped with a backslash. A name
 * without a backslash is what it looks like. */
#pragma once

#include <arpa/nameser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_NAME NS_MAXDNAME /* room for any name as text */
#define MESSAGE_ALIASES 8
#define MESSAGE_ADDRESSES 64
#define MESSAGE_SIZE 8192 /* room for any message that is written here */
#define MESSAGE_LEAST 512 /* what everyone takes by UDP */
#define MESSAGE_EDNS 1232 /* what we take and send by UDP with whoever can tell */

struct message_question {
	uint16_t id;
	uint16_t type;
	char name[MESSAGE_NAME];
	bool wants_recursion;
	bool has_edns;
	size_t most; /* bytes that whoever asks takes by UDP */
	/* The question as it was asked: some look whether each letter comes back in its case. */
	uint8_t wire[NS_MAXCDNAME];
	size_t wire_length;
};

struct message_address {
	uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct message_answer {
	int code;          /* NOERROR, NXDOMAIN, ... */
	bool is_truncated; /* to be asked for again by TCP: nothing below is set */
	uint32_t ttl;      /* seconds, the least of all that were followed; 0 when there are none */
	size_t alias_count;
	char aliases[MESSAGE_ALIASES][MESSAGE_NAME]; /* the name is the first's alias, that one the second's */
	size_t address_count;
	struct message_address addresses[MESSAGE_ADDRESSES];
};

/* A question from a client. 0; -EINVAL: no question at all, nothing is to be answered; a positive code (FORMERR,
 * NOTIMP): to be answered with it, and `ret->id` is set. */
int message_read_question(const uint8_t *bytes, size_t size, struct message_question *ret);

/* An answer to a client's question, at most `most` bytes: with less room than needed it is marked as truncated, and has as many records as fit.
 * NULL answer: `code` alone. `forbidden` adds that the answer is made so by a rule (RFC 8914), where the client
 * can be told. The length. */
size_t message_write_answer(const struct message_question *question, const struct message_answer *answer, int code,
        bool forbidden, size_t most, uint8_t ret[MESSAGE_SIZE]);

/* A question to a name server, for addresses of `type`. The length, or -EINVAL: no name that can be asked for. */
int message_write_question(const char *name, uint16_t type, uint16_t id, bool edns, uint8_t ret[MESSAGE_LEAST]);

/* Its answer: what the name leads to through aliases, and nothing else of what the message says. 0; -EINVAL: no
 * message, or none that answers this question: whoever waits goes on waiting; -EBADMSG: it answers, but what it
 * says cannot be followed. */
int message_read_answer(
        const uint8_t *bytes, size_t size, const char *name, uint16_t type, uint16_t id, struct message_answer *ret);
