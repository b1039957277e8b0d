#include "base/escape.h"

#include <stdint.h>
#include <string.h>

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t escape_utf8_length(const char *text)
{
	const unsigned char *b = (const unsigned char *)text;

	if (b[0] == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf)
		return is_continuation(b[1]) ? 2 : 0;
	if (b[0] >= 0xe0 && b[0] <= 0xef) {
		unsigned char low = b[0] == 0xe0 ? 0xa0 : 0x80, high = b[0] == 0xed ? 0x9f : 0xbf;

		return b[1] >= low && b[1] <= high && is_continuation(b[2]) ? 3 : 0;
	}
	if (b[0] >= 0xf0 && b[0] <= 0xf4) {
		unsigned char low = b[0] == 0xf0 ? 0x90 : 0x80, high = b[0] == 0xf4 ? 0x8f : 0xbf;

		return b[1] >= low && b[1] <= high && is_continuation(b[2]) && is_continuation(b[3]) ? 4 : 0;
	}
	return 0;
}

bool escape_is_utf8(const char *text)
{
	while (*text) {
		size_t n = escape_utf8_length(text);

		if (n == 0)
			return false;
		text += n;
	}
	return true;
}

/* Whether a terminal shows this sequence as a character, and nothing else happens. */
static bool is_plain(const char *text, size_t length)
{
	const unsigned char *b = (const unsigned char *)text;
	uint32_t code;

	if (length == 1)
		return b[0] >= 0x20 && b[0] != 0x7f;
	if (length == 2)
		return !(b[0] == 0xc2 && b[1] < 0xa0);
	if (length != 3)
		return length == 4;
	code = (uint32_t)(b[0] & 0x0f) << 12 | (uint32_t)(b[1] & 0x3f) << 6 | (b[2] & 0x3f);
	if (code >= 0x200b && code <= 0x200f)
		return false;
	if (code >= 0x2028 && code <= 0x202e)
		return false;
	return !(code >= 0x2060 && code <= 0x206f) && code != 0xfeff;
}

/* Writes the character at `text` if it is a plain one, and returns its length; 0 when it is not plain. */
static size_t write_plain(FILE *out, const char *text)
{
	size_t n = escape_utf8_length(text);

	if (n == 0 || !is_plain(text, n))
		return 0;
	fwrite(text, 1, n, out);
	return n;
}

void escape_for_terminal(FILE *out, const char *text)
{
	while (*text) {
		size_t n;

		if (*text == '\\') {
			fputs("\\\\", out);
			text++;
			continue;
		}
		n = write_plain(out, text);
		if (n == 0)
			fprintf(out, "\\x%02x", (unsigned char)*text++);
		text += n;
	}
}

static bool is_all_plain(const char *text)
{
	while (*text) {
		size_t n = escape_utf8_length(text);

		if (n == 0 || !is_plain(text, n))
			return false;
		text += n;
	}
	return true;
}

static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";

static void quote_for_shell(FILE *out, const char *text)
{
	bool plain = is_all_plain(text);

	fputs(plain ? "'" : "$'", out);
	while (*text) {
		size_t n;

		if (*text == '\'' || (*text == '\\' && !plain)) {
			fprintf(out, plain ? "'\\%c'" : "\\%c", *text++);
			continue;
		}
		n = write_plain(out, text);
		/* Three digits: a following one is never taken for part of the number. */
		if (n == 0)
			fprintf(out, "\\%03o", (unsigned char)*text++);
		text += n;
	}
	fputc('\'', out);
}

void escape_for_shell(FILE *out, const char *text)
{
	if (strcmp(text, "~") == 0 || strncmp(text, "~/", 2) == 0) {
		fwrite(text, 1, text[1] ? 2 : 1, out);
		text += text[1] ? 2 : 1;
		if (*text == '\0')
			return;
	}
	if (*text && text[strspn(text, bare)] == '\0')
		fputs(text, out);
	else
		quote_for_shell(out, text);
}

void escape_for_yaml(FILE *out, const char *text)
{
	bool tilde = text[0] == '~' && (text[1] == '/');

	if ((text[0] == '/' || tilde) && text[tilde + strspn(text + tilde, bare)] == '\0' &&
	        !strpbrk(text, ":,")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	while (*text) {
		size_t n = 0;

		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text++);
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)*text++);
		else
			n = escape_utf8_length(text);
		fwrite(text, 1, n, out);
		text += n;
	}
	fputc('"', out);
}
