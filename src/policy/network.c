/* Rules about network addresses: from a string to a set of addresses. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/builder.h"

enum { LONGEST_HOST = 253, LONGEST_LABEL = 63, LONGEST_NAME = 107 };

#define EXPECTED                                                                                             \
	"an address is such as 127.0.0.1:8080, 10.0.0.0/8:443, [2001:db8::]/32:443, example.org:443, "       \
	"*:8080-8090, unix:/run/x.sock or unix:@name"

/* One string on its way. `at` moves on. */
struct reading {
	struct policy_builder *builder;
	struct policy_address_rule rule;
	const char *at, *end;
	bool failed;                    /* and diagnosed */
	struct policy_addresses *found; /* where they go; NULL: to the builder */
};

static int fail(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct reading *reading, const char *format, ...)
{
	AUTO_FREE char *message = NULL;
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = vasprintf(&message, format, arguments);
	va_end(arguments);
	if (r < 0) {
		message = NULL;
		return -ENOMEM;
	}
	reading->failed = true;
	return policy_diagnose(reading->builder, &reading->rule.place, "%s", message);
}

static struct policy_quote quote(const struct reading *reading)
{
	return policy_quote(reading->rule.text, (size_t)(reading->end - reading->rule.text));
}

/* What is left to read. */
static struct policy_quote rest(const struct reading *reading)
{
	return policy_quote(reading->at, (size_t)(reading->end - reading->at));
}

static bool take(struct reading *reading, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(reading->end - reading->at) < length || memcmp(reading->at, word, length) != 0)
		return false;
	reading->at += length;
	return true;
}

static int add(struct reading *reading)
{
	if (reading->found) {
		reading->found->items[reading->found->count++] = reading->rule;
		return 0;
	}
	return ARRAY_PUSH(&reading->builder->addresses, reading->rule);
}

/* ---- ports ---- */

/* Ports that people know by name. */
static unsigned port_of_name(const char *text)
{
	static const struct {
		const char *name;
		unsigned port;
	} known[] = {{"http", 80}, {"https", 443}, {"ssh", 22}, {"dns", 53}, {"domain", 53}, {"ftp", 21},
	        {"smtp", 25}, {"imap", 143}, {"imaps", 993}, {"ntp", 123}, {"postgresql", 5432},
	        {"postgres", 5432}, {"mysql", 3306}, {"redis", 6379}, {"git", 9418}, {"ldap", 389}};

	for (size_t i = 0; i < ELEMENTS(known); i++)
		if (strcmp(known[i].name, text) == 0)
			return known[i].port;
	return 0;
}

static bool read_number(struct reading *reading, unsigned limit, unsigned *ret)
{
	unsigned number = 0;
	const char *start = reading->at;

	for (; reading->at < reading->end && *reading->at >= '0' && *reading->at <= '9'; reading->at++)
		number = number > limit ? number : number * 10 + (unsigned)(*reading->at - '0');
	*ret = number;
	return reading->at > start && number <= limit;
}

static int wrong_port(struct reading *reading, const char *start)
{
	unsigned known;

	reading->at = start;
	known = port_of_name(start);
	if (known)
		return fail(reading, "ports are numbers, found '%s'; did you mean %u?", rest(reading).text,
		        known);
	return fail(reading, "a port is a number up to 65535, a range such as 8080-8090, or '*', found '%s'",
	        rest(reading).text);
}

/* What follows an address: ":443", ":8080-8090", ":*". */
static int read_ports(struct reading *reading)
{
	struct policy_address_rule *rule = &reading->rule;
	const char *start;
	unsigned low, high;

	if (reading->at == reading->end)
		return fail(reading, "'%s' lacks its port: write '%s:443', or '%s:*' for all ports",
		        quote(reading).text, quote(reading).text, quote(reading).text);
	if (!take(reading, ":"))
		return fail(reading, "expected ':' and a port, found '%s'; %s", rest(reading).text, EXPECTED);
	start = reading->at;
	rule->port_low = 0;
	rule->port_high = UINT16_MAX;
	if (take(reading, "*"))
		return reading->at == reading->end ? 0 : wrong_port(reading, start);
	if (!read_number(reading, UINT16_MAX, &low))
		return wrong_port(reading, start);
	high = low;
	if (take(reading, "-") && !read_number(reading, UINT16_MAX, &high))
		return wrong_port(reading, start);
	if (reading->at < reading->end)
		return wrong_port(reading, start);
	if (high < low)
		return fail(reading, "the range %u-%u ends before it begins; did you mean %u-%u?", low, high,
		        high, low);
	rule->port_low = (uint16_t)low;
	rule->port_high = (uint16_t)high;
	return 0;
}

