/* Would a plan made now have the same result as one that was carried out before? */
#ifndef CHROOT_PLAN_COMPARE_H
#define CHROOT_PLAN_COMPARE_H

#include "chroot/plan.h"

#include <stdint.h>

/*
 * A fingerprint of PLAN's result on the host; SEEN is the hash of what the plan saw of the host
 * (host_view.h). The fingerprint changes with the host, where the plan looked, and with the path
 * config, if the change makes a difference inside.
 */
uint64_t plan_fingerprint(const struct plan *plan, uint64_t seen);

/* Does PATH (absolute, without symlinks) lead to the same file inside as on the host? */
bool plan_keeps(const struct plan *plan, const char *path);

#endif
