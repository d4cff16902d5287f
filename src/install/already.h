/*
 * The answer of --install if Nix is installed, by the program that enters: for "nothing to do", the
 * installer and its 44 libraries need not be started.
 */
#ifndef INSTALL_ALREADY_H
#define INSTALL_ALREADY_H

#include "install/request.h"

/*
 * Is everything in place that REQUEST asks for, and nothing to be repaired? Changes nothing.
 * Returns 1 after a message that says so; -1 after a message, if the installer could say nothing
 * else; 0, silently, if the installer has to look: there is work, or REQUEST asks for more than
 * this function knows. Store paths are not read to take their digests (renew.c does that), since it
 * needs libcrypto.
 */
int already_installed(const struct install_request *request);

#endif