/* ---- IP addresses ---- */

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static void set_ip(struct policy_address_rule *rule, unsigned family, const uint8_t ip[16], unsigned prefix)
{
	rule->kind = POLICY_ADDRESS_IP;
	rule->families = family;
	memcpy(rule->ip, ip, sizeof(rule->ip));
	rule->prefix = prefix;
}

/* Whether bits beyond the prefix are set; they are cleared. */
static bool clear_beyond(uint8_t ip[16], unsigned prefix)
{
	bool found = false;

	for (unsigned bit = prefix; bit < 128; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> (bit % 8));

		found = found || ip[bit / 8] & mask;
		ip[bit / 8] &= (uint8_t)~mask;
	}
	return found;
}

/* `text` is the address as written, `bits` how many it has, which are the last ones of `ip`. */
static int read_prefix(struct reading *reading, const char *text, uint8_t ip[16], unsigned bits)
{
	unsigned prefix = bits;
	char cut[INET6_ADDRSTRLEN];

	if (take(reading, "/")) {
		const char *start = reading->at;

		if (!read_number(reading, bits, &prefix)) {
			reading->at = start;
			return fail(reading, "a prefix of '%s' is a number of bits up to %u, found '%s'",
			        text, bits, rest(reading).text);
		}
		if (clear_beyond(ip, 128 - bits + prefix)) {
			inet_ntop(
			        bits == 32 ? AF_INET : AF_INET6, bits == 32 ? ip + 12 : ip, cut, sizeof(cut));
			return bits == 32
			               ? fail(reading,
			                         "'%s' has bits beyond its prefix of %u; did you mean %s/%u?",
			                         text, prefix, cut, prefix)
			               : fail(reading,
			                         "'%s' has bits beyond its prefix of %u; did you mean "
			                         "[%s]/%u?",
			                         text, prefix, cut, prefix);
		}
	}
	prefix += 128 - bits;
	/* An address of IPv4 in the clothes of IPv6 is one of IPv4. */
	set_ip(&reading->rule,
	        prefix >= 96 && memcmp(ip, mapped, sizeof(mapped)) == 0 ? POLICY_IPV4 : POLICY_IPV6, ip,
	        prefix);
	return 0;
}

static int read_ipv6(struct reading *reading)
{
	const char *end = memchr(reading->at, ']', (size_t)(reading->end - reading->at));
	char text[INET6_ADDRSTRLEN];
	uint8_t ip[16];
	size_t length;

	if (!end)
		return fail(reading, "'[' without ']' in '%s'", quote(reading).text);
	length = (size_t)(end - reading->at);
	if (memchr(reading->at, '%', length))
		return fail(reading, "'%s' names an interface after '%%', which cannot be held: leave it out",
		        quote(reading).text);
	snprintf(text, sizeof(text), "%.*s", (int)(length < sizeof(text) ? length : 0), reading->at);
	if (inet_pton(AF_INET6, text, ip) != 1)
		return fail(reading, "between '[' and ']' stands an IPv6 address, found '%s'",
		        policy_quote(reading->at, length).text);
	reading->at = end + 1;
	if (memchr(reading->rule.text, '/', (size_t)(end - reading->rule.text)))
		return fail(reading, "the prefix stands after ']': [2001:db8::]/32:443");
	return read_prefix(reading, text, ip, 128);
}

static int read_ipv4(struct reading *reading, size_t length)
{
	char text[INET_ADDRSTRLEN];
	uint8_t ip[16] = {0};

	memcpy(ip, mapped, sizeof(mapped));
	snprintf(text, sizeof(text), "%.*s", (int)(length < sizeof(text) ? length : 0), reading->at);
	if (inet_pton(AF_INET, text, ip + 12) != 1)
		return fail(reading, "'%s' is no IPv4 address: four numbers up to 255 with dots between them",
		        policy_quote(reading->at, length).text);
	reading->at += length;
	return read_prefix(reading, text, ip, 32);
}

