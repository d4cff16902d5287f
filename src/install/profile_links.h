/*
 * Links in the home directory that another Nix left or uses, above all the user's profile. Nix
 * would follow such a link, and write to the other Nix's profile, or fail.
 *
 * ~/.nix-profile leads to a profile, which is a link to its present generation. There are three
 * kinds of profiles:
 *  - below /nix/var/nix/profiles: inside, that is a place of ours, and outside it is the other
 *    Nix's. The link is right for both, and stays;
 *  - $XDG_STATE_HOME/nix/profiles/profile, which Nix makes today: if it leads into another store it
 *    belongs to the other Nix, and ours uses a profile in its own /nix/var/nix/profiles instead;
 *  - anything else: our link replaces it, and --uninstall puts it back.
 */
#ifndef INSTALL_PROFILE_LINKS_H
#define INSTALL_PROFILE_LINKS_H

#include "install/nix_conf.h"
#include "install/request.h"
#include "install/site.h"
#include "store/record.h"

/*
 * Can the user's profile be one of ours? A profile that the host's own Nix uses is refused, unless
 * REQUEST has --force, and so is one that is no link. Changes nothing. Returns 0, after a message
 * if a link will be replaced, or -1 after a message. FACTS are what nix.conf will have, which may
 * choose the profile.
 */
int profile_links_check(const struct site *site, const struct install_request *request,
			const struct nix_conf_facts *facts);

/* Note in RECORD the targets of the links that will be replaced. 0 or negative errno. */
int profile_links_note(const struct site *site, int nix_dir_fd, struct record *record);

/*
 * Before Nix's install script runs, with nix.conf written: remove the user's link to another Nix's
 * profile, which was noted, and make what the script needs to find a profile of ours. 0 or a
 * negative errno.
 */
int profile_links_prepare(const struct site *site, int nix_dir_fd);

/* Do the user's channels belong to another Nix, so that nix-channel would change them? */
bool profile_links_has_foreign_channels(const struct site *site, int nix_dir_fd);

#endif
