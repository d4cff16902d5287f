/*
 * Carries a plan out, in a mount namespace of our own.
 */
#ifndef CHROOT_APPLY_H
#define CHROOT_APPLY_H

#include "chroot/error.h"
#include "chroot/plan.h"

/*
 * Build the new root as PLAN says, make it this process's root by pivot_root(2), and detach the old
 * root. On call, the working directory must be the Nix directory: the working directory follows
 * into the new namespace, while a descriptor from before unshare(2) cannot be mounted there (the
 * kernel's do_loopback() refuses a mount of another namespace). The working directory is undefined
 * afterwards.
 * An entry of the host that cannot be mounted is skipped with a note at -v, or with a warning if
 * the path config asks for the entry or the kernel's limit of mounts is reached. Nothing is created
 * outside our own tmpfs, whatever the host has become since the plan was made. Returns 0, or -1
 * with *ERROR set; the process must end then.
 */
int apply_plan(const struct plan *plan, struct chroot_error *error);

#endif
