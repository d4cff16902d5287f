/*
 * Nix's digest of a store path: SHA-256 of its NAR (the Nix manual, "Nix Archive (NAR) format"). It
 * covers the contents of files, which files are executable, and the targets of links; not owners,
 * times and other bits of modes.
 */
#ifndef STORE_NAR_H
#define STORE_NAR_H

#include "util/sha256.h"

/*
 * The digest of the file, directory or symlink NAME in the directory ABOVE, in *OUT. Returns 0 or a
 * negative errno: -EINVAL if something in it has another type, -ELOOP if it is deeper than any
 * store path of a release.
 */
int nar_digest(int above, const char *name, struct sha256 *out);

/* The type of nar_digest(), which is passed to code that is linked without libcrypto. */
typedef int nar_digest_fn(int above, const char *name, struct sha256 *out);

#endif
