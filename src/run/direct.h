/* The runtime that costs nothing: the Nix directory is the host's own /nix. */
#ifndef RUN_DIRECT_H
#define RUN_DIRECT_H

#include "run/entry.h"

/* Returns 0, or 1 with *REFUSAL set if ENTRY's Nix directory is not /nix. */
int direct_enter(const struct entry *entry, struct refusal *refusal);

#endif
