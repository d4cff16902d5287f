/* The runtime that needs only the kernel: a new user and mount namespace. */
#ifndef RUN_USERNS_H
#define RUN_USERNS_H

#include "run/entry.h"

/*
 * Move this process, which must have one thread, to where the Nix directory is /nix, with the path
 * config of that directory: into a living namespace of the same user in which everything is as in a
 * new one, else into a new one. The working directory is undefined afterwards. Returns as
 * own_root_enter() does.
 */
int userns_enter(const struct entry *entry, struct refusal *refusal);

#endif
