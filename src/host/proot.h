/* PRoot: where it is, and whether it works on this host. */
#ifndef HOST_PROOT_H
#define HOST_PROOT_H

#include <stdbool.h>

/* Where --install puts the PRoot that it fetches, below the Nix directory. */
#define PROOT_FETCHED "var/nix-user-chroot/proot"

/*
 * The path of PRoot: $NIX_USER_CHROOT_PROOT, else proot on PATH, else the one in NIX_DIR (NULL:
 * none), if it and the directories above it belong to the caller and nobody else may write to them.
 * The caller frees. NULL with *WHY, also the caller's to free: a sentence without a full stop.
 */
char *proot_find(const char *nix_dir, char **why);

/*
 * From now on the kernel answers ENOSYS to this process and its children for the system calls whose
 * paths PRoot 5.1 (of Debian 12 and 13) does not translate: statx, openat2, faccessat2, renameat2.
 * libc and Nix then use older calls. Sets no_new_privs, as the kernel demands from a process that
 * sets a filter without privilege. Returns 0 or -errno.
 */
int proot_hide_system_calls(void);

/*
 * Run a shell and a stat(1) of a directory that PROOT is to show elsewhere. NULL: both work; else
 * the reason why not, the caller's to free: a sentence without a full stop.
 */
char *proot_refusal(const char *proot);

#endif
