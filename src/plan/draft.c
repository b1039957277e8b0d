#include "plan/draft.h"

void draft_add(struct draft_cases *cases, const struct filter_case *test)
{
	if (ARRAY_PUSH(cases, *test) < 0)
		cases->failed = true;
}

void draft_add_equal(
        struct draft_cases *cases, int arg, bool wide, uint64_t mask, uint64_t value, uint32_t action)
{
	draft_add(cases,
	        &(struct filter_case){
	                .arg = (uint8_t)arg, .wide = wide, .mask = mask, .value = value, .action = action});
}

void draft_add_always(struct draft_cases *cases, uint32_t action)
{
	draft_add(cases, &(struct filter_case){.action = action});
}
