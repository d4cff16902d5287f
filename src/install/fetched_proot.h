/*
 * A PRoot of our own, for a host where nothing else works and which has none.
 */
#ifndef INSTALL_FETCHED_PROOT_H
#define INSTALL_FETCHED_PROOT_H

#include "install/installation.h"
#include "install/own_release.h"
#include "store/lock.h"

/*
 * Where the site wants a PRoot, look for one in the release that NIX_USER_CHROOT_RELEASES names, or
 * in the latest. Its digest counts where nobody can have changed it on the way. Changes nothing.
 * Returns 0 with *OUT for own_file_clear(), or -1 after a message: why this host refuses all
 * else, where there is none.
 */
int proot_offer_find(const struct installation *in, struct own_file *out);

/*
 * Put the one that OFFER has, if any, into the Nix directory, under the LOCK of that, and see that
 * it works here. Returns 0, or -1 after a message.
 */
int proot_offer_take(const struct installation *in, const struct own_file *offer,
		     const struct lock *lock);

/* The same where Nix is installed already, and nobody has the lock. */
int proot_offer_take_alone(const struct installation *in, const struct own_file *offer);

#endif
