/*
 * Nix's install script and the user's home directory: protects files from the script, and removes
 * what would make it fail.
 */
#ifndef INSTALL_SCRIPT_HOME_H
#define INSTALL_SCRIPT_HOME_H

#include "install/installation.h"
#include "install/script.h"

/*
 * Do script_run() of REQUEST, which learns what the script must not do here. The profile links of
 * another Nix are out of the way (profile_links.h), a nix.fish of the user's is restored
 * afterwards, and if "nix profile" has written the user's profile, it also adds the new Nix to it.
 * Returns 0, or -1 after a message.
 */
int script_run_at_home(const struct installation *in, struct script_request *request);

#endif
