#include "run/mountns.h"
#include "run/own_root.h"
#include "util/capability.h"
#include "util/cleanup.h"

#include <errno.h>
#include <linux/capability.h>

int mountns_enter(const struct entry *entry, struct refusal *refusal)
{
	_cleanup_(plan_clear) struct plan plan = {0};
	uint64_t fingerprint;

	/* looking for the capability is cheaper than a plan that cannot be carried out */
	if (refusal && !capability_held(CAP_SYS_ADMIN))
		return refuse(refusal, xstrdup("create a mount namespace"), EPERM,
			      CHECK_MOUNT_NAMESPACE);
	if (own_root_plan(entry, false, &plan, &fingerprint) < 0)
		return -1;
	return own_root_enter(entry, &plan, false, refusal);
}
