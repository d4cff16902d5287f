/*
 * A bundle: a file that is this program, with a binary tarball of Nix behind it.
 *
 *     the program  ·  the tarball  ·  a trailer of BUNDLE_TRAILER bytes
 *
 * The trailer, numbers being little-endian:
 *
 *     0    the tarball's name, "nix-VERSION-SYSTEM.tar.xz", NULs behind it
 *     128  the tarball's SHA-256
 *     160  the program's
 *     192  bytes of the program
 *     200  bytes of the tarball
 *     208  NULs
 *     232  a fingerprint of all that is before it (util/hash.h), for accidents
 *     240  "nuc-bundle\n" and a NUL
 *     252  the version of this format: 1
 *
 * So whatever was cut off, put in or added is told by the last bytes, by the sizes, or by what is
 * behind the end of the program, which the program's own headers know. What was changed in program
 * and tarball their digests tell, which only the installer can take.
 *
 * Silent, and libc only, for the program that enters has to know whether it is one.
 */
#ifndef UTIL_BUNDLE_H
#define UTIL_BUNDLE_H

#include "util/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BUNDLE_TRAILER = 256,
	BUNDLE_NAME = 128, /* with a NUL */
};

struct bundle {
	char name[BUNDLE_NAME]; /* of the tarball, which is fit for a file of ours; "": no bundle */
	struct sha256 sha256;	/* of the tarball */
	struct sha256 program_sha256;
	uint64_t program_size; /* bytes, and so where the tarball begins */
	uint64_t size;	       /* bytes of the tarball */
	const char *broken;    /* not NULL: it was cut or changed, and this tells; a clause */
};

/* The trailer of BUNDLE. */
void bundle_format(const struct bundle *bundle, unsigned char trailer[BUNDLE_TRAILER]);

/*
 * Read the last bytes of a file of FILE_SIZE bytes. Returns 0 with *OUT, which is broken or whole;
 * or -ENOENT where they are no trailer.
 */
int bundle_parse(const unsigned char trailer[BUNDLE_TRAILER], uint64_t file_size,
		 struct bundle *out);

/*
 * Look at the program in the file FD. Returns 1 where it is a bundle; 0 where it is the program
 * alone, or no program that can be told; or -1 where it is a bundle that was cut or changed
 * (out->broken). program_size is set in each case.
 */
int bundle_look(int fd, struct bundle *out);

/*
 * The same of the running program, which is never a bundle where it is not all in one file; 0 also
 * where /proc is missing.
 */
int bundle_look_at_self(struct bundle *out);

/* May NAME (with a NUL within BUNDLE_NAME bytes) be the name of a bundle's tarball? */
bool bundle_name_is_plain(const char name[BUNDLE_NAME]);

/* Can this program, LEN bytes at PROGRAM, be one: is it all in one file, and reads this format? */
bool bundle_is_marked(const void *program, size_t len);

#endif
