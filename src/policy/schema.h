/* The policy language as a JSON Schema (2020-12), for editors. Made from what the reader knows. */
#pragma once

#include <json-c/json.h>

/* NULL when memory is short. A new reference. */
struct json_object *policy_schema(void);
