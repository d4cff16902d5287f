/*
 * Making a user and mount namespace in which this process may mount: user_namespaces(7),
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
 * Map UID and GID to themselves, and nothing else, in the user namespace just entered. The kernel
 * demands that an unprivileged process denies setgroups(2) before it maps the GID
 * (user_namespaces(7), since Linux 3.19). Supplementary groups still count for access. Returns 0,
 * or -errno with *FILE the file under /proc/self that could not be written.
 */
int namespace_map_uid(uid_t uid, const char **file);
int namespace_map_gid(gid_t gid, const char **file);
int namespace_map_ids(uid_t uid, gid_t gid, const char **file);

/*
 * Make every mount under / a slave: what the host mounts later appears here, and what we mount
 * stays here. Returns 0 or -errno.
 */
int namespace_make_slave(void);

/*
 * Make every mount private: what the host mounts later does not appear here. No mount is unbindable
 * afterwards. Returns 0 or -errno.
 */
int namespace_make_private(void);

#endif
