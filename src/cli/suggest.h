/* What somebody may have meant who typed something else. */
#pragma once

/* The name of the NULL-terminated list that is nearest to `typed`, or NULL when none is near. */
const char *suggest_nearest(const char *typed, const char *const *names);
