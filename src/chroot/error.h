/* What failed while entering, as data, which the caller explains. */
#ifndef CHROOT_ERROR_H
#define CHROOT_ERROR_H

enum chroot_step {
	CHROOT_UNSHARE,	       /* into a user and mount namespace of our own */
	CHROOT_UNSHARE_MOUNTS, /* into a mount namespace alone */
	CHROOT_MAP_IDS,	       /* of the user namespace, by the file PATH of /proc */
	CHROOT_MAKE_SLAVE,     /* of all mounts, so that none spreads to the host */
	CHROOT_MOUNT_TMPFS,    /* the new root, or one over a directory that is to be changed */
	CHROOT_MAKE_DIRECTORY, /* for the old root */
	CHROOT_PIVOT_ROOT,
	CHROOT_LOOK_AT, /* stat(2) */
	CHROOT_MOUNT_NIX,
	CHROOT_DETACH, /* the old root */
	CHROOT_REMOVE,
	CHROOT_MAKE_READ_ONLY,
	CHROOT_STEP_COUNT,
};

struct chroot_error {
	enum chroot_step step;
	int err;    /* a positive errno */
	char *path; /* the path that the step was applied to; NULL: none */
	char *root; /* the prefix under which the host's files are at that moment; "" for "/" */
};

/* Set *ERROR: STEP failed with R, a negative errno. PATH and ROOT are copied. Returns -1. */
int chroot_fail(struct chroot_error *error, enum chroot_step step, const char *path,
		const char *root, int r);

void chroot_error_clear(struct chroot_error *error);

#endif
