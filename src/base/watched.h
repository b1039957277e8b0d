/* Whether a sanitizer watches memory. */
#pragma once

#include <stdbool.h>

/* Sanitizers keep books about the memory of each thread, which another process would upset. */
#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || HAS_FEATURE(address_sanitizer) ||       \
        HAS_FEATURE(thread_sanitizer) || HAS_FEATURE(memory_sanitizer)
enum { MEMORY_IS_WATCHED = true };
#else
enum { MEMORY_IS_WATCHED = false };
#endif
