/*
 * Unpack a Nix binary tarball into a staging directory, in a child that is confined to it.
 *
 * Accepted: a tar archive (any of libarchive's dialects), uncompressed or compressed once with xz,
 * gzip, zstd or bzip2; several compressed streams one after another are one archive, as in xz(1)
 * and gzip(1). It has one directory "nix-…" and nothing beside it, and the directory has install,
 * .reginfo and store/. Refused, with the entry's name: everything that entry_policy.h refuses, an
 * archive that is cut short, and bytes after its end. (An uncompressed archive that was cut between
 * two entries looks complete; its digest, which the caller compares, does not.)
 *
 * Result: below TOP/store Nix's canonical form (regular files 0444 or 0555, directories 0555, mtime
 * 1, also for symlinks), except that TOP/store/NAME itself, if it is a directory, stays 0755,
 * because rename(2) into another directory needs that; store_commit() closes it. All other
 * directories are 0755, all other files 0644 or 0755. Owner and group are the caller's.
 */
#ifndef UNPACK_UNPACK_H
#define UNPACK_UNPACK_H

#include "unpack/limits.h"
#include "util/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unpack_request {
	const char *archive_name; /* the archive's name in messages */
	uint64_t archive_size;	  /* bytes that unpack_archive() takes at most; 0: all there are */

	/* an empty directory of the caller's, which stays open */
	int staging_fd;
	const char *staging_path; /* its name in messages */

	struct unpack_limits limits; /* 0: the largest that limits.h names */

	/*
	 * A descriptor that the child keeps open until it has ended. A flock(2) on it then delays
	 * the next --install even if this process was killed and the child is still ending. 0 or
	 * -1: none.
	 */
	int lock_fd;

	/*
	 * Called with CTX at least four times a second, with the bytes of the archive that were
	 * unpacked so far. A result other than 0 stops the work, as after ^C: the child is killed,
	 * the staging directory emptied, and nothing is printed. NULL: not called.
	 */
	int (*progress)(void *ctx, uint64_t bytes);
	void *ctx;

	/* the child's work; NULL: extract_nix_tarball() (extract.h) */
	int (*work)(const struct unpack_limits *limits);
};

struct unpack_result {
	char *top;	  /* the name of the top directory, one component beginning with "nix-" */
	uint64_t entries; /* files, directories and symlinks made */
	uint64_t bytes;	  /* the sum of the files' sizes */
	bool refused;	  /* after a failure: the archive is bad, and will be bad the next time */
};

/* A running unpacking. */
struct unpack;

/*
 * Start the child. Returns an unpacking that the caller ends by unpack_end() or unpack_abort(), or
 * NULL after a message. SIGPIPE is ignored until then.
 */
struct unpack *unpack_begin(const struct unpack_request *request);

/*
 * Give the child the next LEN bytes of the archive. Waits until the child or its pipe has taken
 * them, so that the source cannot be faster than the unpacking. Returns 0, -EPIPE if the child has
 * ended already, or -ECANCELED if progress() stopped it: unpack_end() reports why.
 *
 * UNPACK is a struct unpack; this function and the next are those of a struct sink.
 */
int unpack_write(void *unpack, const void *data, size_t len);

/*
 * The archive begins again from its first byte: start another child with an empty staging
 * directory. Returns 0, or -1 after a message; the caller must end UNPACK then, too.
 */
int unpack_restart(void *unpack);

/*
 * The archive is complete: wait for the child. Returns 0 with *OUT the caller's to clear with
 * unpack_result_clear(); or -1 after a message (unless progress() stopped it), with the staging
 * directory empty and *OUT empty except for refused. UNPACK is freed in both cases.
 *
 * Nothing is flushed to disk: store_commit() does that for everything at once.
 */
int unpack_end(struct unpack *unpack, struct unpack_result *out);

/*
 * Is the child unable to reach anything outside the staging directory, whatever bytes it gets? If
 * it is able, give it no byte before the digest of all bytes is verified.
 */
bool unpack_is_confined(const struct unpack *unpack);

/* Kill the child, empty the staging directory silently, and free UNPACK. */
void unpack_abort(struct unpack *unpack);

/*
 * Unpack the whole archive from the descriptor ARCHIVE_FD, which is read to its end without
 * seeking, so it may be a pipe. WATCH (or NULL) gets each piece before the child does: a digest of
 * what WATCH got is a digest of what was unpacked, whatever happens to the file meanwhile. If WATCH
 * fails, WATCH has printed why.
 */
int unpack_archive(const struct unpack_request *request, int archive_fd, const struct sink *watch,
		   struct unpack_result *out);

void unpack_result_clear(struct unpack_result *result);

#endif
