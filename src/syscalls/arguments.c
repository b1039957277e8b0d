#include "syscalls/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "syscalls/names.h"

static const char *const texts[NAME_COUNT] = {
#define ARGUMENTS(call, text) [NAME_##call] = (text),
#include "syscalls/arguments.def"
#undef ARGUMENTS
};

static const char *text_of(const char *call)
{
	const struct syscalls_name *name = call ? syscalls_by_name(call) : NULL;

	return name ? texts[name - syscalls_all] : NULL;
}

static void set_type(struct syscalls_argument *argument, char letter)
{
	argument->mask = UINT32_MAX;
	switch (letter) {
	case 'i':
		argument->type = SYSCALLS_TYPE_INT;
		break;
	case 'u':
		argument->type = SYSCALLS_TYPE_UNSIGNED;
		break;
	case 'm':
		argument->type = SYSCALLS_TYPE_UNSIGNED;
		argument->mask = UINT16_MAX;
		break;
	case 't':
		argument->type = SYSCALLS_TYPE_UNSIGNED;
		argument->mask = 0xf;
		break;
	case 'l':
		argument->type = SYSCALLS_TYPE_LONG;
		argument->mask = UINT64_MAX;
		break;
	case 'p':
		argument->type = SYSCALLS_TYPE_POINTER;
		argument->mask = UINT64_MAX;
		break;
	default:
		argument->type = SYSCALLS_TYPE_SIZE;
		argument->mask = UINT64_MAX;
		break;
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* "name:type=sort", up to a space or the end. */
static void read_argument(const char *text, int index, struct syscalls_argument *ret)
{
	size_t length = strcspn(text, " "), name = strcspn(text, ":");

	*ret = (struct syscalls_argument){.index = index};
	memcpy(ret->name, text, least(name, sizeof(ret->name) - 1));
	set_type(ret, text[name + 1]);
	if (length > name + 3)
		memcpy(ret->sort, text + name + 3, least(length - name - 3, sizeof(ret->sort) - 1));
}

static const char *next(const char *text)
{
	text += strcspn(text, " ");
	return text + strspn(text, " ");
}

bool syscalls_argument_at(const char *call, int index, struct syscalls_argument *ret)
{
	const char *text = text_of(call);
	int at = 0;

	for (; text && *text; text = next(text)) {
		if (at++ != index)
			continue;
		read_argument(text, index, ret);
		return true;
	}
	return false;
}

/* What the whole register holds: where the table says nothing of it, all of it counts. */
static int by_number(const char *call, char digit, struct syscalls_argument *ret)
{
	int index = digit - '0';

	if (!syscalls_argument_at(call, index, ret)) {
		*ret = (struct syscalls_argument){.index = index};
		set_type(ret, 'q');
	}
	/* The flags beside a socket's type can be asked for in this way. */
	if (ret->mask == 0xf)
		ret->mask = UINT32_MAX;
	snprintf(ret->name, sizeof(ret->name), "arg%c", digit);
	return 0;
}

int syscalls_argument(const char *call, const char *name, size_t length, struct syscalls_argument *ret)
{
	for (int i = 0; i < 6 && syscalls_argument_at(call, i, ret); i++)
		if (strlen(ret->name) == length && memcmp(ret->name, name, length) == 0)
			return 0;
	if (length == 4 && memcmp(name, "arg", 3) == 0 && name[3] >= '0' && name[3] <= '5')
		return by_number(call, name[3], ret);
	return -ENOENT;
}

bool syscalls_is_narrow(const struct syscalls_argument *argument)
{
	return argument->mask <= UINT32_MAX;
}
