/* The tarball in the file of the running program (util/bundle.h). */
#ifndef INSTALL_BUNDLED_H
#define INSTALL_BUNDLED_H

#include "fetch/download.h"
#include "util/bundle.h"

/*
 * Refuse BUNDLE, from bundle_look_at_self(), if it was cut or changed: -1 after a message, else 0.
 */
int bundled_check(const struct bundle *bundle);

/*
 * Read the tarball of BUNDLE in place of download_file(): its bytes go to SINK (or NULL), and their
 * digest, which the caller compares, to *OUT. Nothing is written to disk. The digest of the program
 * in front of the tarball is checked first. Returns 0 with *OUT for download_file_close(), its
 * descriptor at the tarball's first byte; or -1 after a message.
 */
int bundled_read(const struct bundle *bundle, const struct sink *sink, struct download_file *out);

#endif
