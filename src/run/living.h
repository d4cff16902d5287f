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
int living_open(const struct origin *origin);

/*
 * Take the list's lock, which goes with LIST: of two first entries one makes the namespace and the
 * other joins it. False where another process has it.
 */
bool living_lock(int list);

/*
 * Open the door to the namespace that has KEY and SUITS(CONTEXT), through a process that is known
 * to have entered it. THOROUGHLY, which is for the holder of the lock: to the newest of all such,
 * also through processes that nobody has noted, such as the children of those that have entered;
 * and strike out the namespaces that have ended. Returns 0, or -1 where there is none.
 */
int living_find(int list, const struct living_key *key, int nix_dir_fd, bool thoroughly,
		bool (*suits)(const struct chroot_door *door, const void *context),
		const void *context, struct chroot_door *door);

/* Remove LIST where no namespace is on it: none can be had here. LIST stays open. */
void living_remove_empty(int list);

/*
 * Where another namespace with KEY is on the list, its file gets another name, for a newer one. To
 * be called before the newer one is entered: from inside, nobody can look into the older.
 */
void living_make_room(int list, const struct living_key *key);

/* Put the namespace that this process has just made, with KEY, on the list. */
void living_add(int list, const struct living_key *key);

#endif
