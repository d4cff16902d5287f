/*
 * What two entries must have in common to be in one namespace.
 */
#ifndef RUN_LIVING_KEY_H
#define RUN_LIVING_KEY_H

#include "run/origin.h"

#include <stdint.h>

/* Numbers only, as in struct origin. */
struct living_key {
	uint64_t nix_device, nix_inode; /* of the Nix directory */
	struct origin origin;
	uint64_t gid;  /* decides which other groups are mapped, if any */
	uint64_t plan; /* plan_fingerprint() */
};

#endif
