/*
 * What --uninstall prints besides its list: how much room it frees, and which processes are inside.
 */
#ifndef UNINSTALL_ROOM_H
#define UNINSTALL_ROOM_H

#include "uninstall/removal.h"
#include "util/str.h"

#include <stdint.h>

/* The disk room in bytes of the trees in REMOVALS, as far as they can be read. */
uint64_t room_of(const struct removals *removals, int nix_dir_fd);

/*
 * Add "1234 (bash)" for each process that has the directory NIX_DIR_FD as /nix, other than the /nix
 * of this process, as far as the kernel shows it.
 */
void room_processes(int nix_dir_fd, struct strlist *out);

#endif
