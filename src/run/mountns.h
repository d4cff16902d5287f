/*
 * The runtime of root where user namespaces are refused: a mount namespace alone.
 */
#ifndef RUN_MOUNTNS_H
#define RUN_MOUNTNS_H

#include "run/entry.h"

/* As userns_enter(), always into a new one. The IDs and capabilities stay as they are. */
int mountns_enter(const struct entry *entry, struct refusal *refusal);

#endif
