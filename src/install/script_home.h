/*
 * Nix's install script and the user's home directory: what the script would damage is kept from it,
 * and what would make it fail is out of its way.
 */
#ifndef INSTALL_SCRIPT_HOME_H
#define INSTALL_SCRIPT_HOME_H

#include "install/installation.h"
#include "install/script.h"

/*
 * script_run() of REQUEST, which learns what the script is not to do here, with the profile links
 * of another Nix out of the way (profile_links.h), a nix.fish of the user's own as it was
 * afterwards, and the new Nix put into a profile of "nix profile" by that. Returns 0 or -1 after a
 * message.
 */
int script_run_at_home(const struct installation *in, struct script_request *request);

#endif
