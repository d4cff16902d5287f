/*
 * Where the user's Nix profile is.
 */
#ifndef RUN_PROFILE_H
#define RUN_PROFILE_H

#include "util/str.h"

/*
 * The profile, where it has programs, seen from inside, by a path without a colon, as PATH needs
 * it; NULL: there is none. The caller frees.
 */
char *profile_find(void);

/* Add the directories in which a command of the profile may be, seen from inside. */
void profile_directories(struct strlist *out);

/*
 * What the user's NAME ("profile", "defexpr": util/nix_home.h) has at BELOW ("bin/nix"), resolved
 * as inside where NIX_DIR_FD is /nix: the first that is in the store. The caller frees; NULL: none.
 */
char *profile_resolve(int nix_dir_fd, const char *name, const char *below);

#endif
