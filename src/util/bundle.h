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
 * So each accident is noticed: the last bytes, the sizes, or the bytes after the program's end
 * (which the program's own headers tell) are wrong when something was cut off, put in or added. A
 * change within the program or the tarball shows in its digest, which only the installer can
 * compute.
 *
 * Prints nothing and needs only libc, since the program that enters has to know whether it is a
 * bundle.
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
	char name[BUNDLE_NAME]; /* the tarball's, safe as a file name; "": no bundle */
	struct sha256 sha256;	/* of the tarball */
	struct sha256 program_sha256;
	uint64_t program_size; /* bytes; the tarball begins there */
	uint64_t size;	       /* bytes of the tarball */
	const char *broken;    /* not NULL: the bundle was cut or changed; a clause that says how */
};

/* Write the trailer that describes BUNDLE. */
void bundle_format(const struct bundle *bundle, unsigned char trailer[BUNDLE_TRAILER]);

/*
 * Read TRAILER, the last bytes of a file of FILE_SIZE bytes. Returns 0 with *OUT set (see
 * out->broken), or -ENOENT if TRAILER is none.
 */
int bundle_parse(const unsigned char trailer[BUNDLE_TRAILER], uint64_t file_size,
		 struct bundle *out);

/*
 * Look at the program in the file FD. Returns 1 if the file is a bundle; 0 if it is the program
 * alone, or not recognised; -1 if it is a bundle that was cut or changed (out->broken).
 * program_size is set in each case.
 */
int bundle_look(int fd, struct bundle *out);

/*
 * The same for the running program. 0 also if /proc is missing, or if the program consists of
 * several files, and so cannot be a bundle.
 */
int bundle_look_at_self(struct bundle *out);

/* May NAME (with a NUL within BUNDLE_NAME bytes) be the name of a bundle's tarball? */
bool bundle_name_is_plain(const char name[BUNDLE_NAME]);

/*
 * Can the program in the LEN bytes at PROGRAM become a bundle: is it all in one file, and does it
 * read this format?
 */
bool bundle_is_marked(const void *program, size_t len);

#endif
