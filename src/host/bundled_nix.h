/*
 * A Nix in the file of this program, for --check.
 */
#ifndef HOST_BUNDLED_NIX_H
#define HOST_BUNDLED_NIX_H

#include "util/bundle.h"

struct bundled_nix {
	const struct bundle *bundle;
	const char *version, *system; /* of the Nix; only valid if the bundle is not broken */
};

#endif
