/* Finds what would go wrong before anything is downloaded or changed. */
#ifndef INSTALL_PREFLIGHT_H
#define INSTALL_PREFLIGHT_H

#include "install/request.h"
#include "install/nix_conf.h"
#include "install/site.h"

/*
 * Print why Nix cannot be installed on this host, or why the runtime ASKED, which the user wants,
 * does not work. Returns -1.
 */
int preflight_refuse(const struct site *site, enum runtime asked);

/*
 * Does the runtime of SITE work on this host? Also checked if Nix is installed already: a store in
 * a home directory of many hosts is of no use on a host that cannot enter it. A PRoot that is still
 * to be fetched counts as working. 0, or -1 after a message.
 */
int preflight_runtime(const struct site *site);

/* Does Nix's build sandbox work in the runtime of SITE? */
bool preflight_can_sandbox(const struct site *site);

/*
 * Does HOME belong to the user, can programs run from the future Nix directory, does Nix accept the
 * store's place, and is the user's profile free? Changes nothing. Returns 0 with those fields of
 * *FACTS that the host decides; or -1 after a message.
 */
int preflight(const struct site *site, const struct install_request *request,
	      struct nix_conf_facts *facts);

#endif
