/*
 * What can be known to go wrong before anything is downloaded or changed.
 */
#ifndef INSTALL_PREFLIGHT_H
#define INSTALL_PREFLIGHT_H

#include "install/request.h"
#include "install/nix_conf.h"
#include "install/site.h"

/*
 * Can this host enter and unpack, is HOME the user's own, can programs be run from where the Nix
 * directory will be, is its store one that Nix takes, and is the user's profile free for it?
 * Changes nothing. Returns 0 with what of *FACTS the host decides; or -1 after a message.
 */
int preflight(const struct site *site, const struct install_request *request,
	      struct nix_conf_facts *facts);

#endif
