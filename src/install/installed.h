/*
 * What is in the Nix directory already: an installation of ours, one broken off, or another's
 * store.
 */
#ifndef INSTALL_INSTALLED_H
#define INSTALL_INSTALLED_H

#include "store/layout.h"
#include "cli/options.h"

#include <stdbool.h>

struct installed {
	/*
	 * Of an installation of ours that is to be mended (a store path of it is gone, or the
	 * profile has no nix): its version, the one to install where the options name none. The
	 * caller's to free.
	 */
	char *again;
	bool said; /* why there is work; a second look says it no more */
};

/*
 * Does the Nix directory hold what OPTIONS ask for? Reads only. Returns
 *  1 after saying what is there: nothing is to be done (a store made by other means counts, where
 * the profile's nix is in it); 0 where there is work: nothing there, an installation that was
 * broken off, or one of another version, or --force; -1 after a message: a store made by other
 * means, without a nix in the user's profile. *OUT, zeroed before the first look, learns more.
 */
int installed_look(const struct workspace *workspace, const struct install_options *options,
		   struct installed *out);

/* Is there a store path in it, whoever made it? */
bool installed_has_store_paths(int nix_dir_fd);

/*
 * Are there store paths in the Nix directory, and neither a receipt of ours nor the mark of an
 * installation that was broken off?
 */
bool installed_is_foreign(const struct workspace *workspace);

/*
 * Leave the mark of an installation under way, on disk, before the first store path is committed;
 * and take it away after the receipt is written. 0 or a negative errno.
 */
int installed_write_intent(int nix_dir_fd);
int installed_remove_intent(int nix_dir_fd);

#endif
