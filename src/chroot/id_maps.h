/*
 * For real root: the IDs inside are those outside, all of them.
 *
 * An unprivileged process may map its own IDs alone, and only where it gives up setgroups(2). Root
 * may map every ID that its own user namespace has, but not from within the new one: a child that
 * stays behind writes the maps.
 */
#ifndef CHROOT_ID_MAPS_H
#define CHROOT_ID_MAPS_H

#include <stdbool.h>
#include <sys/types.h>

/* The child; none where PID is 0. */
struct id_mapper {
	pid_t pid;
	int fd;
};

/*
 * To be called before unshare(2). Where this process is not root, or the child cannot be had, there
 * is none, and id_mapper_finish() says that nothing was mapped.
 */
void id_mapper_start(struct id_mapper *mapper);

/*
 * End the child; where this process has ENTERED its user namespace, after having it map all IDs of
 * the one before to themselves there. *UIDS, *GIDS: are these mapped?
 */
void id_mapper_finish(struct id_mapper *mapper, bool entered, bool *uids, bool *gids);

#endif
