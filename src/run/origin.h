/* Where an entry comes from: what two entries must have in common to see the same inside. */
#ifndef RUN_ORIGIN_H
#define RUN_ORIGIN_H

#include <stdint.h>

/*
 * PROC_USER_INIT_INO and PROC_PID_INIT_INO of the kernel's proc_ns.h: the system's first namespaces
 */
#define FIRST_USER_NAMESPACE 0xEFFFFFFD
#define FIRST_PID_NAMESPACE  0xEFFFFFFC

/* Numbers only, so that a file can hold them and memcmp(3) compares them. */
struct origin {
	uint64_t boot;		 /* a fingerprint of the boot ID */
	uint64_t user_namespace; /* its inode */
	uint64_t root_device, root_inode;
	/*
	 * fs_mount_id() of the root. A mount belongs to one mount namespace, so this tells the
	 * namespace from all that ever were. Before Linux 6.8 it is 0, and mount_namespace is that
	 * namespace's inode, which may be used again.
	 */
	uint64_t root_mount, mount_namespace;
	/*
	 * A fingerprint of all mounts, if later mounts do not spread into existing namespaces, as
	 * in most containers. 0 if they spread.
	 */
	uint64_t mounts;
};

/* Read the origin of this process. Returns 0 or a negative errno (without /proc, for example). */
int origin_read(struct origin *out);

#endif
