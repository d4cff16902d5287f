/*
 * One --install or --uninstall at a time on a Nix directory: flock(2) on a file in it, which is
 * gone when nobody is at work.
 */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "ui/progress.h"
#include "util/str.h"

#include <stdbool.h>
#include <sys/types.h>

struct lock {
	int fd; /* the lock is held until every copy of this descriptor is closed */
	int nix_dir_fd;
	struct strlist made; /* directories that were made for it, the uppermost first */
};

#define LOCK_NONE                          \
	{                                  \
		.fd = -1, .nix_dir_fd = -1 \
	}

/*
 * Wait for the lock of NIX_DIR, making that directory where it is not there (another one's
 * roll-back may just have removed it). Says once that it waits, and for which process. The
 * descriptor is left open across exec, so that what the install script leaves running after we were
 * killed holds the lock too. PROGRESS, in which no step is under way, shows how long it waits.
 * Returns 0 with *OUT the caller's to clear, or -1 after a message.
 */
int lock_take(const char *nix_dir, struct progress *progress, struct lock *out);

/*
 * The same without waiting: 1 where somebody has it. *OUT is LOCK_NONE, or what such a call has
 * left of it.
 */
int lock_take_now(const char *nix_dir, struct lock *out);

/*
 * Wait as long as somebody has the lock, without taking it: those who wait go on together. Makes
 * nothing, and waits for nobody where we may not write. 1 after waiting, 0 where nobody had it, or
 * -1 after a message.
 */
int lock_wait(const char *nix_dir, struct progress *progress);

/*
 * lock_take() without waiting and without making anything: -1, silently, where somebody has it or
 * it is not there. DYING, where not 0, is a process that had the lock and was killed: while what it
 * has started is on its way out, that is waited for, some seconds at most.
 */
int lock_try(const char *nix_dir, pid_t dying, struct lock *out);

/* Remove the lock's file; the lock itself ends with its descriptors. */
void lock_remove(const struct lock *lock);

/*
 * The same, and give it up: on NFS and FUSE a file that is open keeps another name when it is
 * removed, and with it the directory. The Nix directory stays open.
 */
void lock_end(struct lock *lock);

/* Close the descriptors. For _cleanup_(lock_clear) too. */
void lock_clear(struct lock *lock);

#endif
