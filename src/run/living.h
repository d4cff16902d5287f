/*
 * The list of this user's living namespaces: a directory, named by the user ID alone, that outlives
 * a logout. It has a file for each namespace, with an entry for each process that entered. The list
 * is only a hint where to look: nothing counts until the kernel confirms it.
 */
#ifndef RUN_LIVING_H
#define RUN_LIVING_H

#include "chroot/join.h"
#include "run/living_key.h"

#include <stdbool.h>

/*
 * Open the door to a namespace that has KEY and SUITS(CONTEXT), through a process that is on the
 * list. THOROUGHLY, for the holder of the lock: open the newest such namespace, also through
 * processes that are not on the list, such as children of those that are; and remove the files of
 * namespaces that have ended. Returns 0, or -1 if there is none.
 */
int living_find(int list, const struct living_key *key, int nix_dir_fd, bool thoroughly,
		bool (*suits)(const struct chroot_door *door, const void *context),
		const void *context, struct chroot_door *door);

/*
 * If a namespace with KEY is on the list, rename its file, to make room for a newer namespace. Call
 * this before entering the newer one: from inside, nobody can look into the older one.
 */
void living_make_room(int list, const struct living_key *key);

/* Put the namespace with KEY, which this process has just made, on the list. */
void living_add(int list, const struct living_key *key);

#endif
