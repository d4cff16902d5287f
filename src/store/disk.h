/*
 * What the file system of the Nix directory does, and does not do, found out by trying.
 */
#ifndef STORE_DISK_H
#define STORE_DISK_H

#include "util/str.h"

#include <stdbool.h>

struct disk {
	char *type; /* "nfs4", "fuse.sshfs": proc_pid_mountinfo(5); NULL: not known */
	/*
	 * SQLite's write-ahead log wants memory that is shared by way of a file, and all who use
	 * the database on one host (https://sqlite.org/wal.html): so false for what several hosts
	 * can mount, too.
	 */
	bool wal_works;
	/* extended attributes that a new file has and that cannot be removed: Nix tries to */
	struct strlist fixed_xattrs;
	/* what Nix needs there and does not get, a clause for "cannot use it: ..."; NULL: all */
	char *refused;
};

/*
 * Try it in the staging directory of NIX_DIR_FD, whose lock the caller has; that is removed again.
 * Returns 0 with *OUT the caller's to clear, or a negative errno where nothing could be tried:
 * -ENOSPC and -EDQUOT where there is no room for it.
 */
int disk_try(int nix_dir_fd, struct disk *out);

/* Does a file system of TYPE belong to this host alone, as far as FILESYSTEMS (the text of
 * /proc/filesystems) tells? */
bool disk_type_is_local(const char *type, const char *filesystems);

void disk_clear(struct disk *disk);

#endif
