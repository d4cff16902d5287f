/* Move staged store paths into the store, by rename(2). */
#ifndef STORE_COMMIT_H
#define STORE_COMMIT_H

#include "store/record.h"
#include "util/str.h"
#include "util/trust.h"

#include <stdbool.h>
#include <stddef.h>

struct store_request {
	int top_fd;	      /* the top directory of the unpacked tarball, which holds store/ */
	int nix_dir_fd;	      /* the Nix directory; a missing store/ is made in it (0755) */
	const char *nix_path; /* the Nix directory's name in messages */
	const struct trust *trust; /* who may own store paths that exist already */
	bool replace;		   /* --force: replace an existing store path by the staged one */
};

struct store_result {
	struct strlist names; /* of all store paths of the tarball, sorted bytewise */
	size_t added;	      /* how many of them are new */
	size_t replaced;      /* how many replaced another one */
};

/*
 * Move every store path of TOP/store into the store/ of the Nix directory. A path that exists there
 * with the same contents stays, and the staged copy is deleted; a path with other contents, as
 * after damage, is exchanged for the staged one, and so is every path if request->replace. A path
 * of a user who is not trusted is an error. At the end TOP/store holds links /nix/store/NAME, so
 * that the install script finds nothing to copy.
 *
 * Everything staged, and RECORD, which gets the names of all store paths, is on disk before the
 * first rename, and the renames are on disk when 0 is returned. At every instant a store path is
 * absent or whole. If an earlier run was killed between rename and chmod, the path, still 0755,
 * becomes 0555. On file systems without RENAME_EXCHANGE (NFS, some FUSE) a replaced path is absent
 * between two renames.
 *
 * Staging and store/ must be on one file system. After a failure or SIGKILL, what was moved stays,
 * and the same call with a freshly unpacked staging directory finishes the work.
 *
 * Returns 0 with *OUT the caller's to clear with store_result_clear(), or -1 after a message, with
 * *OUT empty.
 */
int store_commit(const struct store_request *request, struct record *record,
		 struct store_result *out);

void store_result_clear(struct store_result *result);

#endif
