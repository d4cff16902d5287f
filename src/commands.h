/*
 * What main() can be asked to do beyond entering. Which of two implementations is linked decides
 * the shape of the program: install/install.c and install/uninstall.c carry it out, delegate.c
 * hands it to the program that has them.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "cli/options.h"

/*
 * --install, as OPTIONS ask; then the command of OPTIONS inside, where there is one. Returns the
 * exit status to end with; may not return. With --dry-run the caller flushes stdout.
 */
int command_install(const struct options *options);

/* --uninstall, the same way. */
int command_uninstall(const struct options *options);

#endif
