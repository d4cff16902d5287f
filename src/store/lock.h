/*
 * One --install at a time on a Nix directory: flock(2) on a file in it, which is gone when nobody
 * is at work.
 */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "store/layout.h"
#include "ui/progress.h"

#include <sys/types.h>

/*
 * Wait for the lock, making the Nix directory where it is not there (another one's roll-back may
 * just have removed it). Says once that it waits, and for which process.
 * Returns the lock's descriptor, or -1 after a message; *NIX_DIR_FD becomes the Nix directory's.
 * The lock is held until every copy of the descriptor is closed: it is left open across exec, so
 * that what the install script leaves running after we were killed holds it too. PROGRESS, in
 * which no step is under way, shows how long it waits.
 */
int lock_take(const struct workspace *workspace, int *nix_dir_fd, struct progress *progress);

/*
 * The same without waiting and without making anything: -1, silently, where somebody has it or it
 * is not there. DYING, where not 0, is a process that had the lock and was killed: while what it
 * has started is on its way out, that is waited for, some seconds at most.
 */
int lock_try(const struct workspace *workspace, pid_t dying);

/* Remove the lock's file; the lock itself ends with its descriptors. */
void lock_remove(const struct workspace *workspace);

#endif
