/*
 * Entering: a mount namespace, as a rule with a user namespace around it, in which a directory of
 * the user's is /nix and everything else of / is where it was.
 *
 * The core reads no environment and starts no program. What it needs of the caller's it is handed;
 * what failed goes back as data (error.h), and the caller explains it.
 */
#ifndef CHROOT_CHROOT_H
#define CHROOT_CHROOT_H

#include "chroot/error.h"
#include "chroot/plan.h"

#include <stdbool.h>

/*
 * Enter the namespaces, and carry PLAN out in them. Without a user namespace, the caller must have
 * CAP_SYS_ADMIN. To be called with the Nix directory for the
 * working directory, which is undefined after, by a process of one thread (unshare(2)). Returns 0,
 * or -1 with *ERROR set; where the step is CHROOT_UNSHARE or CHROOT_UNSHARE_MOUNTS, nothing has
 * changed, else the process may be in namespaces of its own and must end.
 */
int chroot_enter(const struct plan *plan, bool with_user_namespace, struct chroot_error *error);

#endif
