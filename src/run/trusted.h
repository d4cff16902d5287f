/* Refuses a Nix directory that others own or can write to, unless the user trusts them. */
#ifndef RUN_TRUSTED_H
#define RUN_TRUSTED_H

#include "util/trust.h"

/* Whom the user trusts by --trust-owner and --shared-group; NULL: nobody else. */
struct trusted_wish {
	const char *owner, *group;
};

/* Do as trust_find() does, with a message if the owner or group does not exist. 0 or -1. */
int trusted_find(const struct trusted_wish *wish, struct trust *out);

/*
 * Do the Nix directory NIX_DIR_FD, which the user knows as NIX_DIR, and the important places in it
 * belong to the user or root, and are they closed to others? Checked are the directory, its store,
 * var, var/nix and the profiles there, the state directory, etc, and the configuration in it; links
 * are followed. Returns 0, or -1 after a message; if the user named the directory (IS_NAMED), 0
 * after a note at -v. *IS_OWN (NULL: not wanted): whether the directory itself is the user's.
 */
int trusted_check(const struct trust *trust, int nix_dir_fd, const char *nix_dir, bool is_named,
		  bool *is_own);

#endif