/* "*", "*:443". */
static int read_any(struct reading *reading)
{
	static const uint8_t any[16];

	set_ip(&reading->rule, POLICY_IPV4 | POLICY_IPV6, any, 0);
	if (reading->at == reading->end) {
		reading->rule.port_high = UINT16_MAX;
		return 0;
	}
	return read_ports(reading);
}

/* ---- host names ---- */

static bool is_label(const char *text, size_t length)
{
	if (length == 0 || length > LONGEST_LABEL || text[0] == '-' || text[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
		            text[i] == '-' || text[i] == '_'))
			return false;
	return true;
}

static bool is_host(const char *text)
{
	if (strncmp(text, "*.", 2) == 0)
		text += 2;
	for (;;) {
		size_t length = strcspn(text, ".");

		if (!is_label(text, length))
			return false;
		if (!text[length])
			return true;
		text += length + 1;
	}
}

/* What is always the machine itself, whoever answers for names: 127.0.0.1 and ::1. */
static int add_localhost(struct reading *reading)
{
	static const uint8_t ipv6[16] = {[15] = 1};
	static const uint8_t ipv4[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
	int r;

	set_ip(&reading->rule, POLICY_IPV4, ipv4, 128);
	r = add(reading);
	set_ip(&reading->rule, POLICY_IPV6, ipv6, 128);
	return r < 0 ? r : add(reading);
}

static int add_host(struct reading *reading, size_t length)
{
	char host[LONGEST_HOST + 1];
	int r;

	if (length > LONGEST_HOST)
		return fail(reading, "a host name longer than %d bytes: there can be none", LONGEST_HOST);
	for (size_t i = 0; i < length; i++)
		host[i] = (char)(reading->at[i] >= 'A' && reading->at[i] <= 'Z' ? reading->at[i] | 0x20
		                                                                : reading->at[i]);
	reading->at += length;
	if (length > 1 && host[length - 1] == '.')
		length--;
	host[length] = '\0';
	if (!is_host(host))
		return fail(reading, "'%s' is neither an address nor a host name; %s",
		        policy_quote(host, length).text, EXPECTED);
	r = read_ports(reading);
	if (r < 0 || reading->failed)
		return r;
	if (strcmp(host, "localhost") == 0)
		return add_localhost(reading);
	if (reading->rule.use == POLICY_LISTEN)
		return fail(reading,
		        "'%s' is a host name: to listen takes an address of this machine, or '*'",
		        policy_quote(host, length).text);
	reading->rule.kind = POLICY_ADDRESS_HOST;
	reading->rule.host = store_text(&reading->builder->store, host, length);
	return reading->rule.host ? add(reading) : -ENOMEM;
}

/* ---- UNIX sockets ---- */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "\xNN", "\*", "\\": 0 with the byte, or -EINVAL. */
static int read_escape(struct reading *reading, char *ret)
{
	const char *at = reading->at + 1;

	if (at == reading->end)
		return -EINVAL;
	if (*at == '*' || *at == '\\') {
		*ret = *at;
		reading->at += 2;
		return 0;
	}
	if (reading->end - at < 3 || *at != 'x' || hex_digit(at[1]) < 0 || hex_digit(at[2]) < 0)
		return -EINVAL;
	*ret = (char)(hex_digit(at[1]) << 4 | hex_digit(at[2]));
	reading->at += 4;
	return 0;
}

/* The name of an abstract socket, byte by byte; a last `*` stands for any rest. */
static int add_abstract(struct reading *reading)
{
	struct policy_address_rule *rule = &reading->rule;
	char name[LONGEST_NAME];
	size_t length = 0;

	rule->kind = POLICY_ADDRESS_ABSTRACT;
	if (reading->at == reading->end)
		return fail(reading, "a name is missing after 'unix:@'; 'unix:@*' stands for all of them");
	while (reading->at < reading->end) {
		if (*reading->at == '*') {
			if (reading->at + 1 != reading->end)
				return fail(reading,
				        "'*' in the name of an abstract socket stands at its end only; '\\*' "
				        "is the character itself");
			rule->is_prefix = true;
			break;
		}
		if (length == sizeof(name))
			return fail(reading, "a name longer than %d bytes: there can be no such socket",
			        LONGEST_NAME);
		if (*reading->at != '\\')
			name[length++] = *reading->at++;
		else if (read_escape(reading, &name[length]) == 0)
			length++;
		else
			return fail(reading,
			        "after '\\' stands '*', '\\' or 'x' with two hexadecimal digits, found '%s'",
			        rest(reading).text);
	}
	rule->name = store_text(&reading->builder->store, name, length);
	rule->name_length = length;
	return rule->name ? add(reading) : -ENOMEM;
}

static int add_unix(struct reading *reading)
{
	struct policy_address_rule *rule = &reading->rule;
	int r;

	rule->transports = 0;
	if (take(reading, "@"))
		return add_abstract(reading);
	rule->kind = POLICY_ADDRESS_UNIX;
	if (reading->at == reading->end)
		return fail(reading, "a path is missing after 'unix:'");
	r = policy_expand(reading->builder, &rule->place, reading->at, (size_t)(reading->end - reading->at),
	        &rule->path, &rule->is_glob);
	return r < 0 || !rule->path ? r : add(reading);
}

/* ---- all of them ---- */

static bool is_digits(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || text[i] == '.'))
			return false;
	return length > 0;
}

