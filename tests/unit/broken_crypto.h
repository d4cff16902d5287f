/*
 * A libcrypto that fails: one that is broken cannot be had otherwise. For programs that are linked
 * with BROKEN_CRYPTO (Makefile.am).
 */
#ifndef TEST_BROKEN_CRYPTO_H
#define TEST_BROKEN_CRYPTO_H

#include "util/sha256_stream.h"

#include <errno.h>
#include <stdbool.h>

enum broken { BROKEN_NONE, BROKEN_NEW, BROKEN_RESTART, BROKEN_UPDATE, BROKEN_DIGEST, BROKEN_BYTES };

/* Which function fails: at each call (0), or at the NTH from now on alone. */
static struct broken_crypto {
	enum broken function;
	int nth;
} broken_crypto;

static inline bool is_broken(enum broken function)
{
	if (broken_crypto.function != function)
		return false;
	if (broken_crypto.nth == 0)
		return true;
	if (--broken_crypto.nth > 0)
		return false;
	broken_crypto.function = BROKEN_NONE;
	return true;
}

int __real_sha256_stream_new(struct sha256_stream **out);
int __wrap_sha256_stream_new(struct sha256_stream **out);
int __real_sha256_stream_restart(struct sha256_stream *stream);
int __wrap_sha256_stream_restart(struct sha256_stream *stream);
int __real_sha256_stream_update(struct sha256_stream *stream, const void *data, size_t len);
int __wrap_sha256_stream_update(struct sha256_stream *stream, const void *data, size_t len);
int __real_sha256_stream_digest(const struct sha256_stream *stream, struct sha256 *out);
int __wrap_sha256_stream_digest(const struct sha256_stream *stream, struct sha256 *out);
int __real_sha256_of_bytes(const void *data, size_t len, struct sha256 *out);
int __wrap_sha256_of_bytes(const void *data, size_t len, struct sha256 *out);

int __wrap_sha256_stream_new(struct sha256_stream **out)
{
	enum broken function;
	int r;

	if (is_broken(BROKEN_NEW))
		return -ENOTSUP;
	function = broken_crypto.function;
	/* it calls the restart, which some linkers wrap here, too */
	broken_crypto.function = BROKEN_NONE;
	r = __real_sha256_stream_new(out);
	broken_crypto.function = function;
	return r;
}

int __wrap_sha256_stream_restart(struct sha256_stream *stream)
{
	return is_broken(BROKEN_RESTART) ? -EIO : __real_sha256_stream_restart(stream);
}

int __wrap_sha256_stream_update(struct sha256_stream *stream, const void *data, size_t len)
{
	return is_broken(BROKEN_UPDATE) ? -EIO : __real_sha256_stream_update(stream, data, len);
}

int __wrap_sha256_stream_digest(const struct sha256_stream *stream, struct sha256 *out)
{
	return is_broken(BROKEN_DIGEST) ? -EIO : __real_sha256_stream_digest(stream, out);
}

int __wrap_sha256_of_bytes(const void *data, size_t len, struct sha256 *out)
{
	return is_broken(BROKEN_BYTES) ? -EIO : __real_sha256_of_bytes(data, len, out);
}

#endif
