/*
 * Staged store paths → the store, by rename(2).
 */
#ifndef STORE_COMMIT_H
#define STORE_COMMIT_H

#include "store/record.h"
#include "util/str.h"
#include "util/trust.h"

#include <stdbool.h>
#include <stddef.h>

struct store_request {
	int top_fd;	      /* the unpacked tarball's top directory, which holds store/ */
	int nix_dir_fd;	      /* the Nix directory; its store/ is made (0755) where it is missing */
	const char *nix_path; /* what messages call the Nix directory */
	const struct trust *trust; /* whose store paths may be there already */
	bool replace; /* --force: put the staged path in the place of one that is there */
};

struct store_result {
	struct strlist names; /* of all store paths of the tarball, sorted bytewise */
	size_t added;	      /* how many of them were not there before */
	size_t replaced;      /* how many took another's place */
};

/*
 * Move every store path of TOP/store into the Nix directory's store/; one that is there already and
 * holds the same is left as it is and the staged copy deleted; one that holds something else, as
 * after damage, or any with request->replace, is exchanged for the staged one. One of somebody whom
 * the user does not trust is an error. At last TOP/store holds links /nix/store/NAME, so that the
 * install script finds nothing to copy.
 *
 * Everything staged, not only the store paths, and RECORD, which gets all their names, is on disk
 * before the first rename, and the renames are when 0 is returned. A store path is at every instant
 * absent or whole; one that an earlier run was killed over between rename and chmod (0755 still) is
 * closed to 0555. With replace, on file systems without RENAME_EXCHANGE (NFS, some FUSE) a path is
 * absent between two renames.
 *
 * Staging and store/ must be on one file system. Killed or failed midway, what was moved stays, and
 * the same call on a freshly unpacked staging directory finishes the work.
 *
 * Returns 0 with *OUT the caller's to clear with store_result_clear(), or -1 after it has said why,
 * with *OUT empty.
 */
int store_commit(const struct store_request *request, struct record *record,
		 struct store_result *out);

void store_result_clear(struct store_result *result);

#endif
