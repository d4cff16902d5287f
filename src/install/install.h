/*
 * --install.
 */
#ifndef INSTALL_INSTALL_H
#define INSTALL_INSTALL_H

#include "install/request.h"

/*
 * Carry --install out, then run the command of REQUEST, if there is one. Returns the exit status to
 * end with; may not return. With dry_run the caller flushes stdout.
 */
int install_command(const struct install_request *request);

#endif
