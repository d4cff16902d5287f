/*
 * The release's tarball: from the mirror through its digest and the unpacking into the staging
 * directory. Nothing leaves that directory before the digest is verified.
 */
#ifndef INSTALL_PIPELINE_H
#define INSTALL_PIPELINE_H

#include "fetch/download.h"
#include "install/release.h"
#include "store/lock.h"
#include "ui/progress.h"
#include "unpack/unpack.h"

/*
 * Download the tarball of RELEASE into the state directory of NIX_DIR, whose LOCK the caller holds,
 * and unpack it into an empty staging directory. Each piece that arrives goes into the file, into
 * its digest and to the confined child that unpacks; a slow disk slows the download down. If the
 * digest is wrong, staging is emptied and the message is about the digest, whatever the child
 * reported. A child that cannot be confined to staging gets nothing before the digest is verified.
 *
 * The file stays until the installation is complete, so that a rerun need not download it again,
 * unless the archive itself is bad. Returns 0 with *OUT the caller's to clear, or -1 after a
 * message, with nothing in staging.
 */
int pipeline_run(const struct release *release, struct downloader *downloader,
		 const struct lock *lock, const char *nix_dir, struct progress *progress,
		 struct unpack_result *out);

#endif
