/*
 * What is in the Nix directory already: an installation of ours, one broken off, or another's
 * store.
 */
#ifndef INSTALL_INSTALLED_H
#define INSTALL_INSTALLED_H

#include "install/workspace.h"
#include "options.h"

/*
 * Does the Nix directory hold what OPTIONS ask for? Reads only. Returns
 *  1 after saying what is there: nothing is to be done (a store made by other means counts, where
 * the profile's nix is in it); 0 where there is work: nothing there, an installation that was
 * broken off, or one of another version, or --force; -1 after a message: a store made by other
 * means, without a nix in the user's profile.
 */
int installed_look(const struct workspace *workspace, const struct install_options *options);

/*
 * Leave the mark of an installation under way, on disk, before the first store path is committed;
 * and take it away after the receipt is written. 0 or a negative errno.
 */
int installed_write_intent(int nix_dir_fd);
int installed_remove_intent(int nix_dir_fd);

#endif
