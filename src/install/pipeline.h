/*
 * The release's tarball: from the mirror through its digest and the unpacking into the staging
 * directory. Nothing leaves that before the digest is right.
 */
#ifndef INSTALL_PIPELINE_H
#define INSTALL_PIPELINE_H

#include "fetch/download.h"
#include "install/release.h"
#include "store/lock.h"
#include "ui/progress.h"
#include "unpack/unpack.h"

/*
 * Download the tarball of RELEASE into the state directory of NIX_DIR, which LOCK is held on, and
 * unpack it into an empty staging directory. What arrives goes into the file, into its digest and
 * into the confined child that unpacks, in the same turn; a slow disk slows the download. Where
 * the digest turns out wrong, staging is emptied, and that is what is told, whatever the child
 * said; a child that cannot be confined to staging gets nothing before the digest is right.
 *
 * The file stays until the installation is complete, so that a rerun does not ask for it again,
 * unless it is the archive that is at fault. Returns 0 with *OUT the caller's to clear, or -1
 * after a message, with nothing in staging.
 */
int pipeline_run(const struct release *release, struct downloader *downloader,
		 const struct lock *lock, const char *nix_dir, struct progress *progress,
		 struct unpack_result *out);

#endif
