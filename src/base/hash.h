/* Hashes of text (FNV-1a), for tables that never leave the process. */
#pragma once

#include <stdint.h>

#define HASH_START 2166136261U

static inline uint32_t hash_byte(uint32_t hash, char byte)
{
	return (hash ^ (unsigned char)byte) * 16777619U;
}

static inline uint32_t hash_text(const char *text)
{
	uint32_t hash = HASH_START;

	while (*text)
		hash = hash_byte(hash, *text++);
	return hash;
}
