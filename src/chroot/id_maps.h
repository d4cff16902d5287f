/*
 * For real root: all IDs inside are the IDs outside.
 *
 * An unprivileged process may map only its own IDs, and must give up setgroups(2) for it. Root may
 * map every ID of its own user namespace, but not from within the new one: a child that stays
 * outside writes the maps.
 */
#ifndef CHROOT_ID_MAPS_H
#define CHROOT_ID_MAPS_H

#include <stdbool.h>
#include <sys/types.h>

/* The child that writes the maps; PID 0: there is none. */
struct id_mapper {
	pid_t pid;
	int fd;
};

/*
 * Start the child; call this before unshare(2). If this process is not root, or the child cannot be
 * started, there is no child, and id_mapper_finish() reports that nothing was mapped.
 */
void id_mapper_start(struct id_mapper *mapper);

/*
 * End the child. If this process has ENTERED its new user namespace, the child first maps all IDs
 * there to themselves. *UIDS, *GIDS: were these mapped?
 */
void id_mapper_finish(struct id_mapper *mapper, bool entered, bool *uids, bool *gids);

#endif
