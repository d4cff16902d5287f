/*
 * SHA-256 digests: read from text, compared, written as text, and taken of a stream of bytes.
 */
#ifndef UTIL_SHA256_H
#define UTIL_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SHA256_SIZE = 32,
	SHA256_HEX_LEN = 64, /* without the NUL */
};

struct sha256 {
	uint8_t byte[SHA256_SIZE];
};

/*
 * Read the expected digest from BODY, the text of a ".sha256" file: 64 hex digits of either case,
 * perhaps one newline, nothing else (LEN counts, a NUL does not end it). A mirror that answers with
 * an HTML page must not pass for a digest, as captive portals do.
 * Returns 0, or -EBADMSG with *OUT untouched.
 */
int sha256_parse(const char *body, size_t len, struct sha256 *out);

/*
 * Read the digest that a user gives with --sha256, in any form that Nix prints one: 64 hex digits
 * of either case, 52 digits of Nix's base-32, or 44 of base-64, each alone or behind "sha256:"; or
 * SRI, "sha256-" and the base-64 (https://www.w3.org/TR/SRI/). Nix's base-32 has the digits
 * 0123456789abcdfghijklmnpqrsvwxyz and the least significant byte last (Nix manual, "Nix32").
 * Returns 0, or -EBADMSG with *OUT untouched.
 */
int sha256_parse_option(const char *text, struct sha256 *out);

bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

/* DIGEST as 64 lower-case hex digits and a NUL. */
void sha256_format(const struct sha256 *digest, char hex[SHA256_HEX_LEN + 1]);

/* A digest being taken. */
struct sha256_stream;

/*
 * Begin one; *OUT is the caller's to end with sha256_stream_free().
 * Returns 0, or -ENOTSUP where libcrypto offers no SHA-256 (a broken provider configuration).
 */
int sha256_stream_new(struct sha256_stream **out);

/* Forget the bytes taken so far. Returns 0 or -EIO, as the two below: libcrypto failed. */
int sha256_stream_restart(struct sha256_stream *stream);

/* Take LEN more bytes. */
int sha256_stream_update(struct sha256_stream *stream, const void *data, size_t len);

/* The digest of all bytes so far; more may follow. */
int sha256_stream_digest(const struct sha256_stream *stream, struct sha256 *out);

/* The digest of LEN bytes at DATA, in *OUT. 0, or a negative errno as of the stream. */
int sha256_of_bytes(const void *data, size_t len, struct sha256 *out);

/*
 * The digest of the regular file PATH, in *OUT. 0, or a negative errno: that of openat(2) (-ELOOP
 * for a symlink) or read(2), -EINVAL where it is no regular file, or what the stream says.
 */
int sha256_of_file(int dirfd, const char *path, struct sha256 *out);

/* NULL is accepted. */
void sha256_stream_free(struct sha256_stream *stream);

/* For _cleanup_(sha256_stream_freep). */
static inline void sha256_stream_freep(struct sha256_stream **stream)
{
	sha256_stream_free(*stream);
}

#endif
