/* Cleans up after an installation that failed, or was killed at any instant. */
#ifndef INSTALL_TIDY_H
#define INSTALL_TIDY_H

#include "install/site.h"

#include <sys/types.h>

/*
 * Remove the staging directory, a record without entries, and the directories that were missing
 * when SITE was found and that are empty. What a rerun continues with stays: a download, and, once
 * the store was changed, the record. Silent. DYING: as for lock_try(). If another process holds the
 * lock, everything in the Nix directory is left to it.
 */
void tidy(const struct site *site, pid_t dying);

#endif
