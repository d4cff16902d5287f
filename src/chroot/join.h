/*
 * Joining a namespace that an earlier entry has made, through a process that is in it.
 */
#ifndef CHROOT_JOIN_H
#define CHROOT_JOIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The identity of a root that we made: no other root that exists or existed has the same. It holds
 * numbers only, so that it can be stored in a file and compared by memcmp(3).
 */
struct chroot_root {
	uint64_t device, inode;
	uint64_t changed; /* in nanoseconds: when the root was finished */
	uint64_t mount;	  /* fs_mount_id(); 0 before Linux 6.8 */
};

/* Read the root ROOT_FD, a descriptor of "/" or of /proc/PID/root. Returns 0 or -errno. */
int chroot_root_read(int root_fd, struct chroot_root *out);

/* A namespace that can be joined; descriptors, which keep it alive. */
struct chroot_door {
	int root_fd;  /* its root */
	int user_fd;  /* its user namespace */
	int mount_fd; /* its mount namespace */
};

#define CHROOT_NO_DOOR     \
	{                  \
		-1, -1, -1 \
	}

/*
 * Open the door to the namespace whose root is ROOT and whose /nix is the directory NIX_DIR_FD,
 * through the process PID. Only the kernel is asked; nothing else is trusted. Returns 0 with *DOOR
 * open; -ESRCH if PID is no living process in that namespace; -EPERM if the namespace is not for
 * this caller: it is no child of the caller's user namespace, belongs to another user, or does not
 * map the caller's user and group ID to themselves (after newgrp(1), for example).
 */
int chroot_open_door(pid_t pid, const struct chroot_root *root, int nix_dir_fd,
		     struct chroot_door *door);

/* Is PID a living process in the namespace whose root is ROOT, as far as this user may look? */
bool chroot_is_in(pid_t pid, const struct chroot_root *root);

/*
 * Move this process, which must have one thread, through DOOR; the working directory is then the
 * root there. Returns 0; -errno if the kernel refuses and nothing has changed; or -ENOTUNIQ if the
 * user namespace could be entered but not the mount namespace: the process must end then.
 */
int chroot_join(const struct chroot_door *door);

void chroot_door_close(struct chroot_door *door);

#endif
