/*
 * Would a plan made now lead to the same as one that was carried out before?
 */
#ifndef CHROOT_PLAN_COMPARE_H
#define CHROOT_PLAN_COMPARE_H

#include "chroot/plan.h"

#include <stdint.h>

/*
 * A fingerprint of what PLAN makes of the host that was seen as SEEN (host_view.h) while it was
 * made. A host that has changed where the plan looked has another one, and so has another path
 * config, unless neither makes a difference inside.
 */
uint64_t plan_fingerprint(const struct plan *plan, uint64_t seen);

/* Does PATH (absolute, without links) lead inside to what it is on the host? */
bool plan_keeps(const struct plan *plan, const char *path);

#endif
