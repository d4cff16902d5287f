/*
 * How much an archive may hold, and take to unpack. The real ones: 17–30 MB, 55–130 MB unpacked,
 * some 5,000 entries; 65 MB of memory and some seconds.
 */
#ifndef UNPACK_LIMITS_H
#define UNPACK_LIMITS_H

#include <stdint.h>

#define UNPACK_MAX_BYTES   (UINT64_C(4) << 30)
#define UNPACK_MAX_ENTRIES UINT64_C(100000)
#define UNPACK_MAX_MEMORY  (UINT64_C(256) << 20)
#define UNPACK_MAX_SECONDS 1800 /* of processor time */

struct unpack_limits {
	uint64_t bytes;	  /* of the tar stream once decompressed, and of all files together */
	uint64_t entries; /* entries, and directories that no entry announced */
};

#endif
