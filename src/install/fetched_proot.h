/* Fetches a PRoot for a host that has none and where no other runtime works. */
#ifndef INSTALL_FETCHED_PROOT_H
#define INSTALL_FETCHED_PROOT_H

#include "install/installation.h"
#include "install/own_release.h"
#include "store/lock.h"

/*
 * If the site needs a PRoot, look for one in the release that NIX_USER_CHROOT_RELEASES names, or in
 * the latest. Its digest counts only if nobody can have changed it on the way. Changes nothing.
 * Returns 0 with *OUT for own_file_clear(), or -1 after a message that also says why this host
 * refuses the other runtimes.
 */
int proot_offer_find(const struct installation *in, struct own_file *out);

/*
 * Put the PRoot of OFFER, if any, into the Nix directory, whose LOCK the caller holds, and check
 * that it works here. Returns 0, or -1 after a message.
 */
int proot_offer_take(const struct installation *in, const struct own_file *offer,
		     const struct lock *lock);

/* The same if Nix is installed already and nobody holds the lock. */
int proot_offer_take_alone(const struct installation *in, const struct own_file *offer);

#endif
