/*
 * A user and mount namespace of our own, in which we may mount: user_namespaces(7),
 * mount_namespaces(7).
 */
#ifndef CHROOT_NAMESPACE_H
#define CHROOT_NAMESPACE_H

#include <sys/types.h>

/*
 * unshare(2) into the namespaces that FLAGS name (CLONE_NEWUSER, CLONE_NEWNS, …). The working
 * directory and the root follow into the copied mounts. Returns 0 or -errno.
 */
int namespace_unshare(int flags);

/*
 * Map UID and GID to themselves, and nothing else, in the user namespace just entered. setgroups(2)
 * is denied before the GID is, as the kernel asks of an unprivileged process (user_namespaces(7),
 * since Linux 3.19). Supplementary groups keep counting for access. Returns 0, or -errno with *FILE
 * the file under /proc/self that could not be written.
 */
int namespace_map_uid(uid_t uid, const char **file);
int namespace_map_gid(gid_t gid, const char **file);
int namespace_map_ids(uid_t uid, gid_t gid, const char **file);

/*
 * Make every mount under / a slave: what the host mounts later shows up, what we mount stays here.
 * Returns 0 or -errno.
 */
int namespace_make_slave(void);

/* The same, but what the host mounts later does not show up. Nothing is unbindable after. */
int namespace_make_private(void);

#endif
