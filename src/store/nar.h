/*
 * The digest that Nix has of a store path: SHA-256 of its NAR (the Nix manual, "Nix Archive (NAR)
 * format"), which tells what the files hold, which can be executed, where links lead, and nothing
 * of owners, times and other bits of modes.
 */
#ifndef STORE_NAR_H
#define STORE_NAR_H

#include "util/sha256.h"

/*
 * The digest of the file, directory or symlink NAME in the directory ABOVE, in *OUT. Returns 0 or a
 * negative errno: -EINVAL where something in it is of another kind, -ELOOP where it is deeper than
 * any store path of a release.
 */
int nar_digest(int above, const char *name, struct sha256 *out);

/* nar_digest(), handed to what is linked where libcrypto is not. */
typedef int nar_digest_fn(int above, const char *name, struct sha256 *out);

#endif
