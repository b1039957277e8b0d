/* Addresses as text, for people and in questions. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static void write_name(FILE *out, const char *bytes, size_t length)
{
	fputs("unix:@", out);
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte == '\\')
			fputs("\\\\", out);
		else if (byte < 0x20 || byte >= 0x7f)
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
}

const char *address_text(const struct address *address, char *ret, size_t size)
{
	char ip[INET6_ADDRSTRLEN];

	if (address->kind == ADDRESS_UNIX_PATH) {
		snprintf(ret, size, "unix:%s", address->name);
	} else if (address->kind == ADDRESS_UNIX_ABSTRACT) {
		FILE *out = fmemopen(ret, size, "w");

		ret[0] = '\0';
		if (!out)
			return ret;
		write_name(out, address->name, address->name_length);
		fclose(out);
		ret[size - 1] = '\0';
	} else if (address_is_ipv4(address->ip)) {
		inet_ntop(AF_INET, address->ip + 12, ip, sizeof(ip));
		snprintf(ret, size, "%s:%u", ip, address->port);
	} else {
		inet_ntop(AF_INET6, address->ip, ip, sizeof(ip));
		snprintf(ret, size, "[%s]:%u", ip, address->port);
	}
	return ret;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

static size_t read_name(const char *text, char *ret)
{
	size_t length = 0;

	while (*text) {
		if (text[0] == '\\' && text[1] == 'x' && hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0) {
			ret[length++] = (char)(hex_digit(text[2]) << 4 | hex_digit(text[3]));
			text += 4;
			continue;
		}
		if (text[0] == '\\' && text[1])
			text++;
		ret[length++] = *text++;
	}
	return length;
}

static bool read_ip(const char *text, size_t length, struct address *ret)
{
	char copy[INET6_ADDRSTRLEN];

	if (length == 1 && text[0] == '*')
		return true; /* all zeros: the unspecified address */
	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (copy[0] == '[' && copy[length - 1] == ']') {
		copy[length - 1] = '\0';
		return inet_pton(AF_INET6, copy + 1, ret->ip) == 1;
	}
	memcpy(ret->ip, mapped, sizeof(mapped));
	return inet_pton(AF_INET, copy, ret->ip + 12) == 1;
}

bool address_parse(const char *text, char *name, struct address *ret)
{
	struct address address = {.kind = ADDRESS_IP, .transport = POLICY_TCP};
	const char *colon;
	char *end;
	unsigned long port;

	if (strncmp(text, "unix:", 5) == 0) {
		address.kind = text[5] == '@' ? ADDRESS_UNIX_ABSTRACT : ADDRESS_UNIX_PATH;
		address.transport = 0;
		address.name = text[5] == '@' ? name : text + 5;
		address.name_length = text[5] == '@' ? read_name(text + 6, name) : strlen(text + 5);
		*ret = address;
		return text[5] != '\0';
	}
	if (strncmp(text, "udp:", 4) == 0)
		address.transport = POLICY_UDP;
	if (strncmp(text, "udp:", 4) == 0 || strncmp(text, "tcp:", 4) == 0)
		text += 4;
	colon = strrchr(text, ':');
	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > UINT16_MAX || !read_ip(text, (size_t)(colon - text), &address))
		return false;
	address.port = (uint16_t)port;
	*ret = address;
	return true;
}
