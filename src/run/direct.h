/*
 * The runtime without any cost: the Nix directory is /nix itself.
 */
#ifndef RUN_DIRECT_H
#define RUN_DIRECT_H

#include "run/entry.h"

/* Returns 0, or 1 with *REFUSAL set: ENTRY's Nix directory is another one than /nix. */
int direct_enter(const struct entry *entry, struct refusal *refusal);

#endif
