/* The counts of a run, told at its end. */
#pragma once

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>

#include "record/counts.h"

int summary_tell(struct counts *counts, uint64_t dropped, FILE *out);

/* A new reference, or NULL when memory is short. */
struct json_object *summary_json_of(struct counts *counts, uint64_t dropped);
