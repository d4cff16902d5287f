/*
 * What can be known to go wrong before anything is downloaded or changed.
 */
#ifndef INSTALL_PREFLIGHT_H
#define INSTALL_PREFLIGHT_H

#include "store/layout.h"
#include "cli/options.h"

#include <stdbool.h>

/*
 * Can this host enter and unpack, is HOME the user's own, can programs be run from where the Nix
 * directory will be, is its store one that Nix takes, and is the user's profile free for it?
 * Changes nothing. Returns 0 with *SANDBOX whether Nix's build sandbox will work inside; or -1
 * after a message.
 */
int preflight(const struct workspace *workspace, const struct install_options *options,
	      bool *sandbox);

#endif
