/*
 * --update: replace this program by its newest release, and with --nix also Nix by the latest one.
 */
#ifndef INSTALL_UPDATE_H
#define INSTALL_UPDATE_H

#include "install/update_request.h"

/* Carry --update out. Returns the exit status to end with. */
int update_command(const struct update_request *request);

#endif
