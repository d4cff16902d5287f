/*
 * The list of living namespaces of this user: a directory that depends on the user ID alone and
 * outlives a logout, with a file for each namespace and a line in it for each process that has
 * entered it. What it says is only a hint where to look: the kernel is asked before it counts.
 */
#ifndef RUN_LIVING_H
#define RUN_LIVING_H

#include "chroot/join.h"
#include "run/living_key.h"

#include <stdbool.h>

/*
 * The list; -1: there is none to be had, as where its name is taken by somebody else. Then nothing
 * is joined, and nothing found. The caller closes.
 */
int living_open(void);

/*
 * Wait for the list's lock, so that of two first entries one makes the namespace and the other
 * joins it. Not for ever: whoever has it may have been stopped. -1: it goes without. The caller
 * closes.
 */
int living_lock(int list);

/*
 * Go through the namespaces that have KEY, the newest first, and open the door to the first that
 * SUITS(CONTEXT). This process is put on the list of that namespace. THOROUGHLY, which is for the
 * holder of the lock: also look for processes that are in a namespace and not on its list, the
 * children of those that were, and strike out the namespaces that have ended. Returns 0, or -1
 * where there is none.
 */
int living_find(int list, const struct living_key *key, int nix_dir_fd, bool thoroughly,
		bool (*suits)(const struct chroot_door *door, const void *context),
		const void *context, struct chroot_door *door);

/* Remove LIST where no namespace is on it: none can be had here. LIST stays open. */
void living_remove_empty(int list);

/* Put the namespace that this process has just made, with KEY, on the list. */
void living_add(int list, const struct living_key *key);

#endif
