/*
 * Lets the program that enters answer "nothing to do" to --install by itself, if Nix is installed:
 * the installer with its 44 libraries need not be started.
 */
#ifndef INSTALL_ALREADY_H
#define INSTALL_ALREADY_H

#include "install/request.h"

/*
 * Is everything in place that REQUEST asks for, and nothing to be repaired? Waits for another
 * process that is at work on it, or about to be (turn.h). Changes nothing.
 * Returns 1 after a message that says so; -1 after a message that the installer would print too; 0,
 * silently, if the installer has to look: there is work, or REQUEST asks for more than this
 * function can check. The digests of store paths are not compared: that needs libcrypto, and
 * renew.c does it.
 */
int already_installed(const struct install_request *request);

#endif
