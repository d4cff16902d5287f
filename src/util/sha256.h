/*
 * SHA-256 digests as text: parsing, comparing and printing. sha256_stream.h, which needs libcrypto,
 * computes them.
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
 * Parse the expected digest in BODY, the text of a ".sha256" file: 64 hex digits of either case,
 * optionally one newline, nothing else (LEN counts; a NUL does not end it). An HTML page that a
 * captive portal sends instead must not pass for a digest. Returns 0, or -EBADMSG with *OUT
 * untouched.
 */
int sha256_parse(const char *body, size_t len, struct sha256 *out);

/*
 * Parse the digest of --sha256 in any form in which Nix prints one: 64 hex digits of either case,
 * 52 digits of Nix's base-32, or 44 of base-64, each alone or after "sha256:"; or SRI, "sha256-"
 * and the base-64 (https://www.w3.org/TR/SRI/). Nix's base-32 has the digits
 * 0123456789abcdfghijklmnpqrsvwxyz and the least significant byte last (Nix manual, "Nix32").
 * Returns 0, or -EBADMSG with *OUT untouched.
 */
int sha256_parse_option(const char *text, struct sha256 *out);

bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

/* DIGEST as 64 lower-case hex digits and a NUL. */
void sha256_format(const struct sha256 *digest, char hex[SHA256_HEX_LEN + 1]);

#endif
