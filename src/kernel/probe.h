/* The part of reeve_probe that needs no child: all but what only a held notification can show. */
#pragma once

#include <reeve/reeve.h>

/* 0 or -errno. What needs a child is left false. */
int probe_alone(struct reeve_features *ret_features);
