/*
 * Where the user's Nix profile is.
 */
#ifndef RUN_PROFILE_H
#define RUN_PROFILE_H

#include "util/str.h"

/*
 * The user's profile, else /nix/var/nix/profiles/default, which whoever keeps a Nix directory
 * shares with others; the other way round if read_only_is_set(). The first that has programs, as a
 * path inside without a colon, as PATH demands. NULL: none. The caller frees.
 */
char *profile_find(void);

/* Add the directories, as paths inside, that may hold a command of the profile. */
void profile_directories(struct strlist *out);

/*
 * The path inside of BELOW ("bin/nix") in the user's NAME ("profile", "defexpr": util/nix_home.h),
 * without links, with NIX_DIR_FD as /nix: the first one that is in the store. The caller frees;
 * NULL: none.
 */
char *profile_resolve(int nix_dir_fd, const char *name, const char *below);

#endif