/* A number alone. */
static bool is_port(const struct reading *reading, size_t length)
{
	return !memchr(reading->at, '.', length) && reading->at + length == reading->end;
}

/* Up to the prefix or the port. */
static size_t length_of_name(const struct reading *reading)
{
	size_t length = 0;

	while (reading->at + length < reading->end && reading->at[length] != ':' &&
	        reading->at[length] != '/')
		length++;
	return length;
}

static int read_host_or_ip(struct reading *reading)
{
	size_t length = length_of_name(reading);
	const char *colon = memchr(reading->at, ':', (size_t)(reading->end - reading->at));
	int r;

	if (colon && memchr(colon + 1, ':', (size_t)(reading->end - colon - 1)) &&
	        strspn(reading->at, "0123456789abcdefABCDEF:.") >= (size_t)(colon + 1 - reading->at))
		return fail(reading, "'%s': an IPv6 address stands between brackets: [::1]:443",
		        rest(reading).text);
	if (length == 0 && *reading->at == ':')
		return fail(reading, "an address is missing before '%s'; '*%s' is that port of every address",
		        rest(reading).text, rest(reading).text);
	if (is_digits(reading->at, length)) {
		if (is_port(reading, length))
			return fail(reading,
			        "'%s' lacks its address: write '*:%s' for that port of every address, or "
			        "'127.0.0.1:%s'",
			        quote(reading).text, rest(reading).text, rest(reading).text);
		r = read_ipv4(reading, length);
		if (r == 0 && !reading->failed)
			r = read_ports(reading);
		return r < 0 || reading->failed ? r : add(reading);
	}
	if (length > 0 && reading->at[length] == '/')
		return fail(reading, "'%s': a prefix goes with addresses, not with host names",
		        quote(reading).text);
	return add_host(reading, length);
}

static int read_address(struct reading *reading)
{
	int r;

	if (memmem(reading->at, (size_t)(reading->end - reading->at), "://", 3))
		return fail(reading, "'%s' is a URL; write the host and the port alone: example.org:443",
		        quote(reading).text);
	if (take(reading, "unix:"))
		return add_unix(reading);
	if (*reading->at == '/' || *reading->at == '~')
		return fail(reading, "'%s' is a path: write 'unix:%s' for a socket there",
		        quote(reading).text, quote(reading).text);
	if (*reading->at == '@')
		return fail(reading, "write 'unix:%s' for an abstract socket", quote(reading).text);
	if (take(reading, "tcp:"))
		reading->rule.transports = POLICY_TCP;
	else if (take(reading, "udp:"))
		reading->rule.transports = POLICY_UDP;
	if (reading->at == reading->end)
		return fail(reading, "an address is missing after '%s'", quote(reading).text);
	if (reading->rule.transports != (POLICY_TCP | POLICY_UDP) && take(reading, "unix:"))
		return fail(reading, "UNIX sockets have no transport: write 'unix:%s'", rest(reading).text);
	if (*reading->at == '[') {
		reading->at++;
		r = read_ipv6(reading);
		if (r == 0 && !reading->failed)
			r = read_ports(reading);
		return r < 0 || reading->failed ? r : add(reading);
	}
	if (*reading->at == '*' && (reading->at + 1 == reading->end || reading->at[1] != '.')) {
		reading->at++;
		r = read_any(reading);
		return r < 0 || reading->failed ? r : add(reading);
	}
	return read_host_or_ip(reading);
}

