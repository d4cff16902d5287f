/*
 * What a link into the store is for, kept as a copy where it is of use without the store: settings,
 * fonts, documents, also whole directories of them, and programs that need nothing of the store.
 */
#ifndef UNINSTALL_KEEP_H
#define UNINSTALL_KEEP_H

#include <stdbool.h>

/*
 * Can PATH, a file or directory of the store as it is called inside ("/nix/store/…"), be kept? Not
 * where a program in it has the name of a store path in it, as most of Nix's have, nor what has
 * more than 64 MiB, 5,000 entries or 30 levels. NIX_DIR_FD is the Nix directory.
 */
bool keep_is_of_use(int nix_dir_fd, const char *path);

/*
 * Put a copy of PATH in the place of the link LINK. Links in it become what they lead to, or stay
 * links where that is outside of the store. What is no link of the caller's by now stays. Returns 0
 * or a negative errno, with the link as it was.
 */
int keep_copy(int nix_dir_fd, const char *path, const char *link);

#endif
