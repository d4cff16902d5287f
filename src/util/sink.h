/*
 * Who takes the bytes of a file as they arrive, in order and each once: a digest, an unpacker.
 */
#ifndef UTIL_SINK_H
#define UTIL_SINK_H

#include <stddef.h>
#include <stdint.h>

/* All return 0; another number ends the transfer, after the sink itself has said why. */
struct sink {
	/* The file has SIZE bytes: before the first byte, where that is known by then. NULL: not
	 * called. */
	int (*begin)(void *ctx, uint64_t size);
	int (*write)(void *ctx, const void *data, size_t len);
	/* The file begins again from its first byte: forget all. Called only after a write. */
	int (*restart)(void *ctx);
	void *ctx;
};

#endif
