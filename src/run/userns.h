/*
 * The runtime that needs nothing but the kernel: a user and mount namespace of one's own.
 */
#ifndef RUN_USERNS_H
#define RUN_USERNS_H

#include "run/entry.h"

/*
 * Move this process, which must have one thread, to where the Nix directory is /nix, with the path
 * config that is in it: into a living namespace of the same user's where all is as it would be in a
 * new one, else into a new one. The working directory is undefined after. Returns as
 * own_root_enter() does.
 */
int userns_enter(const struct entry *entry, struct refusal *refusal);

#endif