bool policy_start_address(struct policy_address_rule *rule, const char *key)
{
	static const struct {
		const char *key;
		enum policy_verdict verdict;
		unsigned use;
		int error;
	} starts[] = {
	        {"connect", POLICY_ALLOW, POLICY_CONNECT, 0},
	        {"listen", POLICY_ALLOW, POLICY_LISTEN, 0},
	        {"deny-connect", POLICY_DENY, POLICY_CONNECT, EACCES},
	        {"deny-listen", POLICY_DENY, POLICY_LISTEN, EACCES},
	        {"ask-connect", POLICY_ASK, POLICY_CONNECT, EACCES},
	        {"ask-listen", POLICY_ASK, POLICY_LISTEN, EACCES},
	};

	for (size_t i = 0; i < ELEMENTS(starts); i++) {
		if (strcmp(starts[i].key, key) != 0)
			continue;
		rule->verdict = starts[i].verdict;
		rule->use = starts[i].use;
		rule->error = starts[i].error;
		return true;
	}
	return false;
}

static int read_text(struct policy_builder *builder, const struct policy_address_rule *rule, const char *text,
        size_t length, struct policy_addresses *found)
{
	struct reading reading = {.builder = builder, .rule = *rule, .found = found};

	if (length == 0)
		return fail(&reading, "an empty address; %s", EXPECTED);
	if (strlen(text) != length)
		return fail(&reading, "a NUL byte in an address");
	reading.rule.text = store_text(&builder->store, text, length);
	if (!reading.rule.text)
		return -ENOMEM;
	reading.rule.transports = POLICY_TCP | POLICY_UDP;
	reading.at = reading.rule.text;
	reading.end = reading.at + length;
	return read_address(&reading);
}

int policy_add_address(struct policy_builder *builder, const struct policy_address_rule *rule,
        const char *text, size_t length)
{
	return read_text(builder, rule, text, length, NULL);
}

int policy_read_address(struct policy_builder *builder, const struct policy_address_rule *rule,
        const char *text, size_t length, struct policy_addresses *ret)
{
	ret->count = 0;
	return read_text(builder, rule, text, length, ret);
}

const char *const policy_network_words[] = {"own", "no-unplugged", NULL};

static int add_own(struct policy_builder *builder, const struct policy_place *place)
{
	/* Nothing of what they allow there is on any other network. */
	static const struct {
		const char *key, *text;
	} rules[] = {{"connect", "*:*"}, {"listen", "*:*"}, {"connect", "unix:@*"}, {"listen", "unix:@*"}};
	int r = 0;

	if (builder->own_network)
		return 0;
	builder->own_network = true;
	builder->own_network_place = *place;
	for (size_t i = 0; i < ELEMENTS(rules) && r == 0; i++) {
		struct policy_address_rule rule = {.place = *place};

		policy_start_address(&rule, rules[i].key);
		r = policy_add_address(builder, &rule, rules[i].text, strlen(rules[i].text));
	}
	return r;
}

int policy_add_network(
        struct policy_builder *builder, const struct policy_place *place, const char *text, size_t length)
{
	bool is_whole = strlen(text) == length;

	if (is_whole && strcmp(text, "own") == 0)
		return add_own(builder, place);
	if (!is_whole || strcmp(text, "no-unplugged") != 0)
		return policy_diagnose(builder, place,
		        "'network' expects rules such as 'connect: \"*:443\"', or own or no-unplugged, found "
		        "'%s'%s",
		        policy_quote(text, length).text,
		        is_whole && strcmp(text, "none") == 0 ? "; without such rules there is no network"
		                                              : "");
	builder->no_unplugged = true;
	return 0;
}
