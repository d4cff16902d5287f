/*
 * --bundle: one file with the program and a Nix in it (util/bundle.h).
 */
#ifndef INSTALL_BUNDLE_H
#define INSTALL_BUNDLE_H

#include "install/request.h"

/*
 * Write the bundle to the bundle_file of REQUEST. Of REQUEST, only bundle_file, program, releases,
 * cacert, and the fields that say which Nix, are read. Returns the exit status to end with.
 */
int bundle_command(const struct install_request *request);

#endif
