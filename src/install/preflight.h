/*
 * What can be known to go wrong before anything is downloaded or changed.
 */
#ifndef INSTALL_PREFLIGHT_H
#define INSTALL_PREFLIGHT_H

#include "install/request.h"
#include "install/nix_conf.h"
#include "install/site.h"

/*
 * Say why this host cannot be installed on: by what it refuses, or why it refuses the runtime that
 * was ASKED for. Returns -1.
 */
int preflight_refuse(const struct site *site, enum runtime asked);

/*
 * Does the runtime of SITE work on this host? Asked where Nix is installed already, too: a store in
 * a home of many hosts is of no use on one that refuses to enter it. A PRoot that is wanted counts
 * as there. 0, or -1 after a message.
 */
int preflight_runtime(const struct site *site);

/* Do builds have a sandbox of Nix's in the runtime of SITE? */
bool preflight_can_sandbox(const struct site *site);

/*
 * Is HOME the user's own, can programs be run from where the Nix
 * directory will be, is its store one that Nix takes, and is the user's profile free for it?
 * Changes nothing. Returns 0 with what of *FACTS the host decides; or -1 after a message.
 */
int preflight(const struct site *site, const struct install_request *request,
	      struct nix_conf_facts *facts);

#endif
