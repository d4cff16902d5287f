/*
 * The tarball in the file of this very program (util/bundle.h).
 */
#ifndef INSTALL_BUNDLED_H
#define INSTALL_BUNDLED_H

#include "fetch/download.h"
#include "util/bundle.h"

/*
 * Can a Nix be had from the file of this program, or is it no bundle? 0, or -1 after it has said
 * that it was cut or changed, which BUNDLE, of bundle_look_at_self(), knows.
 */
int bundled_check(const struct bundle *bundle);

/*
 * Read the tarball of BUNDLE, as download_file() gets one: through its digest, which the caller
 * compares, and to SINK (or NULL). Nothing of it is written. That the program in front of it is
 * whole is seen to before. Returns 0 with *OUT for download_file_close(), at the tarball's first
 * byte, or -1 after a message.
 */
int bundled_read(const struct bundle *bundle, const struct sink *sink, struct download_file *out);

#endif
