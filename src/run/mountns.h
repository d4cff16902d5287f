/* The runtime for root where user namespaces are refused: a mount namespace alone. */
#ifndef RUN_MOUNTNS_H
#define RUN_MOUNTNS_H

#include "run/entry.h"

/* As userns_enter(), but always into a new namespace. IDs and capabilities stay as they are. */
int mountns_enter(const struct entry *entry, struct refusal *refusal);

#endif
