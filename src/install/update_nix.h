/* --update --nix: find the latest Nix, and install it if it is not the installed one. */
#ifndef INSTALL_UPDATE_NIX_H
#define INSTALL_UPDATE_NIX_H

#include "install/update_request.h"

/*
 * If the mirror's latest Nix is newer than the installed one, or --force is given, become --install
 * of it, which does not change the user's channels and startup files. Returns 0 if there is nothing
 * to do, -1 after a message.
 */
int update_nix(const struct update_request *request);

#endif
