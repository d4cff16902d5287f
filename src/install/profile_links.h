/*
 * Links in the home directory that another Nix has left, or uses, where ours is about to make its
 * own: the user's profile above all. Nix follows such a link, and would write to the other's
 * profile, or fail.
 *
 * ~/.nix-profile leads to a profile, which is a link to its present generation. Three kinds of such
 * a profile can be there:
 *  - below /nix/var/nix/profiles: inside that is a place of ours, and outside it is the other's.
 * The link is right for both, and stays;
 *  - $XDG_STATE_HOME/nix/profiles/profile, as Nix makes it today: where it leads into another store
 *    it is the other's, and we take a profile in our own /nix/var/nix/profiles instead;
 *  - anything else: ours takes the place of the link, and --uninstall puts it back.
 */
#ifndef INSTALL_PROFILE_LINKS_H
#define INSTALL_PROFILE_LINKS_H

#include "install/request.h"
#include "install/site.h"
#include "store/record.h"

/*
 * Can the user's profile be one of ours? Refused is one that the host's own Nix uses, unless
 * REQUEST is --force, and what is no link. Changes nothing. Returns 0, after a word where a link
 * will be replaced, or -1 after a message.
 */
int profile_links_check(const struct site *site, const struct install_request *request);

/* Note in RECORD where the links lead now that ours will take the place of. 0 or negative errno. */
int profile_links_note(const struct site *site, int nix_dir_fd, struct record *record);

/*
 * Before Nix's install script runs: take the user's link to another's profile away, which is noted,
 * and make what the script needs to find a profile of ours. REQUEST as above. 0 or a negative
 * errno.
 */
int profile_links_prepare(const struct site *site, const struct install_request *request,
			  int nix_dir_fd);

/* Are the user's channels those of another Nix, which nix-channel would change? */
bool profile_links_has_foreign_channels(const struct site *site, int nix_dir_fd);

#endif
