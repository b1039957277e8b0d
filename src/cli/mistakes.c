#include "cli/mistakes.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

struct mistake {
	const char *typed, *meant;
};

static const struct mistake subcommands[] = {
        {"exec", "run"},
        {"start", "run"},
        {"launch", "run"},
        {"spawn", "run"},
        {"do", "run"},
        {"validate", "check"},
        {"verify", "check"},
        {"lint", "check"},
        {"test", "check"},
        {"profile", "profiles"},
        {"list", "profiles"},
        {"plan", "explain"},
        {"why", "explain"},
        {"show", "explain"},
        {"info", "doctor"},
        {"features", "doctor"},
        {"status", "doctor"},
        {"completions", "completion"},
        {"man", "help"},
        {"usage", "help"},
        {"commands", "help"},
};

static const struct mistake options[] = {
        {"profile", "use"},
        {"config", "policy"},
        {"file", "policy"},
        {"rules", "policy"},
        {"allow-read", "read"},
        {"ro", "read"},
        {"ro-bind", "read"},
        {"read-only", "read"},
        {"r", "read"},
        {"allow-write", "write"},
        {"rw", "write"},
        {"bind", "write"},
        {"w", "write"},
        {"allow-exec", "exec"},
        {"allow-run", "exec"},
        {"x", "exec"},
        {"allow", "read"},
        {"block", "deny"},
        {"forbid", "deny"},
        {"blacklist", "deny"},
        {"d", "deny"},
        {"mask", "hide"},
        {"net", "connect"},
        {"network", "connect"},
        {"allow-net", "connect"},
        {"host", "connect"},
        {"port", "listen"},
        {"bind-port", "listen"},
        {"output", "json"},
        {"record", "json"},
        {"o", "json"},
        {"silent", "quiet"},
        {"s", "quiet"},
        {"stats", "summary"},
        {"count", "summary"},
        {"c", "summary"},
        {"verbose", "verbose-denials"},
        {"v", "verbose-denials"},
        {"force", "best-effort"},
        {"t", "test"},
        {"j", "json"},
};

static const char *find(const struct mistake *mistakes, size_t count, const char *typed)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(mistakes[i].typed, typed) == 0)
			return mistakes[i].meant;
	return NULL;
}

const char *mistakes_subcommand(const char *typed)
{
	return find(subcommands, ELEMENTS(subcommands), typed);
}

const char *mistakes_option(const char *typed, const struct option *known)
{
	const char *meant = find(options, ELEMENTS(options), typed);

	for (; meant && known->name; known++)
		if (strcmp(known->name, meant) == 0)
			return meant;
	return NULL;
}

bool mistakes_is_program(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char begin[4] = "";

	if (fd < 0 || read(fd, begin, sizeof(begin)) < 2)
		return false;
	return memcmp(begin, "#!", 2) == 0 || memcmp(begin, "\177ELF", 4) == 0;
}
