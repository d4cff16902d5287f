/*
 * Numbers in files, the least significant byte first.
 */
#ifndef UTIL_LITTLE_ENDIAN_H
#define UTIL_LITTLE_ENDIAN_H

#include <stddef.h>
#include <stdint.h>

/* The number in the SIZE bytes (8 at most) at P. */
static inline uint64_t le_get(const unsigned char *p, size_t size)
{
	uint64_t number = 0;

	while (size > 0)
		number = number << 8 | p[--size];
	return number;
}

/* The low SIZE bytes of NUMBER to P. */
static inline void le_put(unsigned char *p, size_t size, uint64_t number)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (unsigned char)(number >> 8 * i);
}

#endif
