/*
 * How much an archive may hold. The real ones: 17–30 MB, 55–130 MB unpacked, some 5,000 entries.
 */
#ifndef UNPACK_LIMITS_H
#define UNPACK_LIMITS_H

#include <stdint.h>

#define UNPACK_MAX_BYTES   (UINT64_C(4) << 30)
#define UNPACK_MAX_ENTRIES UINT64_C(100000)

struct unpack_limits {
	uint64_t bytes;	  /* of the tar stream once decompressed, and of all files together */
	uint64_t entries; /* entries, and directories that no entry announced */
};

#endif
