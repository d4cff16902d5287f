/*
 * A root of our own with the Nix directory on /nix: what the runtimes that mount have in common.
 */
#ifndef RUN_OWN_ROOT_H
#define RUN_OWN_ROOT_H

#include "chroot/plan.h"
#include "run/entry.h"

#include <stdint.h>

/*
 * The plan by the path config of ENTRY's Nix directory; WITH_USER_NAMESPACE: root's files will be
 * nobody's. 0, or -1 after a message.
 */
int own_root_plan(const struct entry *entry, bool with_user_namespace, struct plan *plan,
		  uint64_t *fingerprint);

/*
 * Enter it. Returns 0; 1 with *REFUSAL set, where it is not to be had and nothing has changed; or
 * -1 after a message: the process may then be in namespaces of its own and must end. Where REFUSAL
 * is not NULL and the host may let the namespaces pass and refuse the mounts, that is found out
 * before, in a child.
 */
int own_root_enter(const struct entry *entry, const struct plan *plan, bool with_user_namespace,
		   struct refusal *refusal);

#endif
