/*
 * --update: the newest release of this program in its place, and with --nix the latest Nix.
 */
#ifndef INSTALL_UPDATE_H
#define INSTALL_UPDATE_H

#include "install/update_request.h"

/* Do it. Returns the exit status to end with. */
int update_command(const struct update_request *request);

#endif
