/*
 * What of a record is believed: it is data that others may have written, and no list of orders.
 */
#ifndef UNINSTALL_BELIEF_H
#define UNINSTALL_BELIEF_H

#include "home/home.h"
#include "store/record.h"

/*
 * Drop from RECORD, that of NIX_DIR, each entry about a place that --install would not have written
 * about for this HOME and this directory, and add to *DROPPED the path that it names.
 */
void belief_filter(struct record *record, const struct home *home, const char *nix_dir,
		   struct strlist *dropped);

#endif
