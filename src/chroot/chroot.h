/*
 * Entering: a mount namespace, usually within a new user namespace, in which a directory of the
 * user's is /nix and everything else of / is where it was.
 *
 * The core reads no environment variable and starts no program. Callers hand it what it needs; it
 * returns what failed as data (error.h), and the caller explains that.
 */
#ifndef CHROOT_CHROOT_H
#define CHROOT_CHROOT_H

#include "chroot/error.h"
#include "chroot/plan.h"

#include <stdbool.h>

/*
 * Enter the namespaces, and carry PLAN out in them. Without a user namespace, the caller must have
 * CAP_SYS_ADMIN. The process must have one thread (unshare(2)), and the Nix directory as its
 * working directory, which is undefined afterwards. Returns 0, or -1 with *ERROR set. If the failed
 * step is CHROOT_UNSHARE or CHROOT_UNSHARE_MOUNTS, nothing has changed; after any other the process
 * may be in new namespaces and must end.
 */
int chroot_enter(const struct plan *plan, bool with_user_namespace, struct chroot_error *error);

#endif
