/*
 * Unpack a Nix binary tarball into a staging directory, in a child that is confined to it.
 *
 * What is accepted: a tar archive (any of libarchive's dialects), bare or compressed once with xz,
 * gzip, zstd or bzip2; several compressed streams one behind the other are one archive, as xz(1)
 * and gzip(1) have it. In it one directory "nix-…" and nothing beside it, which holds install,
 * .reginfo and store/. Refused, with the entry named: everything that entry_policy.h refuses, an
 * archive that is cut short, and bytes behind its end. (Of an uncompressed one that is cut between
 * two entries nothing shows; the digest does, which is the caller's affair.)
 *
 * What comes out: below TOP/store Nix's canonical form (regular files 0444 or 0555, directories
 * 0555, mtime 1, of symlinks too), except that TOP/store/NAME itself stays 0755, where it is a
 * directory, because rename(2) into another directory asks for that; store_commit() closes it. All
 * other directories are 0755, all other files 0644 or 0755. Owner and group are the caller's.
 */
#ifndef UNPACK_UNPACK_H
#define UNPACK_UNPACK_H

#include "unpack/limits.h"
#include "util/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unpack_request {
	const char *archive_name; /* what messages call the archive */

	/* An empty directory of the caller's; it stays open and the caller's. */
	int staging_fd;
	const char *staging_path; /* what messages call it */

	struct unpack_limits limits; /* 0: the most that limits.h names */

	/*
	 * A descriptor that the child keeps open until it has ended: a flock(2) taken on it then
	 * holds off the next --install even where we were killed and the child is about to be. 0 or
	 * -1: none.
	 */
	int lock_fd;

	/*
	 * Called with CTX now and then (at least four times a second) with the bytes of the archive
	 * that were unpacked so far. Another return value than 0 stops the work, as when the user
	 * pressed ^C: the child is killed, the staging directory emptied, and nothing is said.
	 * NULL: not called.
	 */
	int (*progress)(void *ctx, uint64_t bytes);
	void *ctx;

	/* What the child does, in the place of extract_nix_tarball() (extract.h); NULL: just that.
	 */
	int (*work)(const struct unpack_limits *limits);
};

struct unpack_result {
	char *top;	  /* the name of the top directory, one component beginning with "nix-" */
	uint64_t entries; /* files, directories and symlinks made */
	uint64_t bytes;	  /* the files' sizes together */
	bool refused;	  /* after a failure: the archive was at fault, and will be the next time */
};

/* An unpacking that waits for its archive. */
struct unpack;

/*
 * Start the child. Returns what the caller ends with unpack_end() or unpack_abort(), or NULL after
 * a message. SIGPIPE is ignored until then.
 */
struct unpack *unpack_begin(const struct unpack_request *request);

/*
 * Give the child the next LEN bytes of the archive. Waits until it has taken them or its pipe holds
 * them, so that who has the bytes is slowed down to what can be unpacked. Returns 0, or -EPIPE
 * where the child has ended already, or -ECANCELED where progress() stopped it: unpack_end() says
 * why.
 *
 * UNPACK is a struct unpack; this and the next are the functions of a struct sink.
 */
int unpack_write(void *unpack, const void *data, size_t len);

/*
 * The archive begins again from its first byte: another child, an empty staging directory. Returns
 * 0, or -1 after a message; then, too, UNPACK is to be ended.
 */
int unpack_restart(void *unpack);

/*
 * The archive is complete: wait for the child. Returns 0 with *OUT the caller's to clear with
 * unpack_result_clear(). Or -1, after it has said what failed (unless progress() stopped it), with
 * the staging directory empty again and *OUT empty but for refused. UNPACK is gone either way.
 *
 * Nothing is flushed to disk: store_commit() does that for all of it at once.
 */
int unpack_end(struct unpack *unpack, struct unpack_result *out);

/*
 * Can the child reach nothing outside the staging directory, whatever it is fed? Where not, it gets
 * no byte before the digest of all of them is known to be the right one.
 */
bool unpack_is_confined(const struct unpack *unpack);

/* Kill the child, empty the staging directory, say nothing. UNPACK is gone. */
void unpack_abort(struct unpack *unpack);

/*
 * All of it, from the descriptor ARCHIVE_FD: it is read to its end and never seeked in, so that a
 * pipe serves as well as a file. WATCH (or NULL) gets each piece before the child does: a digest of
 * what WATCH got is one of what was unpacked, whatever becomes of the file meanwhile. Where WATCH
 * ends it, WATCH has said why.
 */
int unpack_archive(const struct unpack_request *request, int archive_fd, const struct sink *watch,
		   struct unpack_result *out);

void unpack_result_clear(struct unpack_result *result);

#endif
