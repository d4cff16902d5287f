/* A receiver of a file's bytes as they arrive, in order and each once: a digest, an unpacker. */
#ifndef UTIL_SINK_H
#define UTIL_SINK_H

#include <stddef.h>
#include <stdint.h>

/*
 * Each function returns 0, or another number, which ends the transfer; the sink has then printed a
 * message.
 */
struct sink {
	/*
	 * The file has SIZE bytes. Called before the first byte if the size is known by then. NULL:
	 * not called.
	 */
	int (*begin)(void *ctx, uint64_t size);
	int (*write)(void *ctx, const void *data, size_t len);
	/*
	 * The file begins again from its first byte: forget all bytes. Called only after a write.
	 */
	int (*restart)(void *ctx);
	void *ctx;
};

#endif
