/*
 * Nothing is done with a Nix directory that others own or can write to, unless the user says so.
 */
#ifndef RUN_TRUSTED_H
#define RUN_TRUSTED_H

#include "util/trust.h"

/* Whom the user trusts, as --trust-owner and --shared-group have it; NULL: nobody else. */
struct trusted_wish {
	const char *owner, *group;
};

/* trust_find(), with a message where there is no such owner or group. 0 or -1. */
int trusted_find(const struct trusted_wish *wish, struct trust *out);

/*
 * Are the Nix directory NIX_DIR_FD, which the user knows as NIX_DIR, and what is in it the user's
 * or root's, and closed to others? Looked at are it, its store, var, var/nix and the profiles
 * there, the state directory, etc, and the configuration in it, links followed. Returns 0, or -1
 * after a message; where the user has named the directory (IS_NAMED), 0 after a word at -v.
 */
int trusted_check(const struct trust *trust, int nix_dir_fd, const char *nix_dir, bool is_named);

#endif
