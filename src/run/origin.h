/*
 * Where an entry comes from: what has to be the same for two entries to find the same inside.
 */
#ifndef RUN_ORIGIN_H
#define RUN_ORIGIN_H

#include <stdint.h>

/* Numbers alone, so that it can be kept in a file and compared with memcmp(3). */
struct origin {
	uint64_t boot;		 /* since when the system runs: a fingerprint of its boot ID */
	uint64_t user_namespace; /* its inode */
	uint64_t root_device, root_inode;
	/*
	 * fs_mount_id() of the root. A mount is in one mount namespace only, so that this tells the
	 * namespace from all that ever were. Before Linux 6.8 it is 0, and there is the inode of
	 * the mount namespace instead, which is used anew.
	 */
	uint64_t root_mount, mount_namespace;
	/*
	 * Where what is mounted later does not spread into namespaces made before, as in most
	 * containers: a fingerprint of all mounts. 0 where it spreads.
	 */
	uint64_t mounts;
};

/* That of this process. Returns 0 or a negative errno (without /proc, say). */
int origin_read(struct origin *out);

#endif
