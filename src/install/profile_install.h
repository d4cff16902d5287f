/*
 * A profile that "nix profile" has written holds manifest.json, and nix-env, which the install
 * script calls, refuses such a profile. Then the script gets a profile of its own, and "nix
 * profile" adds the packages of that one to the user's profile.
 */
#ifndef INSTALL_PROFILE_INSTALL_H
#define INSTALL_PROFILE_INSTALL_H

#include "install/script.h"

/* Is the user's profile written by "nix profile"? */
bool profile_install_is_needed(int nix_dir_fd);

/* Before the script: give REQUEST a profile of its own. 0, or -1 after a message. */
int profile_install_begin(struct script_request *request);

/*
 * After the script: in the user's profile, replace Nix, and the CA bundle if the script installed
 * one. If that fails, the user's profile is as it was. 0, or -1 after a message.
 */
int profile_install_finish(struct script_request *request);

#endif
