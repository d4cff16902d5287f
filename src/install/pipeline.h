/*
 * The release's tarball: from the mirror through its digest into the staging directory. Nothing is
 * unpacked of it before the digest is right.
 */
#ifndef INSTALL_PIPELINE_H
#define INSTALL_PIPELINE_H

#include "fetch/download.h"
#include "install/release.h"
#include "store/lock.h"
#include "ui/progress.h"
#include "unpack/unpack.h"

/*
 * Download the tarball of RELEASE into the state directory of NIX_DIR, which LOCK is held on.
 * Returns 0 with *OUT, whose digest is the expected one, the caller's to close, or -1 after a
 * message.
 */
int pipeline_fetch(const struct release *release, struct downloader *downloader,
		   const struct lock *lock, const char *nix_dir, struct progress *progress,
		   struct download_file *out);

/*
 * Unpack FILE into an empty staging directory. Where the archive is refused, FILE is removed, so
 * that a rerun gets it anew. Returns 0 with *OUT the caller's to clear, or -1 after a message.
 */
int pipeline_unpack(const struct release *release, struct download_file *file,
		    const struct lock *lock, const char *nix_dir, struct progress *progress,
		    struct unpack_result *out);

#endif
