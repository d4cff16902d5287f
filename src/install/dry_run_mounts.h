/*
 * The part of dry_run.h that tells of the mounts: an entry's plan, condensed.
 */
#ifndef INSTALL_DRY_RUN_MOUNTS_H
#define INSTALL_DRY_RUN_MOUNTS_H

#include "chroot/plan.h"
#include "store/layout.h"

#include <stdio.h>

/* Make the plan for WORKSPACE's Nix directory and print it to F. 0, or -1 after a message. */
int dry_run_print_mounts(const struct workspace *workspace, FILE *f);

/*
 * Print PLAN: what of / is bound as it is and which links are made again, each in one line; how
 * many entries of a directory that becomes a tmpfs are bound; and one by one what covers something.
 */
void dry_run_condense(const struct plan *plan, const char *nix_dir, FILE *f);

#endif
