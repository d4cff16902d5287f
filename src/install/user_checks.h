/*
 * Finds what of the user's own would make Nix fail: the profile, settings, the directory for
 * temporary files. Part of preflight().
 */
#ifndef INSTALL_USER_CHECKS_H
#define INSTALL_USER_CHECKS_H

#include "install/nix_conf.h"
#include "install/request.h"
#include "install/site.h"

/*
 * Make these checks, with what nix.conf will have in FACTS; changes nothing. Returns 0, or -1 after
 * a message.
 */
int user_checks(const struct site *site, const struct install_request *request,
		const struct nix_conf_facts *facts);

#endif
