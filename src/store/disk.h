/* What the file system of the Nix directory can do, found by trying. */
#ifndef STORE_DISK_H
#define STORE_DISK_H

#include "util/str.h"

#include <stdbool.h>

struct disk {
	char *type; /* "nfs4", "fuse.sshfs": proc_pid_mountinfo(5); NULL: unknown */
	/*
	 * SQLite's write-ahead log needs memory that is shared through a file, and all users of the
	 * database on one host (https://sqlite.org/wal.html). So this is also false for a file
	 * system that several hosts can mount.
	 */
	bool wal_works;
	/* extended attributes that new files have and that cannot be removed, as Nix tries to */
	struct strlist fixed_xattrs;
	/* what Nix needs and does not get, a clause after "cannot use it: "; NULL: nothing */
	char *refused;
};

/*
 * Try it in the staging directory of NIX_DIR_FD, whose lock the caller holds, and remove that
 * directory again. Returns 0 with *OUT the caller's to clear, or a negative errno if nothing could
 * be tried: -ENOSPC and -EDQUOT if there is no room.
 */
int disk_try(int nix_dir_fd, struct disk *out);

/*
 * Does a file system of TYPE belong to this host alone, according to FILESYSTEMS, the text of
 * /proc/filesystems?
 */
bool disk_type_is_local(const char *type, const char *filesystems);

void disk_clear(struct disk *disk);

#endif
