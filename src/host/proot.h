/*
 * PRoot: which one there is, and whether it works here.
 */
#ifndef HOST_PROOT_H
#define HOST_PROOT_H

#include <stdbool.h>

/* The one that --install has fetched, below a Nix directory. */
#define PROOT_FETCHED "var/nix-user-chroot/proot"

/*
 * The program: $NIX_USER_CHROOT_PROOT, else proot on PATH, else the one in NIX_DIR (NULL: none),
 * where it and the directories above it are the caller's own and nobody else may write to them. A
 * path, the caller's to free; NULL with *WHY, the caller's to free too, a sentence without its full
 * stop.
 */
char *proot_find(const char *nix_dir, char **why);

/*
 * From now on, the kernel answers ENOSYS to this process and to those that it starts for the system
 * calls whose paths PRoot 5.1 (that of Debian 12 and 13) does not translate: statx, openat2,
 * faccessat2, renameat2. libc and Nix do without them then. Sets no_new_privs, as the kernel asks
 * of whoever sets a filter without privilege. Returns 0 or -errno.
 */
int proot_hide_system_calls(void);

/*
 * Run a shell and a stat(1) of a directory that PROOT is to show elsewhere. NULL: they do what they
 * should; else why not, the caller's to free: a sentence without its full stop.
 */
char *proot_refusal(const char *proot);

#endif
