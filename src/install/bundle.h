/*
 * --bundle: one file with the program and a Nix in it (util/bundle.h).
 */
#ifndef INSTALL_BUNDLE_H
#define INSTALL_BUNDLE_H

#include "install/request.h"

/*
 * Write it to the bundle_file of REQUEST, of which nothing counts beside but program, what says
 * which Nix, and cacert. Returns the exit status to end with.
 */
int bundle_command(const struct install_request *request);

#endif
