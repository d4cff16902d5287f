/* What a path of the host leads to inside. */
#ifndef RUN_INSIDE_H
#define RUN_INSIDE_H

#include <stdbool.h>

/* Set to "proot" for processes in PRoot: nothing else tells them that they are. */
#define INSIDE_VARIABLE "NIX_USER_CHROOT_INSIDE"

/* Set inside to the path that the Nix directory has outside. */
#define NIX_DIR_VARIABLE "NIX_USER_CHROOT"

/*
 * Set the level of messages by the first digit of TEXT, with which this program started itself
 * anew: log_get_level() - LOG_ERROR of the first process. Returns what follows the digit.
 */
const char *run_take_level(const char *text);

/* Is this process in a PRoot that run/proot started? */
bool run_is_in_proot(void);

/* Is this process in a chroot or PRoot of ours, with the directory NIX_DIR_FD as /nix? */
bool run_is_inside(int nix_dir_fd);

/*
 * Follow PATH (absolute) link by link as inside, with the directory NIX_DIR_FD as /nix. 0 with
 * *RESOLVED the path without links, the caller's to free; -ENOENT, also with *RESOLVED set, if only
 * the last component is missing; another negative errno with *RESOLVED untouched.
 */
int run_resolve_inside(int nix_dir_fd, const char *path, char **resolved);

#endif
