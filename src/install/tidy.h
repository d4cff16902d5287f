/*
 * What an installation leaves behind that failed, or was killed at any instant.
 */
#ifndef INSTALL_TIDY_H
#define INSTALL_TIDY_H

#include "install/site.h"

#include <sys/types.h>

/*
 * Remove the staging directory, a record of nothing, and the directories that were not there when
 * SITE was found and that are empty. What a rerun goes on with stays: a download, and from the
 * first change of the store on the record. Silent. DYING: as for lock_try(). Where somebody else
 * has the lock, what is in the Nix directory is theirs.
 */
void tidy(const struct site *site, pid_t dying);

#endif
