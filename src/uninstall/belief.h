/*
 * Which lines of a record are believed: a record is data that others may have written, not a list
 * of orders.
 */
#ifndef UNINSTALL_BELIEF_H
#define UNINSTALL_BELIEF_H

#include "home/home.h"
#include "store/record.h"

/*
 * Drop from RECORD, that of NIX_DIR, each entry about a place that --install would not have written
 * about for this HOME and this directory, and add the path that the entry names to *DROPPED.
 */
void belief_filter(struct record *record, const struct home *home, const char *nix_dir,
		   struct strlist *dropped);

#endif
