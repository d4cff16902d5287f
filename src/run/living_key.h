/*
 * What two entries must have in common to be in one namespace.
 */
#ifndef RUN_LIVING_KEY_H
#define RUN_LIVING_KEY_H

#include "run/origin.h"

#include <stdint.h>

/* Numbers alone, as struct origin. */
struct living_key {
	uint64_t nix_device, nix_inode; /* of the Nix directory */
	struct origin origin;
	uint64_t gid;  /* which other groups are mapped, if any, depends on it */
	uint64_t plan; /* plan_fingerprint() */
};

#endif
