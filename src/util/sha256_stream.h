/* Computing the SHA-256 digest of a stream of bytes. */
#ifndef UTIL_SHA256_STREAM_H
#define UTIL_SHA256_STREAM_H

#include "util/sha256.h"

/* A digest in progress. */
struct sha256_stream;

/*
 * Begin a digest; the caller ends *OUT with sha256_stream_free(). Returns 0, or -ENOTSUP if
 * libcrypto offers no SHA-256 (a broken provider configuration).
 */
int sha256_stream_new(struct sha256_stream **out);

/* Forget all bytes so far. This and the next two return 0, or -EIO if libcrypto failed. */
int sha256_stream_restart(struct sha256_stream *stream);

/* Add LEN bytes. */
int sha256_stream_update(struct sha256_stream *stream, const void *data, size_t len);

/* The digest of all bytes so far; more may be added. */
int sha256_stream_digest(const struct sha256_stream *stream, struct sha256 *out);

/* The digest of LEN bytes at DATA in *OUT. 0, or a negative errno as for a stream. */
int sha256_of_bytes(const void *data, size_t len, struct sha256 *out);

/*
 * The digest of the regular file PATH in *OUT. 0, or a negative errno: of openat(2) (-ELOOP for a
 * symlink) or read(2), -EINVAL for a file that is not regular, or that of a stream.
 */
int sha256_of_file(int dirfd, const char *path, struct sha256 *out);

/*
 * The digest of SIZE bytes of the file FD, from OFFSET, in *OUT. 0, or a negative errno: -EIO where
 * it has fewer.
 */
int sha256_of_part(int fd, uint64_t offset, uint64_t size, struct sha256 *out);

/* NULL is accepted. */
void sha256_stream_free(struct sha256_stream *stream);

/* For _cleanup_(sha256_stream_freep). */
static inline void sha256_stream_freep(struct sha256_stream **stream)
{
	sha256_stream_free(*stream);
}

#endif
