/*
 * --install where Nix is installed, answered by the program that enters: the installer and its 44
 * libraries need not be started for "nothing to do".
 */
#ifndef INSTALL_ALREADY_H
#define INSTALL_ALREADY_H

#include "install/request.h"

/*
 * Is all in place that REQUEST asks for, and nothing to be put right? Changes nothing. Returns 1
 * after saying so; -1 after a message, where the installer could say nothing else; 0, silently,
 * where it is the installer's to look, and to say: there is work, or more is asked for than this
 * knows of. Who takes a digest is not asked (renew.c does), for that needs libcrypto.
 */
int already_installed(const struct install_request *request);

#endif
