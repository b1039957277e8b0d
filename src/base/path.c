#include "base/path.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static int clean(const char *path, char *ret, size_t size, bool lexically)
{
	size_t length = 0;

	if (path[0] != '/')
		return -EINVAL;
	while (*path) {
		const char *end;
		size_t n;

		while (*path == '/')
			path++;
		end = strchrnul(path, '/');
		n = (size_t)(end - path);
		if (n == 0)
			break;
		if (n == 1 && path[0] == '.') {
			path = end;
			continue;
		}
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			if (!lexically)
				return -EXDEV;
			while (length > 0 && ret[--length] != '/')
				;
			path = end;
			continue;
		}
		if (length + 1 + n >= size)
			return -ENAMETOOLONG;
		ret[length++] = '/';
		memcpy(ret + length, path, n);
		length += n;
		path = end;
	}
	if (length == 0) {
		if (size < 2)
			return -ENAMETOOLONG;
		ret[length++] = '/';
	}
	ret[length] = '\0';
	return (int)length;
}

int path_clean(const char *path, char *ret, size_t size)
{
	return clean(path, ret, size, false);
}

int path_clean_lexically(const char *path, char *ret, size_t size)
{
	return clean(path, ret, size, true);
}

bool path_wants_directory(const char *path)
{
	size_t n = strlen(path);

	if (n == 0)
		return false;
	if (path[n - 1] == '/')
		return true;
	return path[n - 1] == '.' && (n == 1 || path[n - 2] == '/');
}

bool path_is_within(const char *path, const char *top)
{
	if (top[0] && !top[1])
		return true;
	/* Asked for every pair of rules: most differ in the first letters. */
	while (*top && *path == *top) {
		path++;
		top++;
	}
	return !*top && (*path == '/' || !*path);
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
