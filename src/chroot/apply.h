/*
 * Carries a plan out, in a mount namespace of our own.
 */
#ifndef CHROOT_APPLY_H
#define CHROOT_APPLY_H

#include "chroot/error.h"
#include "chroot/plan.h"

/*
 * Build the new root as PLAN says and make it this process's root, with pivot_root(2); the old one
 * is detached. The Nix directory is the working directory when this is called: as a descriptor from
 * before unshare(2) it could not be mounted (the kernel's do_loopback() refuses a mount of another
 * namespace), while the working directory follows into the new one. After, the working directory is
 * undefined.
 * An entry of the host that cannot be mounted is skipped with a note at -v, or a warning where the
 * path config asks for it or the kernel's limit of mounts is reached. Whatever the host has become
 * since the plan was made, nothing is created outside our own tmpfs. Returns 0, or -1 with *ERROR
 * set; the process must end then.
 */
int apply_plan(const struct plan *plan, struct chroot_error *error);

#endif
