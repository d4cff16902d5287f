/* A new root with the Nix directory on /nix: the common part of the runtimes that mount. */
#ifndef RUN_OWN_ROOT_H
#define RUN_OWN_ROOT_H

#include "chroot/plan.h"
#include "run/entry.h"

#include <stdint.h>

/*
 * Make the plan with the path config of ENTRY's Nix directory; WITH_USER_NAMESPACE: root's files
 * will belong to nobody. 0, or -1 after a message.
 */
int own_root_plan(const struct entry *entry, bool with_user_namespace, struct plan *plan,
		  uint64_t *fingerprint);

/*
 * Enter the new root. Returns 0; 1 with *REFUSAL set if it is refused and nothing has changed; or
 * -1 after a message: the process may then be in new namespaces and must end. If REFUSAL is not
 * NULL and the host may allow the namespaces but refuse the mounts, a child tries first.
 */
int own_root_enter(const struct entry *entry, const struct plan *plan, bool with_user_namespace,
		   struct refusal *refusal);

#endif
