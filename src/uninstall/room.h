/*
 * What --uninstall is asked about beside the list: how much room comes back, and who is in there.
 */
#ifndef UNINSTALL_ROOM_H
#define UNINSTALL_ROOM_H

#include "uninstall/removal.h"
#include "util/str.h"

#include <stdint.h>

/* The room on disk, in bytes, that the trees among REMOVALS take, as far as they can be read. */
uint64_t room_of(const struct removals *removals, int nix_dir_fd);

/*
 * The processes whose /nix is the directory NIX_DIR_FD, and is not that of this process, as far as
 * the kernel lets us see: "1234 (bash)" each.
 */
void room_processes(int nix_dir_fd, struct strlist *out);

#endif
