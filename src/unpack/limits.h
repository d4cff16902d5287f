/*
 * How much an archive may contain, and use while it is unpacked. Real ones have 17–30 MB, unpacked
 * 55–130 MB in some 5,000 entries, and need 65 MB of memory and some seconds.
 */
#ifndef UNPACK_LIMITS_H
#define UNPACK_LIMITS_H

#include <stdint.h>

#define UNPACK_MAX_BYTES   (UINT64_C(4) << 30)
#define UNPACK_MAX_ENTRIES UINT64_C(100000)
#define UNPACK_MAX_MEMORY  (UINT64_C(256) << 20)
#define UNPACK_MAX_SECONDS 1800 /* of processor time */

struct unpack_limits {
	uint64_t bytes;	  /* of the decompressed tar stream, and of all files together */
	uint64_t entries; /* entries, and directories without an entry */
};

#endif
