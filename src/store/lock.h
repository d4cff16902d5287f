/*
 * One --install or --uninstall at a time in a Nix directory: flock(2) on a file in it, which is
 * removed at the end.
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
	struct strlist made; /* directories made for the lock, parents first */
};

#define LOCK_NONE                          \
	{                                  \
		.fd = -1, .nix_dir_fd = -1 \
	}

/*
 * Wait for the lock of NIX_DIR. If that directory is missing (the roll-back of another run may just
 * have removed it), make it. Prints once that it waits, and for which process; PROGRESS, in which
 * no step is running, shows how long. The descriptor stays open across exec: if this process is
 * killed, the processes that the install script leaves running still hold the lock. Returns 0 with
 * *OUT the caller's to clear, or -1 after a message.
 */
int lock_take(const char *nix_dir, struct progress *progress, struct lock *out);

/*
 * As lock_take(), without waiting: 1 if another process holds the lock. *OUT is LOCK_NONE, or the
 * result of an earlier call of this function.
 */
int lock_take_now(const char *nix_dir, struct lock *out);

/*
 * Wait as long as another process holds the lock, without taking it: all who wait go on together.
 * Makes nothing, and does not wait if this user may not write there. 1 after waiting, 0 if no
 * process held the lock, or -1 after a message.
 */
int lock_wait(const char *nix_dir, struct progress *progress);

/* Does another process hold the lock? False also if this user may not write there. */
bool lock_is_held(const char *nix_dir);

/*
 * Take the lock without waiting and without making anything: -1, silently, if another process holds
 * it or it does not exist. DYING, if not 0, is a process that held the lock and was killed: the
 * call waits, some seconds at most, until the processes that DYING started have ended.
 */
int lock_try(const char *nix_dir, pid_t dying, struct lock *out);

/* Remove the lock's file; the lock itself ends with its descriptors. */
void lock_remove(const struct lock *lock);

/*
 * Remove the lock's file and give the lock up: on NFS and FUSE, an open file that is removed keeps
 * another name, and so keeps its directory. The Nix directory stays open.
 */
void lock_end(struct lock *lock);

/* Close the descriptors. Also for _cleanup_(lock_clear). */
void lock_clear(struct lock *lock);

#endif
