/*
 * Replaces a link into the store by a copy of its target, if the target is of use without the
 * store: settings, fonts, documents, also whole directories of them, and programs that need nothing
 * of the store.
 */
#ifndef UNINSTALL_KEEP_H
#define UNINSTALL_KEEP_H

#include <stdbool.h>

/*
 * Can PATH, a file or directory of the store as it is called inside ("/nix/store/…"), be kept? Not
 * if a program in it contains the name of a store path, as most of Nix's do, nor if it has more
 * than 64 MiB, 5,000 entries or 30 levels. NIX_DIR_FD is the Nix directory.
 */
bool keep_is_of_use(int nix_dir_fd, const char *path);

/*
 * Replace the link LINK by a copy of PATH. A link in PATH becomes what it leads to, or stays a link
 * if that is outside of the store. If LINK is no link of the caller's by now, it stays. Returns 0,
 * or a negative errno with the link as it was.
 */
int keep_copy(int nix_dir_fd, const char *path, const char *link);

#endif
