/*
 * A profile that "nix profile" has written holds a manifest.json, and nix-env, which the install
 * script calls, refuses it. There the script gets a profile of its own, and what it puts into that
 * goes into the user's by "nix profile".
 */
#ifndef INSTALL_PROFILE_INSTALL_H
#define INSTALL_PROFILE_INSTALL_H

#include "install/script.h"

/* Is the user's profile such a one? */
bool profile_install_is_needed(int nix_dir_fd);

/* Before the script: give REQUEST the profile that it is to use. 0, or -1 after a message. */
int profile_install_begin(struct script_request *request);

/*
 * After it: put Nix, and the CA bundle where the script has one, in the place of those in the
 * user's profile. A profile that this fails for is as it was. 0, or -1 after a message.
 */
int profile_install_finish(struct script_request *request);

#endif
