/*
 * What a path of the host is inside.
 */
#ifndef RUN_INSIDE_H
#define RUN_INSIDE_H

#include <stdbool.h>

/* Set to "proot" for what runs there: nothing else tells it. */
#define INSIDE_VARIABLE "NIX_USER_CHROOT_INSIDE"

/* What runs inside has in it the path that the Nix directory has outside. */
#define NIX_DIR_VARIABLE "NIX_USER_CHROOT"

/*
 * Of TEXT, by which this program has started itself anew through another, the first digit: how much
 * is said, as log_get_level() - LOG_ERROR there. It becomes the level here; returns what follows it.
 */
const char *run_take_level(const char *text);

/* Is this process in a PRoot that run/proot has started? */
bool run_is_in_proot(void);

/* Is this process in a chroot or PRoot of ours, with the directory NIX_DIR_FD for /nix? */
bool run_is_inside(int nix_dir_fd);

/*
 * Follow PATH (absolute) link by link as inside, where the directory NIX_DIR_FD is /nix. 0 with
 * *RESOLVED the path without links, the caller's to free; -ENOENT, and *RESOLVED all the same,
 * where only the last component is missing; another negative errno, and *RESOLVED untouched.
 */
int run_resolve_inside(int nix_dir_fd, const char *path, char **resolved);

#endif
