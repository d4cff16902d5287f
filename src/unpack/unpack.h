/*
 * Unpack a Nix binary tarball into a staging directory, in a child that is confined to it.
 *
 * What is accepted: a tar archive (any of libarchive's dialects), bare or compressed once with xz,
 * gzip, zstd or bzip2; several compressed streams one behind the other are one archive, as xz(1)
 * and gzip(1) have it. In it one directory "nix-…" and nothing beside it, which holds install,
 * .reginfo and store/. Refused, with the entry named: everything that entry_policy.h refuses, an
 * archive that is cut short, and bytes behind its end. (Of an uncompressed one that is cut between
 * two entries nothing shows; the digest does.)
 *
 * What comes out: below TOP/store Nix's canonical form (regular files 0444 or 0555, directories
 * 0555, mtime 1, of symlinks too), except that TOP/store/NAME itself stays 0755, where it is a
 * directory, because rename(2) into another directory asks for that; store_commit() closes it. All
 * other directories are 0755, all other files 0644 or 0755. Owner and group are the caller's.
 */
#ifndef UNPACK_UNPACK_H
#define UNPACK_UNPACK_H

#include "util/sha256.h"

#include <stdbool.h>
#include <stdint.h>

/* How much an archive may hold. The real ones: 17–30 MB, 55–130 MB unpacked, some 5,000 entries. */
struct unpack_limits {
	uint64_t bytes;	  /* of the tar stream once decompressed, and of all files together */
	uint64_t entries; /* entries, and directories that no entry announced */
};

#define UNPACK_MAX_BYTES   (UINT64_C(4) << 30)
#define UNPACK_MAX_ENTRIES UINT64_C(100000)

struct unpack_request {
	/*
	 * The archive: a descriptor open for reading, at its start. It is read to its end and never
	 * seeked in, so that a pipe serves as well as a file. It stays the caller's.
	 */
	int archive_fd;
	const char *archive_name; /* what messages call it */

	/*
	 * What the SHA-256 of the archive must be, or NULL: not compared. It is taken of the very
	 * bytes that the child gets, so that it does not matter what becomes of a file after it was
	 * downloaded and verified. Another digest is a failure, with refused set.
	 */
	const struct sha256 *expected;

	/* An empty directory of the caller's; it stays open and the caller's. */
	int staging_fd;
	const char *staging_path; /* what messages call it */

	struct unpack_limits limits; /* 0: the default above */

	/*
	 * A descriptor that the child keeps open until it has ended: a flock(2) taken on it then
	 * holds off the next --install even where we were killed and the child is about to be. 0 or
	 * -1: none.
	 */
	int lock_fd;

	/*
	 * Called with CTX now and then (at least four times a second) with the bytes of the archive
	 * that were read so far. Another return value than 0 stops the work, as when the user
	 * pressed ^C: the child is killed, the staging directory emptied, and nothing is said.
	 * NULL: not called.
	 */
	int (*progress)(void *ctx, uint64_t bytes);
	void *ctx;
};

struct unpack_result {
	char *top;	  /* the name of the top directory, one component beginning with "nix-" */
	uint64_t entries; /* files, directories and symlinks made */
	uint64_t bytes;	  /* the files' sizes together */
	bool refused;	  /* after a failure: the archive was at fault, and will be the next time */
};

/*
 * Unpack as REQUEST says. Returns 0 with *OUT the caller's to clear with unpack_result_clear(). Or
 * -1, after it has said what failed (unless progress() stopped it), with the staging directory
 * empty again and *OUT empty but for refused.
 *
 * SIGPIPE is ignored meanwhile. Nothing is flushed to disk: store_commit() does that for all of it
 * at once.
 */
int unpack_archive(const struct unpack_request *request, struct unpack_result *out);

void unpack_result_clear(struct unpack_result *result);

#endif
