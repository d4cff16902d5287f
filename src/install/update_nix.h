/*
 * --update --nix: which Nix is the latest, and --install of that where it is another one.
 */
#ifndef INSTALL_UPDATE_NIX_H
#define INSTALL_UPDATE_NIX_H

#include "install/update_request.h"

/*
 * Where the mirror's latest Nix is newer than the installed one, or --force is given, become
 * --install of it, which leaves alone what the user has: channels, startup files. Returns 0 where
 * there is nothing to do, -1 after a message.
 */
int update_nix(const struct update_request *request);

#endif
