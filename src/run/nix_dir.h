/* Which Nix directory is used if the user names none. */
#ifndef RUN_NIX_DIR_H
#define RUN_NIX_DIR_H

#include "util/runtime.h"

/*
 * The default Nix directory: $NIX_USER_CHROOT_DIR, else $XDG_DATA_HOME/nix, else
 * $HOME/.local/share/nix; but if the last holds no store and $HOME/.data/nix does, $HOME/.data/nix.
 * Returns an absolute path, the caller's to free, or NULL after a message (no HOME, a relative
 * path).
 */
char *nix_dir_default(void);

/*
 * ~/.nix, where users of the Rust nix-user-chroot usually have a store, if it holds one and is not
 * NIX_DIR; the caller frees. NULL: none.
 */
char *nix_dir_elsewhere(const char *nix_dir);

/*
 * The Nix directory for *RUNTIME. If *RUNTIME is RUNTIME_AUTO and /nix holds a store whose record
 * says that it is used directly, /nix is taken and *RUNTIME becomes RUNTIME_DIRECT; if the default
 * directory holds a store too, the directory whose runtime works is taken. Returns an absolute
 * path, the caller's to free, or NULL after a message.
 */
char *nix_dir_choose(enum runtime *runtime);

#endif
