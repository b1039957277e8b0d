/* The refusals that are part of every policy. */
#include "policy/defaults.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"

enum { ALL = false, ROOT = true };

static const struct {
	const char *call;
	const char *text; /* NULL: the call */
	int error;
	bool for_root;
	const char *why;
	struct policy_test test; /* mask 0: none */
} defaults[] = {
#define DEFAULT(call, error, whom, why) {#call, NULL, (error), (whom), (why), {0}},
#define DEFAULT_OF(call, argument, constant, number, error, whom, why)                                       \
	{#call, #call "(" #argument "=" #constant ")", (error), (whom), (why),                               \
	        {.arg = ARGUMENT_##call##_##argument, .mask = UINT32_MAX, .value = (number)}},
#define ARGUMENT_ioctl_request 1
#include "policy/defaults.def"
#undef DEFAULT
#undef DEFAULT_OF
};

size_t policy_default_count(void)
{
	return ELEMENTS(defaults);
}

void policy_default_at(size_t i, struct policy_default *ret)
{
	const struct syscalls_name *call = syscalls_by_name(defaults[i].call);

	*ret = (struct policy_default){.rule = {.verdict = POLICY_DENY,
	                                       .error = defaults[i].error,
	                                       .text = defaults[i].text ? defaults[i].text : defaults[i].call,
	                                       .name = defaults[i].call,
	                                       .tests = defaults[i].test.mask ? &defaults[i].test : NULL,
	                                       .test_count = defaults[i].test.mask ? 1 : 0,
	                                       .place = {.source = "default"}},
	        .why = defaults[i].why,
	        .for_root = defaults[i].for_root};
	memcpy(ret->rule.nr, call->nr, sizeof(ret->rule.nr));
}
