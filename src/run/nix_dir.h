/*
 * Where Nix lives when the user does not say.
 */
#ifndef RUN_NIX_DIR_H
#define RUN_NIX_DIR_H

#include "util/runtime.h"

/*
 * The default Nix directory: $NIX_USER_CHROOT_DIR, else $XDG_DATA_HOME/nix, else
 * $HOME/.local/share/nix; where the last holds no store and $HOME/.data/nix does, that one.
 * Returns an absolute path, the caller's to free, or NULL after a message (no HOME, relative path).
 */
char *nix_dir_default(void);

/*
 * ~/.nix, where those who come from the Rust nix-user-chroot usually have a store, where it holds
 * one and is not NIX_DIR; the caller frees. NULL: none.
 */
char *nix_dir_elsewhere(const char *nix_dir);

/*
 * The Nix directory for *RUNTIME. Where that is RUNTIME_AUTO, a store in /nix whose record says
 * that it is used directly decides, and *RUNTIME becomes RUNTIME_DIRECT; where the default
 * directory holds a store too, the one whose runtime works. Returns an absolute path, the caller's
 * to free, or NULL after a message.
 */
char *nix_dir_choose(enum runtime *runtime);

#endif
