/*
 * A fingerprint: 64 bits that change with what is added to them (FNV-1a). It tells whether
 * something has changed, but does not stop somebody who wants two things to look the same.
 */
#ifndef UTIL_HASH_H
#define UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	for (const unsigned char *p = data; len > 0; p++, len--)
		hash = (hash ^ *p) * UINT64_C(0x100000001b3);
	return hash;
}

static inline uint64_t hash_number(uint64_t hash, uint64_t number)
{
	return hash_bytes(hash, &number, sizeof(number));
}

/* Includes the NUL, so that "a", "b" differs from "ab", ""; NULL differs from "". */
static inline uint64_t hash_string(uint64_t hash, const char *s)
{
	return s ? hash_bytes(hash, s, strlen(s) + 1) : hash_number(hash, 0);
}

#endif
